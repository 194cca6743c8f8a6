"""Expectation values of sums of Pauli strings, computed without a copy of the state.

A string with the masks (x, z) is ``i^|x & z| X^x Z^z``: X, Z or, with both, Y on each qubit. The order of every
sum depends on the strings, the states' size and their type only. Scratch memory is a few blocks of 2^14.
Nothing is divided by a state's norm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, chain, pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulator.errors import InvalidProgramError
from simulator.evolve import Statevector
from simulator.kernels.pauli import PauliMask, Scratch, grouped
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.tuning import CACHE_BITS
from simulator.typing import Amplitudes, Indices

#: Most bits of a mask.
_MASK_BITS = 62


class PauliSum(msgspec.Struct, frozen=True, array_like=True):
    """A Hermitian operator: a sum of Pauli strings with real coefficients. Bit q of a mask is qubit q."""

    #: One mask a string: the qubits with X or Y.
    x: tuple[int, ...]
    #: The qubits with Z or Y.
    z: tuple[int, ...]
    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        counts = len(self.x), len(self.z), len(self.coefficients)
        if len(set(counts)) > 1:
            raise InvalidProgramError("a Pauli sum of {} X masks, {} Z masks, {} coefficients".format(*counts))
        if any(not 0 <= mask < 1 << _MASK_BITS for mask in chain(self.x, self.z)):
            raise InvalidProgramError(f"a mask of a Pauli sum is negative or has more than {_MASK_BITS} bits")
        if not np.isfinite(self.coefficients).all():
            raise InvalidProgramError("a Pauli sum has a coefficient that is not finite")


def expectation_values(
    state: Statevector, sums: Sequence[PauliSum], checkpoint: Checkpoint = no_checkpoint
) -> NDArray[np.float64]:
    """Return each sum's expectation value, shape (sums,); calls ``checkpoint`` before every block.

    Raises InvalidProgramError where a string acts on a qubit that the state does not have.
    """
    values: NDArray[np.float64] = expectation_values_of_rows(
        state.amplitudes.reshape(1, -1), state.bit_of, sums, checkpoint
    )[0]
    return values


def expectation_values_of_rows(
    rows: Amplitudes,
    bit_of: Mapping[int, int],
    sums: Sequence[PauliSum],
    checkpoint: Checkpoint = no_checkpoint,
) -> NDArray[np.float64]:
    """Return the sums' expectation values in each of many states, shape (rows, sums).

    ``rows`` has shape (rows, 2^bits), contiguous, of any type that a `Statevector` has; bit ``bit_of[q]`` of a
    column's index is qubit q. A row gives the same values, to the last bit, alone or among others.
    """
    block_bits = min(rows.shape[1].bit_length() - 1, CACHE_BITS)
    order = tuple(bit_of[qubit] for qubit in range(len(bit_of)))
    plan = _reading_plan(tuple(sums), order, block_bits, rows.real.dtype.char)
    strings = _read(rows, plan.masks, block_bits, checkpoint, count=len(plan.factors))
    strings *= plan.factors
    values = np.empty((len(rows), len(sums)))
    for index, (each, span) in enumerate(zip(sums, plan.spans, strict=True)):
        terms = strings.take(plan.strings[span], axis=1)
        terms *= each.coefficients
        terms.sum(axis=1, out=values[:, index])
    return values


def _read(
    rows: Amplitudes,
    masks: Sequence[PauliMask],
    block_bits: int,
    checkpoint: Checkpoint,
    *,
    count: int,
) -> NDArray[np.float64]:
    """Return the sum that each distinct string reads, shape (rows, ``count``)."""
    at_once = 1 << (CACHE_BITS - block_bits)
    scratch = Scratch.of(rows.dtype, min(at_once, len(rows)) << block_bits)
    sums = np.zeros((len(rows), count))
    for start in range(0, len(rows), at_once):
        some = slice(start, start + at_once)
        states = rows[some].reshape(-1, rows.shape[1] >> block_bits, 1 << block_bits)
        for mask in masks:
            mask.read(states, range(states.shape[1]), scratch, sums[some], checkpoint)
    return sums


@dataclass(frozen=True, slots=True)
class _ReadingPlan:
    """How the strings of some sums are read, each distinct one once."""

    masks: tuple[PauliMask, ...]
    #: What each distinct string's sum is to be multiplied by.
    factors: NDArray[np.float64]
    #: For each string of all sums, one sum after the other, the index of the distinct string that it is.
    strings: Indices
    #: For each sum, which of these are its strings.
    spans: tuple[slice, ...]


@lru_cache(maxsize=4)
def _reading_plan(sums: tuple[PauliSum, ...], bits: tuple[int, ...], block_bits: int, real: str) -> _ReadingPlan:
    xs = _moved([mask for each in sums for mask in each.x], bits)
    zs = _moved([mask for each in sums for mask in each.z], bits)
    strings = list(zip(xs, zs, strict=True))
    masks, order, factors = grouped(strings, block_bits, real)
    ends = accumulate((len(each.x) for each in sums), initial=0)
    return _ReadingPlan(
        masks=masks,
        factors=np.array(factors, np.float64),
        strings=np.array([order[string] for string in strings], np.intp),
        spans=tuple(slice(*span) for span in pairwise(ends)),
    )


def clear_cache() -> None:
    """Forget how observables are read."""
    _reading_plan.cache_clear()


def _moved(masks: list[int], bits: tuple[int, ...]) -> list[int]:
    """Return masks of qubits as masks of a state's bits."""
    given = np.array(masks, np.int64)
    if (given >> len(bits)).any():
        raise InvalidProgramError(
            f"a Pauli string acts on qubit {max(masks).bit_length() - 1}; the state has {len(bits)} qubits"
        )
    moved = np.zeros_like(given)
    for qubit, bit in enumerate(bits):
        moved |= (given >> qubit & 1) << bit
    return list(map(int, moved))
