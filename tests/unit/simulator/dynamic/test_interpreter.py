"""Dynamic circuits against the exact distribution of their outcomes."""

from __future__ import annotations

import math
import time
import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import patience
from support.dynamic_strategies import COUNTER, added, dynamic_programs, uint
from support.exact import assert_likely, distribution
from support.examples import examples
from support.programs import (
    bytes_of,
    h,
    measures,
    moved_to,
    program,
    random_vector,
    ry,
    x,
)

from simulator import Program, run
from simulator.circuit.array import Array
from simulator.circuit.expression import Binary, Bits, Bool, Cast, Clbit, Constant, Index, Uint, Unary, Var
from simulator.circuit.instructions import (
    Box,
    Break,
    Case,
    Continue,
    For,
    Gate,
    IfElse,
    Initialize,
    Instruction,
    Measure,
    Range,
    Reset,
    Store,
    Switch,
    While,
)
from simulator.circuit.program import Variable
from simulator.dynamic import limits
from simulator.dynamic.bytecode import AllocateQubits, MeasureAndFree
from simulator.dynamic.compiler import compile_program
from simulator.dynamic.interpreter import Interpreter
from simulator.dynamic.timeline import Timeline
from simulator.errors import InvalidProgramError, ProgramRuntimeError, StoppedError
from simulator.evolve import Statevectors, statevectors
from simulator.evolve.statevector import ground_of
from simulator.monitor import SILENT, Monitor
from simulator.rng import Uniforms
from simulator.sampling.counts import ShotCounts
from simulator.sampling.sampler import sample
from simulator.tuning import Tuning

YES = Constant(Bool(), True)


def equal(left: object, right: object) -> Binary:
    return Binary("equal", Bool(), left, right)


def teleportation() -> Program:
    """A state of one qubit goes to another, and back through the inverse of its preparation: always 0."""
    return program(
        3,
        3,
        Gate("u", (0,), (0.3, 0.4, 0.5)),
        h(1),
        x(2, 1),
        x(1, 0),
        h(0),
        Measure(0, 0),
        Measure(1, 1),
        IfElse(Clbit(1), (x(2),)),
        IfElse(Clbit(0), (Gate("z", (2,)),)),
        Gate("u", (2,), (-0.3, -0.5, -0.4)),
        Measure(2, 2),
    )


def repeat_until_success() -> Program:
    """Tries until a coin of 3/4 falls on 1, counting in a variable that wraps around; the count is read out."""
    return program(
        1,
        5,
        Store(Var(0), uint(0)),
        While(
            Unary("logic_not", Bool(), Clbit(4)),
            (Reset(0), ry(2 * np.pi / 3, 0), Measure(0, 4), added(0, 1)),
        ),
        Store(Bits((0, 1, 2, 3)), Var(0)),
        variables=(COUNTER,),
    )


def nested_loops() -> Program:
    """Inner breaks and continues, outer breaks, with coins deciding."""
    inner = For(
        Range(0, 5, 2),
        (
            (
                h(0),
                Measure(0, 0),
                IfElse(Clbit(0), (Continue(),)),
                added(1, 1),
                IfElse(equal(Var(0), uint(2)), (Break(),)),
                added(1, 2),
            ),
        ),
        variable=0,
    )
    outer = For(
        (3, 1, 2),
        (
            (inner, IfElse(Binary("greater", Bool(), Var(1), uint(6)), (Break(),))),
            (inner, added(1, 4)),
            (Box((inner, Box((Continue(),)), added(1, 1))),),
        ),
    )
    return program(
        1,
        5,
        Store(Var(1), uint(0)),
        outer,
        Store(Bits((1, 2, 3, 4)), Var(1)),
        variables=(Variable("index", Uint(4)), COUNTER),
    )


def switch() -> Program:
    """Each value of a register takes its own body; the default takes the rest."""
    cases = (Case(("0x0",), (x(2),)), Case(("0x1", "0x2"), (h(2),)), Case((), (ry(0.4, 2),)))
    return program(3, 3, h(0), h(1), Measure(0, 0), Measure(1, 1), Switch(Bits((0, 1)), cases), Measure(2, 2))


