"""Diagonals as a step on one chunk of many: a vector that all chunks share, and tables for the chunk's number.

Diagonals on one or two bits of the chunk make one vector, as in `scaling`. A diagonal on one bit of the chunk and
on bits of its number is, for a given number, a factor for each value of that bit. All of these together are a
product over bits, so that two short vectors hold it, over the low and the high bits. Anything else is applied by
itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from simulator.evolve.chunks import Chunk
from simulator.kernels.dense import as_type
from simulator.kernels.diagonal import apply_diagonal
from simulator.tuning import CACHE_BITS
from simulator.typing import Amplitudes, Controls

#: How many of a chunk's bits are the low bits of a table.
_LOW = CACHE_BITS // 2
#: Most bits of a chunk's number that share a table.
_TABLE = 6


@dataclass(frozen=True, slots=True)
class DiagonalFactor:
    """One diagonal over bits of the chunk and of its number."""

    #: Shape (2^j,).
    diagonal: Amplitudes
    #: Each is a bit of the chunk, or ``~bit`` for a bit of its number.
    bits: tuple[int, ...]
    #: The diagonal acts only where each of these bits has its value.
    controls: Controls = ()

    @property
    def inside(self) -> tuple[int, ...]:
        """Its bits in the chunk, without controls."""
        return tuple([bit for bit in self.bits if bit >= 0])

    @property
    def outside(self) -> tuple[int, ...]:
        """Its bits in the chunk's number, without controls."""
        return tuple([~bit for bit in self.bits if bit < 0])

    def apply(self, chunk: Amplitudes, number: int) -> None:
        """Multiply the chunk of this number."""
        if all(number >> ~bit & 1 == value for bit, value in self.controls if bit < 0):
            shaped = self.diagonal.reshape((2,) * len(self.bits))
            index: list[Any] = [slice(None) if bit >= 0 else number >> ~bit & 1 for bit in reversed(self.bits)]
            controls = tuple([pair for pair in self.controls if pair[0] >= 0])
            apply_diagonal(chunk, shaped[tuple(index)].reshape(-1), self.inside, controls)


@dataclass(frozen=True, slots=True)
class _Table:
    """Factors that depend on some bits of the chunk's number, with a row for each of their values."""

    bits: tuple[int, ...]
    #: Shape (2^bits, 2^low bits).
    low: Amplitudes
    #: Shape (2^bits, 2^high bits); None: all ones.
    high: Amplitudes | None


class ChunkScaling:
    """Multiply chunks of 2^size amplitudes of type ``dtype`` by diagonals.

    ``vector``, of that type, is the product of the diagonals that all chunks share, over the low bits; None: there
    are none.
    """

    def __init__(
        self, vector: Amplitudes | None, diagonals: Sequence[DiagonalFactor], size: int, dtype: np.dtype[Any]
    ) -> None:
        varying: list[DiagonalFactor] = []
        self._others: list[DiagonalFactor] = []
        for factor in diagonals:
            if not factor.controls and 0 < len(factor.outside) <= _TABLE and len(factor.inside) <= 1:
                varying.append(factor)
            else:
                self._others.append(replace(factor, diagonal=as_type(factor.diagonal, dtype)))
        self._vector = vector
        self._tables = [_table(group, min(size, _LOW), size, dtype) for group in _grouped(varying)]

    def apply(self, chunk: Chunk, spare: Chunk, number: int) -> tuple[Chunk, Chunk]:
        """Multiply the chunk of this number, in place."""
        if self._vector is not None:
            rows = chunk.rows[self._vector.size]
            np.multiply(rows, self._vector, out=rows)
        low = high = None
        for table in self._tables:
            value = 0
            for index, bit in enumerate(table.bits):
                value |= (number >> bit & 1) << index
            low = table.low[value] if low is None else low * table.low[value]
            if table.high is not None:
                high = table.high[value] if high is None else high * table.high[value]
        if low is not None:
            rows = chunk.rows[low.size]
            np.multiply(rows, low, out=rows)
            if high is not None:
                columns = chunk.amplitudes.reshape(high.size, -1)
                np.multiply(columns, high[:, None], out=columns)
        for factor in self._others:
            factor.apply(chunk.amplitudes, number)
        return chunk, spare


def _kron(factors: Amplitudes) -> Amplitudes:
    """Return the product over bits, shape (..., 2^bits), of factors of shape (..., bits, 2)."""
    vector = np.ones((*factors.shape[:-2], 1), factors.dtype)
    for bit in range(factors.shape[-2]):
        vector = (factors[..., bit, :, None] * vector[..., None, :]).reshape(*vector.shape[:-1], -1)
    return vector


def _grouped(diagonals: Sequence[DiagonalFactor]) -> list[list[DiagonalFactor]]:
    """Group factors that together depend on at most `_TABLE` bits of the number."""
    groups: list[list[DiagonalFactor]] = []
    bits: set[int] = set()
    for factor in diagonals:
        both = bits | set(factor.outside)
        if groups and len(both) <= _TABLE:
            groups[-1].append(factor)
            bits = both
        else:
            groups.append([factor])
            bits = set(factor.outside)
    return groups


def _table(diagonals: Sequence[DiagonalFactor], low: int, size: int, dtype: np.dtype[Any]) -> _Table:
    bits = tuple(sorted({bit for factor in diagonals for bit in factor.outside}))
    values = np.arange(1 << len(bits))
    factors = np.ones((values.size, size, 2), np.complex128)
    scale = np.ones((values.size, 1), np.complex128)
    for factor in diagonals:
        rows = np.zeros_like(values)
        own = None
        for index, bit in enumerate(factor.bits):
            if bit < 0:
                rows |= (values >> bits.index(~bit) & 1) << index
            else:
                own = index
        if own is None:
            scale[:, 0] *= factor.diagonal[rows]
        else:
            for value in (0, 1):
                factors[:, factor.bits[own], value] *= factor.diagonal[rows | value << own]
    reaches = any(bit >= low for factor in diagonals for bit in factor.inside)
    return _Table(
        bits,
        as_type(_kron(factors[:, :low]) * scale, dtype),
        as_type(_kron(factors[:, low:]), dtype) if reaches else None,
    )
