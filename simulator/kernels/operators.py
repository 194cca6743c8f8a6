"""Multiply each of several states by an operator of its own on a few qubits, and what these qubits are in.

Each state is gone through in pieces of a fixed size, so that what comes of it does not depend on the others.
Nothing is checked here. Bit order: the first bit listed is the least significant of an operator's rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.kernels.bits import offsets
from simulator.monitor import Checkpoint
from simulator.typing import Amplitudes, Indices

#: log2 of the amplitudes of a state, and of several states, between two checkpoints.
_PIECE_BITS, _TOGETHER_BITS = 16, 18


def reduced(rows: Amplitudes, bits: Sequence[int], checkpoint: Checkpoint) -> Amplitudes:
    """Return the density matrix of some bits in each state: shape (states, 2^k, 2^k) of k bits, of any norm."""
    side = 1 << len(bits)
    found = np.zeros((len(rows), side, side), rows.dtype)
    for some, places in _pieces(rows, bits, checkpoint):
        part = rows[some][:, places]
        found[some] += part @ part.conj().transpose(0, 2, 1)
    return found


def apply(
    rows: Amplitudes, bits: Sequence[int], operators: NDArray[Any], choices: Indices, checkpoint: Checkpoint
) -> None:
    """Multiply each state by the operator of its choice, in place, and give it norm 1."""
    norms = np.zeros(len(rows))
    for some, places in _pieces(rows, bits, checkpoint):
        part = operators[choices[some]] @ rows[some][:, places]
        rows[some][:, places] = part
        of_states = np.ascontiguousarray(part).reshape(len(part), -1).view(rows.real.dtype)
        norms[some] += np.square(of_states, dtype=np.float64).sum(axis=1)
    size = 1 << _TOGETHER_BITS
    for row, norm in zip(rows, norms.tolist(), strict=True):
        for start in range(0, row.size, size):
            checkpoint()
            row[start : start + size] *= norm**-0.5


def _pieces(rows: Amplitudes, bits: Sequence[int], checkpoint: Checkpoint) -> Iterator[tuple[slice, Indices]]:
    """Yield some of the states, and indices of their amplitudes: shape (2^k, indices), a row for each value."""
    num_bits = rows.shape[1].bit_length() - 1
    step = max(1, 1 << _TOGETHER_BITS >> num_bits)
    rest = 1 << num_bits - len(bits)
    piece = min(rest, 1 << _PIECE_BITS >> len(bits))
    for start in range(0, len(rows), step):
        for begin in range(0, rest, piece):
            checkpoint()
            if piece == rest:
                yield slice(start, start + step), _places(num_bits, tuple(bits))
            else:
                yield slice(start, start + step), _spread(np.arange(begin, begin + piece), bits)


@lru_cache(maxsize=64)
def _places(num_bits: int, bits: tuple[int, ...]) -> Indices:
    return _spread(np.arange(1 << num_bits - len(bits)), bits)


def _spread(others: Indices, bits: Sequence[int]) -> Indices:
    """Return the indices with each value of some bits, and numbers of all the others."""
    for bit in sorted(bits):
        low = others & (1 << bit) - 1
        others = (others - low << 1) + low
    return offsets(bits)[:, None] + others
