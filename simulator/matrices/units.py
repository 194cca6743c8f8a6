"""Products of matrices on one or two bits, entry by entry: planned once, and done for any numbers, many at once.

BLAS takes longer to begin than such a product takes. What is known of a factor saves most of it: one that moves
basis states only says where entries come from, a diagonal scales them, and factors on different bits have one
product an entry.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from simulator.matrices.products import Selection, selection_of, spread_entries
from simulator.typing import Indices, Matrices


class Shape(NamedTuple):
    """What is known of a factor, whatever its angles."""

    #: Its bits in the product; ``~value`` is one that has this value.
    spots: tuple[int, ...]
    diagonal: bool
    #: Column of each row's single 1, if the factor is a permutation matrix; else empty. Bytes, because they are
    #: hashed.
    moves: bytes


class _Key(NamedTuple):
    """What steps have in common that are done at once; in their order."""

    size: int
    number: int
    #: Bits of the left and of the right factor, or `_OWN` or `_NONE`.
    left: int
    right: int
    terms: int


class _Step(NamedTuple):
    """The entries of a product: sums of terms, each a number of one factor, or such a number times another."""

    key: _Key
    #: The factor, and where its number is, shape (terms, 4^k).
    left: int
    left_entries: Indices
    #: The same of the other number; `_OWN`: it is an entry that the product had before; `_NONE`: there is none.
    right: int
    right_entries: Indices


#: In place of a factor, or of a factor's number of bits.
_OWN, _NONE = -1, -2
#: Factors of a product whose steps are kept.
_SHORT = 8
_NO_ENTRIES = np.zeros((0, 0), np.intp)


@dataclass(frozen=True, slots=True)
class Entrywise:
    """A step of several products."""

    items: Selection
    #: Bits of the factors, and where in their numbers each entry's are, shape (terms, items, 4^k).
    left: tuple[int, Indices]
    #: The same of the other numbers, if there are any; `_OWN` bits are the products' own.
    right: tuple[int, Indices] | None


class Products:
    """Collects what can be done at once: the same step of products of the same size."""

    def __init__(self) -> None:
        #: Of each product its place, and the places of the factors; an own factor's is the product's.
        self._steps: dict[_Key, list[tuple[int, int, int, _Step]]] = defaultdict(list)

    def add(self, size: int, item: int, shapes: tuple[Shape, ...], places: Sequence[int]) -> None:
        """Add the product, over ``size`` bits, of factors, the first of which acts first.

        ``item`` is its place; ``places`` are those of the factors, each among those of its width.
        """
        # Short ones come again and again; there are as many long ones as there are circuits.
        steps = _kept_steps(size, shapes) if len(shapes) <= _SHORT else _steps(size, shapes)
        for step in steps:
            right = places[step.right] if step.right >= 0 else item
            self._steps[step.key].append((item, places[step.left], right, step))

    def by_size(self) -> dict[int, list[Entrywise]]:
        """Return the steps for each size, in their order."""
        found: dict[int, list[Entrywise]] = {}
        for key, steps in sorted(self._steps.items()):
            items, left_places, right_places, planned = zip(*steps, strict=True)
            left = key.left, _each([step.left_entries for step in planned], left_places, key.left)
            right = None
            if key.right != _NONE:
                width = key.size if key.right == _OWN else key.right
                right = key.right, _each([step.right_entries for step in planned], right_places, width)
            found.setdefault(key.size, []).append(Entrywise(selection_of(list(items)), left, right))
        return found


def fill(products: Matrices, steps: Sequence[Entrywise], factors: Mapping[int, Matrices]) -> None:
    """Make products of one size, flat, shape (..., products, 4^k + 1), from factors, by width likewise.

    Behind the entries of each stands a 0.
    """
    lead = products.shape[:-2]
    flat = {width: each.reshape(*lead, -1) for width, each in factors.items()}
    flat[_OWN] = products.reshape(*lead, -1)
    for each in steps:
        width, entries = each.left
        if each.right is None:
            products[..., each.items, :-1] = flat[width].take(entries[0], axis=-1)
            continue
        other, others = each.right
        total = flat[width].take(entries[0], axis=-1)
        total *= flat[other].take(others[0], axis=-1)
        for term in range(1, len(entries)):
            total += flat[width].take(entries[term], axis=-1) * flat[other].take(others[term], axis=-1)
        products[..., each.items, :-1] = total


def _each(entries: Sequence[Indices], places: Sequence[int], width: int) -> Indices:
    """Return the entries of each product, most of which are the same but for the factor's place."""
    numbers: dict[int, int] = {}
    distinct: list[Indices] = []
    for each in entries:
        if id(each) not in numbers:
            numbers[id(each)] = len(distinct)
            distinct.append(each)
    starts = np.array(places) * ((1 << 2 * width) + 1)
    chosen = np.array([numbers[id(each)] for each in entries])
    found: Indices = np.array(distinct).swapaxes(0, 1)[:, chosen]
    found += starts[:, None]
    return found


