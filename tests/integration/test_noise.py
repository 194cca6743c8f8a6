"""Noise over the queue: Aer's models and those made of rates, whose counts sample the exact density matrix."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.primitives import BackendSamplerV2
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Kraus, SparsePauliOp, random_quantum_channel
from qiskit_aer.noise import NoiseModel, ReadoutError, pauli_error
from support.exact import assert_likely
from support.noisy_circuits import aer_counts, density_matrix, probabilities, with_errors

from jobs import BasicAerError, BasicAerEstimator, BasicAerSampler, NoiseSpec

DEVICE = GenericBackendV2(3, coupling_map=[[0, 1], [1, 2]], seed=7)
SPEC = NoiseSpec().depolarizing(0.1, ["h", "cx", "rx"]).readout([[0.95, 0.05], [0.1, 0.9]])
SHOTS = 8000


def ghz(num_qubits=3):
    circuit = QuantumCircuit(num_qubits, name="ghz")
    circuit.h(0)
    for qubit in range(num_qubits - 1):
        circuit.cx(qubit, qubit + 1)
    return circuit


def measured(circuit):
    found = circuit.copy()
    found.measure_all()
    return found


def exact(circuit, model):
    return probabilities(with_errors(circuit, model))


def assert_samples(counts, expected):
    """Counts are a sample of these probabilities."""
    found = {hex(int(outcome, 2)): count for outcome, count in counts.items()}
    assert_likely(found, {hex(outcome): share for outcome, share in enumerate(expected.tolist())})


@pytest.mark.rule(41)
@pytest.mark.parametrize("form", ["a NoiseModel", "its dictionary", "a NoiseSpec"])
def test_counts_are_those_of_the_exact_state(provider, form):
    """Given the model of a device, when a circuit runs, then its counts sample the density matrix."""
    circuit = transpile(measured(ghz()), DEVICE, seed_transpiler=1)
    model = NoiseSpec.from_backend(DEVICE) if form == "a NoiseSpec" else NoiseModel.from_backend(DEVICE)
    given = model.to_dict(serializable=True) if form == "its dictionary" else model
    backend = provider.get_backend("qasm_simulator")
    counts = backend.run(circuit, noise_model=given, shots=SHOTS, seed_simulator=5).result().get_counts()
    assert_samples(counts, exact(circuit, model))


@pytest.mark.rule(13)
@pytest.mark.rule(32)
def test_a_noisy_job_is_found_again(provider):
    """Given its id, then its circuits have the errors, its options say which, and run again it is the same."""
    backend = provider.get_backend("qasm_simulator")
    job = backend.run(measured(ghz()), noise_model=SPEC, shots=500, seed_simulator=3, memory=True)
    found = provider.job(job.job_id())
    assert found == job == pickle.loads(pickle.dumps(job))
    assert found.backend().name == "qasm_simulator"
    assert found.options()["noise_model"] == 'errors of "cx", "h", "measure", "rx"'
    (circuit,) = found.circuits()
    assert circuit.count_ops()["quantum_channel"] == 3
    assert circuit.count_ops()["roerror"] == 3
    again = backend.run(found.circuits(), **found.options())
    assert again.result().get_memory() == found.result().get_memory()
    assert provider.job(again.job_id()).options()["noise_model"] == found.options()["noise_model"]


@pytest.mark.rule(41)
def test_a_noisy_backend(provider):
    """Given a device's, when a circuit is transpiled to it and run, then it has its noise and is on record."""
    noisy = provider.noisy(DEVICE)
    circuit = transpile(measured(ghz()), noisy, seed_transpiler=1)
    job = noisy.run(circuit, shots=SHOTS, seed_simulator=5, job_tags=["noisy"])
    assert_samples(job.result().get_counts(), exact(circuit, NoiseSpec.from_backend(DEVICE)))
    (found,) = provider.jobs(backend_name="qasm_simulator", job_tags=["noisy"])
    assert found == job
    assert found.result().get_counts() == job.result().get_counts()
    assert pickle.loads(pickle.dumps(noisy)).run(circuit, shots=SHOTS, seed_simulator=5).result().get_counts() == (
        job.result().get_counts()
    )


