"""What can be said of instructions without running them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

from simulator.errors import InvalidProgramError
from simulator.instructions import (
    Barrier,
    Box,
    Delay,
    Diagonal,
    Gate,
    Instruction,
    Measure,
    Permutation,
    Unitary,
    clbits_of,
    qubits_of,
    walk,
)
from simulator.operations import Evolving
from simulator.program import Program

_UNITARY = frozenset({Gate, Unitary, Diagonal, Permutation})
#: Behind a measurement, they leave it a final one.
_LAST = frozenset({Measure, Barrier, Delay})


def unitary_instructions(program: Program) -> list[Evolving]:
    """Return the instructions of a program that has a unitary; InvalidProgramError names what has none."""
    if _UNITARY.issuperset(map(type, program.instructions)):
        return cast("list[Evolving]", list(program.instructions))
    instructions: list[Evolving] = []
    for instruction in unboxed(program.instructions):
        if isinstance(instruction, (Gate, Unitary, Diagonal, Permutation)):
            instructions.append(instruction)
        elif not isinstance(instruction, (Barrier, Delay)):
            name = type(instruction).__name__.lower()
            raise InvalidProgramError(
                f'Unsupported "unitary_simulator" instruction "{name}" in circuit "{program.header.name}".'
            )
    return instructions


def final_measures(instructions: Sequence[Instruction]) -> tuple[list[Instruction], tuple[Measure, ...]]:
    """Take out each measurement whose qubit nothing touches later, and whose clbit nothing uses later."""
    rest: list[Instruction] = []
    final: list[Measure] = []
    # Of most circuits, the last instructions are all that there is to look at.
    end = len(instructions)
    while end and type(instructions[end - 1]) in _LAST:
        end -= 1
    for instruction in reversed(instructions[end:]):
        if isinstance(instruction, Measure):
            final.append(instruction)
        else:
            rest.append(instruction)
    before = instructions[:end]
    if Measure not in map(type, before):
        return [*before, *rest[::-1]], tuple(final[::-1])
    touched: set[int] = set()
    used: set[int] = set()
    for instruction in reversed(before):
        if isinstance(instruction, Measure) and instruction.qubit not in touched and instruction.clbit not in used:
            final.append(instruction)
            continue
        rest.append(instruction)
        touched |= touched_by(instruction)
        used.update(*map(clbits_of, walk((instruction,))))
    return rest[::-1], tuple(final[::-1])


def last_measures(instructions: Sequence[Instruction], later: Iterable[Measure]) -> dict[int, Measure]:
    """Return, by place, the measurements behind which nothing touches the qubit, nor do ``later`` ones."""
    touched = {measure.qubit for measure in later}
    last: dict[int, Measure] = {}
    for place in reversed(range(len(instructions))):
        instruction = instructions[place]
        if isinstance(instruction, Measure) and instruction.qubit not in touched:
            last[place] = instruction
        touched |= touched_by(instruction)
    return last


def unboxed(instructions: Iterable[Instruction]) -> Iterator[Instruction]:
    """Yield what is in boxes in place of the boxes."""
    for instruction in instructions:
        if isinstance(instruction, Box):
            yield from unboxed(instruction.body)
        else:
            yield instruction


def touched_by(instruction: Instruction) -> set[int]:
    """Return the qubits that an instruction, bodies included, does something to."""
    parts = (part for part in walk((instruction,)) if not isinstance(part, (Barrier, Delay)))
    return {qubit for part in parts for qubit in qubits_of(part)}