def measured_in_between() -> Program:
    """Measurements into the same clbit, the last of which stays, and of a qubit that goes on."""
    return program(2, 2, ry(0.7, 0), Measure(0, 0), h(0), x(1, 0), Measure(1, 0), ry(0.3, 0), Measure(0, 1))


def initialized_again() -> Program:
    """Initialize of entangled qubits resets them first."""
    amplitudes = Array.of(random_vector(3, 2))
    return program(3, 3, h(0), x(1, 0), x(2, 1), Initialize(amplitudes, (2, 0)), ry(0.2, 1), *measures(3))


def stores() -> Program:
    """Classical values only: a variable, a bit of it, a register, a cast."""
    return program(
        1,
        4,
        h(0),
        Measure(0, 0),
        Store(Var(0), Cast(Uint(4), Clbit(0))),
        Store(Index(Var(0), uint(2)), YES),
        added(0, 13),
        Store(Bits((3, 2, 1, 0)), Var(0)),
        variables=(COUNTER,),
    )


def syndrome_rounds() -> Program:
    """Five rounds that entangle, measure and reset an ancilla: many histories, few states."""
    rounds = [
        part
        for index in range(5)
        for part in (x(2, 0), x(2, 1), Measure(2, index), Reset(2), ry(0.5, 0), ry(0.5, 1))
    ]
    return program(3, 5, h(0), x(1, 0), *rounds)


def actively_reset() -> Program:
    """Three rounds on one ancilla that is flipped back where it was 1, and used again."""
    rounds = [
        part
        for index in range(3)
        for part in (x(2, 0), ry(0.7, 2), Measure(2, index), IfElse(Clbit(index), (x(2),)), ry(0.9, 0), x(1, 0))
    ]
    return program(3, 5, h(0), *rounds, x(2, 1), Measure(2, 3), Measure(0, 4))


def measured_and_prepared() -> Program:
    """A qubit is measured, another acts on that, and the first is prepared anew."""
    amplitudes = Array.of(random_vector(7, 2))
    return program(
        4,
        4,
        *(h(0), x(1, 0), Measure(0, 0), IfElse(Clbit(0), (ry(0.4, 1), x(2))), Initialize(amplitudes, (0, 3))),
        *(x(1, 0), Measure(3, 1), Reset(3), IfElse(Clbit(1), (h(2),)), *measures(4)[2:], Measure(0, 0)),
    )


PROGRAMS = {
    make.__name__: make
    for make in (
        teleportation,
        repeat_until_success,
        nested_loops,
        switch,
        measured_in_between,
        initialized_again,
        stores,
        syndrome_rounds,
        actively_reset,
        measured_and_prepared,
    )
}


@pytest.mark.rule(30, 31)
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("sample_measuring", [True, False])
def test_counts_are_likely(name: str, *, sample_measuring: bool) -> None:
    """Counts of dynamic circuits follow the exact probabilities."""
    result = run(PROGRAMS[name](), seed=11, shots=20_000, sample_measuring=sample_measuring)
    assert_likely(result.counts, distribution(PROGRAMS[name]()))


@pytest.mark.rule(28, 31)
@pytest.mark.parametrize("name", PROGRAMS)
def test_counts_of_states_in_pieces_are_likely(name: str) -> None:
    """So they do where a state has more qubits than one distribution, and memory agrees."""
    pieces = Tuning(piece_bits=1, run_bits=1)
    result = run(PROGRAMS[name](), seed=12, shots=20_000, tuning=pieces)
    assert_likely(result.counts, distribution(PROGRAMS[name]()))
    remembered = run(PROGRAMS[name](), seed=12, shots=20_000, memory=True, tuning=pieces)
    assert result.counts == remembered.counts == Counter(remembered.memory)


@pytest.mark.rule(30)
@examples(25, derandomize=True)
@given(dynamic_programs())
def test_random_dynamic_programs_are_likely(dynamic: Program) -> None:
    """Any mix of control flow, measurements, resets and stores follows the exact probabilities."""
    assert_likely(run(dynamic, seed=5, shots=4000).counts, distribution(dynamic))


