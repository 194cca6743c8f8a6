"""Measuring against their definitions: all types of amplitudes, several states, small pieces."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.examples import examples
from support.programs import Draw, embedded

from simulator.kernels import measure
from simulator.monitor import no_checkpoint
from simulator.tuning import Tuning

DTYPES = (np.complex128, np.complex64, np.float64, np.float32)
# Rounding of a few hundred products of numbers of at most 1, by the bytes of a real number.
ATOL = {8: 1e-13, 4: 1e-5}


@pytest.fixture(params=[14, 3, 1], ids=str, scope="module")
def tuning(request: pytest.FixtureRequest) -> Tuning:
    """Pieces so small that even a few bits take many of them, and the size that is used."""
    return Tuning(piece_bits=request.param, run_bits=min(Tuning().run_bits, request.param))


def random_states(seed: int, num_states: int, num_bits: int, dtype: type[Any]) -> NDArray[Any]:
    """Normalised states, shape (states, 2^bits)."""
    rng = np.random.default_rng(seed)
    states = rng.normal(size=(num_states, 1 << num_bits, 2)).view(np.complex128)[:, :, 0]
    states = states if np.issubdtype(dtype, np.complexfloating) else states.real
    return (states / np.linalg.norm(states, axis=1, keepdims=True)).astype(dtype)


@st.composite
def states_and_bits(draw: Draw) -> tuple[NDArray[Any], list[int]]:
    """Some states and some of their bits, at least one, in any order."""
    num_bits = draw(st.integers(1, 7))
    bits = draw(st.permutations(range(num_bits)))[: draw(st.integers(1, num_bits))]
    states = random_states(
        draw(st.integers(0, 99)), draw(st.integers(1, 5)), num_bits, draw(st.sampled_from(DTYPES))
    )
    return states, list(bits)


def close(found: NDArray[Any], expected: NDArray[Any], states: NDArray[Any]) -> None:
    np.testing.assert_allclose(found, expected, rtol=0, atol=ATOL[states.real.itemsize])


@examples(60)
@given(case=states_and_bits())
def test_marginals(case: tuple[NDArray[Any], list[int]], tuning: Tuning) -> None:
    """The distribution of some bits is the sum over the others, the first bit the least significant."""
    states, bits = case
    indices = np.arange(states.shape[1])
    values = sum((indices >> bit & 1) << index for index, bit in enumerate(bits))
    expected = [np.bincount(values, np.abs(psi) ** 2, 1 << len(bits)) for psi in states]
    close(measure.marginals(states, bits, no_checkpoint, tuning), np.array(expected), states)
    for bit in bits:
        close(
            measure.bit_probabilities(states, bit, no_checkpoint, tuning),
            measure.marginals(states, [bit], no_checkpoint, tuning),
            states,
        )


@examples(60)
@given(case=states_and_bits(), data=st.data(), reset=st.booleans())
def test_project(case: tuple[NDArray[Any], list[int]], data: st.DataObject, reset: bool, tuning: Tuning) -> None:
    """A projection keeps each state's own half, scaled; a reset puts it where the bit is 0."""
    states, (bit, *_) = case
    count, size = states.shape
    outcomes = np.array(data.draw(st.lists(st.integers(0, 1), min_size=count, max_size=count)))
    factors = np.linspace(0.5, 2, count)
    expected = []
    for psi, outcome, factor in zip(states, outcomes, factors, strict=True):
        matrix = np.zeros((2, 2))
        matrix[0 if reset else outcome, outcome] = factor
        expected.append(embedded(matrix, (bit,), size.bit_length() - 1) @ psi)
    measure.project(states, bit, outcomes, factors, no_checkpoint, tuning, reset=reset)
    close(states, np.array(expected), states)


