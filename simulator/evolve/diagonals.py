"""Diagonals on a chunk: which entries make its factors is planned once, whatever their values.

Factors on one or two bits make one vector: a product over the low bits, one over the high bits, and one over pairs
of both, each of them short. Where the state is one chunk, wider ones are applied by themselves, and only where
their controls have their values; `phases` has what depends on the chunk's number.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.evolve.chunks import Chunk
from simulator.evolve.phases import Member
from simulator.typing import Controls

Numbers = NDArray[np.complex128]
Places = NDArray[np.intp]


class Entries(NamedTuple):
    """Where the entries of a diagonal over at most two bits are: of value v, at ``first + v * step``."""

    first: int
    step: int
    bits: tuple[int, ...]


class PairVector:
    """The product of diagonals over at most two bits each, as a vector over ``size`` bits."""

    def __init__(self, members: Sequence[Entries], size: int) -> None:
        half = size // 2
        self._shape = (1 << size - half, *(2,) * half)
        low = [each for each in members if max(each.bits, default=-1) < half]
        high = [each for each in members if min(each.bits, default=-1) >= half]
        cross = [each for each in members if len(each.bits) > 1 and min(each.bits) < half <= max(each.bits)]
        self._low = _places(low, [_values(each.bits, 0, half) for each in low]) if low else None
        self._high = _places(high, [_values(each.bits, half, size) for each in high]) if high else None
        self._cross: Places | None = None
        if cross:
            cross.sort(key=lambda each: min(each.bits))
            bits = [min(each.bits) for each in cross]
            #: The low bits of pairs, and where the pairs of each begin.
            self._bits = sorted(set(bits))
            self._begins = [bits.index(bit) for bit in self._bits]
            self._cross = _places(cross, [_pairs(each.bits, half, size) for each in cross])

    def of(self, numbers: Numbers) -> Numbers:
        """Return the vector, shape (..., 2^size), from the numbers that have the entries, shape (..., numbers)."""
        lead = numbers.shape[:-1]
        vector: Numbers = np.ones((*lead, *(1,) * len(self._shape)), np.complex128)
        if self._low is not None:
            vector = _product(numbers, self._low).reshape(*lead, 1, *self._shape[1:])
        if self._high is not None:
            vector = vector * _product(numbers, self._high).reshape(*lead, -1, *(1,) * len(self._shape[1:]))
        if self._cross is not None:
            taken = numbers.take(self._cross, axis=-1)
            factors = np.multiply.reduceat(taken, self._begins, axis=-3)
            crossed: Numbers = np.ones(1, np.complex128)
            for place, bit in enumerate(self._bits):
                sides = [1] * len(self._shape[1:])
                sides[-1 - bit] = 2
                crossed = crossed * factors[..., place, :, :].reshape(*lead, -1, *sides)
            vector = vector * crossed
        shape = (*lead, *self._shape)
        # NumPy takes some microseconds to broadcast what has the shape already.
        return (vector if vector.shape == shape else np.broadcast_to(vector, shape)).reshape(*lead, -1)


def _product(numbers: Numbers, entries: Places) -> Numbers:
    taken = numbers.take(entries, axis=-1)
    product: Numbers = np.multiply.reduce(taken, axis=-2) if len(entries) > 1 else taken
    return product


def _places(members: Sequence[Entries], values: Sequence[Places]) -> Places:
    """Return where each factor is, given the values of its bits."""
    shape = (-1, *(1,) * values[0].ndim)
    begins, steps = np.array([(each.first, each.step) for each in members]).T
    places: Places = begins.reshape(shape) + steps.reshape(shape) * np.array(values)
    return places


@lru_cache(maxsize=512)
def _values(bits: tuple[int, ...], first: int, end: int) -> Places:
    """Return what some bits say in each value of bits ``first`` to ``end``."""
    numbers = np.arange(1 << end - first)
    values = np.zeros_like(numbers)
    for place, bit in enumerate(bits):
        values |= (numbers >> bit - first & 1) << place
    return values


@lru_cache(maxsize=512)
def _pairs(bits: tuple[int, int], half: int, size: int) -> Places:
    """Return the same of a low and a high bit, shape (values of the high bits, values of the low one)."""
    high = np.arange(1 << size - half) >> max(bits) - half & 1
    low = np.arange(2)
    place = bits.index(min(bits))
    return (high << 1 - place)[:, None] | low << place


class Patch:
    """Where a diagonal acts on a state, and by which of its entries."""

    def __init__(self, bits: Sequence[int], controls: Controls, size: int) -> None:
        """Take the bits of its entries' numbers, and the values that others must have."""
        mask = sum(1 << bit for bit, _ in controls)
        places = np.flatnonzero(np.arange(1 << size) & mask == sum(value << bit for bit, value in controls))
        entries = np.zeros_like(places)
        for number, bit in enumerate(bits):
            entries |= (places >> bit & 1) << number
        self.places: Places | slice = places if controls else slice(None)
        self.entries = entries


class Scaling:
    """Multiply a state that is one chunk by a vector over its low bits, and in some places by other numbers."""

    def __init__(
        self,
        vector: NDArray[Any] | None,
        patches: Sequence[tuple[Places | slice, NDArray[Any]]],
        others: Sequence[Member],
    ) -> None:
        self._vector = vector
        self._patches = patches
        self._others = others

    def apply(self, chunk: Chunk, spare: Chunk, number: int) -> tuple[Chunk, Chunk]:  # noqa: ARG002
        """Multiply in place."""
        if self._vector is not None:
            rows = chunk.rows[self._vector.size]
            np.multiply(rows, self._vector, rows)
        for places, values in self._patches:
            chunk.numbers[places] *= values
        for member in self._others:
            member.apply(chunk.numbers, 0)
        return chunk, spare