def dynamic():
    """Circuits whose one outcome says which errors came where."""
    loop = QuantumCircuit(1, 1)
    with loop.for_loop(range(3)):
        loop.y(0)
    loop.measure(0, 0)
    branch = QuantumCircuit(2, 3)
    branch.x(0)
    branch.measure(0, 0)
    with branch.if_test((0, 1)) as otherwise:
        branch.y(1)
    with otherwise:
        branch.id(1)
    branch.measure(1, 1)
    branch.reset(0)
    branch.measure(0, 2)
    return [loop, branch]


@pytest.mark.rule(41)
@pytest.mark.parametrize("names", [["y"], ["id"], ["reset"], ["measure"], ["y", "x", "reset"], ["readout", "y"]])
def test_errors_in_control_flow(provider, names):
    """Given errors that flip always, then loops and branches have them where Aer has them."""
    model = NoiseModel()
    for name in names:
        if name == "readout":
            model.add_all_qubit_readout_error(ReadoutError([[0, 1], [1, 0]]))
        else:
            model.add_all_qubit_quantum_error(pauli_error([("X", 1.0)]), name)
    backend = provider.get_backend("qasm_simulator")
    found = backend.run(dynamic(), noise_model=model, shots=20).result()
    for index, circuit in enumerate(dynamic()):
        assert found.get_counts(index) == aer_counts(circuit, model)


@pytest.mark.rule(41)
def test_channels_in_a_circuit(provider):
    """Given a circuit with channels and readout errors of its own, then it runs as it is."""
    circuit = ghz()
    circuit.append(Kraus(random_quantum_channel(4, 4, seed=3)).to_instruction(), [2, 0])
    circuit.measure_all()
    circuit.append(ReadoutError([[0.9, 0.1], [0.3, 0.7]]).to_instruction(), [], [1])
    backend = provider.get_backend("qasm_simulator")
    job = backend.run(circuit, shots=SHOTS, seed_simulator=2)
    counts = job.result().get_counts()
    (lowered,) = job.circuits()
    assert_samples(counts, probabilities(lowered))


@pytest.mark.rule(41)
def test_points_and_lists(provider):
    """Given parameter_binds, or a list of circuits, then each has the noise, and the counts that it has alone."""
    theta = Parameter("theta")
    circuit = ghz()
    circuit.rx(theta, 1)
    circuit.measure_all()
    backend = provider.get_backend("qasm_simulator")
    values = [0.1, 0.9, 2.0]
    options = {"noise_model": SPEC, "shots": SHOTS, "seed_simulator": 9}
    swept = backend.run(circuit, parameter_binds=[{theta: values}], **options).result()
    bound = [circuit.assign_parameters([value]) for value in values]
    listed = backend.run(bound, **options).result()
    for index, each in enumerate(bound):
        assert swept.get_counts(index) == listed.get_counts(index)
        assert_samples(swept.get_counts(index), exact(each, SPEC))


@pytest.mark.rule(41)
@pytest.mark.rule(39)
def test_samplers_with_noise(provider):
    """Given noise as an option, or a noisy backend, then a sampler has it."""
    circuit = measured(ghz())
    sampler = BasicAerSampler(provider, seed=4, options={"noise_model": SPEC})
    assert_samples(sampler.run([circuit], shots=SHOTS).result()[0].data.meas.get_counts(), exact(circuit, SPEC))
    device = transpile(circuit, DEVICE, seed_transpiler=1)
    sampler = BasicAerSampler(provider.noisy(DEVICE), seed=4)
    counts = sampler.run([device], shots=SHOTS).result()[0].data.meas.get_counts()
    assert_samples(counts, exact(device, NoiseSpec.from_backend(DEVICE)))
    counts = BackendSamplerV2(backend=provider.noisy(DEVICE)).run([device], shots=SHOTS).result()[0].data.meas
    assert_samples(counts.get_counts(), exact(device, NoiseSpec.from_backend(DEVICE)))