@examples(60)
@given(case=states_and_bits(), data=st.data())
def test_kept_halves(case: tuple[NDArray[Any], list[int]], data: st.DataObject, tuning: Tuning) -> None:
    """The halves, in any order and number, are what a projection keeps, without the bit."""
    states, (bit, *_) = case
    sides = np.array(data.draw(st.lists(st.integers(0, 2 * len(states) - 1), min_size=1, max_size=5)))
    factors = np.linspace(0.5, 2, sides.size)
    split = states.reshape(len(states), -1, 2, 1 << bit)
    expected = [split[side // 2, :, side % 2].reshape(-1) * f for side, f in zip(sides, factors, strict=True)]
    found = measure.kept_halves(states, bit, sides, factors, no_checkpoint, tuning)
    assert found.flags.c_contiguous
    close(found, np.array(expected), states)


@examples(60)
@given(case=states_and_bits(), value=st.integers(0, 127))
def test_collapse(case: tuple[NDArray[Any], list[int]], value: int, tuning: Tuning) -> None:
    """A collapsed state is the part where the bits have their values, normalised, with its phase."""
    (psi, *_), bits = case
    fixed = {bit: value >> bit & 1 for bit in bits}
    kept = [all(index >> bit & 1 == value for bit, value in fixed.items()) for index in range(psi.size)]
    expected = np.where(kept, psi, 0)
    expected /= np.linalg.norm(expected)
    psi = psi.copy()
    measure.collapse(psi, fixed, no_checkpoint, tuning)
    close(psi, expected, psi)


@pytest.mark.rule(32)
@examples(60)
@given(case=states_and_bits())
def test_no_state_depends_on_the_others(case: tuple[NDArray[Any], list[int]], tuning: Tuning) -> None:
    """What is found and done for several states at once is, to the bit, what is for each alone."""
    states, bits = case
    alone = [psi[None].copy() for psi in states]
    factors = np.linspace(0.5, 2, len(states))
    outcomes = np.arange(len(states)) % 2

    def done(rows: NDArray[Any], some: slice) -> list[NDArray[Any]]:
        found = [
            measure.bit_probabilities(rows, bits[0], no_checkpoint, tuning),
            measure.marginals(rows, bits, no_checkpoint, tuning),
        ]
        measure.canonicalize(rows, no_checkpoint, tuning)
        found += [rows.copy(), measure.fingerprints(rows, no_checkpoint, tuning)]
        measure.project(rows, bits[0], outcomes[some], factors[some], no_checkpoint, tuning, reset=True)
        return [*found, rows]

    together = done(states, slice(None))
    for index, psi in enumerate(alone):
        for whole, part in zip(together, done(psi, slice(index, index + 1)), strict=True):
            np.testing.assert_array_equal(whole[index : index + 1], part)


@examples(40)
@given(
    bits=st.integers(0, 9),
    angle=st.floats(-4, 4),
    seed=st.integers(0, 10**6),
    dtype=st.sampled_from(DTYPES),
)
def test_canonical_states_are_equal_that_differ_by_phase_and_rounding(
    bits: int, angle: float, seed: int, dtype: type[Any], tuning: Tuning
) -> None:
    """A canonical state is the same whatever its global phase and its last digits were."""
    states = random_states(seed, 3, bits, dtype)
    real = not np.iscomplexobj(states)
    rotated = states * (np.sign(angle) or 1 if real else np.exp(1j * angle))
    other = (rotated + np.finfo(dtype).eps / 4).astype(dtype)
    measure.canonicalize(states, no_checkpoint, tuning)
    measure.canonicalize(other, no_checkpoint, tuning)
    # A digit may lie between two steps of the grid, rarely; then the states differ by a step.
    step = 1 / measure._GRIDS[states.real.itemsize]
    np.testing.assert_allclose(states, other, rtol=0, atol=1.5 * step)
    assert np.count_nonzero(states != other) <= (2 if states.real.itemsize == 8 else states.size // 2 + 2)
    np.testing.assert_allclose(np.linalg.norm(states, axis=1), 1, rtol=0, atol=100 * step)


@pytest.mark.parametrize("dtype", DTYPES)
def test_canonical_states_stay(dtype: type[Any], tuning: Tuning) -> None:
    """A canonical state stays; equal states have equal fingerprints, and one step makes another fingerprint."""
    states = random_states(3, 2, 6, dtype)
    measure.canonicalize(states, no_checkpoint, tuning)
    again = states.copy()
    measure.canonicalize(again, no_checkpoint, tuning)
    np.testing.assert_array_equal(states, again)
    np.testing.assert_array_equal(
        measure.fingerprints(states, no_checkpoint, tuning), measure.fingerprints(again, no_checkpoint, tuning)
    )
    again[1, 5] += 1 / measure._GRIDS[states.real.itemsize]
    assert (
        measure.fingerprints(states, no_checkpoint, tuning) == measure.fingerprints(again, no_checkpoint, tuning)
    ).tolist() == [True, False]


def test_fingerprints_tell_signs_and_places_apart(tuning: Tuning) -> None:
    """States that differ in the signs of two amplitudes, or in their order, have different fingerprints."""
    psi = np.full((4, 8), 8**-0.5)
    psi[1, [2, 5]] *= -1
    psi[2, [3, 6]] *= -1
    psi[3, [2, 5, 3, 6]] *= -1
    assert len(set(measure.fingerprints(psi, no_checkpoint, tuning).tolist())) == 4


def test_a_state_that_was_never_normalised_is_not_lost(tuning: Tuning) -> None:
    """An initial state of any norm keeps its amplitudes when it is made canonical."""
    psi = np.array([[0.25, 0.125j]])
    measure.canonicalize(psi, no_checkpoint, tuning)
    np.testing.assert_array_equal(psi, [[0.25, 0.125j]])


@pytest.mark.rule(8)
def test_every_function_calls_the_checkpoint(tuning: Tuning) -> None:
    """A run can be stopped between the pieces of a state, whatever is done to it."""
    states = random_states(1, 2, 8, np.complex128)
    ones = np.ones(2, np.intp)
    calls: list[int] = []
    functions = {
        "piece_probabilities": lambda look: measure.piece_probabilities(states[0], look, tuning),
        "bit_probabilities": lambda look: measure.bit_probabilities(states, 1, look, tuning),
        "project": lambda look: measure.project(states, 1, ones, ones + 0.0, look, tuning, reset=True),
        "kept_halves": lambda look: measure.kept_halves(states, 1, ones, ones + 0.0, look, tuning),
        "marginals": lambda look: measure.marginals(states, [0], look, tuning),
        "collapse": lambda look: measure.collapse(states[0].copy(), {0: 0}, look, tuning),
        "canonicalize": lambda look: measure.canonicalize(states, look, tuning),
        "fingerprints": lambda look: measure.fingerprints(states, look, tuning),
    }
    for name, function in functions.items():
        if states.shape[1] < 1 << tuning.piece_bits and name == "piece_probabilities":
            continue
        calls.clear()
        function(lambda: calls.append(1))
        assert len(calls) >= max(1, states.shape[1] >> tuning.piece_bits), name


def test_fingerprints_of_pieces_of_any_size() -> None:
    """What was made for pieces of one size is not taken for others."""
    states = np.eye(4, 16, dtype=complex)
    for size in (1, 2, 12):
        assert len(set(measure.fingerprints(states, no_checkpoint, Tuning(piece_bits=size)).tolist())) == 4
