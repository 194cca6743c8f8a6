"""Products of small matrices, many at once: planned once, and done for any numbers.

A stack has shape (..., matrices, 2^k, 2^k). What is multiplied into it is smaller: a factor is spread over all
bits of its product, or, where that is much larger, mixes the rows that it acts on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import TypeAlias

import numpy as np

from simulator.kernels.bits import offsets
from simulator.typing import Indices, Matrices

#: Some matrices of a stack: a slice where they follow each other, since that is faster.
Selection: TypeAlias = slice | Indices
#: What is multiplied at once: indices in a stack, where each matrix's numbers begin, and which bits it is over.
_Lists: TypeAlias = tuple[list[int], list[int], list[tuple[int, ...]]]


@dataclass(frozen=True, slots=True)
class Spread:
    """Multiply some matrices of a stack from the left by smaller ones, each spread over all bits."""

    #: Whether they are the first of those products: there is nothing to multiply yet.
    first: bool
    #: Bits of the smaller ones: an operation's, or a unit's where ``units`` says so.
    width: int
    units: bool
    items: Selection
    #: Where in the smaller ones' numbers each spread matrix finds its entries, shape (items, 4^k).
    entries: Indices


@dataclass(frozen=True, slots=True)
class Mix:
    """Multiply some matrices of a stack from the left by units that act on a few of their bits."""

    width: int
    #: Selection among the units.
    units: Selection
    #: The rows of the stack's matrices that they mix, shape (items, 2^width, others).
    rows: Indices


Round: TypeAlias = Spread | Mix


class Rounds:
    """Collects what can be multiplied at once: the factors of the same number of products of the same size."""

    def __init__(self) -> None:
        self._spread: dict[tuple[int, int, bool, int], _Lists] = {}
        self._mixed: dict[tuple[int, int, int], _Lists] = {}

    def spread(self, size: int, number: int, item: int, row: int, spots: tuple[int, ...], *, units: bool) -> None:
        """Multiply an item by a smaller matrix, in this row, over ``spots``; its ``number``-th factor."""
        width = len(spots)
        lists = self._spread.get((size, number, units, width))
        if lists is None:
            lists = self._spread[size, number, units, width] = [], [], []
        lists[0].append(item)
        lists[1].append(row * ((1 << 2 * width) + 1))
        lists[2].append(spots)

    def mix(self, size: int, number: int, item: int, index: int, bits: tuple[int, ...]) -> None:
        """Multiply an item by the unit with this index on some bits; its ``number``-th factor, not the first."""
        lists = self._mixed.setdefault((size, number, len(bits)), ([], [], []))
        lists[0].append(index)
        lists[1].append(item << size)
        lists[2].append(bits)

    def by_size(self) -> dict[int, list[Round]]:
        """Return the rounds of each size in their order."""
        found: list[tuple[int, int, Round]] = []
        for (size, number, units, width), (items, starts, spots) in self._spread.items():
            entries = _each(partial(spread_entries, size), spots) + np.array(starts)[:, None]
            found.append((size, number, Spread(number == 0, width, units, selection_of(items), entries)))
        for (size, number, width), (indices, starts, bits) in self._mixed.items():
            rows = _each(partial(_mixed_rows, size), bits) + np.array(starts)[:, None, None]
            found.append((size, number, Mix(width, selection_of(indices), rows)))
        rounds: dict[int, list[Round]] = {}
        for size, _, each in sorted(found, key=lambda each: each[:2]):
            rounds.setdefault(size, []).append(each)
        return rounds


def multiply(
    stack: Matrices, rounds: Sequence[Round], small: Mapping[int, Matrices], units: Mapping[int, Matrices]
) -> None:
    """Do the rounds on a stack of matrices; factors are flat, by width, shape (..., factors, 4^j + 1)."""
    *lead, _, side, _ = stack.shape
    for each in rounds:
        if isinstance(each, Mix):
            rows = stack.reshape(*lead, -1, side)
            taken = rows.take(each.rows, axis=-2)
            count, mixed, _ = each.rows.shape
            matrices = units[each.width][..., each.units, :-1].reshape(*lead, count, mixed, mixed)
            product = np.matmul(matrices, taken.reshape(*lead, count, mixed, -1))
            rows[..., each.rows, :] = product.reshape(taken.shape)
        else:
            factors = (units if each.units else small)[each.width].reshape(*lead, -1)
            spread = factors.take(each.entries, axis=-1).reshape(*lead, -1, side, side)
            items = (..., each.items, slice(None), slice(None))
            stack[items] = spread if each.first else np.matmul(spread, stack[items])


def _each(made: Callable[[tuple[int, ...]], Indices], bits: Sequence[tuple[int, ...]]) -> Indices:
    """Return an array for each of some bits, most of which come many times."""
    numbers = {each: number for number, each in enumerate(dict.fromkeys(bits))}
    return np.array([made(each) for each in numbers])[[numbers[each] for each in bits]]


def selection_of(indices: list[int]) -> Selection:
    """Return indices of a stack, as a slice if they follow each other."""
    first, last = indices[0], indices[-1]
    return slice(first, last + 1) if indices == list(range(first, last + 1)) else np.array(indices)


@lru_cache(maxsize=4096)
def spread_entries(size: int, spots: tuple[int, ...]) -> Indices:
    """Return where a block's matrix over ``size`` bits has its entries from, shape (4^size,).

    The small matrix, flat, is over the bits ``spots``; ``~value`` is a bit that has this value. One past its end
    stands for 0.
    """
    numbers = np.arange(1 << size)
    inside = np.zeros_like(numbers)
    fixed = 0
    others = (1 << size) - 1
    for index, spot in enumerate(spots):
        if spot >= 0:
            inside |= (numbers >> spot & 1) << index
            others &= ~(1 << spot)
        else:
            fixed |= ~spot << index
    rows = inside | fixed
    entries = rows[:, None] << len(spots) | rows[None, :]
    same = (numbers[:, None] ^ numbers[None, :]) & others == 0
    return np.where(same, entries, 1 << 2 * len(spots)).reshape(-1)


@lru_cache(maxsize=4096)
def _mixed_rows(size: int, bits: tuple[int, ...]) -> Indices:
    """Return the rows of a matrix over ``size`` bits that differ in ``bits``, shape (2^bits, others)."""
    others = [bit for bit in range(size) if bit not in bits]
    return offsets(bits)[:, None] + offsets(others)
