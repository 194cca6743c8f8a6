"""Programs as flat code: what is measured last, what is left out."""

from __future__ import annotations

import pytest
from programs import h, measures, program, random_vector, x

from simulator.analysis import final_measures
from simulator.code import Code, Evolve, Meet, Retire
from simulator.expression import Clbit
from simulator.flow import compile_program
from simulator.instructions import (
    Array,
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
from simulator.program import Program

AMPLITUDES = Array.of(random_vector(1, 1))


def code(dynamic: Program, *, fresh: bool = True, sampling: bool = True) -> Code:
    return compile_program(dynamic, fresh=fresh, sampling=sampling, merging=True)


def kinds(dynamic: Program, *, fresh: bool = True) -> list[type]:
    """The operations but for meetings and the end."""
    operations = code(dynamic, fresh=fresh).operations
    return [type(operation) for operation in operations if not isinstance(operation, Meet)][:-1]


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        # The condition needs the outcome, and nothing the qubit.
        ((Measure(0, 0), IfElse(Clbit(0), (x(1),)), Measure(1, 1)), [Retire]),
        ((Measure(0, 0), IfElse(Clbit(0), (x(0),)), Measure(1, 1)), [Measure]),
        ((Measure(0, 0), IfElse(Clbit(0), (x(1),)), Measure(0, 1)), [Measure]),
        ((Measure(0, 0), Measure(0, 1), Store(Clbit(0), Clbit(1))), [Measure, Retire]),
        # Others come again, in a loop.
        ((For(Range(0, 2), ((Measure(0, 0), IfElse(Clbit(0), (x(1),))),)),), [Measure]),
    ],
)
def test_a_last_measurement_retires_its_qubit(instructions: tuple[Instruction, ...], expected: list[type]) -> None:
    """Unless something touches the qubit later: a gate, a condition's body, a final measurement."""
    assert [kind for kind in kinds(program(2, 2, *instructions)) if kind in {Measure, Retire}] == expected
    one_shot = compile_program(program(2, 2, *instructions), fresh=True, sampling=True, merging=False)
    assert Retire not in map(type, one_shot.operations)


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
    compiled = code(program(2, 2, *instructions))
    assert len(compiled.final) == final
    assert compiled.final == tuple(part for part in compiled.final if isinstance(part, Measure))
    assert code(program(2, 2, *instructions), sampling=False).final == ()


def test_the_order_of_final_measurements_stays() -> None:
    """Rule 31: of several measurements into one clbit, the last one wins, final or not."""
    rest, final = final_measures([Measure(0, 0), h(0), Measure(1, 0), Measure(0, 0)])
    assert rest == [Measure(0, 0), h(0)]
    assert final == (Measure(1, 0), Measure(0, 0))


@pytest.mark.parametrize(
    ("instructions", "expected"),
    [
        ((Reset(0), h(0)), [Evolve]),
        ((h(1), Reset(0), Barrier((0,)), Initialize(AMPLITUDES, (0,))), [Evolve]),
        ((h(0), Reset(0)), [Evolve, Reset]),
        ((h(0), Initialize(AMPLITUDES, (0,))), [Evolve, Reset, Evolve]),
        ((x(1, 0), Reset(1)), [Evolve, Reset]),
        ((Initialize(AMPLITUDES, (0,)), Reset(0)), [Evolve, Reset]),
    ],
)
def test_a_reset_of_an_untouched_qubit_is_nothing(instructions: tuple[Instruction, ...], expected: list) -> None:
    """Qubits that nothing has touched are in |0>: resets of them cost nothing and draw nothing."""
    assert kinds(program(2, 0, *instructions)) == expected


def test_every_reset_counts_in_a_given_state() -> None:
    """From an initial state of the user's, no qubit is known to be in |0>."""
    assert kinds(program(1, 0, Reset(0)), fresh=False) == [Reset]


def test_every_reset_counts_in_a_loop() -> None:
    """A reset in a loop meets what the round before has left."""
    loop = For(Range(0, 2), ((Reset(0), h(0)),))
    assert Reset in kinds(program(1, 0, loop))