@pytest.mark.rule(23)
def test_a_circuit_that_is_wider_than_the_device_is_refused(provider):
    """Its other qubits would have no noise; also of a sampler, and of a list, of which nothing is submitted."""
    noisy = provider.noisy(DEVICE)
    wide = QuantumCircuit(DEVICE.num_qubits + 1, 1, name="wide")
    wide.measure(0, 0)
    said = rf'circuit "wide.*" has {DEVICE.num_qubits + 1} qubits, .* has {DEVICE.num_qubits}: take a wider one'
    with pytest.raises(BasicAerError, match=said):
        noisy.run([QuantumCircuit(1, 1), wide])
    with pytest.raises(BasicAerError, match=said):
        BasicAerSampler(noisy).run([wide])


@pytest.mark.rule(41)
@pytest.mark.rule(39)
def test_results_without_shots_are_exact(provider):
    """Given noise and no shots, then state, probabilities and an estimator's values are the density matrix's."""
    backend = provider.get_backend("qasm_simulator")
    state = density_matrix(with_errors(ghz(), SPEC))
    job = backend.run(ghz(), noise_model=SPEC, density_matrix=True, shots=0)
    assert np.abs(job.result().data(0)["density_matrix"] - state).max() < 1e-12
    job = backend.run(measured(ghz()), noise_model=SPEC, probabilities=True, shots=0)
    found = job.result().data(0)["probabilities"]
    assert [found[key] for key in range(8)] == pytest.approx(exact(measured(ghz()), SPEC), abs=1e-12)
    observable = SparsePauliOp(["ZZI", "XXX", "IZZ"], [1, 2, -0.5])
    estimator = BasicAerEstimator(provider, options={"noise_model": SPEC})
    value = float(estimator.run([(ghz(), observable)]).result()[0].data.evs)
    assert value == pytest.approx(np.trace(state @ observable.to_matrix()).real, abs=1e-12)


@pytest.mark.rule(23)
@pytest.mark.parametrize("name", ["statevector_simulator", "unitary_simulator"])
def test_backends_without_noise_refuse_it(provider, name):
    """Given a model, then they name the backend that has noise; None asks for nothing."""
    backend = provider.get_backend(name)
    with pytest.raises(BasicAerError, match=f'noise_model is not for "{name}".*qasm_simulator'):
        backend.run(ghz(), noise_model=SPEC)
    assert backend.run(ghz(), noise_model=None).result().success


@pytest.mark.rule(42)
def test_a_result_says_how_much_its_shots_shared(provider):
    """Given noise that is sampled, when a job is cut or not, then its metadata has the same shots with errors."""
    circuit = QuantumCircuit(11)
    for qubit in range(11):
        circuit.rx(0.3, qubit)
    for qubit in range(10):
        circuit.rzz(0.4, qubit, qubit + 1)
    circuit.rx(0.3, range(11))
    spec = NoiseSpec().depolarizing(0.002, ["rx", "rzz"])
    backend = provider.get_backend("qasm_simulator")
    jobs = [
        backend.run(
            measured(circuit),
            noise_model=spec,
            method="statevector",
            shots=4000,
            seed_simulator=4,
            max_shards=most,
        )
        for most in (1, 16)
    ]
    whole, cut = [job.result().results[0].metadata for job in jobs]
    assert whole == {
        "method": "statevector",
        "num_qubits": 11,
        "measure_sampling": False,
        "shots_with_errors": cut["shots_with_errors"],
        "shots_in_patterns": cut["shots_in_patterns"],
        "patterns": whole["patterns"],
    }
    assert (
        4000 > whole["shots_with_errors"] >= whole["shots_in_patterns"] >= cut["patterns"] >= whole["patterns"] > 0
    )
