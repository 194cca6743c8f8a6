"""Random programs with control flow, measurements, resets and stores, for Hypothesis."""

from __future__ import annotations

from hypothesis import strategies as st
from support.noise import channels, random_table
from support.programs import Draw, measures, program, ry, unitary_instructions

from simulator.circuit.expression import Binary, Bits, Clbit, Constant, Index, Uint, Var
from simulator.circuit.instructions import (
    Break,
    Case,
    Continue,
    For,
    IfElse,
    Instruction,
    Measure,
    Noise,
    Range,
    Readout,
    Reset,
    Store,
    Switch,
    While,
)
from simulator.circuit.program import Program, Variable

COUNTER = Variable("counter", Uint(4))


def uint(value: int, width: int = 4) -> Constant:
    return Constant(Uint(width), hex(value))


def added(variable: int, value: int) -> Store:
    return Store(Var(variable), Binary("add", Uint(4), Var(variable), uint(value)))


@st.composite
def noisy_programs(draw: Draw) -> Program:
    """The same with channels and readout errors among the instructions."""
    table = tuple(draw(channels(num_qubits)) for num_qubits in (1, 2))
    body = _body(draw, 1, noisy=True)
    final = (*measures(3)[:2], Readout((1,), random_table(draw(st.integers(0, 99)), 1)))
    return program(3, 3, Store(Var(0), uint(0)), *body, *final, variables=(COUNTER,), channels=table)


@st.composite
def dynamic_programs(draw: Draw) -> Program:
    """Random bodies in random control flow over 3 qubits, 3 clbits and a counter."""
    instructions = _body(draw, depth=2)
    return program(3, 3, Store(Var(0), uint(0)), *instructions, *measures(3)[:1], variables=(COUNTER,))


def _body(  # noqa: C901, PLR0912 (one case a kind of instruction)
    draw: Draw, depth: int, *, noisy: bool = False
) -> tuple[Instruction, ...]:
    parts: list[Instruction] = []
    kinds = ["unitary", "measure", "reset", "store", "add", "if", "for", "while", "switch"]
    if noisy:
        kinds = ["unitary", "noise", "readout", *kinds[:3], *kinds[5:7]]
    for _ in range(draw(st.integers(1, 4))):
        qubit, clbit = draw(st.integers(0, 2)), draw(st.integers(0, 2))
        kind = draw(st.sampled_from(kinds))
        if kind == "unitary" or (depth == 0 and kind in {"if", "for", "while", "switch"}):
            parts += draw(unitary_instructions(3, widest=2))[:3]
        elif kind == "noise":
            width = draw(st.integers(1, 2))
            parts.append(Noise(width - 1, tuple(draw(st.permutations(range(3)))[:width])))
        elif kind == "readout":
            parts.append(Readout((clbit,), random_table(qubit, 1)))
        elif kind == "measure":
            parts.append(Measure(qubit, clbit))
        elif kind == "reset":
            parts.append(Reset(qubit))
        elif kind == "store":
            parts.append(Store(Clbit(clbit), Index(Var(0), uint(draw(st.integers(0, 3))))))
        elif kind == "add":
            parts.append(added(0, draw(st.integers(1, 5))))
        elif kind == "if":
            parts.append(IfElse(Clbit(clbit), *(_body(draw, depth - 1, noisy=noisy) for _ in range(2))))
        elif kind == "for":
            jump = draw(st.sampled_from([Break(), Continue()]))
            body = (*_body(draw, depth - 1, noisy=noisy), IfElse(Clbit(clbit), (jump,)), added(0, 1))
            parts.append(For(Range(0, draw(st.integers(0, 3))), (body,)))
        elif kind == "while":
            # Each round draws the clbit anew from a coin: it ends.
            coin = (Reset(qubit), ry(1.0, qubit), Measure(qubit, clbit))
            parts.append(While(Clbit(clbit), (*_body(draw, 0)[:1], *coin)))
        else:
            cases = (Case(("0x1", "0x2"), _body(draw, depth - 1)), Case((), _body(draw, depth - 1)))
            parts.append(Switch(Bits((2, 0)), cases))
    return tuple(parts)
