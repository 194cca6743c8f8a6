"""Programs as flat code: what is measured last, what is left out."""

from __future__ import annotations

import time

import pytest
from support.programs import h, measures, program, random_vector, x

from simulator.circuit.array import Array
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import (
    Barrier,
    Box,
    Delay,
    For,
    IfElse,
    Initialize,
    Instruction,
    Measure,
    Range,
    Reset,
    Store,
)
from simulator.circuit.program import Program
from simulator.dynamic.bytecode import AllocateQubits, Bytecode, Evolve, MeasureAndFree, MergePoint
from simulator.dynamic.compiler import compile_program
from simulator.dynamic.timeline import Timeline

AMPLITUDES = Array.of(random_vector(1, 1))


def code(dynamic: Program, *, from_ground: bool = True, sampling: bool = True) -> Bytecode:
    return compile_program(Timeline.of(dynamic, from_ground=from_ground, sampling=sampling))


def instructions(*dynamic: Instruction) -> list[Instruction]:
    """What is done to states, final measurements among it."""
    return list(Timeline.of(program(4, 4, *dynamic), sampling=False).instructions)


def kinds(dynamic: Program, *, from_ground: bool = True) -> list[type]:
    """The operations but for meetings and the end."""
    operations = code(dynamic, from_ground=from_ground).operations
    return [type(operation) for operation in operations if not isinstance(operation, MergePoint)][:-1]


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        # The condition needs the outcome, and nothing the qubit.
        ((Measure(0, 0), IfElse(Clbit(0), (x(1),)), Measure(1, 1)), [MeasureAndFree]),
        ((Measure(0, 0), IfElse(Clbit(0), (h(0),)), Measure(1, 1)), [Measure]),
        ((Measure(0, 0), IfElse(Clbit(0), (x(1),)), Measure(0, 1)), [Measure]),
        ((Measure(0, 0), Measure(0, 1), Store(Clbit(0), Clbit(1))), [Measure, MeasureAndFree]),
        # It is reset before anything else is done to it.
        ((Measure(0, 0), IfElse(Clbit(0), (x(1),)), Reset(0), h(0)), [MeasureAndFree]),
        ((Measure(0, 0), IfElse(Clbit(0), (x(1),)), Initialize(AMPLITUDES, (0,))), [MeasureAndFree]),
        ((Measure(0, 0), IfElse(Clbit(0), (x(0),)), h(0)), [MeasureAndFree]),
        (
            (Measure(0, 0), x(1), Measure(1, 1), IfElse(Clbit(1), (h(0),)), Reset(0)),
            [Measure, MeasureAndFree, MeasureAndFree],
        ),
        # Others come again, in a loop.
        ((For(Range(0, 2), ((Measure(0, 0), IfElse(Clbit(0), (x(1),))),)),), [Measure]),
    ],
)
def test_a_last_measurement_retires_its_qubit(instructions: tuple[Instruction, ...], expected: list[type]) -> None:
    """JumpIfFalse something touches the qubit later: a gate, a condition's body, a final measurement."""
    assert [kind for kind in kinds(program(2, 2, *instructions)) if kind in {Measure, MeasureAndFree}] == expected
    one_shot = compile_program(Timeline.of(program(2, 2, *instructions), "statevector"))
    assert MeasureAndFree not in map(type, one_shot.operations)


@pytest.mark.parametrize(
    ("between", "is_reset"),
    [
        ((), True),
        ((h(1), Measure(1, 1), IfElse(Clbit(0), (h(2),)), IfElse(Clbit(1), (h(2),))), True),
        ((x(0),), False),
        ((Measure(1, 0),), False),
        ((Store(Clbit(0), Clbit(1)),), False),
        ((IfElse(Clbit(1), (Store(Clbit(0), Clbit(1)),)),), False),
        ((For(Range(0, 2), ((x(0),),)),), False),
    ],
)
def test_a_flip_of_what_was_measured_as_1_is_a_reset(between: tuple[Instruction, ...], *, is_reset: bool) -> None:
    """While the clbit still says what the qubit is, and for nothing but that flip."""
    flip = IfElse(Clbit(0), (x(0),))
    *rest, last = instructions(h(0), Measure(0, 0), *between, flip)
    assert rest == [h(0), Measure(0, 0), *between]
    assert last == (Reset(0) if is_reset else flip)
    others = (
        IfElse(Clbit(1), (x(0),)),
        IfElse(Clbit(0), (x(1),)),
        IfElse(Clbit(0), (x(0, 1),)),
        IfElse(Clbit(0), (h(0),)),
        IfElse(Clbit(0), (x(0), x(0))),
        IfElse(Clbit(0), (x(0),), (x(0),)),
    )
    for other in others:
        assert instructions(Measure(0, 0), other) == [Measure(0, 0), other]


@pytest.mark.parametrize(
    ("instructions", "final"),
    [
        ((h(0), *measures(2)), 2),
        ((h(0), Measure(0, 0), h(1), Measure(1, 1)), 2),
        ((Measure(0, 0), Barrier((0, 1)), Delay(0, 1.0, "s"), Measure(0, 1)), 2),
        ((Measure(0, 0), Measure(1, 0)), 2),
        ((Box((Measure(0, 0), Box((h(1),)))),), 1),
        ((Measure(0, 0), h(0), Measure(1, 1)), 1),
        ((Measure(0, 0), h(0), Measure(0, 0)), 1),
        ((Measure(0, 0), Reset(0)), 0),
        ((Measure(0, 0), IfElse(Clbit(0), (x(1),)), Measure(1, 1)), 1),
        ((Measure(0, 0), Store(Clbit(0), Clbit(1))), 0),
        ((Measure(0, 0), Store(Clbit(1), Clbit(0))), 0),
        ((Measure(0, 0), For(Range(0, 2), ((h(0),),)), Measure(1, 1)), 1),
        ((For(Range(0, 2), ((Measure(0, 0),),)),), 0),
    ],
)
def test_final_measurements(instructions: tuple[Instruction, ...], final: int) -> None:
    """A measurement is final if nothing later touches its qubit, or reads or writes its clbit."""
    found = Timeline.of(program(2, 2, *instructions), from_ground=False).final
    assert len(found) == final
    assert found == tuple(part for part in found if isinstance(part, Measure))
    assert Timeline.of(program(2, 2, *instructions), from_ground=False, sampling=False).final == ()


