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
    """Products over ``size`` bits each; ``real``: of real numbers.

    A complex product of matrices as small as these takes several times as long as a real one of twice the size.
    So factors are multiplied as `real_form` has them, from the right: what is multiplied is transposed.
    """

    def __init__(self, size: int, product_of: Indices, entries: Indices, *, real: bool = False) -> None:
        """Take of each factor the index of its product, and where in the numbers its entries are, shape (4^size,).

        Of the factors of a product, the first acts first. Each product has one at least.
        """
        self._side, self._real = 1 << size, real
        counts = np.bincount(product_of)
        #: Index of a product -> its index among those that have most factors first.
        self._index_of = np.empty(counts.size, np.intp)
        self._index_of[np.argsort(-counts, kind="stable")] = np.arange(counts.size)
        by_product = np.argsort(product_of, kind="stable")
        rank = np.arange(product_of.size) - np.repeat(counts.cumsum() - counts, counts)
        order = by_product[np.argsort(rank * counts.size + self._index_of[product_of[by_product]])]
        across = entries[order].reshape(-1, self._side, self._side).swapaxes(-1, -2)
        first, rest = across[: counts.size], across[counts.size :]
        #: Of the first round where its factors have their entries, transposed: (products, 2^size, 2^size).
        self._first = np.ascontiguousarray(first)
        if not real:
            # A row has below it itself times i, as a number behind it.
            rest = np.stack([2 * rest, 2 * rest + 1], -2).reshape(-1, 2 * self._side, self._side)
        #: Of each other round the same, with the rows of the real form.
        self._rest = np.split(rest, (np.bincount(rank)[1:]).cumsum()[:-1]) if len(rest) else []

    def of(self, numbers: Amplitudes) -> Amplitudes:
        """Return the products, shape (..., products, 2^size, 2^size), of numbers, shape (..., numbers).

        Each is contiguous when transposed.
        """
        product = numbers.take(self._first, -1)
        if self._rest:
            reals = product
            if not self._real:
                numbers = _with_i_times(numbers)
                reals = product.view(np.float64)
            for entries in self._rest:
                factors = numbers.take(entries, -1).view(np.float64)
                some = reals[..., : len(entries), :, :]
                some[...] = np.matmul(some, factors)
        return product.take(self._index_of, -3).swapaxes(-1, -2)


def _with_i_times(numbers: Amplitudes) -> Amplitudes:
    """Return numbers, shape (..., numbers), with i times each behind it: shape (..., 2 numbers)."""
    pairs = np.empty((*numbers.shape, 2), numbers.dtype)
    pairs[..., 0] = numbers
    np.multiply(numbers, 1j, out=pairs[..., 1])
    return pairs.reshape(*numbers.shape[:-1], -1)


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
