"""Sampling: what a uniform falls on, at the edges of distributions, of few qubits and of many."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.examples import examples
from support.programs import measures, random_vector

from simulator.circuit.instructions import Measure
from simulator.dynamic.branches import beginning
from simulator.evolve import Statevector, Statevectors
from simulator.evolve.statevector import vector
from simulator.monitor import no_checkpoint
from simulator.rng import Uniforms
from simulator.sampling.counts import ShotCounts
from simulator.sampling.readout import readout_of
from simulator.sampling.sampler import collapse, sample
from simulator.tuning import Tuning

ALMOST_ONE = 1 - 2.0**-53


class Given(Uniforms):
    """Draws that a test has chosen, the first for shot 0."""

    def __init__(self, draws: Sequence[float]) -> None:
        super().__init__(0)
        self.numbers = np.array(draws)

    def stretch(self, first: int, count: int, number: int) -> NDArray[np.float64]:
        return self.numbers[first:][:count]


@pytest.fixture(params=[14, 2], ids=["one piece", "pieces"])
def tuning(request: pytest.FixtureRequest) -> Tuning:
    """Distributions of up to so many bits are looked up as a whole."""
    return Tuning(piece_bits=request.param, run_bits=min(request.param, Tuning().run_bits))


def outcomes_of(psi: NDArray[Any], draws: Sequence[float], tuning: Tuning) -> list[int]:
    """What uniforms fall on where all qubits of a state are measured."""
    read = measures(psi.size.bit_length() - 1)
    _, memory = counted(vector(psi, tuning), read, np.arange(len(draws)), memory=True, uniforms=Given(draws))
    return [int(key, 16) for key in memory]


@pytest.mark.rule(33)
def test_impossible_outcomes_are_never_taken(tuning: Tuning) -> None:
    """No uniform, not the first nor the last, falls on an outcome of probability 0."""
    psi = np.sqrt(np.array([0, 0.3, 0, 0.7, 0, 0, 0, 0] + [0] * 8)) + 0j
    assert outcomes_of(psi, [0.0, 0.29, 0.31, ALMOST_ONE], tuning) == [1, 1, 3, 3]
    psi = psi[::-1].copy()
    assert outcomes_of(psi, [0.0, 0.69, 0.71, ALMOST_ONE], tuning) == [12, 12, 14, 14]


@pytest.mark.rule(33)
@settings(deadline=None)
@given(st.floats(0.1, 10), st.integers(3, 7), st.integers(0, 1000), st.data())
def test_every_uniform_falls_on_what_can_be(scale: float, num_bits: int, seed: int, data: st.DataObject) -> None:
    """Whatever rounding leaves a total or a piece at, an outcome has a probability, and they ascend."""
    rng = np.random.default_rng(seed)
    psi = rng.normal(size=1 << num_bits) * (rng.random(1 << num_bits) < 0.6) + 0j
    psi[rng.integers(psi.size)] = 1
    psi *= scale / np.linalg.norm(psi)
    edges = np.cumsum(np.abs(psi) ** 2) / np.sum(np.abs(psi) ** 2)
    near = [np.nextafter(edge, side) for edge in edges for side in (0, 1)]
    draws = sorted(min(max(draw, 0), ALMOST_ONE) for draw in [*near, *edges, 0.0, ALMOST_ONE])
    for size in (14, data.draw(st.integers(1, 2))):
        outcomes = outcomes_of(psi, draws, Tuning(piece_bits=size))
        assert all(psi[outcome] != 0 for outcome in outcomes)
        assert outcomes == sorted(outcomes)


def counted(
    state: Statevector,
    read: Sequence[Measure],
    shots: NDArray[np.int64],
    *,
    memory: bool,
    kept: int = 0,
    uniforms: Uniforms | None = None,
) -> tuple[dict[str, int], list[str] | None]:
    """Sample a state for some shots whose clbits were ``kept`` before."""
    shot_counts = ShotCounts(shots.size, memory=memory, first=int(shots[0]))
    branch = beginning(Statevectors(state), shots, 0)
    branch.histories = [branch.histories[0]._replace(classical=branch.histories[0].classical.__class__(kept, ()))]
    sample(branch, read, uniforms or Uniforms(7), shot_counts)
    return shot_counts.results()


@pytest.mark.rule(31)
@examples(60)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 200)), max_size=8),
    st.integers(0, 2**201 - 1) | st.just(0),
    st.permutations(range(4)),
    st.sampled_from([14, 2, 1]),
)
def test_keys(pairs: list[tuple[int, int]], kept: int, order: list[int], size: int) -> None:
    """Each outcome's bits go where their measurements say, the last into a clbit stays, others keep."""
    read = [Measure(qubit, clbit) for qubit, clbit in pairs]
    for value in range(16):
        psi = np.zeros(16, np.complex128)
        psi[sum((value >> qubit & 1) << bit for qubit, bit in enumerate(order))] = 1j
        expected = kept
        for qubit, clbit in pairs:
            expected = expected & ~(1 << clbit) | (value >> qubit & 1) << clbit
        state = Statevector(psi, dict(enumerate(order)), tuning=Tuning(piece_bits=size))
        assert counted(state, read, np.arange(3), memory=False, kept=kept) == ({hex(expected): 3}, None)
        assert counted(state, read, np.arange(3), memory=True, kept=kept)[1] == [hex(expected)] * 3


