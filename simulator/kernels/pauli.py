"""Expectation values of Pauli strings: those that flip the same bits are read in one pass over a state.

With ``w[j] = conj(psi[j ^ x]) psi[j]``, a string's expectation value is ``i^|x & z| sum_j (-1)^|z & j| w[j]``. An
even number of Y reads the real part of w, an odd one the imaginary part; and since ``w[j ^ x]`` is the conjugate
of ``w[j]``, half of w is enough. The sign of j is the product of the signs of its high bits, which number a block,
its middle and its low bits. So a block of w is added up for all strings of a mask by two matrix products with
tables of signs, at a cost that is bounded however many strings there are.

Masks are over the bits of a state's index. "States" are arrays of shape (states, blocks, numbers in a block), with
one block where there are several states.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.monitor import Checkpoint
from simulator.tuning import CACHE_BITS
from simulator.typing import Amplitudes, Indices

#: log2 of the length of the sums that the first matrix product takes: a block's low bits.
_LOW = CACHE_BITS // 2
#: Rows that this product takes at a time, always: BLAS orders a row's sum by the number of rows.
_ROWS = 16
#: The lowest bit at which a block is halved: at lower bits the halves are in pieces too short to be fast.
_HALVED_FROM = 3


@dataclass(frozen=True, slots=True)
class Scratch:
    """Memory for one block and what is computed from it."""

    index: Indices
    amplitudes: Amplitudes
    #: Two real numbers for each amplitude.
    pairs: Amplitudes
    #: One real number for each amplitude, and room to fill up the last batch of rows.
    products: Amplitudes

    @classmethod
    def of(cls, dtype: np.dtype[Any], size: int) -> Scratch:
        """Return memory for ``size`` amplitudes, of any type that a state has."""
        real = np.empty(0, dtype).real.dtype
        products = np.empty(size + (_ROWS << _LOW), real)
        return cls(np.empty(size, np.intp), np.empty(size, dtype), np.empty(2 * size, real), products)

    def multiply(self, left: Amplitudes, right: Amplitudes, *, imaginary: bool) -> None:
        """Write the real, or the imaginary, part of ``conj(right) * left`` to ``products``.

        Both have shape (states, pieces, numbers). For the imaginary part, a ``right`` in ``amplitudes`` is lost.
        """
        products = self.products[: left.size].reshape(left.shape)
        if not np.iscomplexobj(left):
            np.multiply(left, right, out=products)
            return
        if imaginary:
            right = np.multiply(right, 1j, out=self.amplitudes[: right.size].reshape(right.shape))
        pairs = self.pairs[: 2 * left.size].reshape(*left.shape[:2], -1)
        np.multiply(left.view(products.dtype), right.view(products.dtype), out=pairs)
        np.add(pairs[..., 0::2], pairs[..., 1::2], out=products)


@dataclass(frozen=True, slots=True)
class _Strings:
    """The strings of one mask that read the same part of w, and their signs in three factors."""

    imaginary: bool
    #: Where their sums are among those of all strings.
    columns: slice
    #: The distinct Z masks over the number of a block.
    high: tuple[int, ...]
    #: For each string, the index of its mask in ``high``.
    high_of: Indices
    #: The distinct signs over the middle bits, shape (distinct, 2^middle).
    middle: Amplitudes
    #: The distinct signs over the low bits, shape (2^low, distinct).
    low: Amplitudes
    #: For each string, the index of its signs among all pairs of middle and low signs, the low index running
    #: fastest.
    inner_of: Indices

    def sums(self, scratch: Scratch, states: int, block: int) -> Amplitudes:
        """Return the signed sums of ``scratch.products``, shape (states, strings)."""
        length, height = len(self.low), self.middle.shape[1]
        used = states * height * length
        whole = -(-used // (_ROWS * length)) * _ROWS * length
        scratch.products[used:whole] = 0
        sums = scratch.products[:whole].reshape(-1, _ROWS, length) @ self.low
        if height > 1:
            sums = self.middle @ sums.reshape(-1, height, self.low.shape[1])
        sums = sums.reshape(-1, len(self.middle) * self.low.shape[1])[:states]
        signed: Amplitudes = sums.take(self.inner_of, axis=1)
        if block:
            signs = [-1 if (mask & block).bit_count() & 1 else 1 for mask in self.high]
            signed *= np.array(signs, signed.dtype)[self.high_of]
        return signed


@dataclass(frozen=True, slots=True)
class PauliMask:
    """One X mask, and the strings that have it."""

    #: The mask over the number of a block.
    high: int
    #: The mask over the index inside a block.
    low: int
    #: The mask's highest bit, if it is inside a block, of which only the half where it is 0 is read; else None.
    halved: int | None
    #: The mask's highest bit, as a mask, if it is in a block's number; blocks where it is 1 are not read. Else 0.
    skipped: int
    #: The strings that read the real part come first.
    strings: tuple[_Strings, ...]

    @property
    def half(self) -> bool:
        """Whether half of w is read."""
        return self.halved is not None or self.skipped > 0

    def read(
        self,
        states: Amplitudes,
        blocks: range,
        scratch: Scratch,
        sums: NDArray[np.float64],
        checkpoint: Checkpoint,
    ) -> None:
        """Add what the strings read in some blocks to their columns of ``sums``, shape (states, all strings)."""
        parts = [each for each in self.strings if np.iscomplexobj(states) or not each.imaginary]
        for block, left, right in self._pairs(states, blocks, scratch):
            checkpoint()
            for each in parts:
                scratch.multiply(left, right, imaginary=each.imaginary)
                sums[:, each.columns] += each.sums(scratch, len(states), block)

    def _pairs(
        self, states: Amplitudes, blocks: range, scratch: Scratch
    ) -> Iterator[tuple[int, Amplitudes, Amplitudes]]:
        """Yield a block's number, its amplitudes, and those with flipped bits, as (states, pieces, numbers)."""
        count, _, size = states.shape
        piece = size if self.halved is None else 1 << self.halved
        if self.low:
            unflipped = _read_indices(size, piece)
            index = np.bitwise_xor(unflipped, self.low, out=scratch.index[: len(unflipped)])
            flipped = scratch.amplitudes[: count * len(index)].reshape(count, len(index))
        for block in blocks:
            if block & self.skipped:
                continue
            left, right = states[:, block], states[:, block ^ self.high]
            if self.low:
                right = right.take(index, axis=1, out=flipped, mode="clip")
            if self.halved is not None:
                left = left.reshape(count, -1, 2, piece)[:, :, 0]
            yield block, left.reshape(count, -1, piece), right.reshape(count, -1, piece)


