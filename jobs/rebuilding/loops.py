"""Loops with a body for each index, said with one body: a counter, and a switch on it.

Lowering makes such loops where a Qiskit Parameter stands for the index; it was bound, and is gone.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec.structs import replace

from simulator.circuit.expression import Binary, Constant, Uint, Var
from simulator.circuit.instructions import Box, Case, For, IfElse, Instruction, Range, Store, Switch, While
from simulator.circuit.program import Program, Variable
from simulator.circuit.traversal import walk

Body = tuple[Instruction, ...]


def with_single_bodies(program: Program) -> Program:
    """Return an equal program whose loops have one body each, and a variable more for each counter."""
    if not any(isinstance(each, For) and len(each.bodies) != 1 for each in walk(program.instructions)):
        return program
    variables = list(program.variables)

    def rewrite(body: Body) -> Body:
        return tuple(new for old in body for new in _loop(_inside(old, rewrite), variables))

    return replace(program, instructions=rewrite(program.instructions), variables=tuple(variables))


def _inside(instruction: Instruction, rewrite: Callable[[Body], Body]) -> Instruction:
    """Return the instruction with its bodies rewritten."""
    if isinstance(instruction, IfElse):
        bodies = {"true_body": rewrite(instruction.true_body), "false_body": rewrite(instruction.false_body)}
        return replace(instruction, **bodies)
    if isinstance(instruction, (While, Box)):
        return replace(instruction, body=rewrite(instruction.body))
    if isinstance(instruction, For):
        return replace(instruction, bodies=tuple(map(rewrite, instruction.bodies)))
    if isinstance(instruction, Switch):
        return replace(
            instruction, cases=tuple(replace(case, body=rewrite(case.body)) for case in instruction.cases)
        )
    return instruction


def _loop(instruction: Instruction, variables: list[Variable]) -> Body:
    """Return what stands for the instruction: itself, unless it is a loop with a body for each index."""
    if not isinstance(instruction, For) or len(instruction.bodies) == 1:
        return (instruction,)
    rounds = len(instruction.bodies)
    if not rounds:
        return ()
    type_ = Uint(rounds.bit_length())
    counter = Var(len(variables))
    variables.append(Variable("round", type_))
    # The counter goes up before the switch: a body may end its round early.
    count = Store(counter, Binary("add", type_, counter, Constant(type_, "0x1")))
    cases = tuple(Case((hex(index),), body) for index, body in enumerate(instruction.bodies, start=1))
    rounds_body = (count, Switch(counter, cases))
    return (Store(counter, Constant(type_, "0x0")), For(Range(0, rounds), (rounds_body,)))
