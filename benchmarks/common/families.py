"""Families of circuits: a name and a width give the same circuit on every machine."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.library import PauliEvolutionGate
from qiskit.circuit.library import quantum_volume as _quantum_volume
from qiskit.quantum_info import SparsePauliOp

_SEED = 1
_RANDOM_DEPTH = 20
_VQE_DEPTH = 6
_GROVER_ITERATIONS = 3


def bell() -> QuantumCircuit:
    """Return a measured Bell pair."""
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    return circuit


def quantum_volume(width: int) -> QuantumCircuit:
    """Return ``width`` layers of random two-qubit unitaries on random pairs."""
    return _quantum_volume(width, width, seed=_SEED)


def qft(width: int) -> QuantumCircuit:
    """Return the Fourier transform of a product state, its swaps included."""
    circuit = QuantumCircuit(width)
    for qubit in range(width):
        circuit.ry(0.1 + 0.3 * qubit, qubit)
    for target in reversed(range(width)):
        circuit.h(target)
        for control in reversed(range(target)):
            circuit.cp(math.pi / 2 ** (target - control), control, target)
    for qubit in range(width // 2):
        circuit.swap(qubit, width - 1 - qubit)
    return circuit


def random(width: int) -> QuantumCircuit:
    """Return 20 layers of a random u on every qubit, then CX on random pairs."""
    rng = np.random.default_rng(_SEED)
    circuit = QuantumCircuit(width)
    for _ in range(_RANDOM_DEPTH):
        for qubit in range(width):
            circuit.u(*rng.uniform(0, math.pi, 3), qubit)
        order = rng.permutation(width).tolist()
        for control, target in zip(order[0::2], order[1::2], strict=False):
            circuit.cx(control, target)
    return circuit


def vqe(width: int) -> QuantumCircuit:
    """Return a hardware-efficient ansatz: six layers of ry and rz on every qubit, then a chain of CX."""
    return ansatz(width, np.random.default_rng(_SEED).uniform(0, 6, 2 * width * _VQE_DEPTH).tolist())


def ansatz(width: int, angles: Sequence[Any]) -> QuantumCircuit:
    """Return the same with these angles, which may be parameters: 12 for each qubit, layer by layer."""
    circuit = QuantumCircuit(width)
    every = iter(angles)
    for _ in range(_VQE_DEPTH):
        for qubit in range(width):
            circuit.ry(next(every), qubit)
            circuit.rz(next(every), qubit)
        _chain(circuit)
    return circuit


def ghz(width: int) -> QuantumCircuit:
    """Return |0...0> + |1...1> by a chain of CX."""
    circuit = QuantumCircuit(width)
    circuit.h(0)
    _chain(circuit)
    return circuit


def grover(width: int) -> QuantumCircuit:
    """Return three iterations of the search for |1...1>."""
    circuit = QuantumCircuit(width)
    qubits = range(width)
    circuit.h(qubits)
    for _ in range(_GROVER_ITERATIONS):
        _flip_all_ones(circuit)
        circuit.h(qubits)
        circuit.x(qubits)
        _flip_all_ones(circuit)
        circuit.x(qubits)
        circuit.h(qubits)
    return circuit


def evolution(width: int) -> QuantumCircuit:
    """Return a step of a product formula, as of hopping electrons: X Z...Z X and Y Z...Z Y on pairs of qubits."""
    rng = np.random.default_rng(_SEED)
    terms = []
    for _ in range(2 * width):
        first, last = sorted(rng.choice(width, 2, replace=False).tolist())
        qubits, coefficient = list(range(first, last + 1)), float(rng.normal())
        terms += [(end + "Z" * (len(qubits) - 2) + end, qubits, coefficient) for end in "XY"]
    circuit = QuantumCircuit(width)
    for qubit in range(width):
        circuit.ry(0.1 + 0.3 * qubit, qubit)
    operator = SparsePauliOp.from_sparse_list(terms, width)
    circuit.append(PauliEvolutionGate(operator, time=0.3), range(width))
    return circuit


def uniform(width: int) -> QuantumCircuit:
    """Return the state in which every outcome is as likely: nothing to evolve, all to sample."""
    circuit = QuantumCircuit(width)
    circuit.h(range(width))
    return circuit


def teleportation() -> QuantumCircuit:
    """Return the teleportation of a qubit, its two corrections conditioned on measured bits; all is measured."""
    circuit = QuantumCircuit(3, 3)
    circuit.ry(0.7, 0)
    circuit.rz(0.4, 0)
    circuit.h(1)
    circuit.cx(1, 2)
    circuit.cx(0, 1)
    circuit.h(0)
    circuit.measure([0, 1], [0, 1])
    with circuit.if_test((circuit.clbits[1], 1)):
        circuit.x(2)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.z(2)
    circuit.measure(2, 2)
    return circuit


def feedback(rounds: int = 5) -> QuantumCircuit:
    """Return rounds of: entangle two qubits, measure one, act on the other if it was 1, reset the one."""
    circuit = QuantumCircuit(2, rounds + 1)
    for index in range(rounds):
        circuit.ry(0.5 + 0.2 * index, 0)
        circuit.cx(0, 1)
        circuit.measure(0, index)
        with circuit.if_test((circuit.clbits[index], 1)):
            circuit.rx(0.3 + 0.1 * index, 1)
        circuit.reset(0)
    circuit.measure(1, rounds)
    return circuit


def _chain(circuit: QuantumCircuit) -> None:
    for qubit in range(circuit.num_qubits - 1):
        circuit.cx(qubit, qubit + 1)


def _flip_all_ones(circuit: QuantumCircuit) -> None:
    """Change the sign of |1...1>."""
    *controls, target = range(circuit.num_qubits)
    circuit.h(target)
    circuit.mcx(controls, target)
    circuit.h(target)


#: Those that the figures name, in their order.
FAMILIES: Mapping[str, Callable[[int], QuantumCircuit]] = MappingProxyType(
    {"qv": quantum_volume, "qft": qft, "random": random, "vqe": vqe, "ghz": ghz, "grover": grover}
)
