"""Expectation values of sums of Pauli strings, computed without a copy of the state.

A string with the masks (x, z) is ``i^|x & z| X^x Z^z``: X, Z or, with both, Y on each qubit. The order of every
sum depends on the strings, the states' size and their type only. Scratch memory is a few blocks of 2^14.
Nothing is divided by a state's norm.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.pauli_sum import MASK_BITS, PauliSum, check_qubits, numbers
from simulator.dynamic.branches import Branch
from simulator.errors import InvalidProgramError
from simulator.evolve import Statevector, Statevectors
from simulator.kernels.pauli import PauliMask, Scratch, grouped
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.tuning import CACHE_BITS
from simulator.typing import Amplitudes, Indices


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
    num_qubits: int | None = None,
) -> NDArray[np.float64]:
    """Return the sums' expectation values in each of many states, shape (rows, sums).

    Args:
        rows: shape (rows, 2^bits), contiguous, of any type that a `Statevector` has.
        bit_of: qubit -> its bit in a column's index.
        sums: the observables.
        checkpoint: called before every block.
        num_qubits: how many qubits there are; those that ``bit_of`` does not have are in |0>. None: it has all.

    A row gives the same values, to the last bit, alone or among others.
    """
    check_qubits(sums, len(bit_of) if num_qubits is None else num_qubits)
    block_bits = min(rows.shape[1].bit_length() - 1, CACHE_BITS)
    plan = _reading_plan(tuple(sums), tuple(bit_of.items()), block_bits, rows.real.dtype.char)
    strings = _read(rows, plan.masks, block_bits, checkpoint, count=len(plan.factors))
    strings *= plan.factors
    values = np.empty((len(rows), len(sums)))
    for index, (each, span) in enumerate(zip(sums, plan.spans, strict=True)):
        terms = strings.take(plan.strings[span], axis=1)
        terms *= each.coefficients
        terms.sum(axis=1, out=values[:, index])
    return values


class MeanExpectations:
    """The sums' expectation values, as means over all shots of a run; both are None where there are no sums.

    Raises InvalidProgramError where there are sums and no shots.
    """

    def __init__(self, sums: Sequence[PauliSum], num_qubits: int, num_shots: int, checkpoint: Checkpoint) -> None:
        if sums and not num_shots:
            raise InvalidProgramError(
                "expectation values of a circuit that measures or resets on its way need a shot at least"
            )
        self._sums, self._num_qubits, self._num_shots = sums, num_qubits, num_shots
        self._checkpoint = checkpoint
        self.values = np.zeros(len(sums)) if sums else None
        self._spread = Spread()

    @property
    def standard_errors(self) -> NDArray[np.float64] | None:
        """The standard error of each mean, once all shots are taken in."""
        return None if self.values is None else self._spread.standard_errors

    def add(self, branch: Branch[Statevectors]) -> None:
        """Take in the shots of a branch that has come to its end."""
        if self.values is None:
            return
        rows, bit_of = branch.states.rows, branch.states.bit_of
        values = expectation_values_of_rows(rows, bit_of, self._sums, self._checkpoint, self._num_qubits)
        self.add_values(branch, values)

    def add_values(self, branch: Branch[Any], values: NDArray[np.float64]) -> None:
        """Take in the shots of a branch, in whose states the sums have these values: shape (states, sums)."""
        if self.values is None:
            return
        own = branch.history_of_group >= 0
        shots = np.bincount(branch.history_of_group[own], branch.shots.sizes[own], len(branch.histories))
        shots_of_state = np.bincount(branch.state_of_history, shots, branch.num_states)
        self.values += shots_of_state / self._num_shots @ values
        self._spread.add(values, shots_of_state)


class Spread:
    """How far the values of some sums in single shots are from their means."""

    def __init__(self) -> None:
        self._shots = 0.0
        #: Values near the means: sums of squares lose digits with their distance from 0.
        self._near: NDArray[np.float64] | float = 0.0
        self._sums: NDArray[np.float64] | float = 0.0
        self._squares: NDArray[np.float64] | float = 0.0

    def add(self, values: NDArray[np.float64], shots: NDArray[np.floating | np.integer]) -> None:
        """Take in so many shots each with its values, shapes (n, sums) and (n,)."""
        if not self._shots:
            self._near = values[0].copy()
        offsets = values - self._near
        self._shots += float(shots.sum())
        self._sums += shots @ offsets
        self._squares += shots @ offsets**2

    @property
    def standard_errors(self) -> NDArray[np.float64]:
        """The standard error of each sum's mean: the deviation of its values over the root of their number."""
        variances = self._squares / self._shots - (self._sums / self._shots) ** 2
        # Rounding may leave a variance of nothing below 0.
        return np.asarray(np.sqrt(np.maximum(variances, 0) / self._shots))


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
def _reading_plan(
    sums: tuple[PauliSum, ...], bit_of: tuple[tuple[int, int], ...], block_bits: int, real: str
) -> _ReadingPlan:
    wide = max((qubit for qubit, _ in bit_of), default=0) >= MASK_BITS
    wide = wide or any(bytes in set(map(type, (*each.x, *each.z))) for each in sums)
    # Wide masks are Python's numbers.
    dtype = object if wide else np.int64
    x = np.array([mask for each in sums for mask in numbers(each.x)], dtype)
    z = np.array([mask for each in sums for mask in numbers(each.z)], dtype)
    # Of a qubit in |0>, X and Y have the value 0, and Z has 1.
    read = np.flatnonzero(x & ~sum(1 << qubit for qubit, _ in bit_of) == 0)
    moved = list(zip(_moved(x[read], bit_of), _moved(z[read], bit_of), strict=True))
    masks, order, factors = grouped(moved, block_bits, real)
    strings = np.full(x.size, len(factors))
    strings[read] = [order[string] for string in moved]
    ends = accumulate((len(each.x) for each in sums), initial=0)
    return _ReadingPlan(
        masks=masks,
        # The last is that of strings whose value is 0.
        factors=np.array([*factors, 0.0], np.float64),
        strings=strings,
        spans=tuple(slice(*span) for span in pairwise(ends)),
    )


def clear_cache() -> None:
    """Forget how observables are read."""
    _reading_plan.cache_clear()


def _moved(masks: NDArray[Any], bit_of: tuple[tuple[int, int], ...]) -> list[int]:
    """Return masks of qubits as masks of a state's bits."""
    moved = np.zeros_like(masks)
    for qubit, bit in bit_of:
        moved |= (masks >> qubit & 1) << bit
    return list(map(int, moved))
