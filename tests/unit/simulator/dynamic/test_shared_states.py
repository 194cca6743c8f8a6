"""Shots that are in the same state share one copy of it, and no outcome depends on that."""

from __future__ import annotations

import math
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dynamic_programs import PROGRAMS, splitting, teleportation
from support.dynamic_strategies import dynamic_programs
from support.examples import examples
from support.programs import (
    h,
    moved_to,
    program,
    x,
)

from simulator import Program, run
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import (
    Gate,
    IfElse,
    Instruction,
    Measure,
    Reset,
)
from simulator.dynamic import limits
from simulator.dynamic.compiler import compile_program
from simulator.dynamic.interpreter import Interpreter
from simulator.dynamic.timeline import Timeline
from simulator.evolve import Statevectors, statevectors
from simulator.evolve.statevector import ground_of
from simulator.monitor import SILENT, Monitor
from simulator.rng import Uniforms
from simulator.sampling.counts import ShotCounts
from simulator.sampling.sampler import sample


@pytest.mark.rule(32)
@examples(25, derandomize=True)
@given(dynamic_programs(), st.integers(0, 2**63 - 1))
def test_no_outcome_depends_on_how_branches_are_run(dynamic: Program, seed: int) -> None:
    """Waiting for each other or not, and any number of other shots, change no shot's outcome."""
    whole = run(dynamic, seed=seed, shots=300, memory=True).memory
    assert run(dynamic, seed=seed, shots=40, memory=True).memory == whole[:40]
    with pytest.MonkeyPatch.context() as patch:
        for most in (1, 5, 64):
            patch.setattr(limits, "WAITING", most)
            assert run(dynamic, seed=seed, shots=300, memory=True).memory == whole


def steps(circuit: Program, shots: int) -> list[int]:
    """How many states each branch of a run has when it comes to the end, and how often the run looked up."""
    looks: list[int] = []
    code = compile_program(Timeline.of(circuit))
    interpreter = Interpreter(code, Uniforms(1), Monitor(lambda: looks.append(1)))
    states = [
        branch.num_states for branch in interpreter.run(Statevectors(ground_of(code.qubits)), np.arange(shots))
    ]
    return [*states, len(looks)]


@pytest.mark.rule(31)
def test_shots_that_are_in_one_state_share_it() -> None:
    """10,000 shots take as many steps as 1,000, and equal states are evolved once."""
    assert steps(teleportation(), 1000) == steps(teleportation(), 10_000)
    # Whatever was measured, the teleported state is the same, and nobody asks for the other two qubits.
    assert steps(teleportation(), 1000)[0] == 1
    # 2^12 histories, but after each round one state.
    rounds = program(1, 12, *(part for i in range(12) for part in (h(0), Measure(0, i), Reset(0))), h(0))
    *states, few = steps(rounds, 4000)
    assert states == [1]
    assert few < 12 * 20
    assert len(run(rounds, seed=1, shots=4000).counts) > 2000


def fourier(num_qubits: int) -> Program:
    """The transform of a basis state, a qubit after the other, each rotated as those before it were measured."""
    parts: list[Instruction] = [x(0)]
    for qubit in reversed(range(num_qubits)):
        for other in range(qubit + 1, num_qubits):
            phase = Gate("p", (qubit,), (math.pi / 2 ** (other - qubit),))
            parts.append(IfElse(Clbit(other), (phase,)))
        parts += h(qubit), Measure(qubit, qubit)
    return program(num_qubits, num_qubits, *parts)


@pytest.mark.rule(31)
def test_a_qubit_that_nobody_asks_for_any_more_keeps_no_states_apart() -> None:
    """A thousand histories of measured qubits, and hardly a state more than one."""
    *states, few = steps(fourier(10), 1000)
    assert max(states) <= 2
    assert few < 1000
    # As all outcomes are as likely, hardly any comes twice.
    assert len(run(fourier(10), seed=1, shots=300).counts) > 200


@pytest.mark.rule(32)
@examples(15, derandomize=True)
@given(dynamic_programs(), st.integers(0, 2**63 - 1), st.permutations(range(40)))
def test_idle_qubits_change_nothing(dynamic: Program, seed: int, qubits: list[int]) -> None:
    """On any qubits of a device, a circuit has the outcomes that it has by itself."""
    spread = moved_to(dynamic, dict(enumerate(sorted(qubits[:3]))), 40)
    assert Timeline.of(spread).width <= 3
    assert run(spread, seed=seed, shots=200, memory=True) == run(dynamic, seed=seed, shots=200, memory=True)


@pytest.mark.rule(32)
@pytest.mark.slow
@pytest.mark.parametrize("most", [1, 5, 64, 4096])
@pytest.mark.parametrize("together", [0, 15])
def test_no_outcome_depends_on_how_many_states_wait(
    most: int, together: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """States may be evolved one by one or together, and branches be cut anywhere."""
    expected = run(splitting(3), seed=3, shots=700, memory=True)
    assert len(expected.counts) > 200
    monkeypatch.setattr(limits, "WAITING", most)
    monkeypatch.setattr(statevectors, "TOGETHER_BITS", together)
    assert run(splitting(3), seed=3, shots=700, memory=True) == expected


@pytest.mark.rule(32)
@pytest.mark.parametrize("name", PROGRAMS)
def test_a_range_of_shots_is_what_it_is_among_all(name: str) -> None:
    """Any shots, run by themselves, have the outcomes that they have among the others."""
    whole = run(PROGRAMS[name](), seed=9, shots=3000, memory=True).memory
    code = compile_program(Timeline.of(PROGRAMS[name]()))
    for shots in (np.arange(1000, 2500), np.array([3, 4, 1023, 1024, 2999])):
        shot_counts = ShotCounts(3000, memory=True)
        uniforms = Uniforms(9)
        for branch in Interpreter(code, uniforms, SILENT).run(Statevectors(ground_of(code.qubits)), shots):
            sample(branch, code.timeline.final, uniforms, shot_counts)
        assert [shot_counts.results()[1][shot] for shot in shots] == [whole[shot] for shot in shots]


@pytest.mark.rule(31)
def test_a_million_shots_of_a_dynamic_circuit() -> None:
    """Shots of one history cost one evolution: 10^6 of them take a second or two, not minutes."""
    begin = time.process_time()
    counts = run(teleportation(), seed=1, shots=1_000_000).counts
    assert sum(counts.values()) == 1_000_000
    assert time.process_time() - begin < 10


def test_states_that_meet_keep_what_either_has_touched() -> None:
    """A qubit that only one of two joined states has touched is not taken for untouched in the other's name."""
    outside = 15  # not in the first chunk of 2^14 amplitudes
    circuit = program(
        16,
        3,
        h(0),
        Measure(0, 0),
        IfElse(Clbit(0), (x(outside),)),
        h(1),
        h(2),
        Measure(1, 1),
        h(1),
        Measure(2, 2),
    )
    counts = run(circuit, seed=3, shots=4000).counts
    assert counts is not None
    assert len(counts) == 8
    assert all(400 < count < 600 for count in counts.values())