@pytest.mark.rule(31)
def test_the_order_of_final_measurements_stays() -> None:
    """Of several measurements into one clbit, the last one wins, final or not."""
    timeline = Timeline.of(program(2, 1, Measure(0, 0), h(0), h(1), Measure(1, 0), h(0), Measure(0, 0)))
    assert timeline.instructions == [Measure(0, 0), h(0), h(1), h(0)]
    assert timeline.final == (Measure(1, 0), Measure(0, 0))


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        ((Reset(0), h(0)), [Evolve]),
        ((h(1), Reset(0), Barrier((0,)), Initialize(AMPLITUDES, (0,))), [Evolve]),
        ((h(0), Reset(0)), [Evolve, MeasureAndFree]),
        ((h(0), Initialize(AMPLITUDES, (0,))), [Evolve, MeasureAndFree, AllocateQubits, Evolve]),
        ((x(1, 0), Reset(1), Reset(1)), [Evolve, MeasureAndFree]),
        ((Initialize(AMPLITUDES, (0,)), Reset(0)), [Evolve, MeasureAndFree]),
    ],
)
def test_a_reset_of_an_untouched_qubit_is_nothing(instructions: tuple[Instruction, ...], expected: list) -> None:
    """Qubits that nothing has touched are in |0>: resets of them cost nothing and draw nothing."""
    assert kinds(program(2, 0, *instructions)) == expected


def test_every_reset_counts_in_a_given_state() -> None:
    """From an initial state of the user's, no qubit is known to be in |0>."""
    assert kinds(program(1, 0, Reset(0)), from_ground=False) == [MeasureAndFree]
    one_shot = compile_program(Timeline.of(program(1, 0, Reset(0)), "statevector", from_ground=False))
    assert Reset in map(type, one_shot.operations)


def test_every_reset_counts_in_a_loop() -> None:
    """A reset in a loop meets what the round before has left."""
    loop = For(Range(0, 2), ((Reset(0), h(0)),))
    assert Reset in kinds(program(1, 0, loop))


@pytest.mark.rule(36)
def test_looking_for_resets_takes_no_longer_the_more_qubits_there_are() -> None:
    """A hostile program of thousands of qubits is compiled in its own length."""
    measured = [Measure(index % 4000, index % 4000) for index in range(20_000)]
    begin = time.process_time()
    Timeline.of(program(4000, 4000, IfElse(Clbit(0), (x(0),)), *measured, IfElse(Clbit(0), (x(0),))))
    assert time.process_time() - begin < 3


def widths(compiled: Bytecode) -> list[int]:
    """How many qubits there are, from the start on, after each that come or go."""
    found = [len(compiled.qubits)]
    for operation in compiled.operations:
        if isinstance(operation, AllocateQubits):
            found.append(found[-1] + len(operation.qubits))
        elif isinstance(operation, MeasureAndFree):
            found.append(found[-1] - 1)
    return found


@pytest.mark.rule(25)
@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        # A device of 9 qubits, and what is used of it.
        ((h(7), x(2, 7), *measures(9)), [2]),
        ((*measures(9),), [0]),
        ((Reset(3), h(4), Barrier((1,)), Delay(2, 1.0, "s")), [1]),
        # The 0 of qubit 1 goes over the outcome of qubit 0.
        ((h(0), Measure(0, 0), Measure(1, 0)), [2]),
        ((h(0), Measure(0, 0), Store(Clbit(1), Clbit(0)), Measure(3, 1)), [1, 0, 1]),
        # One after the other.
        (
            (h(0), Measure(0, 0), IfElse(Clbit(0), (x(1),)), Measure(1, 1), IfElse(Clbit(1), (x(2),))),
            [1, 0, 1, 0, 1],
        ),
        ((h(0), x(1, 0), Measure(0, 0), IfElse(Clbit(0), (x(1), x(2))), h(3)), [2, 1, 2, 3]),
        # In a loop, all from the start.
        ((h(0), For(Range(0, 2), ((h(1), Measure(1, 0), x(2, 1), Reset(2)),)), *measures(3)), [3]),
        ((Measure(0, 0), IfElse(Clbit(0), (x(1),))), [1, 0, 1]),
    ],
)
def test_qubits_come_and_go(instructions: tuple[Instruction, ...], expected: list[int]) -> None:
    """Only the qubits that are in use take memory."""
    dynamic = program(9, 9, *instructions)
    assert widths(code(dynamic)) == expected
    assert Timeline.of(dynamic).width == max(expected)
    for other in (code(dynamic, from_ground=False), compile_program(Timeline.of(dynamic, "statevector"))):
        assert other.qubits == tuple(range(9))
        assert AllocateQubits not in map(type, other.operations)
    assert Timeline.of(dynamic, "statevector").width == Timeline.of(dynamic, from_ground=False).width == 9
