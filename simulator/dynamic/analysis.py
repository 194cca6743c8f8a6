"""What can be said of instructions without running them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple, cast

from simulator.circuit.contents import bodies_of, clbits_of, qubits_of, walk
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import (
    Barrier,
    Box,
    Delay,
    Diagonal,
    Gate,
    IfElse,
    Initialize,
    Instruction,
    Measure,
    Permutation,
    Reset,
    Store,
    Unitary,
)
from simulator.circuit.program import Program
from simulator.errors import InvalidProgramError
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.piecewise import with_checkpoints
from simulator.plan.operations import Evolving
from simulator.shards.shards import Method, Options

_UNITARY = frozenset({Gate, Unitary, Diagonal, Permutation})
#: What makes one evolution, or nothing.
_EVOLVING = _UNITARY | {Barrier, Delay}
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


class Course(NamedTuple):
    """A program as shots go through it."""

    #: Outside of boxes, and without what is measured at the end.
    instructions: list[Instruction]
    #: Measured at the end, all at once.
    final: tuple[Measure, ...]
    #: Place -> a measurement there that retires its qubit.
    retiring: Mapping[int, Measure]

    @property
    def evolves(self) -> bool:
        """Whether nothing is random before the end, and nothing depends on a classical value."""
        return _EVOLVING.issuperset(map(type, self.instructions))

    @property
    def retires(self) -> bool:
        """Whether qubits may be taken out of a state before its end."""
        return bool(self.retiring) or not {Reset, Initialize}.isdisjoint(map(type, self.instructions))


def course_of(
    program: Program, *, sampling: bool, merging: bool, checkpoint: Checkpoint = no_checkpoint
) -> Course:
    """Return what is done to states, as `flow` compiles it.

    ``sampling``: final measurements are done at once. ``merging``: states may merge, and qubits be retired; where
    not, it is the last state that is asked for, with all its qubits.
    """
    instructions = list(unboxed(with_checkpoints(program.instructions, checkpoint)))
    if merging:
        checkpoint()
        instructions = with_resets(instructions, checkpoint)
    final: tuple[Measure, ...] = ()
    if sampling:
        instructions, final = final_measures(instructions, checkpoint)
    checkpoint()  # each look at all types is a pass over the program
    retiring: Mapping[int, Measure] = {}
    if merging and Measure in map(type, instructions):
        retiring = last_measures(instructions, final, checkpoint)
    return Course(instructions, final, retiring)


def width_of(program: Program, options: Options) -> int:
    """Return how many qubits the states of a run with these options have, at most: client and worker ask this."""
    fresh = options.initial_state is None
    return qubits_at_once(program, options.method, fresh=fresh, sampling=options.sample_measuring)


def qubits_at_once(
    program: Program,
    method: Method,
    *,
    fresh: bool = True,
    sampling: bool = True,
    checkpoint: Checkpoint = no_checkpoint,
) -> int:
    """Return how many qubits the states of a run have, at most.

    Shots from |0...0> (``fresh``) need only those that are in use at the same time, as `flow` brings and retires
    them.
    """
    if method != "qasm" or not fresh:
        return program.num_qubits
    course = course_of(program, sampling=sampling, merging=True, checkpoint=checkpoint)
    present: set[int] = set()
    most = 0
    for place, instruction in enumerate(with_checkpoints(course.instructions, checkpoint)):
        if isinstance(instruction, Reset):
            present.discard(instruction.qubit)
            continue
        present |= touched_by(instruction)
        most = max(most, len(present))
        if place in course.retiring:
            present.remove(course.retiring[place].qubit)
    present.update(measure.qubit for measure in telling(course.final, present, course.instructions))
    return max(most, len(present))


def final_measures(
    instructions: Sequence[Instruction], checkpoint: Checkpoint = no_checkpoint
) -> tuple[list[Instruction], tuple[Measure, ...]]:
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
    checkpoint()
    if Measure not in map(type, before):
        checkpoint()
        return [*before, *rest[::-1]], tuple(final[::-1])
    touched: set[int] = set()
    used: set[int] = set()
    for instruction in with_checkpoints(reversed(before), checkpoint):
        if isinstance(instruction, Measure) and instruction.qubit not in touched and instruction.clbit not in used:
            final.append(instruction)
            continue
        rest.append(instruction)
        touched |= touched_by(instruction)
        used.update(*map(clbits_of, walk((instruction,))))
    return rest[::-1], tuple(final[::-1])


def last_measures(
    instructions: Sequence[Instruction], later: Iterable[Measure], checkpoint: Checkpoint = no_checkpoint
) -> dict[int, Measure]:
    """Return, by place, the measurements behind which nothing touches the qubit until it is reset.

    Nor do ``later`` ones.
    """
    touched = {measure.qubit for measure in later}
    last: dict[int, Measure] = {}
    for place in with_checkpoints(reversed(range(len(instructions))), checkpoint):
        instruction = instructions[place]
        if isinstance(instruction, Measure) and instruction.qubit not in touched:
            last[place] = instruction
        if isinstance(instruction, (Reset, Initialize)):
            touched -= touched_by(instruction)
        else:
            touched |= touched_by(instruction)
    return last


def with_resets(instructions: list[Instruction], checkpoint: Checkpoint = no_checkpoint) -> list[Instruction]:
    """Put a reset in place of each condition that is one: where a qubit was measured as 1, it is flipped."""
    if IfElse not in map(type, instructions):
        return instructions
    found: list[Instruction] = []
    #: Qubit -> the clbit that says what it is, and clbit -> such qubits, and others that were.
    outcomes: dict[int, int] = {}
    told_by: dict[int, set[int]] = defaultdict(set)
    for instruction in with_checkpoints(instructions, checkpoint):
        flip = _flip_of(instruction)
        if flip is not None and outcomes.get(flip[0]) == flip[1]:
            found.append(Reset(flip[0]))
        else:
            found.append(instruction)
        for qubit in touched_by(instruction):
            outcomes.pop(qubit, None)
        for clbit in _written_by(instruction):
            for qubit in told_by.pop(clbit, ()):
                if outcomes.get(qubit) == clbit:
                    del outcomes[qubit]
        if isinstance(instruction, Measure):
            outcomes[instruction.qubit] = instruction.clbit
            told_by[instruction.clbit].add(instruction.qubit)
    return found


def _flip_of(instruction: Instruction) -> tuple[int, int] | None:
    """Return the qubit that an instruction flips, and the clbit on whose 1 it does."""
    match instruction:
        case IfElse(
            condition=Clbit(clbit=clbit),
            true_body=(Gate(name="x", targets=(qubit,), controls=()),),
            false_body=(),
        ):
            return qubit, clbit
    return None


def _written_by(instruction: Instruction) -> set[int]:
    """Return the clbits that an instruction, bodies included, may write, and others that it reads to do so."""
    parts = (part for part in walk((instruction,)) if isinstance(part, (Measure, Store)))
    return {clbit for part in parts for clbit in clbits_of(part)}


def telling(
    final: tuple[Measure, ...],
    touched: Container[int],
    instructions: Sequence[Instruction],
    checkpoint: Checkpoint = no_checkpoint,
) -> tuple[Measure, ...]:
    """Leave out final measurements that write the 0 of an untouched qubit where nothing but 0 can be.

    ``instructions`` are those before.
    """
    if all(measure.qubit in touched for measure in final):
        return final
    written = Counter(measure.clbit for measure in final)
    written.update(
        clbit for each_ in with_checkpoints(walk(instructions), checkpoint) for clbit in clbits_of(each_)
    )
    return tuple([last for last in final if last.qubit in touched or written[last.clbit] > 1])


def unboxed(instructions: Iterable[Instruction]) -> Iterator[Instruction]:
    """Yield what is in boxes in place of the boxes."""
    for instruction in instructions:
        if isinstance(instruction, Box):
            yield from unboxed(instruction.body)
        else:
            yield instruction


def touched_by(instruction: Instruction) -> set[int]:
    """Return the qubits that an instruction, bodies included, does something to."""
    if type(instruction) is Gate:  # by far the most frequent
        return {*instruction.targets, *instruction.controls}
    if not bodies_of(instruction):
        return set() if isinstance(instruction, (Barrier, Delay)) else set(qubits_of(instruction))
    parts = (part for part in walk((instruction,)) if not isinstance(part, (Barrier, Delay)))
    return {qubit for part in parts for qubit in qubits_of(part)}
