"""Programs -> layers; what a condition guards is done under a flag."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from simulator.circuit import expression as ex
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
    Store,
    Switch,
    Unitary,
)
from simulator.circuit.program import Program
from simulator.errors import InvalidProgramError
from simulator.monitor import Checkpoint
from simulator.piecewise import with_checkpoints
from simulator.stabilizer.cliffords.one_qubit import ELEMENTS, QUARTER_TURNS, X, Z, images_of
from simulator.stabilizer.cliffords.recognition import (
    Clifford,
    Nothing,
    QuarterTurns,
    gate,
    initialization,
    unitary,
)
from simulator.stabilizer.cliffords.two_qubits import Pair, controlled_pauli
from simulator.stabilizer.frames import NoiseTables
from simulator.stabilizer.layering.builder import Builder
from simulator.stabilizer.layering.code import Node
from simulator.stabilizer.layering.control_flow import any_parts_shots, bits_of, pauli_of, rounds
from simulator.stabilizer.layering.flow import nodes_of
from simulator.stabilizer.layering.layers import Flag, Segment
from simulator.stabilizer.noise import PauliChannel, ReadoutError, pauli_channel

_HADAMARD = ELEMENTS[images_of(Z, X)]


@dataclass(frozen=True, slots=True, eq=False)
class Compiled:
    """A program that is ready to run."""

    program: Program
    segment: Segment
    tables: NoiseTables
    #: Where control flow parts shots, all of it, in place of the segment; else empty.
    code: tuple[Node, ...] = ()


def compile_program(program: Program, checkpoint: Checkpoint) -> Compiled:
    """Put a program into layers; one that `refusal` has no reason against."""
    compiler = _Compiler(program)
    tables = NoiseTables(compiler.channels, compiler.readouts)
    if any_parts_shots(program.instructions):
        code = nodes_of(program.instructions, lambda some: compiler.segment(with_checkpoints(some, checkpoint)))
        return Compiled(program, Builder(program.num_qubits).build(), tables, code)
    compiler.add_all(with_checkpoints(program.instructions, checkpoint))
    return Compiled(program, compiler.builder.build(), tables)


class _Compiler:
    def __init__(self, program: Program) -> None:
        self.builder = Builder(program.num_qubits)
        self.channels: dict[int, PauliChannel] = {}
        self.readouts: list[ReadoutError] = []
        self._program = program
        self._readout_numbers: dict[bytes, int] = {}

    def segment(self, instructions: Iterable[Instruction]) -> Segment:
        """Return a segment of some instructions, before which there may be others."""
        self.builder = Builder(self._program.num_qubits, from_ground=False)
        self.add_all(instructions)
        return self.builder.build()

    def add_all(self, instructions: Iterable[Instruction]) -> None:
        for instruction in instructions:
            if type(instruction) is Gate:  # by far the most frequent
                found = gate(
                    instruction.name, instruction.params, len(instruction.controls), instruction.control_state
                )
                self._clifford(found, instruction.targets + instruction.controls)
            elif type(instruction) is Measure:
                self.builder.measure(instruction.qubit, instruction.clbit)
            else:
                self._add(instruction)

    def _add(self, instruction: Instruction) -> None:  # noqa: C901, PLR0912 (one case a kind of instruction)
        builder = self.builder
        match instruction:
            case Unitary():
                self._clifford(unitary(instruction), instruction.targets + instruction.controls)
            case Diagonal():
                self._clifford(unitary(instruction), instruction.targets)
            case Reset(qubit=qubit):
                builder.reset(qubit)
            case Permutation(targets=targets, sources=sources):
                builder.permute(sources, targets)
            case Initialize():
                self._initialize(instruction)
            case Noise(channel=channel, qubits=qubits):
                self._noise(channel, qubits)
            case Readout(clbits=clbits):
                builder.readout(self._readout_number(instruction), clbits)
            case Box(body=body):
                self.add_all(body)
            case For():
                for index, body in rounds(instruction):
                    if instruction.variable is not None:
                        self._set(instruction.variable, index, None)
                    self.add_all(body)
            case IfElse() | Switch() | Store():
                self._guarded(instruction, None)
            case Barrier() | Delay():
                pass
            case _:
                raise InvalidProgramError(f"{type(instruction).__name__} cannot be run with stabilizers")

    def _clifford(self, found: Clifford | None, qubits: Sequence[int]) -> None:
        if isinstance(found, int):
            self.builder.one(qubits[0], found)
        elif isinstance(found, Pair):
            self.builder.pair(qubits[0], qubits[1], found)
        elif isinstance(found, QuarterTurns):
            self.builder.rotate(qubits, found.letters, found.turns)
        elif not isinstance(found, Nothing):
            raise InvalidProgramError("a gate that is not Clifford cannot be run with stabilizers")

    def _initialize(self, instruction: Initialize) -> None:
        prepared, targets, builder = initialization(instruction), instruction.targets, self.builder
        if prepared is None:
            raise InvalidProgramError("amplitudes of no stabilizer state cannot be run with stabilizers")
        for target in targets:
            builder.reset(target)
        for place in prepared.hadamards:
            builder.one(targets[place], _HADAMARD)
        for place, power in prepared.phases:
            builder.one(targets[place], QUARTER_TURNS[Z][power])
        for one, other in prepared.cz:
            builder.pair(targets[one], targets[other], controlled_pauli(Z, Z))
        for control, target in prepared.cx:
            builder.pair(targets[control], targets[target], controlled_pauli(Z, X))
        for place in prepared.flips:
            builder.pauli(targets[place], X)

    def _noise(self, number: int, qubits: tuple[int, ...]) -> None:
        if number not in self.channels:
            channel = pauli_channel(self._program.channels[number])
            if channel is None:
                raise InvalidProgramError("a channel that is not of Paulis cannot be run with stabilizers")
            self.channels[number] = channel
        if self.channels[number].probability:
            self.builder.noise(number, qubits)

    def _readout_number(self, instruction: Readout) -> int:
        key = bytes(instruction.table.data)
        if key not in self._readout_numbers:
            self._readout_numbers[key] = len(self.readouts)
            table = instruction.table.ndarray().astype(np.float64)
            self.readouts.append(ReadoutError.of(len(self.readouts), table))
        return self._readout_numbers[key]

    def _guarded_all(self, instructions: Iterable[Instruction], flag: Flag) -> None:
        for instruction in instructions:
            self._guarded(instruction, flag)

    def _guarded(self, instruction: Instruction, flag: Flag | None) -> None:  # noqa: C901, PLR0912 (as above)
        """Add what is done in the shots of a flag only."""
        builder = self.builder
        match instruction:
            case Gate() if flag is not None:
                pauli = pauli_of(instruction)
                if pauli:
                    builder.feedback(instruction.targets[0], pauli, flag)
            case Store(target=target, value=value):
                builder.assign(target, value, bits_of((target, value)), flag)
            case IfElse(condition=condition, true_body=true_body, false_body=false_body):
                bits = bits_of((condition,))
                # Both flags are known before either body writes anything.
                true = builder.test(condition, bits, within=flag)
                false = builder.test(condition, bits, within=flag, negated=True) if false_body else None
                self._guarded_all(true_body, true)
                if false is not None:
                    self._guarded_all(false_body, false)
            case Switch():
                self._switch(instruction, flag)
            case For():
                for index, body in rounds(instruction):
                    if instruction.variable is not None:
                        self._set(instruction.variable, index, flag)
                    for inner in body:
                        self._guarded(inner, flag)
            case Box(body=body):
                for inner in body:
                    self._guarded(inner, flag)
            case Barrier() | Delay():
                pass
            case _:
                raise InvalidProgramError(f"{type(instruction).__name__} under a condition is not a Pauli")

    def _switch(self, instruction: Switch, flag: Flag | None) -> None:
        bits, taken = bits_of((instruction.target,)), frozenset[int]()
        flags = []
        for case in instruction.cases:
            values = frozenset(map(ex.uint_of, case.values)) - taken
            # A case without values takes whatever no case before it does.
            flags.append(
                self.builder.test(
                    instruction.target,
                    bits,
                    within=flag,
                    values=values if case.values else taken,
                    negated=not case.values,
                )
            )
            taken |= values
            if not case.values:
                break
        for case, own in zip(instruction.cases, flags, strict=False):
            self._guarded_all(case.body, own)

    def _set(self, variable: int, index: int, flag: Flag | None) -> None:
        self.builder.assign(ex.Var(variable), index, [-1 - variable], flag)