def _steps(size: int, shapes: tuple[Shape, ...]) -> tuple[_Step, ...]:
    """Return the steps that make a product over ``size`` bits."""

    def step(left: int, left_entries: Indices, right: int, right_entries: Indices) -> _Step:
        widths = len(shapes[left].spots), right if right < 0 else len(shapes[right].spots)
        return _Step(_Key(size, len(steps), *widths, len(left_entries)), left, left_entries, right, right_entries)

    side = 1 << size
    numbers = np.arange(side)
    steps: list[_Step] = []
    #: Basis state -> where those factors bring it that came before all steps, and only move.
    moved = numbers
    #: The only factor so far that has a step, if nothing has moved its entries since.
    single: int | None = None
    for number, shape in enumerate(shapes):
        entries = spread_entries(size, shape.spots).reshape(side, side)
        sources = _sources(size, shape)
        if sources is not None and steps:
            steps[-1] = _rows_moved(steps[-1], sources)
            single = None
        elif sources is not None:
            moved = np.argsort(sources)[moved]
        elif not steps:
            steps.append(step(number, entries[:, moved].reshape(1, -1), _NONE, _NO_ENTRIES))
            single = number
        elif single is not None and _free(shape) ^ _free(shapes[single]) == side - 1:
            pair = [_alone(size, each.spots)[:, moved].reshape(1, -1) for each in (shape, shapes[single])]
            steps.pop()
            steps.append(step(number, pair[0], single, pair[1]))
            single = None
        else:
            free = 0 if shape.diagonal else _free(shape)
            inner = [numbers & ~free | term for term in _subsets(free)]
            left = np.array([np.repeat(entries[numbers, others], side) for others in inner])
            right = np.array([(others[:, None] * side + numbers).reshape(-1) for others in inner])
            steps.append(step(number, left, _OWN, right))
            single = None
    if not steps:
        # The first factor has ones and, behind it, a zero.
        one, zero = shapes[0].moves[0], 1 << 2 * len(shapes[0].spots)
        steps.append(step(0, np.where(numbers[:, None] == moved, one, zero).reshape(1, -1), _NONE, _NO_ENTRIES))
    return tuple(steps)


#: Some MiB at most.
_kept_steps = lru_cache(maxsize=4096)(_steps)


def _rows_moved(step: _Step, sources: Indices) -> _Step:
    """Return a step that makes the same with rows in another order."""

    def changed(entries: Indices) -> Indices:
        return entries.reshape(len(entries), sources.size, -1)[:, sources].reshape(entries.shape)

    if step.right == _NONE:
        return step._replace(left_entries=changed(step.left_entries))
    return step._replace(left_entries=changed(step.left_entries), right_entries=changed(step.right_entries))


def _sources(size: int, shape: Shape) -> Indices | None:
    """Return where each row of the product comes from, if the factor only moves basis states."""
    if not shape.moves:
        return None
    inside, others = _inside(size, shape.spots)
    found = np.frombuffer(shape.moves, np.uint8).astype(np.intp)[inside]
    rows = others.copy()
    for place, spot in enumerate(shape.spots):
        value = found >> place & 1
        if spot >= 0:
            rows |= value << spot
        elif not np.all(value == ~spot):
            return None
    return rows


def _alone(size: int, spots: tuple[int, ...]) -> Indices:
    """Return where each entry's number is in a factor, whatever the product's other bits: (2^k, 2^k)."""
    inside, _ = _inside(size, spots)
    return inside[:, None] << len(spots) | inside


def _inside(size: int, spots: tuple[int, ...]) -> tuple[Indices, Indices]:
    """Return what the bits of a factor say in each number below 2^size, and the rest of the number."""
    numbers = np.arange(1 << size)
    inside = np.zeros_like(numbers)
    others = numbers.copy()
    for place, spot in enumerate(spots):
        inside |= (numbers >> spot & 1 if spot >= 0 else ~spot) << place
        if spot >= 0:
            others &= ~(1 << spot)
    return inside, others


def _free(shape: Shape) -> int:
    """Return the product's bits that a factor acts on."""
    return sum(1 << spot for spot in shape.spots if spot >= 0)


def _subsets(bits: int) -> list[int]:
    return [number for number in range(bits + 1) if number & ~bits == 0]
