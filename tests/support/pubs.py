"""Random PUBs of samplers and estimators: shapes that broadcast, registers, metadata, observables of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import ClassicalRegister, Parameter, ParameterVector, QuantumRegister
from qiskit.primitives import PrimitiveResult
from qiskit.quantum_info import Pauli, SparsePauliOp

#: Shapes of parameter values beside those of observables.
SHAPES = [
    ((), ()),
    ((3,), ()),
    ((), (4,)),
    ((5,), (2, 1)),
    ((2, 1), (3,)),
    ((4,), (4,)),
    ((2, 3), (2, 1)),
    ((1,), (1, 1)),
    ((0,), ()),
    ((2, 1, 2), (3, 1)),
]


def ansatz(rng: np.random.Generator, num_qubits: int, metadata: Any = None) -> QuantumCircuit:
    """A circuit with parameters that are linear, not linear, of a vector, and of the global phase."""
    alpha, beta = Parameter("alpha"), Parameter("beta")
    theta = ParameterVector("theta", num_qubits)
    circuit = QuantumCircuit(QuantumRegister(num_qubits, "q"), metadata=metadata, global_phase=alpha)
    for qubit in range(num_qubits):
        circuit.h(qubit)
        circuit.ry(theta[qubit], qubit)
        circuit.rz(alpha * beta + rng.normal(), qubit)
        circuit.sx(qubit)
    for qubit in range(num_qubits - 1):
        circuit.crx(2 * beta - 0.3, qubit, qubit + 1)
    circuit.p(alpha.sin(), 0)
    return circuit


def values(rng: np.random.Generator, circuit: QuantumCircuit, shape: tuple[int, ...]) -> Any:
    """Values of a circuit's parameters, as an array or as a mapping."""
    array = rng.uniform(-4, 4, (*shape, circuit.num_parameters))
    if rng.integers(2) or not circuit.num_parameters:
        return array
    split = int(rng.integers(1, circuit.num_parameters))
    names = [parameter.name for parameter in circuit.parameters]
    return {tuple(names[:split]): array[..., :split], tuple(names[split:]): array[..., split:]}


def observable(rng: np.random.Generator, num_qubits: int) -> Any:
    """An observable of one of the kinds that an estimator takes."""
    labels = ["".join(rng.choice(list("IXYZ"), num_qubits)) for _ in range(int(rng.integers(1, 6)))]
    numbers = rng.normal(size=len(labels)).tolist()
    match rng.integers(4):
        case 0:
            return labels[0]
        case 1:
            return Pauli("-" + labels[0])
        case 2:
            return dict(zip(labels, numbers, strict=True))
    return SparsePauliOp([*labels, "X" * num_qubits], [*numbers, 1.0])


def observables(rng: np.random.Generator, num_qubits: int, shape: tuple[int, ...]) -> Any:
    """An array of observables, of which some may be the same."""
    if not shape:
        return observable(rng, num_qubits)
    if len(shape) == 1 and rng.integers(2):
        return [observable(rng, num_qubits)] * shape[0]
    return [observables(rng, num_qubits, shape[1:]) for _ in range(shape[0])]


def measured(rng: np.random.Generator, circuit: QuantumCircuit) -> QuantumCircuit:
    """The circuit with some of its qubits measured to registers of several lengths, one of them not at all."""
    circuit = circuit.copy()
    registers = [ClassicalRegister(int(rng.integers(1, 11)), name) for name in ("out", "c1", "rest")]
    circuit.add_register(*registers)
    qubits = rng.permutation(circuit.num_qubits)
    for qubit in qubits[: int(rng.integers(1, circuit.num_qubits + 1))].tolist():
        register = registers[int(rng.integers(2))]
        circuit.measure(qubit, register[int(rng.integers(register.size))])
    return circuit


def pairs_of_one_form(found: PrimitiveResult, expected: PrimitiveResult) -> Iterator[tuple[Any, Any]]:
    """What two results have for each name of each PUB; their types, shapes and names are the same.

    So is their metadata, but that of ``found`` also says how a PUB was run.
    """
    assert type(found) is type(expected) is PrimitiveResult
    assert (len(found), found.metadata) == (len(expected), expected.metadata)
    for one, two in zip(found, expected, strict=True):
        assert type(one) is type(two)
        ran = one.metadata["simulator_metadata"]
        assert all(each["method"] for each in ran)
        assert one.metadata == {**two.metadata, "simulator_metadata": ran}
        assert (one.data.shape, list(one.data)) == (two.data.shape, list(two.data))
        yield from ((one.data[name], two.data[name]) for name in two.data)
