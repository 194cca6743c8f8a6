"""Orders of a narrow state's amplitudes: a block's bits are the lowest, so that its matrix is one product.

A set of bits is an int, bit b for bit b. In the order of a set, its bits are the lowest of an amplitude's index,
and the others follow; both keep their order. The order of no bits is that of the state.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from simulator.kernels import bits
from simulator.typing import Amplitudes, Indices

#: Orders that are kept, of 64 KiB where states have 12 bits.
_ORDERS = 128
#: Moves from one order to another that are kept, of 32 KiB.
_MOVES = 256
#: The same of states up to `_SMALL` bits, of 4 KiB.
_SMALL_MOVES = 2048
_SMALL = 9
#: Most bits of a state for which moves are kept as a whole.
_MOST = 13
#: Selections that are kept, of 64 KiB at most.
_SELECTED = 64


@lru_cache(maxsize=_ORDERS)
def _order(num_bits: int, block: int) -> tuple[Indices, Indices]:
    """Return the index in the state of each amplitude in the order of a set, and the inverse."""
    indices = bits.offsets(_bits_by_position(num_bits, block))
    inverse = np.empty_like(indices)
    inverse[indices] = np.arange(indices.size)
    return indices, inverse


def move(num_bits: int, before: int, after: int) -> Indices:
    """Return where each amplitude in the order of one set was in the order of another."""
    return (_small_move if num_bits <= _SMALL else _move)(num_bits, before, after)


def _made_move(num_bits: int, before: int, after: int) -> Indices:
    return _order(num_bits, before)[1].take(_order(num_bits, after)[0])


_move = lru_cache(maxsize=_MOVES)(_made_move)
_small_move = lru_cache(maxsize=_SMALL_MOVES)(_made_move)


@lru_cache(maxsize=_SMALL_MOVES)
def positions(num_bits: int, block: int) -> tuple[int, ...]:
    """Return each bit's position in the order of a set."""
    found = _bits_by_position(num_bits, block)
    return tuple([found.index(bit) for bit in range(num_bits)])


#: As in `bits.selected`; the same few come again and again in some circuits, such as Grover's search.
selected = lru_cache(maxsize=_SELECTED)(bits.selected)
_offsets = lru_cache(maxsize=_MOVES)(bits.offsets)


def rearrange(num_bits: int, before: int, after: int, rows: Amplitudes, goal: Amplitudes) -> None:
    """Copy states, shape (states, 2^n), from the order of one set to that of another; states may be wide."""
    if num_bits <= _MOST:
        np.take(rows, move(num_bits, before, after), 1, goal, "clip")
        return
    found = positions(num_bits, before)
    sources = tuple([found[bit] for bit in _bits_by_position(num_bits, after)])
    # The lowest bits of an index by a gather, which is small; the others by where it begins.
    low = _offsets(sources[:_MOST])
    for row, own in zip(rows, goal.reshape(len(goal), -1, low.size), strict=True):
        for part, begin in zip(own, bits.offsets(sources[_MOST:]).tolist(), strict=True):
            np.take(row[begin:], low, out=part, mode="clip")


def _bits_by_position(num_bits: int, block: int) -> list[int]:
    return sorted(range(num_bits), key=lambda bit: (not block >> bit & 1, bit))
