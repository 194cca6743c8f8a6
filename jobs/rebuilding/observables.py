"""Sums of Pauli strings -> Qiskit's operators."""

from __future__ import annotations

from qiskit.quantum_info import SparsePauliOp

from simulator.circuit.pauli_sum import PauliSum, numbers


def rebuild_observable(each: PauliSum, num_qubits: int) -> SparsePauliOp:
    """Return an observable as an operator on so many qubits."""
    return SparsePauliOp.from_list(labelled(each, num_qubits), num_qubits=num_qubits)


def labelled(each: PauliSum, num_qubits: int) -> list[tuple[str, float]]:
    """Return the strings of a sum as Qiskit writes them, the last qubit first, with their coefficients."""
    masks = zip(numbers(each.x), numbers(each.z), each.coefficients, strict=True)
    return [
        ("".join("IXZY"[(x >> bit & 1) + 2 * (z >> bit & 1)] for bit in reversed(range(num_qubits))), coefficient)
        for x, z, coefficient in masks
    ]
