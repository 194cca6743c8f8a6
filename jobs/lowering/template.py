"""A lowered circuit as a template: of circuits that differ only in the numbers of gates, only these are read."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Barrier, CircuitInstruction, Clbit, Measure, Qubit, Reset

from jobs.lowering.circuits import metadata_of
from jobs.lowering.standard import STANDARD_GATES
from jobs.operation import operation_of
from simulator.circuit import instructions
from simulator.circuit.program import Program
from simulator.shards.sweeps import Copy

#: A standard gate: its name, its qubits, and how many numbers it has.
_Gate: TypeAlias = tuple[str, tuple[Qubit, ...], int]
#: Another operation: its class, its qubits, and its clbits.
_Other: TypeAlias = tuple[type, tuple[Qubit, ...], tuple[Clbit, ...]]

#: Name in GATES and number of controls -> name of the standard gate.
_NAMES = {pair: name for name, pair in STANDARD_GATES.items() if name != "cu"}


class CircuitTemplate:
    """A circuit that was lowered, for others to be compared with; not changed by later changes of the circuit.

    `simulator.shards.sweeps` compares Programs, so it finds also what this leaves to lowering, such as circuits of
    instructions with definitions. It cannot take the place of this: to lower a circuit first takes three times as
    long as to read its numbers.

    Instructions of other names are others, whatever they were lowered to: noise goes by names, and channels are
    instructions, too. With ``labels``, so are those of other labels, by which noise goes as well. On equal gates
    it is equal, so it is not compared.
    """

    def __init__(self, circuit: QuantumCircuit, program: Program, *, labels: bool = False) -> None:
        self._bits = _bits_of(circuit)
        self._names = [each.name for each in circuit.data[:]]
        self._labels = [each.label for each in circuit.data[:]] if labels else None
        self._program = program
        self._length = len(circuit.data)
        self._expected: list[_Gate | _Other] | None = None

    def row(self, circuit: QuantumCircuit) -> Copy | None:
        """Return the numbers, name and metadata of a circuit of this template; None if it must be lowered."""
        # Read once: each slice makes all instructions anew.
        data = circuit.data[:]
        if len(data) != self._length or circuit.num_vars or self._program.variables:
            return None
        # Also one that its gates do not depend on, as in 0 * theta.
        if circuit.num_parameters:
            return None
        if _bits_of(circuit) != self._bits:
            return None
        if self._expected is None:
            self._expected = self._all_expected()
        if self._labels is not None and self._labels != [each.label for each in data]:
            return None
        # A definition that was lowered is more than one instruction, or another.
        if len(self._expected) != self._length:
            return None
        numbers = _numbers(circuit, data, self._names, self._expected)
        return None if numbers is None else Copy(numbers, str(circuit.name), metadata_of(circuit.metadata))

    def _all_expected(self) -> list[_Gate | _Other]:
        """Return what each instruction of such a circuit must be; nothing if the Program does not tell it."""
        qubits, clbits, *_ = self._bits
        found: list[_Gate | _Other] = []
        for each in self._program.instructions:
            match each:
                case instructions.Gate(control_state=None) if (each.name, len(each.controls)) in _NAMES:
                    name, indices = _NAMES[each.name, len(each.controls)], each.controls + each.targets
                    found.append((name, tuple([qubits[index] for index in indices]), len(each.params)))
                case instructions.Measure():
                    found.append((Measure, (qubits[each.qubit],), (clbits[each.clbit],)))
                case instructions.Reset():
                    found.append((Reset, (qubits[each.qubit],), ()))
                case instructions.Barrier():
                    found.append((Barrier, tuple([qubits[index] for index in each.qubits]), ()))
                case instructions.Noise() | instructions.Readout():
                    pass
                case _:
                    return []
        return found


def _bits_of(circuit: QuantumCircuit) -> tuple[list[Any], ...]:
    return list(circuit.qubits), list(circuit.clbits), list(circuit.qregs), list(circuit.cregs)


def _numbers(
    circuit: QuantumCircuit, data: list[CircuitInstruction], names: list[str], expected: list[_Gate | _Other]
) -> NDArray[np.float64] | None:
    """Return the numbers of all gates, then the global phase; None where the data is not as expected."""
    numbers: list[Any] = []
    for (kind, qubits, more), own_name, mine in zip(expected, names, data, strict=True):
        name = mine.name
        if mine.qubits != qubits or name != own_name:
            return None
        if mine.is_standard_gate():
            if name != kind:
                return None
            if more:
                params = mine.params
                if len(params) != more:
                    return None
                numbers += params
        elif getattr(operation_of(mine, circuit.name), "base_class", None) is not kind or mine.clbits != more:
            return None
    numbers.append(circuit.global_phase)
    try:
        found = np.array([float(number) for number in numbers])
    except (TypeError, ValueError):
        return None
    found[-1] += 0.0  # a Program's phase is a sum, and so no negative zero
    return found if np.isfinite(found).all() else None