def grouped(
    strings: Iterable[tuple[int, int]], block_bits: int, real: str
) -> tuple[tuple[PauliMask, ...], dict[tuple[int, int], int], list[float]]:
    """Group strings (x, z) by x.

    Args:
        strings: masks over a state's bits; one that is there twice is read once.
        block_bits: log2 of the numbers in a block.
        real: the character of the state's type of real numbers.

    Returns:
        the masks, the column of each string among the sums, and the factor of each column.

    """
    parts: dict[int, tuple[dict[int, None], dict[int, None]]] = {}
    for x, z in strings:
        parts.setdefault(x, ({}, {}))[(x & z).bit_count() & 1][z] = None
    masks: list[PauliMask] = []
    columns: dict[tuple[int, int], int] = {}
    factors: list[float] = []
    for x, parities in parts.items():
        top = x.bit_length() - 1
        halved = top if _HALVED_FROM <= top < block_bits else None
        skipped = 1 << (top - block_bits) if top >= block_bits else 0
        readers = []
        for odd, zs in enumerate(parities):
            if zs:
                readers.append(_signed(list(zs), len(columns), block_bits, halved, real, imaginary=odd == 1))
                columns |= {(x, z): len(columns) + index for index, z in enumerate(zs)}
        mask = PauliMask(x >> block_bits, x & ((1 << block_bits) - 1), halved, skipped, tuple(readers))
        masks.append(mask)
        # The factor i^|x & z|, with another i for the imaginary part, is a sign.
        exponents = ((x & z).bit_count() + 1 >> 1 for zs in parities for z in zs)
        factors += [(-1.0) ** exponent * (2 if mask.half else 1) for exponent in exponents]
    return tuple(masks), columns, factors


def _signed(
    zs: list[int], first: int, block_bits: int, halved: int | None, real: str, *, imaginary: bool
) -> _Strings:
    high, high_of = _distinct([z >> block_bits for z in zs])
    inner = [z & ((1 << block_bits) - 1) for z in zs]
    if halved is not None:
        # The bit is 0 wherever it is read, and so it is left out.
        inner = [z & ((1 << halved) - 1) | z >> (halved + 1) << halved for z in inner]
        block_bits -= 1
    low_bits = min(block_bits, _LOW)
    middle, middle_of = _distinct([z >> low_bits for z in inner])
    low, low_of = _distinct([z & ((1 << low_bits) - 1) for z in inner])
    return _Strings(
        imaginary=imaginary,
        columns=slice(first, first + len(zs)),
        high=tuple(high),
        high_of=high_of,
        middle=_signs(block_bits - low_bits, real)[middle],
        low=np.ascontiguousarray(_signs(low_bits, real)[:, low]),
        inner_of=middle_of * len(low) + low_of,
    )


def _distinct(masks: list[int]) -> tuple[list[int], Indices]:
    """Return the distinct masks, and for each mask its index among them."""
    order = {mask: index for index, mask in enumerate(dict.fromkeys(masks))}
    return list(order), np.array([order[mask] for mask in masks], np.intp)


@lru_cache(maxsize=64)
def _read_indices(size: int, piece: int) -> Indices:
    """Return the indices below ``size``, or, if a block is halved, those in every other piece of this length."""
    return np.arange(size).reshape(-1, min(2, size // piece), piece)[:, 0].reshape(-1)


@lru_cache(maxsize=4 * _LOW)
def _signs(num_bits: int, real: str) -> Amplitudes:
    """Return the table of (-1)^|i & j|, shape (2^bits, 2^bits)."""
    table = np.ones((1, 1), real)
    for _ in range(num_bits):
        table = np.block([[table, table], [table, -table]])
    return table
