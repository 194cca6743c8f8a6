"""A program as shots go through it: what can be said of a run before it begins.

A `Timeline` is made once on each side: the client asks it what a run costs, the worker what it may take, and
`compiler` makes bytecode of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

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
    Noise,
    Permutation,
    Range,
    Readout,
    Reset,
    Save,
    Unitary,
    While,
)
from simulator.circuit.program import WORD_BITS, Program
from simulator.circuit.traversal import bodies_of, qubits_within, unboxed
from simulator.dynamic.saves import refuse_random, saves_at_end, saves_in
from simulator.errors import InvalidProgramError
from simulator.measurements.early import measured_early
from simulator.measurements.final import (
    Final,
    Step,
    last_measures,
    live_qubits,
    that_matter,
    without_final_measures,
    without_trailing_measures,
)
from simulator.measurements.resets import with_resets
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.options import Output, SavedAtEnd
from simulator.piecewise import with_checkpoints
from simulator.plan import Evolving

_UNITARY = frozenset({Gate, Unitary, Diagonal, Permutation})
#: What makes one evolution, or nothing.
_EVOLVING = _UNITARY | {Barrier, Delay, Save}
#: What neither reads nor writes a clbit.
_WITHOUT_CLBITS = _EVOLVING | {Noise, Reset, Initialize}


@dataclass(frozen=True, slots=True, eq=False)
class Timeline:
    """A program with what is known of its run under some options."""

    program: Program
    output: Output
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
    #: Whether it would only evolve, were its final measurements not done early.
    could_evolve: bool = False
    #: All that is measured at the end, also what can only write 0.
    measures: tuple[Measure, ...] = ()
    #: Readout errors behind the final measurements.
    readouts: tuple[Readout, ...] = ()
    #: All that is saved on the way, and before the final measurements.
    saves: tuple[Save, ...] = ()

    @classmethod
    def of(
        cls,
        program: Program,
        output: Output = "counts",
        *,
        from_ground: bool = True,
        sampling: bool = True,
        observed: bool = False,
        saves: Sequence[SavedAtEnd] = (),
        wide_readouts: bool = False,
        checkpoint: Checkpoint = no_checkpoint,
    ) -> Timeline:
        """Look at a program; calls ``checkpoint`` now and then.

        ``sampling``: final measurements are done at once. From |0...0>, states of which counts are made have only
        the qubits that are in use at the same time; other outputs are the last state, with all its qubits.
        ``observed``: so does a program that measures on its way. ``saves`` are those of `Options`;
        InvalidProgramError where something is random before them. ``wide_readouts``: readout errors are done at
        the end also where each shot's memory has more bits than a number in an array.
        """
        instructions: list[Instruction] = list(with_checkpoints(program.instructions, checkpoint))
        if Box in map(type, instructions):
            instructions = list(unboxed(instructions))
        ending = Final()
        sampling = sampling and output != "unitary"
        with_readouts = wide_readouts or program.num_clbits <= WORD_BITS
        if sampling:
            instructions, ending = without_trailing_measures(instructions, with_readouts=with_readouts)
        checkpoint()  # each look at all types is a pass over the program
        kinds = set(map(type, instructions))
        evolves = kinds <= _EVOLVING
        merges = output == "counts" and (evolves or not observed)
        touched: list[set[int]] = []
        last: Mapping[int, Measure] = {}
        live = set() if from_ground else set(range(program.num_qubits))
        width = 0
        if evolves and saves:
            instructions += saves_at_end(saves, program, ending.measures)
        if evolves and from_ground:
            live = _touched(instructions, program.num_qubits, checkpoint)
        elif not evolves:
            steps = [
                (instruction, qubits_within(instruction))
                for instruction in with_checkpoints(instructions, checkpoint)
            ]
            if merges:
                steps = with_resets(steps, checkpoint)
            if sampling and not kinds <= _WITHOUT_CLBITS:
                steps, earlier = without_final_measures(steps, ending, checkpoint, with_readouts=with_readouts)
                ending = Final(earlier.measures + ending.measures, earlier.readouts + ending.readouts)
            if saves:
                refuse_random(each for each, _ in steps if type(each) not in _EVOLVING)
                steps += [(save, set(save.qubits)) for save in saves_at_end(saves, program, ending.measures)]
            if merges:
                last = last_measures(steps, ending.measures, checkpoint)
            checkpoint()
            instructions, touched = [step for step, _ in steps], [qubits for _, qubits in steps]
            evolves = sampling and _EVOLVING.issuperset(map(type, instructions))
            width = live_qubits(live, steps, last, checkpoint, frees=merges)
        final = that_matter(ending.measures, live, instructions, checkpoint)
        live |= {measure.qubit for measure in final}
        return cls(
            program,
            output,
            from_ground,
            instructions,
            touched,
            final,
            last,
            live,
            max(width, len(live)) if merges and from_ground else program.num_qubits,
            evolves,
            merges,
            measures=ending.measures,
            readouts=ending.readouts,
            saves=saves_in(instructions) if saves or Save in kinds or not evolves else (),
        )

    def measured_early(self, checkpoint: Checkpoint = no_checkpoint) -> Timeline:
        """Return the timeline of the same counts whose final measurements are done as soon as they can be.

        It is one of counts, from |0...0>.
        """
        qubits = self.touched or map(qubits_within, with_checkpoints(self.instructions, checkpoint))
        steps = measured_early(list(zip(self.instructions, qubits, strict=True)), self.final, checkpoint)
        last = last_measures(steps, (), checkpoint)
        live: set[int] = set()
        width = live_qubits(live, steps, last, checkpoint, frees=True)
        return replace(
            self,
            instructions=[step for step, _ in with_checkpoints(steps, checkpoint)],
            touched=[qubits for _, qubits in with_checkpoints(steps, checkpoint)],
            final=(),
            last=last,
            used=live,
            width=width,
            evolves=False,
            could_evolve=self.evolves,
        )

    @property
    def frees(self) -> bool:
        """Whether qubits may be taken out of a state before its end."""
        return bool(self.last) or not {Reset, Initialize}.isdisjoint(map(type, self.instructions))

    @property
    def num_bits(self) -> int:
        """The base-2 logarithm of how many amplitudes a state has, at most, or a unitary."""
        return 2 * self.width if self.output == "unitary" else self.width

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
        return _calls(self.instructions, rounds) + len(self.final)


def _touched(instructions: Iterable[Instruction], num_qubits: int, checkpoint: Checkpoint) -> set[int]:
    """Return the qubits that some instructions do something to."""
    touched: set[int] = set()
    for instruction in with_checkpoints(instructions, checkpoint):
        touched |= qubits_within(instruction)
        if len(touched) == num_qubits:
            break
    return touched


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


def _draws_in(steps: Iterable[Step], touched: set[int], rounds: int, *, top: bool = False) -> int:
    """Count the draws of some steps, and change ``touched``; ``top``: every shot comes by."""
    draws = 0
    for instruction, qubits in steps:
        match instruction:
            case Measure():
                draws += 1
            case Noise() | Readout():
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