@pytest.mark.rule(32)
@examples(25, derandomize=True)
@given(dynamic_programs(), st.integers(0, 2**63 - 1))
def test_no_outcome_depends_on_how_branches_are_run(dynamic: Program, seed: int) -> None:
    """Waiting for each other or not, and any number of other shots, change no shot's outcome."""
    whole = run(dynamic, seed=seed, shots=300, memory=True).memory
    assert run(dynamic, seed=seed, shots=40, memory=True).memory == whole[:40]
    with pytest.MonkeyPatch.context() as patch:
        for most in (1, 5, 64):
            patch.setattr(limits, "_WAITING", most)
            assert run(dynamic, seed=seed, shots=300, memory=True).memory == whole


@pytest.mark.rule(30)
def test_teleportation_arrives() -> None:
    """The teleported state is exact: its readout is 0 in every shot."""
    counts = run(teleportation(), seed=1, shots=10_000).counts
    assert all(int(key, 16) < 0b100 for key in counts)


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


def relay(num_qubits: int) -> Program:
    """A qubit that is teleported along a line, two others for each step, and turned back at its end."""
    parts: list[Instruction] = [ry(0.8, 0)]
    for index in range(0, num_qubits - 2, 2):
        parts += h(index + 1), x(index + 2, index + 1), x(index + 1, index), h(index)
        parts += Measure(index, index), Measure(index + 1, index + 1)
        parts += IfElse(Clbit(index + 1), (x(index + 2),)), IfElse(Clbit(index), (Gate("z", (index + 2,)),))
    return program(
        num_qubits, num_qubits, *parts, ry(-0.8, num_qubits - 1), Measure(num_qubits - 1, num_qubits - 1)
    )


@pytest.mark.rule(30)
@pytest.mark.slow
def test_a_qubit_goes_along_a_line_of_two_hundred() -> None:
    """Three qubits are in use at once, however many there are."""
    line = relay(201)
    assert Timeline.of(line).width == 3
    counts = run(line, seed=3, shots=2000).counts
    assert len(counts) == 2000
    assert all(int(key, 16) < 1 << 200 for key in counts)
    ones = sum(int(key, 16) >> 77 & 1 for key in counts)
    assert abs(ones - 1000) < 4.5 * np.sqrt(500)


@pytest.mark.rule(32)
@examples(15, derandomize=True)
@given(dynamic_programs(), st.integers(0, 2**63 - 1), st.permutations(range(40)))
def test_idle_qubits_change_nothing(dynamic: Program, seed: int, qubits: list[int]) -> None:
    """On any qubits of a device, a circuit has the outcomes that it has by itself."""
    spread = moved_to(dynamic, dict(enumerate(sorted(qubits[:3]))), 40)
    assert Timeline.of(spread).width <= 3
    assert run(spread, seed=seed, shots=200, memory=True) == run(dynamic, seed=seed, shots=200, memory=True)


@pytest.mark.rule(25)
@examples(60, derandomize=True)
@given(dynamic_programs(), st.booleans())
def test_as_many_qubits_as_are_said_to_be_in_use(dynamic: Program, sampling: bool) -> None:
    """What memory is admitted by is what the code does."""
    wide = moved_to(dynamic, {0: 1, 1: 4, 2: 6}, 8)
    code = compile_program(Timeline.of(wide, sampling=sampling))
    width = most = len(code.qubits)
    for operation in code.operations:
        width += (
            len(operation.qubits)
            if isinstance(operation, AllocateQubits)
            else -isinstance(operation, MeasureAndFree)
        )
        most = max(most, width)
    assert Timeline.of(wide, sampling=sampling).width == most


@pytest.mark.rule(25)
@pytest.mark.parametrize("shots", [1, 2, 30])
@pytest.mark.parametrize("sampling", [True, False])
def test_memory_of_few_histories(shots: int, *, sampling: bool) -> None:
    """A qubit that is taken out or brought has both states in memory for a while, and no third."""
    width = 18
    rotations = [Gate("rx", (qubit,), (0.4,)) for qubit in range(width)]
    for middle in (
        (Reset(0), Gate("rx", (0,), (0.3,))),
        (Measure(3, width), Store(Clbit(width), Clbit(width)), Reset(3), h(3), Reset(4), h(4)),
        (Store(Clbit(width), Clbit(width)),),
        (Measure(width, width),),
    ):
        dynamic = program(width + 1, width + 1, *rotations[1:], *middle, rotations[0], *measures(width))
        run(dynamic, seed=1, shots=1)
        tracemalloc.start()
        run(dynamic, seed=1, shots=shots, sample_measuring=sampling)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < bytes_of(dynamic, "counts", shots, sampling=sampling)


