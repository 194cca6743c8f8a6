"""Trajectories beside exact density matrices, and beside themselves in other cuts. All seeds are fixed."""

from __future__ import annotations

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.exact import assert_likely
from support.examples import examples
from support.noise import channel, damping, depolarizing, kraus
from support.noisy_programs import exact_counts, noisy_program, with_channels
from support.programs import entangled, h, measures, program

from simulator.circuit.array import Array
from simulator.circuit.channel import Pauli
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import Gate, IfElse, Initialize, Instruction, Measure, Noise, Reset
from simulator.circuit.program import Program
from simulator.evolve import Statevector
from simulator.kernels.threads import thread_count, use_threads
from simulator.monitor import SILENT, no_checkpoint
from simulator.sampling import ShotCounts
from simulator.shards.metadata import SharingMetadata
from simulator.trajectories import TrajectoryPlan, read_circuit, refusal, run
from simulator.trajectories.patterns import Patterns
from simulator.trajectories.rows import together
from simulator.trajectories.wide import WidePlan, WideStates


def results(
    plan: TrajectoryPlan, shots: int, *, first: int = 0, seed: int = 7, memory: bool = False
) -> tuple[dict[str, int], list[str] | None, SharingMetadata]:
    counts = ShotCounts(shots, memory=memory, first=first)
    sharing = run(plan, seed=seed, first=first, shots=shots, shot_counts=counts, monitor=SILENT)
    return *counts.results(), sharing


def planned(noisy: Program, dtype: type = np.complex128) -> TrajectoryPlan:
    return TrajectoryPlan.of(read_circuit(noisy), np.dtype(dtype), no_checkpoint)


@pytest.mark.rule(41)
@pytest.mark.parametrize("num_qubits", [1, 2, 3, 4])
@pytest.mark.parametrize("seed", range(5))
def test_counts_come_from_the_exact_distribution(seed: int, num_qubits: int) -> None:
    """Gates, channels and readout errors of every kind."""
    noisy = noisy_program(seed, num_qubits)
    counts, _, _ = results(planned(noisy), 6000)
    assert_likely(counts, exact_counts(noisy))


@pytest.mark.rule(41)
@pytest.mark.parametrize("num_qubits", [5, 6])
def test_wider_circuits(num_qubits: int) -> None:
    """More blocks than one, in which hits do not come in the order of the circuit."""
    noisy = noisy_program(40, num_qubits, gates=40)
    counts, _, _ = results(planned(noisy), 6000)
    assert_likely(counts, exact_counts(noisy))


@pytest.mark.rule(41)
def test_single_precision() -> None:
    """Half the digits, the same distribution."""
    noisy = noisy_program(3, 3)
    counts, _, _ = results(planned(noisy, np.complex64), 6000)
    assert_likely(counts, exact_counts(noisy))


@pytest.mark.rule(32)
@examples(15)
@given(st.integers(0, 20), st.integers(1, 4), st.lists(st.integers(1, 2500), min_size=1, max_size=3))
def test_shots_do_not_depend_on_the_cut(seed: int, num_qubits: int, sizes: list[int]) -> None:
    """Wherever shots are cut, each reads what it reads among all."""
    plan = planned(noisy_program(seed, num_qubits))
    _, whole, _ = results(plan, sum(sizes), memory=True)
    parts: list[str] = []
    for size in sizes:
        _, part, _ = results(plan, size, first=len(parts), memory=True)
        parts += part or []
    assert parts == whole


@pytest.mark.rule(32)
@pytest.mark.parametrize("threads", [2, 3])
def test_shots_do_not_depend_on_the_threads(threads: int) -> None:
    """Groups of patterns that threads take, in whatever order, read what they read in one thread."""
    plan = planned(noisy_program(40, 10, gates=40))
    found = []
    for count in (1, threads):
        before = thread_count()
        use_threads(count)
        try:
            found.append(results(plan, 1500, memory=True))
        finally:
            use_threads(before)
    assert found[0] == found[1]
    assert found[0][2].patterns > 2 * together(plan.states.num_bits)


