"""Kernels against dense matrices over all bits, for random targets, controls and chunk sizes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples
from support.programs import Draw, embedded, random_unitary, random_vector

from simulator.kernels import dense, diagonal, measure
from simulator.monitor import no_checkpoint
from simulator.tuning import Tuning
from simulator.typing import Controls

# Rounding of a few hundred products of numbers of at most 1.
TOLERANCE = {"rtol": 0, "atol": 1e-13}


@pytest.fixture(params=[(14, 5), (3, 1), (4, 3), (2, 0)], ids=str, scope="module")
def tuning(request: pytest.FixtureRequest) -> Tuning:
    """Chunks so small that even a few bits take many of them, and the sizes that are used."""
    chunk_bits, run_bits = request.param
    return Tuning(chunk_bits=chunk_bits, run_bits=run_bits)


@st.composite
def bits_to_act_on(draw: Draw, *, targets: int = 1) -> tuple[int, tuple[int, ...], Controls]:
    """A number of bits, at least so many targets among them, and controls."""
    num_bits = draw(st.integers(targets, 7))
    bits = draw(st.permutations(range(num_bits)))
    count = draw(st.integers(targets, min(num_bits, 4)))
    controls = bits[count : draw(st.integers(count, num_bits))]
    return num_bits, tuple(bits[:count]), tuple((bit, draw(st.integers(0, 1))) for bit in controls)


@examples(60)
@given(given_bits=bits_to_act_on(), seed=st.integers(0, 99))
def test_apply_matrix(given_bits: tuple[int, tuple[int, ...], Controls], seed: int, tuning: Tuning) -> None:
    """Any matrix on any targets, under any controls, is its dense form."""
    num_bits, targets, controls = given_bits
    psi, matrix = random_vector(seed, num_bits), random_unitary(seed + 1, len(targets))
    expected = embedded(matrix, targets, num_bits, controls) @ psi
    dense.apply_matrix(psi, matrix, targets, controls, no_checkpoint, tuning)
    np.testing.assert_allclose(psi, expected, **TOLERANCE)


def test_apply_matrix_wider_than_a_real_product(tuning: Tuning) -> None:
    """Beyond six targets the product is complex, with the same result."""
    psi, matrix = random_vector(1, 8), random_unitary(2, 7)
    expected = embedded(matrix, (6, 0, 3, 2, 7, 4, 5), 8, ((1, 0),)) @ psi
    dense.apply_matrix(psi, matrix, (6, 0, 3, 2, 7, 4, 5), ((1, 0),), no_checkpoint, tuning)
    np.testing.assert_allclose(psi, expected, **TOLERANCE)


@examples(60)
@given(given_bits=bits_to_act_on(targets=0), seed=st.integers(0, 99))
def test_apply_diagonal(given_bits: tuple[int, tuple[int, ...], Controls], seed: int, tuning: Tuning) -> None:
    """Any diagonal, also one number without targets, is its dense form."""
    num_bits, targets, controls = given_bits
    psi = random_vector(seed, num_bits)
    factors = np.exp(1j * np.random.default_rng(seed).uniform(0, 6, 1 << len(targets)))
    expected = embedded(np.diag(factors), targets, num_bits, controls) @ psi
    diagonal.apply_diagonal(psi, factors, targets, controls, tuning)
    np.testing.assert_allclose(psi, expected, **TOLERANCE)


@examples(40)
@given(given_bits=bits_to_act_on(), seed=st.integers(0, 99))
def test_prepare(given_bits: tuple[int, tuple[int, ...], Controls], seed: int, tuning: Tuning) -> None:
    """Preparing targets in |0> is the matrix whose first column is the amplitudes."""
    num_bits, targets, _ = given_bits
    psi, amplitudes = random_vector(seed, num_bits), random_vector(seed + 1, len(targets))
    for bit in targets:
        measure.project(psi[None], bit, np.zeros(1, np.intp), np.ones(1), no_checkpoint, reset=False)
    column = np.zeros((1 << len(targets), 1 << len(targets)), np.complex128)
    column[:, 0] = amplitudes
    expected = embedded(column, targets, num_bits) @ psi
    diagonal.prepare(psi, amplitudes, targets, no_checkpoint, tuning)
    np.testing.assert_allclose(psi, expected, **TOLERANCE)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_prepare_keeps_a_real_state_real(dtype: type, tuning: Tuning) -> None:
    """Amplitudes that are all real, though of a complex type as they travel, go into a state of real numbers."""
    psi = np.array([0.6, 0, 0, 0, -0.8, 0, 0, 0], dtype)
    diagonal.prepare(psi, np.array([0.28, 0, 0, -0.96], np.complex128), (0, 1), no_checkpoint, tuning)
    expected = np.kron([0.6, -0.8], [0.28, 0, 0, -0.96])
    np.testing.assert_allclose(psi, expected, rtol=0, atol=np.finfo(dtype).eps)
    assert psi.dtype == dtype