@pytest.mark.rule(25)
def test_memory_where_qubits_come_and_go() -> None:
    """A run takes no more than it is said to take, however its states grow and shrink."""
    width = 16
    entangled = [part for q in range(width) for part in (h(q), x(q, q - 1) if q else h(q), ry(0.3 * q, q))]
    measured = [
        part
        for q in range(width - 2)
        for part in (Measure(q, q), IfElse(Clbit(q), (ry(0.1, width - 1), x(width - 2, width - 1))))
    ]
    again = [part for q in range(width, 2 * width) for part in (h(q), x(q, q - 1), ry(0.3, q))]
    dynamic = program(2 * width, width, *entangled, *measured, *again, h(width - 1))
    run(dynamic, seed=1, shots=2)
    for shots in (3, 300):
        tracemalloc.start()
        run(dynamic, seed=1, shots=shots)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < bytes_of(dynamic, "counts", shots)


def splitting(num_qubits: int) -> Program:
    """Twelve measurements, each of which leaves two states that are in no two histories the same."""
    splits = tuple(part for i in range(12) for part in (h(0), ry(0.1 * i + 0.2, 1), x(1, 0), Measure(0, i)))
    return program(num_qubits, 12, *splits, IfElse(Clbit(0), (h(0),)), h(0))


@pytest.mark.rule(25)
@pytest.mark.slow
@pytest.mark.parametrize("most", [1, 5, 64, 4096])
def test_few_states_are_alive(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of however many states there are, no more than `peak_states` take memory at once."""
    state_bytes = 16 << 10
    monkeypatch.setattr(limits, "_WAITING", most)
    code = compile_program(Timeline.of(splitting(10), sampling=False))
    start = Statevectors(ground_of(code.qubits))
    tracemalloc.start()
    ended = sum(branch.num_shots for branch in Interpreter(code, Uniforms(1), SILENT).run(start, np.arange(512)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert ended == 512
    bookkeeping = 1 << 21
    assert peak < (1 + limits.peak_states(state_bytes, 512, 512)) * state_bytes + bookkeeping


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
    monkeypatch.setattr(limits, "_WAITING", most)
    monkeypatch.setattr(statevectors, "_TOGETHER_BITS", together)
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


@pytest.mark.rule(30)
def test_an_endless_loop_can_be_stopped() -> None:
    """Each round of a loop calls the checkpoint, also an empty one; what that raises ends the run."""
    deadline = time.monotonic() + 0.1

    def stop() -> None:
        if time.monotonic() > deadline:
            raise StoppedError("enough")

    for body in ((), (h(0),), (Continue(),)):
        with pytest.raises(StoppedError, match="enough"):
            run(program(1, 1, While(YES, body)), seed=1, shots=10, monitor=Monitor(stop))
        deadline = time.monotonic() + 0.1


@pytest.mark.rule(30)
def test_runtime_errors_name_the_variable() -> None:
    """A variable that is read too early is named."""
    with pytest.raises(ProgramRuntimeError, match='"counter"'):
        run(program(1, 1, added(0, 1), variables=(COUNTER,)), seed=1)


@pytest.mark.rule(36)
@pytest.mark.parametrize("jump", [Break(), Continue()])
def test_a_jump_outside_of_a_loop_is_refused(jump: Instruction) -> None:
    """A break or continue that has no loop is an error of the program."""
    with pytest.raises(InvalidProgramError, match="outside of every loop"):
        run(program(1, 1, IfElse(Clbit(0), (jump,))), seed=1)


@pytest.mark.rule(31)
def test_a_million_shots_of_a_dynamic_circuit() -> None:
    """Shots of one history cost one evolution: 10^6 of them take a second or two, not minutes."""
    begin = time.perf_counter()
    counts = run(teleportation(), seed=1, shots=1_000_000).counts
    assert sum(counts.values()) == 1_000_000
    assert time.perf_counter() - begin < patience.deadline(10)


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
