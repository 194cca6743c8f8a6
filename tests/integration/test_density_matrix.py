"""Exact noise over the queue: density matrices, probabilities, expectation values; no cut changes counts."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import Kraus, SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, amplitude_damping_error, depolarizing_error
from support.exact import assert_likely

from jobs import BasicAerError, BasicAerEstimator

EXACT = {"rtol": 0, "atol": 1e-12}


def model(*, readout=True):
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.05, 2), "cx")
    noise.add_all_qubit_quantum_error(amplitude_damping_error(0.1), ["h", "ry"])
    if readout:
        noise.add_all_qubit_readout_error(ReadoutError([[0.95, 0.05], [0.1, 0.9]]))
    return noise


def circuit(angle=0.4):
    made = QuantumCircuit(3)
    made.h(0)
    made.cx(0, 1)
    made.ry(angle, 2)
    made.append(Kraus(amplitude_damping_error(0.3)), [1])
    made.cx(1, 2)
    return made


def aers_matrix(made, noise):
    made = made.copy()
    made.save_density_matrix()
    done = AerSimulator(method="density_matrix", noise_model=noise).run(made, shots=1).result()
    return np.asarray(done.data()["density_matrix"])


@pytest.mark.rule(41)
def test_the_density_matrix_is_aers(provider):
    """Given a noise model and a channel in the circuit, then its matrix and probabilities are exact."""
    noise = model()
    measured = circuit()
    measured.measure_all()
    backend = provider.get_backend("density_matrix_simulator")
    result = backend.run(measured, noise_model=noise, shots=3000, probabilities=True, seed_simulator=2).result()
    expected = aers_matrix(circuit(), noise)
    np.testing.assert_allclose(result.data()["density_matrix"], expected, **EXACT)
    table = np.array([[0.95, 0.05], [0.1, 0.9]])
    read = np.diag(expected).real @ np.kron(np.kron(table, table), table)
    found = result.data()["probabilities"]
    np.testing.assert_allclose([found.get(outcome, 0) for outcome in range(8)], read, **EXACT)
    counts = {hex(int(key, 2)): count for key, count in result.get_counts().items()}
    assert_likely(counts, {hex(outcome): share for outcome, share in enumerate(read.tolist())})
    assert result.results[0].metadata["method"] == "density_matrix"
    assert provider.job(result.job_id).backend().name == "density_matrix_simulator"


@pytest.mark.rule(32, 42)
@pytest.mark.parametrize("method", ["automatic", "density_matrix", "statevector"])
def test_the_cut_changes_nothing(provider, method):
    """Given a list with noise, cut into one shard or as many as there can be, its counts are the same."""
    some = [circuit(angle / 5) for angle in range(4)]
    for each in some:
        each.measure_all()
    backend = provider.get_backend("qasm_simulator")

    def counts(**options):
        job = backend.run(some, noise_model=model(), method=method, seed_simulator=4, shots=400, **options)
        return [job.result().get_counts(index) for index in range(4)]

    assert counts(max_shards=1) == counts() == counts(max_shards=4)


@pytest.mark.rule(41)
def test_expectation_values_are_exact(provider):
    """Given a noise model, an estimator's values are those of Aer's matrix; so are observables of a run."""
    noise, operator = model(readout=False), SparsePauliOp(["XYZ", "ZZI", "IIX"], [0.5, 1.0, -0.3])
    expected = np.trace(aers_matrix(circuit(), noise) @ operator.to_matrix()).real
    estimator = BasicAerEstimator(provider, options={"noise_model": noise, "method": "density_matrix"})
    assert estimator.run([(circuit(), operator)]).result()[0].data.evs == pytest.approx(expected, abs=1e-12)
    run = provider.get_backend("qasm_simulator").run(circuit(), noise_model=noise, observables=[operator])
    assert run.result().data()["expectation_values"][0] == pytest.approx(expected, abs=1e-12)


@pytest.mark.rule(23)
def test_what_it_cannot_run_is_refused_at_run(provider):
    """By instruction and way out; too many qubits by the memory of the workers; nothing is submitted."""
    dynamic = QuantumCircuit(2, 2)
    dynamic.measure(0, 0)
    with dynamic.if_test((dynamic.clbits[0], True)):
        dynamic.x(1)
    backend = provider.get_backend("density_matrix_simulator")
    way_out = "; without density_matrix=True, method=.*'statevector'.* can$"
    with pytest.raises(BasicAerError, match=f'"density_matrix" cannot run .* is a measure of qubit 0.*{way_out}'):
        backend.run(dynamic)
    wide = QuantumCircuit(40)
    wide.h(range(40))
    with pytest.raises(BasicAerError, match="Number of qubits 80 is greater than maximum"):
        backend.run(wide, density_matrix=False)
