"""Which control flow needs no copies of the state: Paulis under conditions, and loops that are unrolled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from simulator.circuit.expression import Bits, Clbit, Expression, Var, parts_of
from simulator.circuit.instructions import (
    Barrier,
    Box,
    Break,
    Continue,
    Delay,
    For,
    Gate,
    IfElse,
    Instruction,
    Range,
    Store,
    Switch,
    While,
)
from simulator.circuit.traversal import any_bodies, bodies_of, walk
from simulator.stabilizer.cliffords.one_qubit import PAULIS, Pauli
from simulator.stabilizer.cliffords.recognition import NOTHING, gate

#: Instructions that loops are unrolled to, at most.
MOST_UNROLLED = 1 << 20
_FLOW = frozenset({Box, Break, Continue, For, IfElse, Switch, While})
_GUARDABLE = (Barrier, Box, Delay, For, IfElse, Store, Switch)


def pauli_of(instruction: Gate) -> Pauli | None:
    """Return which Pauli a gate is, 0 for one that does nothing; None: it is none."""
    found = gate(instruction.name, instruction.params, len(instruction.controls), instruction.control_state)
    if found is NOTHING:
        return 0
    return PAULIS.index(found) if isinstance(found, int) and found in PAULIS else None


def rounds(loop: For) -> Iterator[tuple[int, tuple[Instruction, ...]]]:
    """Yield the index and the body of each round."""
    indices = loop.indices.ints() if isinstance(loop.indices, Range) else loop.indices
    bodies = loop.bodies * len(indices) if len(loop.bodies) == 1 else loop.bodies
    return zip(indices, bodies, strict=True)


def bits_of(expressions: Iterable[Expression]) -> list[int]:
    """Return the clbits of some expressions, and their variables, each as minus its number minus 1."""
    found: list[int] = []
    for expression in expressions:
        for part in parts_of(expression):
            if isinstance(part, Clbit):
                found.append(part.clbit)
            elif isinstance(part, Bits):
                found += part.clbits
            elif isinstance(part, Var):
                found.append(-1 - part.variable)
    return found


def reason_against_flow(instruction: Instruction) -> str | None:
    """Return why a control-flow instruction cannot be run; None: it can."""
    if isinstance(instruction, For) and unrolled_size((instruction,)) > MOST_UNROLLED:
        return f"unrolled, it has more than {MOST_UNROLLED} instructions"
    return None


def any_parts_shots(instructions: Iterable[Instruction]) -> bool:
    """Whether any does; most programs have no control flow, and this must take little time of a long one."""
    return any(map(parts_shots, [each for each in instructions if type(each) in _FLOW]))


def parts_shots(instruction: Instruction) -> bool:
    """Whether shots may take different ways through an instruction, and need not be in the same state then.

    Paulis and classical values under conditions part no shots: they are done to the shots of a flag.
    """
    match instruction:
        case While() | Break() | Continue():
            return True
        case IfElse() | Switch():
            return not all(_is_guardable(inner) for inner in walk(bodies_in(instruction)))
        case For() | Box():
            return any_parts_shots(bodies_in(instruction))
    return False


def unrolled_size(instructions: Sequence[Instruction]) -> int:
    """Return how many instructions there are when loops are unrolled."""
    size = len(instructions)
    if not any_bodies(instructions):
        return size
    for instruction in instructions:
        if isinstance(instruction, For) and len(instruction.bodies) == 1:
            indices = instruction.indices
            count = len(indices.ints() if isinstance(indices, Range) else indices)
            size += count * (1 + unrolled_size(instruction.bodies[0]))
        else:
            size += sum(map(unrolled_size, bodies_of(instruction)))
    return size


def bodies_in(instruction: Instruction) -> list[Instruction]:
    """Return what is in the bodies of an instruction."""
    return [inner for body in bodies_of(instruction) for inner in body]


def _is_guardable(instruction: Instruction) -> bool:
    if isinstance(instruction, Gate):
        return pauli_of(instruction) is not None
    return isinstance(instruction, _GUARDABLE)
