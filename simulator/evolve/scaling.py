"""Diagonals as a step on a state that is one chunk: which entries its factors have is planned once for all angles.

Diagonals on one or two bits make one vector: a product over the low bits, one over the high bits, and one over
pairs of both, each of them short. Wider ones are applied by themselves, and only where their controls have their
values. `chunk_scaling` does the same on a chunk of a larger state.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from simulator.evolve.chunk_scaling import DiagonalFactor
from simulator.evolve.chunks import Chunk
from simulator.typing import Amplitudes, Indices, Matrices


class Entries(NamedTuple):
    """Where the entries of a diagonal over at most two bits are: that of value v is at ``first + v * step``."""

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
        self._low = _indices(low, [_values(each.bits, 0, half) for each in low]) if low else None
        self._high = _indices(high, [_values(each.bits, half, size) for each in high]) if high else None
        self._cross: Indices | None = None
        if cross:
            cross.sort(key=lambda each: min(each.bits))
            bits = [min(each.bits) for each in cross]
            #: The low bits of pairs.
            self._bits = sorted(set(bits))
            #: Where the pairs of each low bit begin.
            self._begins = [bits.index(bit) for bit in self._bits]
            self._cross = _indices(cross, [_pairs(each.bits, half, size) for each in cross])

    def of(self, numbers: Matrices) -> Matrices:
        """Return the vector, shape (2^size,), given all numbers that entries are among."""
        vector: Matrices = np.ones((1,) * len(self._shape), np.complex128)
        if self._low is not None:
            vector = _product(numbers, self._low).reshape(1, *self._shape[1:])
        if self._high is not None:
            vector = vector * _product(numbers, self._high).reshape(-1, *(1,) * len(self._shape[1:]))
        if self._cross is not None:
            factors = np.multiply.reduceat(numbers.take(self._cross), self._begins, axis=0)
            crossed: Matrices = np.ones(1, np.complex128)
            for index, bit in enumerate(self._bits):
                sides = [1] * len(self._shape[1:])
                sides[-1 - bit] = 2
                crossed = crossed * factors[index].reshape(-1, *sides)
            vector = vector * crossed
        # NumPy takes some microseconds to broadcast what has the shape already.
        return (vector if vector.shape == self._shape else np.broadcast_to(vector, self._shape)).reshape(-1)


def _product(numbers: Matrices, entries: Indices) -> Matrices:
    product: Matrices = np.multiply.reduce(numbers.take(entries))
    return product


def _indices(members: Sequence[Entries], values: Sequence[Indices]) -> Indices:
    """Return the index of each factor's entry, given the values of its bits."""
    shape = (-1, *(1,) * values[0].ndim)
    begins, steps = np.array([(each.first, each.step) for each in members]).T
    indices: Indices = begins.reshape(shape) + steps.reshape(shape) * np.array(values)
    return indices


@lru_cache(maxsize=512)
def _values(bits: tuple[int, ...], first: int, end: int) -> Indices:
    """Return the value of some bits in each value of bits ``first`` to ``end``."""
    numbers = np.arange(1 << end - first)
    values = np.zeros_like(numbers)
    for index, bit in enumerate(bits):
        values |= (numbers >> bit - first & 1) << index
    return values


@lru_cache(maxsize=512)
def _pairs(bits: tuple[int, int], half: int, size: int) -> Indices:
    """Return the value of a low and a high bit, shape (values of the high bits, values of the low bit)."""
    high = np.arange(1 << size - half) >> max(bits) - half & 1
    low = np.arange(2)
    index = bits.index(min(bits))
    return (high << 1 - index)[:, None] | low << index


class Scaling:
    """Multiply a state that is one chunk by a vector over its low bits, and some amplitudes by more factors."""

    def __init__(
        self,
        vector: Amplitudes | None,
        patches: Sequence[tuple[Indices | slice, Amplitudes]],
        others: Sequence[DiagonalFactor],
    ) -> None:
        self._vector = vector
        self._patches = patches
        self._others = others

    def apply(self, chunk: Chunk, spare: Chunk, number: int) -> tuple[Chunk, Chunk]:  # noqa: ARG002
        """Multiply in place."""
        if self._vector is not None:
            rows = chunk.rows[self._vector.size]
            np.multiply(rows, self._vector, rows)
        for indices, factors in self._patches:
            chunk.amplitudes[indices] *= factors
        for factor in self._others:
            factor.apply(chunk.amplitudes, 0)
        return chunk, spare
