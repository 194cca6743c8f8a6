"""Program -> Code: a flat list of operations, with jumps in place of nested bodies.

What has no randomness between two jumps is planned as one. Measurements that nothing later depends on come last
and together, so that they can be sampled. A qubit whose last measurement something later depends on is retired by
it. A reset of a qubit that nothing has touched is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from simulator.analysis import final_measures, last_measures, touched_by, unboxed
from simulator.code import Assign, Code, Count, End, Evolve, Jump, Label, Meet, Operation, Retire, Select, Unless
from simulator.errors import InvalidProgramError
from simulator.evolution import Evolution
from simulator.expression import Uint, uint_of
from simulator.instructions import (
    Barrier,
    Box,
    Break,
    Continue,
    Delay,
    Diagonal,
    For,
    Gate,
    IfElse,
    Initialize,
    Instruction,
    Measure,
    Permutation,
    Range,
    Reset,
    Store,
    Switch,
    Unitary,
    While,
    bodies_of,
)
from simulator.operations import Evolving
from simulator.program import Program, Variable


def compile_program(program: Program, *, fresh: bool, sampling: bool, merging: bool) -> Code:
    """Flatten a program; its global phase is left out.

    ``fresh``: it starts in |0...0>. ``sampling``: final measurements are done at once. ``merging``: there are
    Meets, where a state loses its global phase and its last digits.
    """
    instructions = list(unboxed(program.instructions))
    final: tuple[Measure, ...] = ()
    if sampling:
        instructions, final = final_measures(instructions)
    touched = set() if fresh else set(range(program.num_qubits))
    assembler = _Assembler(touched, list(program.variables), merging=merging)
    # Where states do not merge, it is the last of them that is asked for, with all its qubits.
    retiring = last_measures(instructions, final) if merging and Measure in map(type, instructions) else {}
    start = 0
    for place, measure in sorted(retiring.items()):
        assembler.add(instructions[start:place])
        assembler.emit(Retire(measure.qubit, measure.clbit))
        start = place + 1
    assembler.add(instructions[start:])
    assembler.emit(End())
    return Code(tuple(assembler.operations), tuple(assembler.addresses), tuple(assembler.variables), final)


@dataclass(slots=True)
class _Loop:
    again: Label
    exit: Label


@dataclass(slots=True)
class _Assembler:
    touched: set[int]
    variables: list[Variable]
    merging: bool
    operations: list[Operation] = field(default_factory=list)
    addresses: list[int] = field(default_factory=list)
    _loops: list[_Loop] = field(default_factory=list)
    _pending: list[Evolving] = field(default_factory=list)

    def add(self, instructions: Iterable[Instruction]) -> None:
        """Add instructions."""
        for instruction in instructions:
            if type(instruction) is Gate:  # by far the most frequent
                self._pending.append(instruction)
                self.touched.update(instruction.targets, instruction.controls)
                continue
            if bodies_of(instruction):
                # In a loop, a qubit may have been touched by what comes later in the body.
                self.touched |= touched_by(instruction)
            self._add(instruction)
            if not isinstance(instruction, Reset):
                self.touched |= touched_by(instruction)

    def emit(self, operation: Operation) -> None:
        """Append an operation behind everything that is pending."""
        self._flush()
        self.operations.append(operation)

    def _add(self, instruction: Instruction) -> None:  # noqa: C901, PLR0912 (one case a kind of instruction)
        match instruction:
            case Gate() | Unitary() | Diagonal() | Permutation():
                self._pending.append(instruction)
            case Barrier() | Delay():
                pass
            case Measure() | Store():
                self.emit(instruction)
            case Reset():
                self._reset(instruction)
            case Initialize():
                for qubit in instruction.targets:
                    self._reset(Reset(qubit))
                self._pending.append(instruction)
            case Box():
                self.add(instruction.body)
            case IfElse():
                self._if_else(instruction)
            case While():
                self._while(instruction)
            case For():
                self._for(instruction)
            case Switch():
                self._switch(instruction)
            case Break():
                self.emit(Jump(self._loop("break").exit))
            case Continue():
                self.emit(Jump(self._loop("continue").again))

    def _flush(self) -> None:
        if self._pending:
            if self.operations and isinstance(self.operations[-1], Retire):
                self.operations.append(Meet())
            self.operations.append(Evolve(Evolution(self._pending)))
            self._pending.clear()

    def _label(self) -> Label:
        self.addresses.append(-1)
        return len(self.addresses) - 1

    def _place(self, label: Label) -> None:
        self._flush()
        self.addresses[label] = len(self.operations)

    def _meet(self) -> None:
        if self.merging:
            self.emit(Meet())

    def _loop(self, word: str) -> _Loop:
        if not self._loops:
            raise InvalidProgramError(f"a {word} outside of every loop")
        return self._loops[-1]

    def _reset(self, instruction: Reset) -> None:
        if instruction.qubit in self.touched:
            self.emit(instruction)
            self._meet()

    def _if_else(self, instruction: IfElse) -> None:
        otherwise, end = self._label(), self._label()
        self.emit(Unless(instruction.condition, otherwise))
        self.add(instruction.true_body)
        self.emit(Jump(end))
        self._place(otherwise)
        self.add(instruction.false_body)
        self._place(end)
        self._meet()

    def _while(self, instruction: While) -> None:
        loop = _Loop(self._label(), self._label())
        self._place(loop.again)
        self.emit(Unless(instruction.condition, loop.exit))
        self._body(instruction.body, loop)
        self.emit(Jump(loop.again))
        self._place(loop.exit)
        self._meet()

    def _for(self, instruction: For) -> None:
        indices = instruction.indices.ints() if isinstance(instruction.indices, Range) else instruction.indices
        if len(instruction.bodies) == 1:
            self._counted(instruction, indices)
        else:
            self._unrolled(instruction, indices)
        self._meet()

    def _counted(self, instruction: For, indices: Sequence[int]) -> None:
        counter = len(self.variables)
        self.variables.append(Variable(f"counter of loop {counter}", Uint(64)))
        loop = _Loop(self._label(), self._label())
        self.emit(Assign(counter, 0))
        self._place(loop.again)
        self.emit(Count(counter, indices, instruction.variable, loop.exit))
        self._body(instruction.bodies[0], loop)
        self.emit(Jump(loop.again))
        self._place(loop.exit)
        # Shots that left the loop in different rounds are to have one history again.
        self.emit(Assign(counter, None))

    def _unrolled(self, instruction: For, indices: Sequence[int]) -> None:
        exit_ = self._label()
        for index, body in zip(indices, instruction.bodies, strict=True):
            loop = _Loop(self._label(), exit_)
            if instruction.variable is not None:
                self.emit(Assign(instruction.variable, index))
            self._body(body, loop)
            self._place(loop.again)
        self._place(exit_)

    def _body(self, instructions: Iterable[Instruction], loop: _Loop) -> None:
        self._loops.append(loop)
        self.add(instructions)
        self._loops.pop()

    def _switch(self, instruction: Switch) -> None:
        end = self._label()
        labels: dict[int, Label] = {}
        default = end
        bodies = []
        for case in instruction.cases:
            label = self._label()
            bodies.append((label, case.body))
            if default == end:
                labels |= {uint_of(value): label for value in case.values if uint_of(value) not in labels}
                default = end if case.values else label
        self.emit(Select(instruction.target, labels, default))
        for label, body in bodies:
            self._place(label)
            self.add(body)
            self.emit(Jump(end))
        self._place(end)
        self._meet()
