"""Program -> Code: a flat list of operations, with jumps in place of nested bodies.

What has no randomness between two jumps is planned as one. Measurements that nothing later depends on come last
and together, so that they can be sampled. A reset of a qubit that nothing has touched is left out.

Where states may merge, they have only the qubits that are in use. Outside of control flow, a qubit is brought in
before something touches it, and retired by a reset, or by a last measurement that something later depends on.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from simulator.circuit.contents import bodies_of
from simulator.circuit.expression import Uint, uint_of
from simulator.circuit.instructions import (
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
)
from simulator.circuit.program import Program, Variable
from simulator.dynamic.analysis import Course, course_of, telling, touched_by
from simulator.dynamic.code import (
    Assign,
    Bring,
    Code,
    Count,
    End,
    Evolve,
    Jump,
    Label,
    Meet,
    Operation,
    Retire,
    Select,
    Unless,
)
from simulator.errors import InvalidProgramError
from simulator.evolve.evolution import Evolution
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.piecewise import with_checkpoints
from simulator.plan.operations import Evolving


def compile_program(
    program: Program, *, fresh: bool, sampling: bool, merging: bool, checkpoint: Checkpoint = no_checkpoint
) -> Code:
    """Flatten a program; its global phase is left out. Calls ``checkpoint`` now and then.

    ``fresh``: it starts in |0...0>. ``sampling``: final measurements are done at once. ``merging``: there are
    Meets, where a state loses its global phase and its last digits.
    """
    course = course_of(program, sampling=sampling, merging=merging, checkpoint=checkpoint)
    checkpoint()
    instructions = course.instructions
    everything = range(program.num_qubits)
    touched = set() if fresh else set(everything)
    checkpoint()
    start = _at_the_start(course, checkpoint) if fresh and merging else tuple(everything)
    checkpoint()
    assembler = _Assembler(touched, start, list(program.variables), checkpoint, merging=merging)
    first = 0
    for place, measure in sorted(course.retiring.items()):
        assembler.add(with_checkpoints(instructions[first:place], checkpoint))
        assembler.retire(measure.qubit, measure.clbit)
        first = place + 1
    assembler.add(with_checkpoints(instructions[first:], checkpoint))
    final = telling(course.final, assembler.touched, instructions, checkpoint)
    assembler.end(final)
    return Code(
        tuple(assembler.operations),
        tuple(assembler.addresses),
        tuple(assembler.variables),
        final,
        assembler.qubits,
    )


def _at_the_start(course: Course, checkpoint: Checkpoint) -> tuple[int, ...]:
    """Return the qubits to begin with, if others may be brought later.

    Where none is ever retired, these are all, so that no state is there in two sizes.
    """
    if course.retires or course.evolves:
        return ()  # the first evolution brings what it needs
    touched: set[int] = set()
    for instruction in with_checkpoints(course.instructions, checkpoint):
        touched |= touched_by(instruction)
    telling_ = telling(course.final, touched, course.instructions, checkpoint)
    touched.update(measure.qubit for measure in telling_)
    return tuple(sorted(touched))


@dataclass(slots=True)
class _Loop:
    again: Label
    exit: Label


@dataclass(slots=True)
class _Assembler:
    #: Of the qubits that are not retired.
    touched: set[int]
    #: At the start.
    qubits: tuple[int, ...]
    variables: list[Variable]
    checkpoint: Checkpoint
    merging: bool
    operations: list[Operation] = field(default_factory=list)
    addresses: list[int] = field(default_factory=list)
    _present: set[int] = field(init=False)
    #: How many qubits were touched when all of them were there.
    _brought: int = 0
    #: Of control flow.
    _depth: int = 0
    _loops: list[_Loop] = field(default_factory=list)
    _pending: list[Evolving] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._present = set(self.qubits)

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
                self._flush()
                self._bring()
                self._depth += 1
                self._add(instruction)
                self._depth -= 1
                continue
            self._add(instruction)
            if not isinstance(instruction, Reset):
                self.touched |= touched_by(instruction)

    def retire(self, qubit: int, clbit: int | None) -> None:
        """Add the last measurement of a qubit, or a reset."""
        self.touched.add(qubit)
        self.emit(Retire(qubit, clbit))
        self._present.remove(qubit)
        self.touched.remove(qubit)
        self._brought -= 1

    def end(self, final: Iterable[Measure]) -> None:
        """Add the end, where these measurements are to be done."""
        self.touched.update(measure.qubit for measure in final)
        self.emit(End())

    def emit(self, operation: Operation) -> None:
        """Append an operation behind everything that is pending."""
        self._flush()
        self._bring()
        self.operations.append(operation)

    def _add(self, instruction: Instruction) -> None:  # noqa: C901, PLR0912 (one case a kind of instruction)
        match instruction:
            case Gate() | Unitary() | Diagonal() | Permutation():
                self._pending.append(instruction)
            case Barrier() | Delay():
                pass
            case Measure(qubit=qubit):
                self.touched.add(qubit)
                self.emit(instruction)
            case Store():
                self.emit(instruction)
            case Reset():
                self._reset(instruction.qubit)
            case Initialize():
                for qubit in instruction.targets:
                    self._reset(qubit)
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
            self._bring()
            self.operations.append(Evolve(Evolution(self._pending, self.checkpoint)))
            self._pending.clear()

    def _bring(self) -> None:
        """See that all that is touched is there; once a loop has begun, it is."""
        if len(self.touched) == self._brought:
            return
        self._brought = len(self.touched)
        missing = tuple(sorted(self.touched - self._present))
        if missing:
            self._present.update(missing)
            if self.operations:
                self.operations.append(Bring(missing))
            else:
                self.qubits += missing

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

    def _reset(self, qubit: int) -> None:
        if qubit not in self.touched:
            return
        if self.merging and not self._depth:
            self.retire(qubit, None)
        else:
            self.emit(Reset(qubit))
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
