"""The bits of an index: moving them, and listing the indices that some of them make."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from simulator.tuning import CACHE_BITS
from simulator.typing import Amplitudes, Controls, Indices

#: How bits move: log2 of the length of the rows that stay together, and where each row comes from.
Gather: TypeAlias = tuple[int, Indices]


def gather(sources: tuple[int, ...]) -> Gather:
    """Return how to bring bit ``sources[i]`` to bit i, for `move`."""
    return (_wide_gather if len(sources) > CACHE_BITS else _gather)(sources)


def _made(sources: tuple[int, ...]) -> Gather:
    """Return the gather of some bits: the lowest that stay where they are make the rows."""
    row = 0
    while row < len(sources) and sources[row] == row:
        row += 1
    moved = [source - row for source in sources[row:]]
    half = len(moved) // 2
    return row, (offsets(moved[half:])[:, None] + offsets(moved[:half])).reshape(-1)


#: Gathers are kept, 16 MiB of each kind at most; a wide one takes little time to make beside its state.
_gather = lru_cache(maxsize=128)(_made)
_wide_gather = lru_cache(maxsize=32)(_made)


def move(how: Gather, source: Amplitudes, goal: Amplitudes) -> None:
    """Copy an array into another of the same size, its index's bits moved as `gather` says."""
    row, index = how
    side = 1 << row
    np.take(source.reshape(-1, side), index, axis=0, out=goal.reshape(-1, side), mode="clip")


def offsets(bits: Sequence[int]) -> Indices:
    """Return the index that has each value of some bits, the first the least significant; all other bits are 0."""
    indices = np.zeros(1, np.intp)
    for bit in bits:
        indices = np.concatenate([indices, indices + (1 << bit)])
    return indices


def selected(num_bits: int, bits: Sequence[int], controls: Controls) -> tuple[Indices, Indices]:
    """Return the indices where controls have their values, and of each the number that its ``bits`` are there."""
    every = np.arange(1 << num_bits)
    mask = sum(1 << bit for bit, _ in controls)
    indices = np.flatnonzero(every & mask == sum(value << bit for bit, value in controls))
    numbers = np.zeros_like(indices)
    for index, bit in enumerate(bits):
        numbers |= (indices >> bit & 1) << index
    return indices, numbers


def subsets(members: int) -> Iterator[int]:
    """Yield all subsets of a set of bits, as numbers, ascending."""
    subset = 0
    while True:
        yield subset
        subset = (subset - members) & members
        if not subset:
            return
