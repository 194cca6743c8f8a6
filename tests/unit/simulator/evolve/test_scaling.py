"""Diagonals as one vector."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.evolve.scaling import Entries, PairVector


@pytest.mark.parametrize("size", [0, 1, 2, 5])
def test_pair_vectors(size: int) -> None:
    """A vector of diagonals is their product; those on no bit are factors of all."""
    rng = np.random.default_rng(size)
    numbers = np.exp(1j * rng.uniform(0, 6, 200))
    members = [Entries(3, 1, ()), *(Entries(10 * bit, 3, (bit,)) for bit in range(size))]
    members += [
        Entries(60 + 10 * a + b, 5, (a, b)) for a in range(size) for b in range(size) if a != b and (a + b) % 3
    ]
    expected = np.ones(1 << size, np.complex128)
    for first, step, bits in members:
        values = sum((np.arange(1 << size) >> bit & 1) << place for place, bit in enumerate(bits))
        expected *= numbers[first + step * (values + np.zeros(1 << size, np.intp))]
    np.testing.assert_allclose(PairVector(members, size).of(numbers), expected, rtol=0, atol=1e-13)
