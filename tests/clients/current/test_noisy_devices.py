"""Devices by their rates: qiskit-experiments finds their T1 and readout, and IBM's fakes have Aer's noise."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SuperOp
from qiskit_aer.noise import NoiseModel
from qiskit_experiments.library import T1, LocalReadoutError
from qiskit_ibm_runtime.fake_provider import FakeManilaV2
from support.noisy_circuits import superoperator
from support.patience import deadline

from jobs import NoiseSpec


def finished(data):
    """Wait for jobs and analysis; neither may have failed."""
    data.block_for_results(timeout=deadline(60))
    assert data.status().name == "DONE", data.errors()
    return data


def value(data, name):
    """The first analysis result of this name."""
    table = data.analysis_results(dataframe=True)
    return table[table.name == name].iloc[0].value


@pytest.fixture
def device():
    return GenericBackendV2(2, seed=7)


def test_t1(provider, device):
    """Delays relax: the fit finds the T1 that the device's target says."""
    noisy = provider.noisy(device)
    t1 = device.target.qubit_properties[0].t1
    experiment = T1((0,), np.linspace(0.05, 3, 12) * t1, backend=noisy)
    found = value(finished(experiment.run(shots=4000, seed_simulator=1)), "T1")
    assert found.nominal_value == pytest.approx(t1, rel=0.15)


def test_readout(provider, device):
    """The assignment matrix is the table that the noise reads by."""
    table = [[0.97, 0.03], [0.08, 0.92]]
    noisy = provider.noisy(device, noise_model=NoiseSpec().readout(table))
    data = finished(LocalReadoutError((0, 1), backend=noisy).run(shots=20_000, seed_simulator=1))
    mitigator = value(data, "Local Readout Mitigator")
    for qubit in range(2):
        assert np.abs(mitigator.assignment_matrix([qubit]).T - table).max() < 0.01


def test_fake_backends_have_the_noise_that_aer_gives_them():
    """Of a device of IBM's, each error is Aer's to 1e-9: gates, delays and readout."""
    device = FakeManilaV2()
    spec, model = NoiseSpec.from_backend(device), NoiseModel.from_backend(device)
    local = model._local_quantum_errors
    assert {(name, qubits) for name in spec.gates if name != "delay" for qubits in spec.gates[name]} == {
        (name, tuple(qubits)) for name in local for qubits in local[name]
    }
    for name, by_qubits in local.items():
        for qubits, error in by_qubits.items():
            placed = spec.errors(name, tuple(qubits), device.target.operation_from_name(name))
            assert np.abs(superoperator(placed, len(qubits)) - SuperOp(error).data).max() < 1e-9
    for (qubit,), error in model._local_readout_errors.items():
        assert np.abs(spec.readout_table(qubit).ndarray() - error.probabilities).max() < 1e-9
