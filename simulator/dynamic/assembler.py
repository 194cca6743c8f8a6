"""An assembler: it writes bytecode, instruction by instruction, with jumps in place of nested bodies.

What has no randomness between two jumps is planned as one. Outside of control flow, a qubit is allocated before
something touches it, and freed by a reset. A reset of a qubit that nothing has touched is left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from simulator.circuit.channel import Channel
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
    Noise,
    Permutation,
    Range,
    Readout,
    Reset,
    Save,
    Store,
    Switch,
    Unitary,
    While,
)
from simulator.circuit.program import Variable
from simulator.circuit.traversal import bodies_of
from simulator.dynamic.allocation import Allocation
from simulator.dynamic.bytecode import (
    AllocateQubits,
    End,
    Evolve,
    Jump,
    JumpIfFalse,
    JumpTable,
    Label,
    MeasureAndFree,
    MergePoint,
    NextIteration,
    Operation,
    SetVariable,
)
from simulator.dynamic.noise_assembler import add_channel
from simulator.dynamic.timeline import Timeline
from simulator.errors import InvalidProgramError
from simulator.evolve import Evolution
from simulator.monitor import Checkpoint
from simulator.plan import Evolving


@dataclass(slots=True)
class _Loop:
    again: Label
    exit: Label


@dataclass(slots=True)
class Assembler:
    """Appends operations, and gives labels their addresses."""

    qubits: Allocation
    variables: list[Variable]
    checkpoint: Checkpoint
    merging: bool
    channels: Sequence[Channel]
    operations: list[Operation] = field(default_factory=list)
    addresses: list[int] = field(default_factory=list)
    #: Whether what is added is in the body of a condition or a loop.
    _nested: bool = False
    _loops: list[_Loop] = field(default_factory=list)
    _pending: list[Evolving] = field(default_factory=list)

    @classmethod
    def of(cls, timeline: Timeline, checkpoint: Checkpoint) -> Assembler:
        """Return one that begins with the qubits of a timeline."""
        everything = range(timeline.program.num_qubits)
        start: Iterable[int] = everything
        if timeline.from_ground and timeline.merges:
            # Where none is ever freed, all that are used, so that no state is there in two sizes.
            start = () if timeline.frees else sorted(timeline.used)
        qubits = Allocation(tuple(start), set() if timeline.from_ground else set(everything))
        variables, channels = list(timeline.program.variables), timeline.program.channels
        return cls(qubits, variables, checkpoint, timeline.merges, channels)

    def add(self, instruction: Instruction, qubits: set[int]) -> None:
        """Add an instruction that is in no body, and does something to these qubits."""
        if type(instruction) is Gate:  # by far the most frequent
            self.qubits.touched |= qubits
            self._pending.append(instruction)
            return
        if not isinstance(instruction, (Reset, Initialize)):
            # In a loop, a qubit may have been touched by what comes later in the body.
            self.qubits.touched |= qubits
        if bodies_of(instruction):
            self._flush()
            self._allocate()
            self._nested = True
            self._add(instruction)
            self._nested = False
        else:
            self._add(instruction)

    def measure_and_free(self, qubit: int, clbit: int | None) -> None:
        """Add the last measurement of a qubit, or a reset."""
        self.qubits.touched.add(qubit)
        self.emit(MeasureAndFree(qubit, clbit))
        self.qubits.free(qubit)

    def end(self, final: Iterable[Measure]) -> None:
        """Add the end, where these measurements are to be done."""
        self.qubits.touched.update(measure.qubit for measure in final)
        self.emit(End())

    def emit(self, operation: Operation) -> None:
        """Append an operation behind everything that is pending."""
        self._flush()
        self._allocate()
        self.operations.append(operation)

    def evolve(self, instruction: Evolving) -> None:
        """Append what has no randomness."""
        self._pending.append(instruction)

    def _add(self, instruction: Instruction) -> None:  # noqa: C901, PLR0912 (one case a kind of instruction)
        match instruction:
            case Gate() | Unitary() | Diagonal() | Permutation():
                self._pending.append(instruction)
            case Barrier() | Delay():
                pass
            case Measure() | Readout() | Save() | Store():
                self.emit(instruction)
            case Reset():
                self._reset(instruction.qubit)
            case Initialize():
                for qubit in instruction.targets:
                    self._reset(qubit)
                self._pending.append(instruction)
                self.qubits.touched.update(instruction.targets)
            case Noise():
                add_channel(self, self.channels[instruction.channel], instruction.qubits)
                self._meet()
            case Box():
                self._add_body(instruction.body)
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
            if self.operations and isinstance(self.operations[-1], MeasureAndFree):
                self.operations.append(MergePoint())
            self._allocate()
            self.operations.append(Evolve(Evolution(self._pending, self.checkpoint)))
            self._pending.clear()

    def _allocate(self) -> None:
        """See that all that is touched is there; once a loop has begun, it is."""
        if missing := self.qubits.missing():
            if self.operations:
                self.operations.append(AllocateQubits(missing))
            else:
                self.qubits.start += missing

    def label(self) -> Label:
        """Return a label that is not placed yet."""
        self.addresses.append(-1)
        return len(self.addresses) - 1

    def place(self, label: Label) -> None:
        """Give a label the address of what comes next."""
        self._flush()
        self.addresses[label] = len(self.operations)

    def _meet(self) -> None:
        if self.merging:
            self.emit(MergePoint())

    def _loop(self, word: str) -> _Loop:
        if not self._loops:
            raise InvalidProgramError(f"a {word} outside of every loop")
        return self._loops[-1]

    def _reset(self, qubit: int) -> None:
        if qubit not in self.qubits.touched:
            return
        if self.merging and not self._nested:
            self.measure_and_free(qubit, None)
        else:
            self.emit(Reset(qubit))
        self._meet()

    def _if_else(self, instruction: IfElse) -> None:
        otherwise, end = self.label(), self.label()
        self.emit(JumpIfFalse(instruction.condition, otherwise))
        self._add_body(instruction.true_body)
        self.emit(Jump(end))
        self.place(otherwise)
        self._add_body(instruction.false_body)
        self.place(end)
        self._meet()

    def _while(self, instruction: While) -> None:
        loop = _Loop(self.label(), self.label())
        self.place(loop.again)
        self.emit(JumpIfFalse(instruction.condition, loop.exit))
        self._body(instruction.body, loop)
        self.emit(Jump(loop.again))
        self.place(loop.exit)
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
        loop = _Loop(self.label(), self.label())
        self.emit(SetVariable(counter, 0))
        self.place(loop.again)
        self.emit(NextIteration(counter, indices, instruction.variable, loop.exit))
        self._body(instruction.bodies[0], loop)
        self.emit(Jump(loop.again))
        self.place(loop.exit)
        # Shots that left the loop in different rounds are to have one history again.
        self.emit(SetVariable(counter, None))

    def _unrolled(self, instruction: For, indices: Sequence[int]) -> None:
        exit_ = self.label()
        for index, body in zip(indices, instruction.bodies, strict=True):
            loop = _Loop(self.label(), exit_)
            if instruction.variable is not None:
                self.emit(SetVariable(instruction.variable, index))
            self._body(body, loop)
            self.place(loop.again)
        self.place(exit_)

    def _add_body(self, instructions: Iterable[Instruction]) -> None:
        for instruction in instructions:
            self._add(instruction)

    def _body(self, instructions: Iterable[Instruction], loop: _Loop) -> None:
        self._loops.append(loop)
        self._add_body(instructions)
        self._loops.pop()

    def _switch(self, instruction: Switch) -> None:
        end = self.label()
        labels: dict[int, Label] = {}
        default = end
        bodies = []
        for case in instruction.cases:
            label = self.label()
            bodies.append((label, case.body))
            if default == end:
                labels |= {uint_of(value): label for value in case.values if uint_of(value) not in labels}
                default = end if case.values else label
        self.emit(JumpTable(instruction.target, labels, default))
        for label, body in bodies:
            self.place(label)
            self._add_body(body)
            self.emit(Jump(end))
        self.place(end)
        self._meet()
