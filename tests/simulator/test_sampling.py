"""Lookup of uniforms in a distribution, at its edges."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from simulator.program import Measure
from simulator.sampling import Distribution
from simulator.state import vector

ALMOST_ONE = 1 - 2.0**-53
ONLY_THE_MIDDLE = np.sqrt(np.array([0, 0.3, 0, 0.7, 0, 0, 0, 0])) + 0j


def test_impossible_outcomes_are_never_taken() -> None:
    """Rule 33: no uniform, not the first nor the last, falls on an outcome of probability 0."""
    measures = tuple(Measure(qubit, qubit) for qubit in range(3))
    distribution = Distribution(vector(ONLY_THE_MIDDLE.copy()), measures)
    draws = np.array([0.0, 0.29, 0.31, ALMOST_ONE])
    assert distribution.look_up(draws).tolist() == [1, 1, 3, 3]


@given(st.floats(0.1, 10), st.integers(1, 6), st.integers(0, 1000))
def test_the_last_uniform_is_inside(scale: float, num_bits: int, seed: int) -> None:
    """A total that rounding leaves off 1 is no outcome beyond the last."""
    psi = np.random.default_rng(seed).normal(size=1 << num_bits) + 0j
    psi[-1] = 0
    psi *= scale / np.linalg.norm(psi)
    distribution = Distribution(vector(psi), tuple(Measure(qubit, qubit) for qubit in range(num_bits)))
    (last,) = distribution.look_up(np.array([ALMOST_ONE]))
    assert psi[last] != 0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200)), max_size=8), st.integers(0, 2**201 - 1))
def test_keys(pairs: list[tuple[int, int]], memory: int) -> None:
    """Rule 31: each outcome's bits go where their measurements say, the last into a clbit stays, others keep."""
    measures = tuple(Measure(qubit, clbit) for qubit, clbit in pairs)
    distribution = Distribution(vector(np.full(16, 0.25) + 0j), measures)
    qubits = sorted({qubit for qubit, _ in pairs})
    outcomes = np.arange(1 << len(qubits))
    for outcome, key in zip(outcomes.tolist(), distribution.keys(outcomes, memory), strict=True):
        expected = memory
        for qubit, clbit in pairs:
            value = outcome >> qubits.index(qubit) & 1
            expected = expected & ~(1 << clbit) | value << clbit
        assert key == expected
