"""What Qiskit circuits do that have channels in them, from the definition: small ones, without control flow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, QuantumError, ReadoutError, pauli_error
from support.noise import RESET, applied, channel, kraus, operators_of
from support.programs import embedded

from jobs import lower
from jobs.noise import Attacher, ChannelInstruction, Placed, ReadoutInstruction, read_model
from jobs.rebuilding import rebuild

#: Errors that always flip, one qubit, two, and what is read.
FLIP, FLIPS = pauli_error([("X", 1.0)]), pauli_error([("XX", 1.0)])
FLIPPED = ReadoutError([[0, 1], [1, 0]])
_DONE = channel(1, (1.0, (kraus(RESET),)))


def model_of(
    name: str | Sequence[str], error: QuantumError = FLIP, qubits: Sequence[int] | None = None
) -> NoiseModel:
    """A model with one error, of all qubits or of some."""
    model = NoiseModel()
    if qubits is None:
        model.add_all_qubit_quantum_error(error, name)
    else:
        model.add_quantum_error(error, name, qubits)
    return model


def measured(*operations: tuple[Any, ...], num_qubits: int = 1) -> QuantumCircuit:
    """A circuit of operations, each with its qubits behind it, that measures all at its end."""
    circuit = QuantumCircuit(num_qubits, num_qubits)
    for operation, *qubits in operations:
        circuit.append(operation, qubits)
    circuit.measure(range(num_qubits), range(num_qubits))
    return circuit


def with_errors(circuit: QuantumCircuit, model: Any) -> QuantumCircuit:
    """A circuit with the errors that its operations have in a model, as a recorded job shows it."""
    return rebuild(lower(circuit, noise=Attacher(read_model(model))))


def density_matrix(circuit: QuantumCircuit) -> NDArray[np.complex128]:
    """The state at the end of a circuit, in which a measurement does nothing."""
    rho = np.zeros((1 << circuit.num_qubits,) * 2, complex)
    rho[0, 0] = 1
    for each in circuit.data:
        operation, qubits = each.operation, [circuit.find_bit(qubit).index for qubit in each.qubits]
        if isinstance(operation, ChannelInstruction):
            rho = applied(operation.channel, qubits, rho)
        elif operation.name == "reset":
            rho = applied(_DONE, qubits, rho)
        elif operation.name not in {"measure", "roerror", "barrier", "delay"}:
            matrix = embedded(Operator(operation).data, qubits, circuit.num_qubits)
            rho = matrix @ rho @ matrix.conj().T
    return rho


def probabilities(circuit: QuantumCircuit) -> NDArray[np.float64]:
    """Of each value of the clbits, the probability that it is read; each clbit is written once, at the end."""
    diagonal = density_matrix(circuit).diagonal().real
    sources = [0] * circuit.num_clbits
    tables = [np.eye(2)] * circuit.num_clbits
    for each in circuit.data:
        clbits = [circuit.find_bit(clbit).index for clbit in each.clbits]
        if each.name == "measure":
            sources[clbits[0]] = circuit.find_bit(each.qubits[0]).index
        elif isinstance(each.operation, ReadoutInstruction):
            tables[clbits[0]] = each.operation.table.ndarray()
    read = np.zeros(1 << circuit.num_clbits)
    for value, probability in enumerate(diagonal):
        row = np.ones(1)
        for source, table in zip(sources, tables, strict=True):
            row = np.kron(table[value >> source & 1], row)
        read += probability * row
    return read


def superoperator(placed: Sequence[Placed], num_qubits: int) -> NDArray[np.complex128]:
    """Channels one after the other, as they act on a density matrix whose columns are in a row."""
    whole = np.eye(4**num_qubits, dtype=complex)
    for each, places in placed:
        one = np.zeros_like(whole)
        for probability, steps in zip(each.probabilities, each.alternatives, strict=True):
            way = np.eye(4**num_qubits, dtype=complex)
            for step in steps:
                wide = [embedded(k, places, num_qubits) for k in operators_of(step, each.num_qubits)]
                way = sum(np.kron(k.conj(), k) for k in wide) @ way
            one += probability * way
        whole = one @ whole
    return whole


def aer_density_matrix(circuit: QuantumCircuit, model: Any) -> NDArray[np.complex128]:
    """The state at the end of a circuit without measurements, of Aer."""
    saved = circuit.copy()
    saved.save_density_matrix()
    simulator = AerSimulator(method="density_matrix", noise_model=model)
    return np.asarray(simulator.run(saved).result().data(0)["density_matrix"])


def aer_counts(circuit: QuantumCircuit, model: Any, shots: int = 20) -> dict[str, int]:
    """Counts of Aer."""
    simulator = AerSimulator(method="density_matrix", noise_model=model)
    found: dict[str, int] = simulator.run(circuit, shots=shots, seed_simulator=1).result().get_counts()
    return found
