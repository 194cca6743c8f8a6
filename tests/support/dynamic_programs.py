"""Dynamic circuits for tests: each has a kind of control flow, or of measurement on the way."""

from __future__ import annotations

import numpy as np
from support.dynamic_strategies import COUNTER, added, uint
from support.programs import (
    h,
    measures,
    program,
    random_vector,
    ry,
    x,
)

from simulator import Program
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
    Measure,
    Range,
    Reset,
    Store,
    Switch,
    While,
)
from simulator.circuit.program import Variable

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


def splitting(num_qubits: int) -> Program:
    """Twelve measurements, each of which leaves two states that are in no two histories the same."""
    splits = tuple(part for i in range(12) for part in (h(0), ry(0.1 * i + 0.2, 1), x(1, 0), Measure(0, i)))
    return program(num_qubits, 12, *splits, IfElse(Clbit(0), (h(0),)), h(0))
