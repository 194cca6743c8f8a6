"""Diagonals on a chunk: what all chunks share is one vector; what depends on the chunk's number, small tables.

The factor of an amplitude is a product over operations. Those on one or two bits of the chunk make one vector, by
`diagonals`. An operation on one bit of the chunk, and on bits outside, is one factor a value for each number of
the chunk: all of those are a product over bits, so two short vectors, over the low and the high bits, hold it.
Anything else is applied by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.evolve.chunks import Chunk
from simulator.kernels.dense import as_type
from simulator.kernels.diagonal import apply_diagonal
from simulator.typing import Controls

#: A chunk's bits below this one are the low bits.
_HALF = 7
#: Outer bits that share a table.
_TABLE = 6


@dataclass(frozen=True, slots=True)
class Member:
    """One diagonal, shape (2^j,), over bits of the chunk, or of its number (as ``~bit``).

    It acts only where each control has its value.
    """

    diagonal: NDArray[Any]
    bits: tuple[int, ...]
    controls: Controls = ()

    @property
    def inside(self) -> tuple[int, ...]:
        """Its bits of the chunk, without controls."""
        return tuple([bit for bit in self.bits if bit >= 0])

    @property
    def outside(self) -> tuple[int, ...]:
        """Its bits of the chunk's number, without controls."""
        return tuple([~bit for bit in self.bits if bit < 0])

    def apply(self, chunk: NDArray[Any], number: int) -> None:
        """Multiply the chunk of this number."""
        if all(number >> ~bit & 1 == value for bit, value in self.controls if bit < 0):
            shaped = self.diagonal.reshape((2,) * len(self.bits))
            index: list[Any] = [slice(None) if bit >= 0 else number >> ~bit & 1 for bit in reversed(self.bits)]
            controls = tuple([pair for pair in self.controls if pair[0] >= 0])
            apply_diagonal(chunk, shaped[tuple(index)].reshape(-1), self.inside, controls)


@dataclass(frozen=True, slots=True)
class _Table:
    """Factors that depend on some bits of the chunk's number: a row for each value of them."""

    bits: tuple[int, ...]
    #: Shape (2^bits, 2^low bits) and (2^bits, 2^high bits); None: all ones.
    low: NDArray[Any]
    high: NDArray[Any] | None


class Phases:
    """The product of diagonals on chunks of 2^size numbers of type ``dtype``.

    ``vector``, of that type, is that of those which all chunks share, over the low bits; None: there are none.
    """

    def __init__(
        self, vector: NDArray[Any] | None, members: Sequence[Member], size: int, dtype: np.dtype[Any]
    ) -> None:
        varying: list[Member] = []
        self._others: list[Member] = []
        for member in members:
            if not member.controls and 0 < len(member.outside) <= _TABLE and len(member.inside) <= 1:
                varying.append(member)
            else:
                self._others.append(replace(member, diagonal=as_type(member.diagonal, dtype)))
        self._vector = vector
        self._tables = [_table(group, min(size, _HALF), size, dtype) for group in _grouped(varying)]

    def apply(self, chunk: Chunk, spare: Chunk, number: int) -> tuple[Chunk, Chunk]:
        """Multiply the chunk of this number, in place."""
        if self._vector is not None:
            rows = chunk.rows[self._vector.size]
            np.multiply(rows, self._vector, out=rows)
        low = high = None
        for table in self._tables:
            value = 0
            for place, bit in enumerate(table.bits):
                value |= (number >> bit & 1) << place
            low = table.low[value] if low is None else low * table.low[value]
            if table.high is not None:
                high = table.high[value] if high is None else high * table.high[value]
        if low is not None:
            rows = chunk.rows[low.size]
            np.multiply(rows, low, out=rows)
            if high is not None:
                columns = chunk.numbers.reshape(high.size, -1)
                np.multiply(columns, high[:, None], out=columns)
        for member in self._others:
            member.apply(chunk.numbers, number)
        return chunk, spare


def _kron(factors: NDArray[Any]) -> NDArray[Any]:
    """Return the product over bits, shape (..., 2^bits), of factors of shape (..., bits, 2)."""
    vector = np.ones((*factors.shape[:-2], 1), factors.dtype)
    for bit in range(factors.shape[-2]):
        vector = (factors[..., bit, :, None] * vector[..., None, :]).reshape(*vector.shape[:-1], -1)
    return vector


def _grouped(members: Sequence[Member]) -> list[list[Member]]:
    """Put members together that depend on at most `_TABLE` bits of the number."""
    groups: list[list[Member]] = []
    bits: set[int] = set()
    for member in members:
        both = bits | set(member.outside)
        if groups and len(both) <= _TABLE:
            groups[-1].append(member)
            bits = both
        else:
            groups.append([member])
            bits = set(member.outside)
    return groups


def _table(members: Sequence[Member], low: int, size: int, dtype: np.dtype[Any]) -> _Table:
    bits = tuple(sorted({bit for member in members for bit in member.outside}))
    values = np.arange(1 << len(bits))
    factors = np.ones((values.size, size, 2), np.complex128)
    scale = np.ones((values.size, 1), np.complex128)
    for member in members:
        rows = np.zeros_like(values)
        own = None
        for place, bit in enumerate(member.bits):
            if bit < 0:
                rows |= (values >> bits.index(~bit) & 1) << place
            else:
                own = place
        if own is None:
            scale[:, 0] *= member.diagonal[rows]
        else:
            for value in (0, 1):
                factors[:, member.bits[own], value] *= member.diagonal[rows | value << own]
    reaches = any(bit >= low for member in members for bit in member.inside)
    return _Table(
        bits,
        as_type(_kron(factors[:, :low]) * scale, dtype),
        as_type(_kron(factors[:, low:]), dtype) if reaches else None,
    )
