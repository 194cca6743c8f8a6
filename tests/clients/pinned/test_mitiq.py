"""mitiq: its mitigations, with our backend as the executor, do to counts what they do to exact values."""

import math

import numpy as np
import pytest
from mitiq import Executor, MeasurementResult, Observable, PauliString, ddd, zne
from mitiq.zne.inference import LinearFactory
from qiskit import QuantumCircuit
from qiskit.quantum_info import Statevector

SHOTS = 20_000
#: What an error of a gate turns too far.
ERROR = 0.04


def echo(depth=4):
    """A circuit that ends where it began, if nothing goes wrong."""
    circuit = QuantumCircuit(2)
    for _ in range(depth):
        circuit.h(0)
        circuit.cx(0, 1)
        circuit.cx(0, 1)
        circuit.h(0)
    return circuit


def with_errors(circuit):
    """Each CX is followed by a rotation: the error that is to be mitigated, which our backend does not have."""
    noisy = QuantumCircuit(*circuit.qregs)
    for instruction in circuit:
        noisy.append(instruction)
        if instruction.operation.name == "cx":
            noisy.rx(ERROR, instruction.qubits[1])
    return noisy


def exact(circuit):
    """How likely the circuit ends where it began."""
    return float(Statevector(with_errors(circuit)).probabilities()[0])


def test_zero_noise_extrapolation(backend):
    """Counts of circuits with more and more of the error are extrapolated as exact probabilities are."""

    def counted(circuit):
        measured = with_errors(circuit)
        measured.measure_all()
        return backend.run(measured, shots=SHOTS, seed_simulator=4).result().get_counts().get("00", 0) / SHOTS

    factory = [LinearFactory([1.0, 3.0, 5.0]) for _ in range(2)]
    mitigated = zne.execute_with_zne(echo(), counted, factory=factory[0])
    # A line through three points at 1, 3 and 5 has at 0 an error of 1.4 of theirs, 0.0035 each; five of these.
    assert mitigated == pytest.approx(zne.execute_with_zne(echo(), exact, factory=factory[1]), abs=0.025)


def test_expectation_values_in_one_job(backend):
    """An executor that is given all circuits at once estimates an observable in every basis that it needs."""
    circuit = QuantumCircuit(2)
    circuit.ry(0.7, 0)
    circuit.cx(0, 1)

    def counted(circuits) -> list[MeasurementResult]:
        result = backend.run(circuits, shots=SHOTS, seed_simulator=4, memory=True).result()
        # mitiq's bits are in the order of the qubits.
        memories = [result.get_memory(number) for number in range(len(circuits))]
        return [MeasurementResult([list(map(int, reversed(shot))) for shot in memory]) for memory in memories]

    observable = Observable(PauliString("ZI"), PauliString("XX", 0.5), PauliString("YY", -2.0))
    executor = Executor(counted)
    (value,) = executor.evaluate([circuit], observable)
    assert executor.calls_to_executor == 1
    expected = math.cos(0.7) + 0.5 * math.sin(0.7) + 2 * math.sin(0.7)
    assert value.real == pytest.approx(expected, abs=5 * np.hypot(2, 1) / SHOTS**0.5)


def test_digital_dynamical_decoupling(backend):
    """Pulses that are put where qubits idle change nothing where nothing disturbs them."""
    circuit = QuantumCircuit(2)
    circuit.h(0)
    for _ in range(6):
        circuit.x(1)
    circuit.h(0)

    def counted(circuit):
        measured = circuit.copy()
        measured.measure_all()
        return backend.run(measured, shots=1000).result().get_counts().get("00", 0) / 1000

    assert ddd.execute_with_ddd(circuit, counted, rule=ddd.rules.xx) == 1
