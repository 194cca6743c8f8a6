"""A program as shots go through it: what can be said of a run before it begins.

A `Timeline` is made once on each side: the client asks it what a run costs, the worker what it may take, and
`compiler` makes bytecode of it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias, cast

from simulator.circuit.instructions import (
    Barrier,
    Box,
    Delay,
    Diagonal,
    For,
    Gate,
    Initialize,
    Instruction,
    Measure,
    Permutation,
    Range,
    Reset,
    Unitary,
    While,
)
from simulator.circuit.program import Program
from simulator.circuit.traversal import bodies_of, clbits_of, clbits_within, qubits_within, unboxed, walk
from simulator.dynamic.resets import with_resets
from simulator.errors import InvalidProgramError
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.options import Method, Options
from simulator.piecewise import with_checkpoints
from simulator.plan import Evolving

#: An instruction, and the qubits that it does something to, bodies included.
Step: TypeAlias = tuple[Instruction, set[int]]

_UNITARY = frozenset({Gate, Unitary, Diagonal, Permutation})
#: What makes one evolution, or nothing.
_EVOLVING = _UNITARY | {Barrier, Delay}
#: Behind a measurement, they leave it a final one.
_LAST = frozenset({Measure, Barrier, Delay})


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """A program with what is known of its run under some options."""

    program: Program
    method: Method
    #: Whether it starts in |0...0>.
    from_ground: bool
    #: Outside of boxes, and without final measurements.
    instructions: Sequence[Instruction]
    #: The qubits that each instruction does something to; empty if the program only evolves.
    touched: Sequence[set[int]]
    #: Measured at the end, all at once; without those that can only write the 0 of an untouched qubit.
    final: tuple[Measure, ...]
    #: Index of an instruction -> the last measurement there of a qubit that nothing later touches.
    last: Mapping[int, Measure]
    #: The qubits that may be in another state than |0> at the end, and those that are measured there.
    used: set[int]
    #: How many qubits its states have, at most.
    width: int
    #: Whether nothing is random before the end, and nothing depends on a classical value.
    evolves: bool
    #: Whether states may have only the qubits that are in use: where counts are all that is made of them, or, in a
    #: program that only evolves, expectation values, too.
    merges: bool

    @classmethod
    def of(
        cls,
        program: Program,
        method: Method = "qasm",
        *,
        from_ground: bool = True,
        sampling: bool = True,
        observed: bool = False,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> Timeline:
        """Look at a program; calls ``checkpoint`` now and then.

        ``sampling``: final measurements are done at once. From |0...0>, shots of the method "qasm" have only the
        qubits that are in use at the same time; other methods return the last state, with all its qubits.
        ``observed``: so does a program that measures on its way.
        """
        instructions: list[Instruction] = list(with_checkpoints(program.instructions, checkpoint))
        if Box in map(type, instructions):
            instructions = list(unboxed(instructions))
        final: tuple[Measure, ...] = ()
        sampling = sampling and method != "unitary"
        if sampling:
            instructions, final = _without_trailing_measures(instructions)
        checkpoint()  # each look at all types is a pass over the program
        evolves = _EVOLVING.issuperset(map(type, instructions))
        merges = method == "qasm" and (evolves or not observed)
        touched: list[set[int]] = []
        last: Mapping[int, Measure] = {}
        live = set() if from_ground else set(range(program.num_qubits))
        width = 0
        if evolves and from_ground:
            for instruction in with_checkpoints(instructions, checkpoint):
                live |= qubits_within(instruction)
                if len(live) == program.num_qubits:
                    break
        elif not evolves:
            steps = [
                (instruction, qubits_within(instruction))
                for instruction in with_checkpoints(instructions, checkpoint)
            ]
            if merges:
                steps = with_resets(steps, checkpoint)
            if sampling:
                steps, earlier = _without_final_measures(steps, checkpoint)
                final = earlier + final
            if merges:
                last = _last_measures(steps, final, checkpoint)
            checkpoint()
            instructions, touched = [step for step, _ in steps], [qubits for _, qubits in steps]
            width = _live_qubits(live, steps, last, checkpoint, frees=merges)
        final = _that_matter(final, live, instructions, checkpoint)
        live |= {measure.qubit for measure in final}
        return cls(
            program,
            method,
            from_ground,
            instructions,
            touched,
            final,
            last,
            live,
            max(width, len(live)) if merges and from_ground else program.num_qubits,
            evolves,
            merges,
        )

    @classmethod
    def under(cls, program: Program, options: Options, checkpoint: Checkpoint = no_checkpoint) -> Timeline:
        """Look at a program that is run with these options."""
        from_ground = options.initial_state is None
        sampling = options.sample_measuring
        return cls.of(
            program,
            options.method,
            from_ground=from_ground,
            sampling=sampling,
            observed=options.expectations,
            checkpoint=checkpoint,
        )

    @property
    def frees(self) -> bool:
        """Whether qubits may be taken out of a state before its end."""
        return bool(self.last) or not {Reset, Initialize}.isdisjoint(map(type, self.instructions))

    @property
    def num_bits(self) -> int:
        """The base-2 logarithm of how many amplitudes a state has, at most, or a unitary."""
        return 2 * self.width if self.method == "unitary" else self.width

    def draws(self, rounds: int) -> int:
        """Count how often a shot may part from others: at measurements and resets that something depends on.

        ``rounds`` is how many a while loop is expected to take.
        """
        if self.evolves:
            return 0
        touched = set() if self.from_ground else set(range(self.program.num_qubits))
        return _draws_in(zip(self.instructions, self.touched, strict=True), touched, rounds, top=True)

    def calls(self, rounds: int) -> int:
        """Count the instructions that a shot runs, roughly."""
        return _calls(self.program.instructions, rounds)


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


def _without_trailing_measures(
    instructions: list[Instruction],
) -> tuple[list[Instruction], tuple[Measure, ...]]:
    """Take out the measurements behind which nothing is done; of most circuits, these are all."""
    end = len(instructions)
    while end and type(instructions[end - 1]) in _LAST:
        end -= 1
    final = [last for last in instructions[end:] if isinstance(last, Measure)]
    return (instructions[:end], tuple(final)) if final else (instructions, ())


def _without_final_measures(steps: list[Step], checkpoint: Checkpoint) -> tuple[list[Step], tuple[Measure, ...]]:
    """Take out each measurement whose qubit nothing touches later, and whose clbit nothing uses later."""
    rest: list[Step] = []
    final: list[Measure] = []
    touched: set[int] = set()
    used: set[int] = set()
    for step in with_checkpoints(steps[::-1], checkpoint):
        instruction, qubits = step
        if isinstance(instruction, Measure) and instruction.qubit not in touched and instruction.clbit not in used:
            final.append(instruction)
            continue
        rest.append(step)
        touched |= qubits
        used.update(clbits_within(instruction))
    return rest[::-1], tuple(final[::-1])


def _last_measures(steps: Sequence[Step], later: Iterable[Measure], checkpoint: Checkpoint) -> dict[int, Measure]:
    """Return, by index, the measurements behind which nothing touches the qubit until it is reset.

    Nor do ``later`` ones.
    """
    touched = {measure.qubit for measure in later}
    last: dict[int, Measure] = {}
    for index, (instruction, qubits) in with_checkpoints(list(enumerate(steps))[::-1], checkpoint):
        if isinstance(instruction, Measure) and instruction.qubit not in touched:
            last[index] = instruction
        if isinstance(instruction, (Reset, Initialize)):
            touched -= qubits
        else:
            touched |= qubits
    return last


def _live_qubits(
    live: set[int], steps: Iterable[Step], last: Mapping[int, Measure], checkpoint: Checkpoint, *, frees: bool
) -> int:
    """Change the qubits that are in use to those after all steps; return how many there were at once, at most."""
    most = 0
    for index, (instruction, qubits) in enumerate(with_checkpoints(steps, checkpoint)):
        if isinstance(instruction, Reset):
            if frees:
                live.discard(instruction.qubit)
            continue
        live |= qubits
        most = max(most, len(live))
        if index in last:
            live.remove(last[index].qubit)
    return most


def _that_matter(
    final: tuple[Measure, ...], live: set[int], instructions: Sequence[Instruction], checkpoint: Checkpoint
) -> tuple[Measure, ...]:
    """Drop final measurements that can only write 0: an untouched qubit into a clbit nothing else writes."""
    if {measure.qubit for measure in final} <= live:
        return final
    written = Counter(measure.clbit for measure in final)
    for instruction in with_checkpoints(walk(instructions), checkpoint):
        written.update(clbits_of(instruction))
    return tuple([measure for measure in final if measure.qubit in live or written[measure.clbit] > 1])


def _draws_in(steps: Iterable[Step], touched: set[int], rounds: int, *, top: bool = False) -> int:
    """Count the draws of some steps, and change ``touched``; ``top``: every shot comes by."""
    draws = 0
    for instruction, qubits in steps:
        match instruction:
            case Measure():
                draws += 1
            case Reset(qubit=qubit):
                draws += qubit in touched
            case Initialize(targets=targets):
                draws += len(touched.intersection(targets))
        if isinstance(instruction, Measure) and top:
            touched.discard(instruction.qubit)  # a reset now has no choice
        elif not isinstance(instruction, Reset):
            touched |= qubits
        for body in () if type(instruction) is Gate else bodies_of(instruction):
            inner = [(inside, qubits_within(inside)) for inside in body]
            draws += _times(instruction, rounds) * _draws_in(inner, touched, rounds)
    return draws


def _calls(instructions: Sequence[Instruction], rounds: int) -> int:
    """Count instructions, those in bodies as often as they are run."""
    calls = len(instructions)
    for instruction in instructions:
        if type(instruction) is not Gate and (bodies := bodies_of(instruction)):
            calls += _times(instruction, rounds) * sum(_calls(body, rounds) for body in bodies)
    return calls


def _times(instruction: Instruction, rounds: int) -> int:
    """Return how often each body is run; ``rounds`` for a while loop."""
    if isinstance(instruction, While):
        return rounds
    if isinstance(instruction, For) and len(instruction.bodies) == 1:
        indices = instruction.indices
        return len(indices.ints() if isinstance(indices, Range) else indices)
    return 1
