"""mitiq: its mitigations, with our backend as the executor, do to counts what they do to exact values."""

import math

import numpy as np
import pytest
from mitiq import Executor, MeasurementResult, Observable, PauliString, ddd, zne
from mitiq.zne.inference import LinearFactory
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error

SHOTS = 20_000


@pytest.fixture
def noise():
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.02, 2), ["cx"])
    return model


def echo(depth=4):
    """A circuit that ends where it began, if nothing goes wrong."""
    circuit = QuantumCircuit(2)
    for _ in range(depth):
        circuit.h(0)
        circuit.cx(0, 1)
        circuit.cx(0, 1)
        circuit.h(0)
    return circuit


def test_zero_noise_extrapolation(backend, noise):
    """Counts under more and more noise are extrapolated as the exact probabilities of Aer's density matrix are."""

    def counted(circuit):
        circuit = circuit.copy()
        circuit.measure_all()
        job = backend.run(circuit, shots=SHOTS, seed_simulator=4, noise_model=noise)
        return job.result().get_counts().get("00", 0) / SHOTS

    def exact(circuit):
        circuit = circuit.copy()
        circuit.save_probabilities()
        aer = AerSimulator(method="density_matrix", noise_model=noise)
        return float(aer.run(circuit).result().data()["probabilities"][0])

    counts, truth = (
        zne.execute_with_zne(echo(), each, factory=LinearFactory([1.0, 3.0, 5.0])) for each in (counted, exact)
    )
    # A line through three points at 1, 3 and 5 has at 0 an error of 1.4 of theirs, 0.0035 each; five of these.
    assert counts == pytest.approx(truth, abs=0.025)
    assert abs(truth - 1) < abs(exact(echo()) - 1)


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
