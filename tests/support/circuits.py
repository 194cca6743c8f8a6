"""Circuits that several tests run or lower."""

from __future__ import annotations

import pytest
import qiskit
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, QuantumRegister
from qiskit.circuit.classical import expr, types

from jobs.lowering import lower
from simulator.circuit.instructions import Instruction

#: Of tests whose circuits an older Qiskit cannot build: loops over variables, delays of no length that there is.
since_qiskit_2_5 = pytest.mark.skipif(
    tuple(map(int, qiskit.__version__.split(".")[:2])) < (2, 5), reason="this Qiskit cannot build the circuit"
)


def bell(name: str = "bell") -> QuantumCircuit:
    """A Bell pair, measured."""
    circuit = QuantumCircuit(2, 2, name=name)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    return circuit


def entangled(width: int, name: str = "entangled") -> QuantumCircuit:
    """A measured circuit that is done with none of its qubits before all of them were in use, with a T gate."""
    circuit = QuantumCircuit(width, width, name=name)
    circuit.h(0)
    circuit.t(0)
    for targets in (range(1, width), range(width - 1, 0, -1)):
        circuit.cx(0, targets)
    circuit.measure(range(width), range(width))
    return circuit


def endless(name: str = "endless") -> QuantumCircuit:
    """A circuit that only ends if it is stopped."""
    circuit = QuantumCircuit(1, 1, name=name)
    with circuit.while_loop(expr.lift(True)):
        circuit.x(0)
    circuit.measure(0, 0)
    return circuit


def dividing_by_zero(name: str = "bad") -> QuantumCircuit:
    """A circuit that every worker accepts and none can finish."""
    circuit = QuantumCircuit(1, 1, name=name)
    zero = circuit.add_var("zero", expr.lift(0, types.Uint(8)))
    quotient = circuit.add_var("quotient", expr.lift(0, types.Uint(8)))
    circuit.store(quotient, expr.div(expr.lift(1, types.Uint(8)), zero))
    circuit.measure(0, 0)
    return circuit


def two_registers(name: str = "pair") -> QuantumCircuit:
    """|01> in one register and |10> in another, each measured to its own."""
    qubits, low, high = QuantumRegister(4, "q"), ClassicalRegister(2, "low"), ClassicalRegister(2, "high")
    circuit = QuantumCircuit(qubits, low, high, name=name)
    circuit.x(1)
    circuit.x(2)
    circuit.measure(range(4), range(4))
    return circuit


def wide(name: str = "wide") -> QuantumCircuit:
    """A circuit that costs enough to be a shard of its own."""
    circuit = QuantumCircuit(18, name=name)
    for _ in range(20):
        circuit.h(range(18))
        circuit.rx(0.3, range(18))
        for qubit in range(17):
            circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


def lowered(operation: object, width: int | None = None) -> tuple[Instruction, ...]:
    """The instructions of a circuit that holds the operation only."""
    circuit = QuantumCircuit(width or operation.num_qubits)
    circuit.append(operation, range(operation.num_qubits))
    return lower(circuit).instructions