@pytest.fixture
def all_wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Narrow states are run as wide ones are."""
    monkeypatch.setattr(sys.modules[TrajectoryPlan.__module__], "LEAST_QUBITS", 1)


@pytest.mark.rule(41)
@pytest.mark.usefixtures("all_wide")
@pytest.mark.parametrize("seed", range(8))
def test_wide_states(seed: int) -> None:
    """Patterns as circuits of their own have the exact distribution, also where states choose."""
    noisy = noisy_program(seed, 1 + seed % 4)
    plan = planned(noisy)
    assert isinstance(plan.states, WidePlan)
    counts, whole, sharing = results(plan, 1000, memory=True)
    assert sharing.patterns
    assert_likely(counts, exact_counts(noisy))
    parts: list[str] = []
    for size in (3, 300, 697):
        _, part, _ = results(planned(noisy), size, first=len(parts), memory=True)
        parts += part or []
    assert parts == whole


@pytest.mark.rule(32)
def test_wide_states_do_not_depend_on_the_cut() -> None:
    """A state is, bit for bit, that of its pattern, whatever other patterns there are."""
    noisy = noisy_program(5, 7, gates=40)
    frames = planned(noisy).frames
    plan = WidePlan(frames, range(7), np.dtype(np.complex128))
    insertions = [np.flatnonzero(plan.num_operators == 1)[some] for some in ([40, 60], [3, 50], [70])]

    def states(chosen: list[int]) -> list[NDArray[np.complex128]]:
        own = sorted((insertions[index] for index in chosen), key=lambda each: int(each[0]))
        sizes = np.append(0, np.cumsum([each.size for each in own]))
        patterns = Patterns(np.concatenate(own), sizes, np.arange(len(own)), np.arange(len(own) + 1))
        first = Statevector(np.eye(1, 128, dtype=np.complex128)[0], {qubit: qubit for qubit in range(7)}, 0)
        going = WideStates(plan, lambda *_: np.zeros(1, np.intp), no_checkpoint, first)
        groups = [[(index, patterns.shots_of(index))] for index in range(len(own))]
        return [rows.copy() for rows, _, _ in going.finished(patterns, groups)]

    together = states([0, 1, 2])
    for index, number in enumerate((1, 0, 2)):
        assert np.array_equal(states([number])[0], together[index])


@pytest.mark.rule(32)
def test_a_plan_made_anew_gives_the_same() -> None:
    """Nothing that a plan keeps is known by where it lies in memory."""
    noisy = noisy_program(1, 4)
    once = results(planned(noisy), 3000, memory=True)
    assert all(results(planned(noisy), 3000, memory=True) == once for _ in range(3))


@pytest.mark.rule(28)
def test_counts_are_those_of_the_memory() -> None:
    """Counts that are added up, and counts of remembered shots."""
    plan = planned(noisy_program(2, 3))
    counted, none, _ = results(plan, 3000)
    remembered, memory, _ = results(plan, 3000, memory=True)
    assert none is None
    assert counted == remembered
    assert {key: (memory or []).count(key) for key in set(memory or [])} == counted


def test_clifford_circuits_are_one_state() -> None:
    """Pauli errors pass all of a Clifford circuit: nothing is left, however many there are."""
    noisy = with_channels(
        4,
        4,
        [depolarizing(0.3)],
        *entangled(4),
        *(Noise(0, (qubit,)) for qubit in range(4)),
        *entangled(4),
        *measures(4),
    )
    counts, _, sharing = results(planned(noisy), 5000)
    assert sharing.shots_with_errors > 2000
    assert (sharing.shots_in_patterns, sharing.patterns) == (0, 0)
    assert_likely(counts, exact_counts(noisy))


def test_errors_that_are_left_are_left_whole() -> None:
    """A Y in front of an RZ leaves nothing for the next gates to stop: there is one hit a shot, and no more."""
    turns = (Gate("rz", (0,), (0.3,)), Gate("sx", (0,)))
    noisy = with_channels(
        1, 1, [channel(1, (0.8, ()), (0.2, (Pauli(1, 1),)))], h(0), Noise(0, (0,)), *(turns * 20), *measures(1)
    )
    counts, _, sharing = results(planned(noisy), 5000)
    assert sharing.patterns == 1
    assert_likely(counts, exact_counts(noisy))


def test_certain_errors_make_no_patterns() -> None:
    """What happens always, or mostly, is in the circuit, and only its absence is an error."""
    noisy = with_channels(
        2,
        2,
        [channel(1, (0.95, (Pauli(1, 0),)), (0.05, ()))],
        *entangled(2),
        Noise(0, (0,)),
        Gate("t", (0,)),
        h(0),
        h(1),
        *measures(2),
    )
    counts, _, sharing = results(planned(noisy), 4000)
    assert sharing.shots_with_errors < 400
    assert_likely(counts, exact_counts(noisy))


def test_choices_see_what_errors_did_before() -> None:
    """Relaxation behind an X error relaxes the flipped qubit."""
    noisy = with_channels(
        1,
        1,
        [channel(1, (0.5, ()), (0.5, (Pauli(1, 0),))), channel(1, (1.0, (kraus(damping(0.3)),)))],
        Noise(0, (0,)),
        Noise(1, (0,)),
        *measures(1),
    )
    counts, _, _ = results(planned(noisy), 8000)
    assert_likely(counts, {"0x0": 0.65, "0x1": 0.35})


def test_many_choices() -> None:
    """Where each shot chooses often, rows are cut again and again, within the memory that there is."""
    relaxing = [each for qubit in range(3) for each in (Noise(0, (qubit,)), Gate("ry", (qubit,), (0.9,)))]
    noisy = with_channels(
        3, 3, [channel(1, (1.0, (kraus(damping(0.2)),)))], *entangled(3), *(relaxing * 4), *measures(3)
    )
    counts, _, _ = results(planned(noisy), 6000)
    assert_likely(counts, exact_counts(noisy))


def test_qubits_that_nothing_is_done_to_read_zero() -> None:
    """Nor do they make states wider."""
    noisy = with_channels(
        60, 3, [depolarizing(0.1)], h(40), Noise(0, (40,)), Measure(40, 2), Measure(7, 1), Measure(59, 0)
    )
    plan = planned(noisy)
    assert plan.states.num_bits < 5
    counts, _, _ = results(plan, 1000)
    assert set(counts) == {"0x0", "0x4"}


@pytest.mark.rule(42)
@pytest.mark.parametrize(
    ("instructions", "named"),
    [
        ((Measure(0, 0), h(0)), "instruction 1, gate, acts on qubit 0, which was measured before"),
        ((h(0), Reset(0)), "instruction 1, reset, is none of"),
        ((h(0), Initialize(Array.of(np.array([1, 0])), (0,))), "instruction 1, initialize, is none of"),
        ((IfElse(Clbit(0), (h(0),)),), "instruction 0, ifelse, is none of"),
    ],
)
def test_what_has_no_trajectories_is_refused_by_name(instructions: tuple[Instruction, ...], named: str) -> None:
    """The first instruction that is to blame, and its place."""
    assert named in (refusal(program(1, 1, *instructions)) or "")


def test_resets_at_the_beginning_do_nothing() -> None:
    """Some libraries write them."""
    assert refusal(program(1, 1, Reset(0), h(0), Measure(0, 0))) is None