@pytest.mark.rule(28, 32)
@pytest.mark.parametrize("num_qubits", [3, 7, 9])
def test_counts_are_those_of_the_memory(num_qubits: int, tuning: Tuning) -> None:
    """Counted at once, or shot by shot, or cut anywhere, shots have the same outcomes."""
    state = vector(random_vector(num_qubits, num_qubits), tuning)
    read = tuple(Measure(qubit, (5 * qubit + 2) % num_qubits) for qubit in range(num_qubits - 1))
    counts, memory = counted(state, read, np.arange(40_000), memory=True)
    assert counts == Counter(memory)
    assert counted(state, read, np.arange(40_000), memory=False)[0] == counts
    first, _ = counted(state, read, np.arange(17_001), memory=False)
    rest, late = counted(state, read, np.arange(17_001, 40_000), memory=True)
    assert Counter(first) + Counter(rest) == counts
    assert late == memory[17_001:]


@pytest.mark.rule(32)
def test_small_distributions_do_not_depend_on_where_qubits_lie() -> None:
    """A plan that leaves the qubits in another order changes no outcome of up to 14 of them."""
    psi = random_vector(4, 6)
    order = [4, 2, 0, 5, 1, 3]
    axes = [5 - order.index(bit) for bit in reversed(range(6))]
    moved = Statevector(psi.reshape((2,) * 6).transpose(axes).reshape(-1).copy(), dict(enumerate(order)))
    read = measures(6)[1:]
    assert counted(moved, read, np.arange(500), memory=True) == counted(
        vector(psi), read, np.arange(500), memory=True
    )


@pytest.mark.rule(31)
@examples(30)
@given(st.lists(st.integers(0, 5), max_size=6), st.integers(0, 99), st.sampled_from([14, 3, 1]))
def test_the_collapsed_state_is_that_of_the_outcome(qubits: list[int], seed: int, size: int) -> None:
    """After the one shot of a statevector, its outcome is the only one that is left."""
    read = tuple(Measure(qubit, qubit) for qubit in qubits)
    branch = beginning(Statevectors(vector(random_vector(seed, 6), Tuning(piece_bits=size))), np.arange(1), 0)
    shot_counts = ShotCounts(1, memory=False)
    sample(branch, read, Uniforms(seed), shot_counts)
    collapse(branch, read, Uniforms(seed), no_checkpoint)
    again = ShotCounts(1, memory=False)
    sample(branch, read, Uniforms(seed + 1), again)
    assert again.results() == shot_counts.results()
    assert np.linalg.norm(branch.states.state.amplitudes) == pytest.approx(1)


@pytest.mark.rule(33)
@pytest.mark.parametrize("num_qubits", [10, 16])
def test_counts_follow_the_probabilities(num_qubits: int) -> None:
    """Chi-squared of 200,000 shots, in one piece and in several."""
    psi = random_vector(8, num_qubits)
    counts, _ = counted(vector(psi), measures(num_qubits), np.arange(200_000), memory=False)
    expected = np.abs(psi) ** 2 * 200_000
    found = np.zeros(psi.size)
    for key, count in counts.items():
        found[int(key, 16)] = count
    # Outcomes are put together until 50 are expected of each.
    groups = (np.cumsum(expected) / 50).astype(int)
    observed, wanted = (np.bincount(groups, values) for values in (found, expected))
    observed, wanted = observed[wanted > 25], wanted[wanted > 25]
    chi_squared = np.sum((observed - wanted) ** 2 / wanted)
    assert abs(chi_squared - wanted.size) < 5 * np.sqrt(2 * wanted.size)


@pytest.mark.rule(32)
def test_outcomes_of_many_qubits_are_pinned() -> None:
    """Sums over pieces are made in one order, on every machine."""
    psi = (np.arange(1 << 16) * 7919 % 1009 - 504) * (0.25 + 0.5j)
    counts, _ = counted(vector(psi), measures(16), np.arange(100_000), memory=False)
    digest = hashlib.sha256(" ".join(f"{key} {count}" for key, count in counts.items()).encode()).hexdigest()
    assert digest[:16] == "71a2ad1a0c3df25a"


@pytest.mark.rule(25)
def test_scratch_memory_is_small() -> None:
    """Sampling a wide state takes a few pieces and some numbers a shot beside it."""
    psi = np.zeros(1 << 21)
    psi[::3] = 1.0
    state = vector(psi)
    tracemalloc.start()
    counted(state, measures(21)[2:], np.arange(1000), memory=False)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 3 << 20


def test_where_the_bits_of_an_outcome_are() -> None:
    """Up to 14 qubits, an outcome has their bits in their order; beyond, it is an index of the state."""
    bit_of = {qubit: 19 - qubit for qubit in range(20)}
    readout = readout_of((Measure(7, 0), Measure(3, 1), Measure(7, 2)), bit_of)
    assert (readout.bit_of_qubit, readout.bit_of_clbit, readout.num_bits) == ({3: 0, 7: 1}, {0: 1, 1: 0, 2: 1}, 2)
    readout = readout_of(measures(15), bit_of)
    assert (readout.bit_of_qubit[3], readout.bit_of_clbit[3], readout.num_bits) == (16, 16, 20)
