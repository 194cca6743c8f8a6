"""Products of small matrices, many at once, beside products of whole matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.programs import Draw

from simulator.matrices.products import Products, entries_of

Matrix = NDArray[np.complex128]
#: A factor: its bits in the product, ``~value`` for one with this value, and its matrix in each row.
Factor = tuple[tuple[int, ...], Matrix]
_ROWS = 3


def whole(size: int, spots: tuple[int, ...], matrix: Matrix) -> Matrix:
    """Return a factor over all bits of its product, by the definition."""
    side = 1 << size
    full = np.zeros((side, side), np.complex128)
    mask = sum(1 << spot for spot in spots if spot >= 0)
    for row in range(side):
        for column in range(side):
            if (row ^ column) & ~mask == 0:
                inside = [
                    sum((number >> spot & 1 if spot >= 0 else ~spot) << index for index, spot in enumerate(spots))
                    for number in (row, column)
                ]
                full[row, column] = matrix[inside[0], inside[1]]
    return full


@st.composite
def factors(draw: Draw, size: int) -> Factor:
    """A factor on some bits of the product, perhaps on none, and perhaps on one more that has a value."""
    free = draw(st.permutations(range(size)).map(lambda bits: bits[: draw(st.integers(0, size))]))
    fixed = [~draw(st.integers(0, 1))] if draw(st.booleans()) else []
    spots = tuple(draw(st.permutations([*free, *fixed])))
    rng = np.random.default_rng(draw(st.integers(0, 1 << 20)))
    shape = (_ROWS, 1 << len(spots), 1 << len(spots))
    return spots, rng.normal(size=shape) + 1j * rng.normal(size=shape)


@st.composite
def several(draw: Draw) -> tuple[int, list[list[Factor]]]:
    """Several products over so many bits."""
    size = draw(st.integers(1, 3))
    return size, draw(st.lists(st.lists(factors(size), min_size=1, max_size=6), min_size=1, max_size=5))


@pytest.mark.rule(32)
@given(several())
def test_products_are_those_of_whole_matrices(drawn: tuple[int, list[list[Factor]]]) -> None:
    """However many factors each has; and a row of numbers gives, bit for bit, what it gives alone."""
    size, products = drawn
    listed = [(index, factor) for index, each in enumerate(products) for factor in each]
    begins: list[int] = []
    numbers: list[Matrix] = []
    for _, (_, matrices) in listed:
        begins.append(sum(each.shape[1] for each in numbers))
        numbers.append(np.concatenate([matrices.reshape(_ROWS, -1), np.zeros((_ROWS, 1))], axis=1))
    entries = entries_of(size, begins, [spots for _, (spots, _) in listed])
    plan = Products(size, np.array([index for index, _ in listed]), entries)
    together = np.concatenate(numbers, axis=1)
    found = plan.of(together)
    for index, each in enumerate(products):
        for row in range(_ROWS):
            expected = np.eye(1 << size, dtype=complex)
            for spots, matrices in each:
                expected = whole(size, spots, matrices[row]) @ expected
            limit = 1e-12 * max(1.0, np.abs(expected).max())
            np.testing.assert_allclose(found[row, index], expected, rtol=0, atol=limit)
    assert plan.of(together[1]).tobytes() == found[1].tobytes()
