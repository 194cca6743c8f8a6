"""Products of small matrices, many at once: planned once, and done for any numbers.

A factor is spread over all bits of its product by looking up each entry. What is multiplied at once is a round:
the first factors of all products, then the second ones, and so on. Products with most factors come first, so that
those of a round are a slice of all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

import numpy as np

from simulator.typing import Amplitudes, Indices


class Products:
    """Products over ``size`` bits each."""

    def __init__(self, size: int, product_of: Indices, entries: Indices) -> None:
        """Take of each factor the index of its product, and where in the numbers its entries are, shape (4^size,).

        Of the factors of a product, the first acts first. Each product has one at least.
        """
        self._side = 1 << size
        counts = np.bincount(product_of)
        #: Index of a product -> its index among those that have most factors first.
        self._index_of = np.empty(counts.size, np.intp)
        self._index_of[np.argsort(-counts, kind="stable")] = np.arange(counts.size)
        by_product = np.argsort(product_of, kind="stable")
        rank = np.arange(product_of.size) - np.repeat(counts.cumsum() - counts, counts)
        order = by_product[np.argsort(rank * counts.size + self._index_of[product_of[by_product]])]
        #: Of each round where its factors have their entries, shape (products, 4^size).
        self._rounds = np.split(entries[order], np.bincount(rank).cumsum()[:-1])

    def of(self, numbers: Amplitudes) -> Amplitudes:
        """Return the products, shape (..., products, 2^size, 2^size), of numbers, shape (..., numbers)."""
        shape = (*numbers.shape[:-1], -1, self._side, self._side)
        product = numbers.take(self._rounds[0], -1).reshape(shape)
        for entries in self._rounds[1:]:
            some = product[..., : len(entries), :, :]
            some[...] = np.matmul(numbers.take(entries, -1).reshape(shape), some)
        return product.take(self._index_of, -3)


def entries_of(size: int, begins: Sequence[int], spots: Iterable[tuple[int, ...]]) -> Indices:
    """Return where factors that begin here, over these ``spots``, have their entries: shape (factors, 4^size)."""
    numbers: dict[tuple[int, ...], int] = {}
    ways = [numbers.setdefault(each, len(numbers)) for each in spots]
    found: Indices = np.array([spread_entries(size, each) for each in numbers])[ways]
    found += np.array(begins)[:, None]
    return found


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
