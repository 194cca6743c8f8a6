"""A backend with the noise, the basis and the coupling map of a device: no queue."""

from __future__ import annotations

import copy
import pickle

import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.transpiler import Target

from jobs import BasicAerError, BasicAerProvider, BasicAerSampler, NoiseSpec

DEVICE = GenericBackendV2(5, coupling_map=[[0, 1], [1, 2], [2, 3], [3, 4]], seed=7)


@pytest.fixture
def provider():
    # Nothing of this needs a Redis.
    return BasicAerProvider("redis://127.0.0.1:1/0")


@pytest.mark.rule(41)
def test_a_noisy_backend_is_a_device_to_the_transpiler(provider):
    """Circuits get its basis and its couplings; its noise is what the device says of its errors."""
    noisy = provider.noisy(DEVICE)
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cx(0, 2)
    circuit.measure_all()
    found = transpile(circuit, noisy, seed_transpiler=1)
    assert found == transpile(circuit, DEVICE, seed_transpiler=1)
    assert noisy.num_qubits == found.num_qubits == 5
    assert noisy.options.noise_model == NoiseSpec.from_backend(DEVICE)
    assert provider.noisy(DEVICE.target).options.noise_model == NoiseSpec.from_backend(DEVICE)


@pytest.mark.rule(15)
def test_it_is_copied_and_pickled_with_its_noise(provider):
    """As whatever it is recorded as, ``qasm_simulator``, with the device's target."""
    noisy = provider.noisy(DEVICE)
    noisy.set_options(shots=7)
    for each in (pickle.loads(pickle.dumps(noisy)), copy.copy(noisy), copy.deepcopy(noisy)):
        assert type(each) is type(noisy)
        assert each == noisy == provider.get_backend("qasm_simulator")
        assert each.target.build_coupling_map().get_edges() == DEVICE.coupling_map.get_edges()
        assert each.options.noise_model == noisy.options.noise_model
        assert (each.name, each.options.shots) == ("qasm_simulator", 7)
    assert "of 5 qubits" in repr(noisy)


def test_another_noise_and_a_warm_device(provider):
    """Its couplings go with any model, and a temperature is the model's."""
    spec = NoiseSpec().depolarizing(0.1, "cx")
    assert provider.noisy(DEVICE, noise_model=spec).options.noise_model == spec
    warm = provider.noisy(DEVICE, temperature=0.1).options.noise_model
    assert warm == NoiseSpec.from_backend(DEVICE, temperature=0.1)


def test_a_primitive_is_made_from_it(provider):
    """It is ``qasm_simulator`` to them."""
    assert BasicAerSampler(provider.noisy(DEVICE))


@pytest.mark.rule(23)
def test_devices_that_say_nothing(provider):
    """Neither an ideal simulator nor what is no backend has noise."""
    with pytest.raises(BasicAerError, match="says neither error rates nor T1 and T2 of its qubits"):
        provider.noisy(Target(num_qubits=2))
    with pytest.raises(BasicAerError, match="a BackendV2 or a Target with a number of qubits is needed, not 5"):
        provider.noisy(5)
