"""Which errors of a noise model the operations of circuits have, by the rules of Aer.

An operation's error is that of its label, if it is a gate that has one, or else of its name, on exactly its qubits
in their order. Barriers, what saves or sets a state, control flow and channels that are in a circuit have none;
what is in control flow has its own. `jobs.lowering.model_noise` puts them where they belong.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from qiskit import QuantumCircuit
from qiskit.circuit import CircuitInstruction, Delay, Gate

from jobs.errors import BasicAerError
from jobs.noise.instructions import ChannelInstruction
from jobs.noise.model import IN_ANY_BASIS, NoiseModel, Placed, listed
from jobs.operation import operation_of
from jobs.warned import warn_user
from simulator.circuit.array import Array

_MEASURE, _DELAY = "measure", "delay"
#: What is noise itself.
_CHANNELS = frozenset({"kraus", "superop", "quantum_channel", "roerror"})
#: How Qiskit calls a gate with controls on 0, after the name of the gate: it has the errors of that.
_OPEN_CONTROLS = re.compile(r"(.+)_o(\d+)")


class Attacher:
    """Finds the errors that operations of a job's circuits have in one model, and notes what is left without."""

    def __init__(self, model: NoiseModel) -> None:
        self._model = model
        self._used: set[str] = set()
        #: Gates that are somewhere without an error.
        self._without: set[str] = set()
        #: Whether any circuit has channels that were written into it by this package.
        self._recorded = False
        self._measures = False
        self._of: dict[tuple[str, tuple[int, ...]], Sequence[Placed]] = {}

    def errors(self, instruction: CircuitInstruction, qubits: tuple[int, ...], circuit: str) -> Sequence[Placed]:
        """Return an operation's errors, given the numbers of its qubits and the name of the whole circuit.

        `BasicAerError` names one that does not fit.
        """
        if instruction.is_control_flow() or instruction.is_directive():
            return ()
        if instruction.name in _CHANNELS:
            self._recorded |= isinstance(instruction.operation, ChannelInstruction)
            return ()
        known = _name_of(instruction, circuit)
        found = self._of.get((known, qubits))
        if found is None:
            operation = operation_of(instruction, circuit)
            found = self._model.errors(known, qubits, operation)
            _check_width(found, known, len(qubits), circuit)
            if found:
                self._used.add(known)
            elif instruction.is_standard_gate() or isinstance(operation, Gate):
                self._without.add(known)
            # How long a delay lasts is its own.
            if instruction.name != _DELAY:
                self._of[known, qubits] = found
        return found

    def readout_table(self, qubit: int) -> Array | None:
        """Return what a measurement of a qubit reads, as `NoiseModel` says."""
        self._measures = True
        table = self._model.readout_table(qubit)
        if table is not None:
            self._used.add(_MEASURE)
        return table

    def warn(self) -> None:
        """Warn of errors that no circuit has, if that looks like a mistake, and of errors that come twice."""
        names = self._model.names
        unused = names - self._used - IN_ANY_BASIS
        without = self._without - self._model.basis_gates - names
        has_any = self._without | ({_MEASURE} if self._measures else set())
        if self._recorded and self._used:
            warn_user(
                "The circuits are those of a recorded job, which have the errors of its noise model in them, and "
                "noise_model adds errors again: leave it out, or run them with **job.options()"
            )
        if unused and without:
            warn_user(
                f"The noise model has errors of {listed(unused)}, which are in no circuit, and none of "
                f"{listed(without)}, which are: transpile the circuits to the model's basis_gates first, or they "
                "run without these errors"
            )
        elif not self._used and ((unused and self._without) or (self._measures and _MEASURE in names)):
            warn_user(
                f"No circuit has any error of the noise model: it has those of {listed(names)}, and circuits have "
                f"{listed(has_any)}; errors go by an operation's name or label, and by its qubits in their order"
            )


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
