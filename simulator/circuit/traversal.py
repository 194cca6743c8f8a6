"""What is in an instruction: the qubits, clbits and variables that it names, and the bodies that it holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any

from simulator.circuit.expression import Bits, Clbit, Expression, Var, parts_of
from simulator.circuit.instructions import (
    Barrier,
    Box,
    Delay,
    Diagonal,
    For,
    Gate,
    IfElse,
    Initialize,
    Instruction,
    Measure,
    Noise,
    Permutation,
    Readout,
    Reset,
    Save,
    Store,
    Switch,
    Unitary,
    While,
)


def qubits_of(instruction: Instruction) -> tuple[int, ...]:
    """Return the qubits that an instruction names itself, bodies excluded; targets first, then controls."""
    if type(instruction) is Gate:  # by far the most frequent
        return instruction.targets + instruction.controls
    return _QUBITS.get(type(instruction), _none)(instruction)


def expressions_of(instruction: Instruction) -> tuple[Expression, ...]:
    """Return the expressions that an instruction holds itself, bodies excluded; what is written to among them."""
    return _EXPRESSIONS.get(type(instruction), _none)(instruction)


def clbits_of(instruction: Instruction) -> tuple[int, ...]:
    """Return the clbits that an instruction reads or writes itself, bodies excluded."""
    if isinstance(instruction, Measure):
        return (instruction.clbit,)
    if isinstance(instruction, Readout):
        return instruction.clbits
    parts = [part for expression in expressions_of(instruction) for part in parts_of(expression)]
    registers = [part.clbits for part in parts if isinstance(part, Bits)]
    return (
        *(part.clbit for part in parts if isinstance(part, Clbit)),
        *(bit for bits in registers for bit in bits),
    )


def variables_of(instruction: Instruction) -> tuple[int, ...]:
    """Return the variables that an instruction reads or writes itself, bodies excluded."""
    if type(instruction) is For:
        return () if instruction.variable is None else (instruction.variable,)
    parts = [part for expression in expressions_of(instruction) for part in parts_of(expression)]
    return tuple([part.variable for part in parts if isinstance(part, Var)])


def bodies_of(instruction: Instruction) -> tuple[tuple[Instruction, ...], ...]:
    """Return the bodies of a control-flow instruction; none for any other."""
    return _BODIES.get(type(instruction), _none)(instruction)


def walk(instructions: Sequence[Instruction]) -> Iterator[Instruction]:
    """Return an iterator over every instruction, those in bodies after the one that holds them."""
    return _walk_bodies(instructions) if any_bodies(instructions) else iter(instructions)


def unboxed(instructions: Iterable[Instruction]) -> Iterator[Instruction]:
    """Yield what is in boxes in place of the boxes."""
    for instruction in instructions:
        if isinstance(instruction, Box):
            yield from unboxed(instruction.body)
        else:
            yield instruction


def qubits_within(instruction: Instruction) -> set[int]:
    """Return the qubits that an instruction, bodies included, does something to."""
    if type(instruction) is Gate:  # by far the most frequent
        return {*instruction.targets, *instruction.controls}
    if type(instruction) is Noise:
        return set(instruction.qubits)
    if not bodies_of(instruction):
        return set() if isinstance(instruction, (Barrier, Delay)) else set(qubits_of(instruction))
    parts = (part for part in walk((instruction,)) if not isinstance(part, (Barrier, Delay)))
    return {qubit for part in parts for qubit in qubits_of(part)}


def clbits_within(instruction: Instruction) -> Iterable[int]:
    """Return the clbits that an instruction, bodies included, reads or writes."""
    if type(instruction) is Gate:  # by far the most frequent
        return ()
    return [clbit for part in walk((instruction,)) for clbit in clbits_of(part)]


def nesting(instructions: Sequence[Instruction]) -> int:
    """Return how deep bodies lie in bodies."""
    depth, level = 0, instructions
    while any_bodies(level):
        depth += 1
        level = [inner for outer in level for body in bodies_of(outer) for inner in body]
    return depth


def _walk_bodies(instructions: Sequence[Instruction]) -> Iterator[Instruction]:
    rest = list(reversed(instructions))
    while rest:
        instruction = rest.pop()
        yield instruction
        for body in reversed(bodies_of(instruction)):
            rest.extend(reversed(body))


def any_bodies(instructions: Sequence[Instruction]) -> bool:
    """Whether any is a control-flow instruction; asked of every program, most of which have none."""
    return not _BODIES.keys().isdisjoint(map(type, instructions))


def _none(_: Instruction) -> tuple[()]:
    return ()


# By exact class, one look-up each: an `isinstance` of a Struct that is not the first one asked for is slow.
_QUBITS: Mapping[type, Callable[[Any], tuple[int, ...]]] = MappingProxyType(
    {
        Unitary: lambda unitary: unitary.targets + unitary.controls,
        Diagonal: attrgetter("targets"),
        Permutation: attrgetter("targets"),
        Initialize: attrgetter("targets"),
        Measure: lambda measure: (measure.qubit,),
        Reset: lambda reset: (reset.qubit,),
        Delay: lambda delay: (delay.qubit,),
        Noise: attrgetter("qubits"),
        Barrier: attrgetter("qubits"),
        Save: attrgetter("qubits"),
    }
)
_EXPRESSIONS: Mapping[type, Callable[[Any], tuple[Expression, ...]]] = MappingProxyType(
    {
        IfElse: lambda branch: (branch.condition,),
        While: lambda loop: (loop.condition,),
        Switch: lambda switch: (switch.target,),
        Store: attrgetter("target", "value"),
    }
)
_BODIES: Mapping[type, Callable[[Any], tuple[tuple[Instruction, ...], ...]]] = MappingProxyType(
    {
        IfElse: attrgetter("true_body", "false_body"),
        While: lambda loop: (loop.body,),
        For: attrgetter("bodies"),
        Switch: lambda switch: tuple(case.body for case in switch.cases),
        Box: lambda box: (box.body,),
    }
)
#: What may name clbits or variables, besides in bodies.
CLASSICAL = frozenset({Measure, Readout, For, *_EXPRESSIONS})
