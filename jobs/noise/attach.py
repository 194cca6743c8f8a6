"""Put the errors of a noise model into circuits, by the rules of Aer.

An operation's error is that of its label, if it is a gate that has one, or else of its name, on exactly its qubits
in their order. Errors come after the operation, in control flow too; those of "measure" before it, and what a
measurement misreads after it. Barriers, what saves or sets a state, and channels that are in a circuit have none.
"""

from __future__ import annotations

import copy
import re
import warnings
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, ControlFlowOp, Delay, Gate, Qubit

from jobs.errors import BasicAerError
from jobs.noise.instructions import ChannelInstruction, ReadoutInstruction
from jobs.noise.model import NoiseModel, Placed, listed
from jobs.operation import operation_of

_MEASURE, _DELAY = "measure", "delay"
#: What circuits have or have not, whatever they were transpiled to.
_IN_ANY_BASIS = frozenset({"delay", "id", "initialize", "measure", "reset"})
#: What is noise itself.
_CHANNELS = frozenset({"kraus", "superop", "quantum_channel", "roerror"})
#: How Qiskit calls a gate with controls on 0, after the name of the gate: it has the errors of that.
_OPEN_CONTROLS = re.compile(r"(.+)_o(\d+)")
#: An error, and the places of its qubits among those of the operation.
_OnPlaces: TypeAlias = tuple[ChannelInstruction, tuple[int, ...]]


class Attacher:
    """Puts the errors of one model into the circuits of one job, and notes what is left without."""

    def __init__(self, model: NoiseModel) -> None:
        self._model = model
        self._used: set[str] = set()
        self._without: set[str] = set()
        self._of: dict[tuple[str, tuple[int, ...]], list[_OnPlaces]] = {}

    def attached(self, circuit: QuantumCircuit) -> QuantumCircuit:
        """Return a copy of a circuit with its errors; `BasicAerError` names an error that does not fit."""
        indices = {qubit: index for index, qubit in enumerate(circuit.qubits)}
        return self._with_errors(circuit, indices, circuit.name)

    def warn(self) -> None:
        """Warn of errors that no circuit has, where circuits have gates that the model has none for."""
        unused = self._model.names - self._used - _IN_ANY_BASIS
        without = self._without - self._model.basis_gates
        if unused and without:
            said = (
                f"The noise model has errors of {listed(unused)}, which are in no circuit, and none of "
                f"{listed(without)}, which are: transpile the circuits to the model's basis_gates first, or they "
                "run without these errors"
            )
            warnings.warn(said, UserWarning, stacklevel=2)

    def _with_errors(self, circuit: QuantumCircuit, indices: Mapping[Qubit, int], name: str) -> QuantumCircuit:
        """Return a copy of a circuit, or of a block of one; ``indices`` are the qubits' in the whole circuit."""
        noisy = _empty_copy(circuit)
        append = noisy._append  # noqa: SLF001 (Qiskit's way for what is checked already)
        for instruction in circuit.data:
            if instruction.is_control_flow():
                append(self._with_blocks(instruction, indices, name))
                continue
            if instruction.is_directive() or instruction.name in _CHANNELS:
                append(instruction)
                continue
            qubits = tuple([indices[qubit] for qubit in instruction.qubits])
            errors = self._errors(instruction, qubits, name)
            after = [
                CircuitInstruction(error, [instruction.qubits[at] for at in places]) for error, places in errors
            ]
            if instruction.name == _MEASURE:
                for each in after:
                    append(each)
                append(instruction)
                if (table := self._model.readout_table(qubits[0])) is not None:
                    self._used.add(_MEASURE)
                    append(CircuitInstruction(ReadoutInstruction(table), (), instruction.clbits))
            else:
                append(instruction)
                for each in after:
                    append(each)
        return noisy

    def _with_blocks(
        self, instruction: CircuitInstruction, indices: Mapping[Qubit, int], name: str
    ) -> CircuitInstruction:
        operation: ControlFlowOp = instruction.operation
        outside = [indices[qubit] for qubit in instruction.qubits]
        blocks = [
            self._with_errors(block, dict(zip(block.qubits, outside, strict=True)), name)
            for block in operation.blocks
        ]
        return instruction.replace(operation=operation.replace_blocks(blocks))

    def _errors(self, instruction: CircuitInstruction, qubits: tuple[int, ...], name: str) -> list[_OnPlaces]:
        """Return an operation's errors, each as an instruction on some of its qubits."""
        known = _name_of(instruction, name)
        waits = instruction.name == _DELAY
        found = self._of.get((known, qubits))
        if found is None:
            placed = self._model.errors(known, qubits, operation_of(instruction, name))
            _check_width(placed, known, len(qubits), name)
            found = [(ChannelInstruction(channel), places) for channel, places in placed]
            if known in self._model.names:
                self._used.add(known)
            elif not placed and (
                instruction.is_standard_gate() or isinstance(operation_of(instruction, name), Gate)
            ):
                self._without.add(known)
            # How long a delay lasts is its own.
            if not waits:
                self._of[known, qubits] = found
        return found


def _empty_copy(circuit: QuantumCircuit) -> QuantumCircuit:
    """Return the circuit without its instructions; its metadata is the same object, as not all can be copied."""
    bare = copy.copy(circuit)
    bare.metadata = {}
    empty = bare.copy_empty_like()
    empty.metadata = circuit.metadata
    return empty


def _name_of(instruction: CircuitInstruction, circuit: str) -> str:
    """Return what an operation's error goes by."""
    name: str = instruction.name
    if instruction.label and (
        instruction.is_standard_gate() or isinstance(operation_of(instruction, circuit), (Gate, Delay))
    ):
        return str(instruction.label)
    opened = _OPEN_CONTROLS.fullmatch(name)
    return opened[1] if opened else name


def _check_width(placed: Sequence[Placed], known: str, width: int, name: str) -> None:
    for _, places in placed:
        if max(places) >= width:
            raise BasicAerError(
                f'the error of "{known}" in the noise model is on {max(places) + 1} qubits, and circuit "{name}" '
                f"has it on {width}: give the error to operations of its own width"
            )


def waits_unbound(circuit: QuantumCircuit) -> bool:
    """Whether a circuit has a delay whose duration is a parameter's, so that its errors are not known yet."""
    return any(
        (each.name == _DELAY and each.is_parameterized())
        or (each.is_control_flow() and any(map(waits_unbound, each.operation.blocks)))
        for each in circuit.data
    )
