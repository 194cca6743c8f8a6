"""Results beyond counts, through workers: what circuits and options save, in lists and sweeps, found by id."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import qiskit_aer.library  # noqa: F401 (its methods of circuits)
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives.containers.observables_array import ObservablesArray
from qiskit.quantum_info import Operator, PauliList, SparsePauliOp, Statevector
from qiskit.result import Result
from support.circuits import bell
from support.patience import deadline

from jobs import BasicAerError, BasicAerEstimator, BasicAerProvider


def saving() -> QuantumCircuit:
    """A Bell pair that is turned, which saves all there is, and is measured."""
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.ry(0.3, 1)
    circuit.save_statevector()
    circuit.save_density_matrix([1])
    circuit.save_probabilities([1, 0])
    circuit.save_probabilities_dict(label="distribution")
    circuit.save_expectation_value(SparsePauliOp(["XX", "ZI"], [0.5, 2]), [0, 1])
    circuit.measure([0, 1], [0, 1])
    return circuit


@pytest.mark.rule(13, 27, 40)
def test_what_a_circuit_saves_is_found_again(provider, server):
    """All of it, by the job's id, from another provider; and the circuit, which can be submitted again."""
    job = provider.backend().run(saving(), shots=100, seed_simulator=2)
    data = job.result(timeout=deadline(30)).data()
    assert list(data) == [
        "counts",
        "statevector",
        "density_matrix",
        "probabilities",
        "distribution",
        "expectation_value",
    ]
    other = BasicAerProvider(server.url)
    found = other.job(job.job_id())
    again = other.backend().run(found.circuits(), shots=100, seed_simulator=2).result(timeout=deadline(30)).data()
    for same in (found.result().data(), again):
        assert same["counts"] == data["counts"]
        assert all(np.array_equal(np.asarray(same[key]), np.asarray(data[key])) for key in data if key != "counts")
    plain = QuantumCircuit(2)
    plain.h(0)
    plain.cx(0, 1)
    plain.ry(0.3, 1)
    np.testing.assert_allclose(job.result().get_statevector().data, Statevector(plain).data, atol=1e-12)
    other.close()


@pytest.mark.rule(20, 28, 40)
def test_options(provider):
    """Beside counts; without clbits there are none; None is the default; and what is recorded says so."""
    backend = provider.backend()
    job = backend.run(bell(), statevector=True, probabilities=True, shots=50)
    data = job.result(timeout=deadline(30)).data()
    assert sum(data["counts"].values()) == 50
    assert data["probabilities"] == pytest.approx({0: 0.5, 3: 0.5})
    np.testing.assert_allclose(data["statevector"].data, [2**-0.5, 0, 0, 2**-0.5], atol=1e-12)
    assert (job.options()["statevector"], job.options()["probabilities"]) == (True, True)
    circuit = QuantumCircuit(1)
    circuit.h(0)
    assert list(backend.run(circuit, statevector=True).result(timeout=deadline(30)).data()) == ["statevector"]
    assert list(backend.run(bell(), statevector=None).result(timeout=deadline(30)).data()) == ["counts"]
    with pytest.raises(BasicAerError, match="statevector=1 must be True or False"):
        backend.run(bell(), statevector=1)


@pytest.mark.rule(13, 20, 27)
def test_observables(provider):
    """Whatever an estimator takes, one or several: exact beside any counts, in lists and sweeps, found again."""
    angle = Parameter("a")
    circuit = QuantumCircuit(2, 2)
    circuit.ry(angle, 0)
    circuit.cx(0, 1)
    circuit.measure([0, 1], [0, 1])
    values = np.linspace(0, 3, 30)
    observables = [SparsePauliOp(["XX", "ZI"], [0.5, 2]), "ZZ", {"IZ": 1.0}]
    exact = np.array([0.5 * np.sin(values) + 2 * np.cos(values), np.ones(30), np.cos(values)]).T
    backend = provider.backend()
    swept = backend.run(circuit, parameter_binds=[{angle: values}], observables=observables, shots=3)
    copies = [circuit.assign_parameters({angle: value}) for value in values]
    listed = backend.run(copies, observables=observables, shots=0)
    for job, shots in ((swept, 3), (listed, 0)):
        result = job.result(timeout=deadline(30))
        for index in range(30):
            data = result.data(index)
            np.testing.assert_allclose(data["expectation_values"], exact[index], atol=1e-12)
            assert sum(data.get("counts", {}).values()) == shots
    found = provider.job(swept.job_id()).options()["observables"]
    assert [each.simplify() for each in found] == [
        SparsePauliOp(["XX", "ZI"], [0.5, 2]),
        SparsePauliOp("ZZ"),
        SparsePauliOp("IZ"),
    ]
    single = backend.run(bell(), observables="XX").result(timeout=deadline(30)).data()
    assert single["expectation_values"].tolist() == [pytest.approx(1)]
    one = provider.backend("statevector_simulator").run(copies[3], observables="ZZ").result(timeout=deadline(30))
    assert one.data()["expectation_values"] == pytest.approx([1])


@pytest.mark.rule(23)
def test_observables_that_cannot_be(quiet):
    """One that is none, one that is not Hermitian, and one that acts on a qubit which is not there."""
    backend = quiet.backend()
    for observables, message in (
        (3, "no observable: 3"),
        ([SparsePauliOp("X", 1j)], "no observable: SparsePauliOp"),
        (Operator.from_label("X"), r"(?s)no observable: Operator.*give a label, a Pauli, a SparsePauliOp"),
        ("XII", 'the observables do not fit circuit "pair": a Pauli string acts on qubit 2; there are 2 qubits'),
    ):
        circuit = bell()
        circuit.name = "pair"
        with pytest.raises(BasicAerError, match=message):
            backend.run(circuit, observables=observables)
    reset = QuantumCircuit(1, name="again")
    reset.h(0)
    reset.reset(0)
    with pytest.raises(BasicAerError, match=r'"again" measures or resets on its way.*shots=0 must be at least 1'):
        backend.run(reset, observables="Z", shots=0)
    with pytest.raises(BasicAerError, match=r'"again.*" measures or resets on its way'):
        BasicAerEstimator(quiet, options={"shots": 0}).run([(reset, "Z")])
    assert quiet.jobs() == []


@pytest.mark.rule(40)
def test_lists_of_observables_as_qiskit_has_them(provider):
    """A `PauliList`, and an `ObservablesArray` of any shape, in the order of its elements."""
    for observables in (PauliList(["ZZ", "ZI"]), ObservablesArray([["ZZ"], ["ZI"]])):
        data = provider.backend().run(bell(), observables=observables, shots=0).result(timeout=deadline(30)).data()
        np.testing.assert_allclose(data["expectation_values"], [1, 0], atol=1e-12)
    data = provider.backend().run(bell(), observables=ObservablesArray("ZZ")).result(timeout=deadline(30)).data()
    np.testing.assert_allclose(data["expectation_values"], [1], atol=1e-12)


@pytest.mark.rule(23, 40)
def test_a_label_of_other_data_is_refused(quiet, provider):
    """Counts, memory and expectation values are not written over."""
    observed = {"observables": "Z"}
    cases = (
        ("counts", {}),
        ("memory", {"memory": True}),
        ("expectation_values", observed),
        ("expectation_value_stds", observed),
    )
    for label, options in cases:
        circuit = QuantumCircuit(1, 1, name="labelled")
        circuit.save_probabilities(label=label)
        circuit.measure(0, 0)
        with pytest.raises(BasicAerError, match=f'"labelled" saves under {label!r}.*another label'):
            quiet.backend().run(circuit, **options)
    assert quiet.jobs() == []
    # Nobody asked for others of this name.
    data = provider.backend().run(circuit).result(timeout=deadline(30)).data()
    np.testing.assert_allclose(data["expectation_value_stds"], [1, 0], atol=1e-12)


@pytest.mark.rule(30, 32)
def test_observables_where_something_is_measured_on_the_way(provider):
    """A mean over shots, the same whatever the number of shards."""
    circuit = QuantumCircuit(1, 1)
    circuit.ry(1.0, 0)
    circuit.measure(0, 0)
    circuit.reset(0)
    with circuit.if_test((0, 1)):
        circuit.x(0)
    backend = provider.backend()
    found = set()
    for most in (None, 1, 5):
        job = backend.run(circuit, observables="Z", seed_simulator=5, shots=4000, max_shards=most)
        data = job.result(timeout=deadline(30)).data()
        mean = (data["counts"]["0x0"] - data["counts"]["0x1"]) / 4000
        assert data["expectation_values"] == pytest.approx([mean], abs=1e-12)
        found.add(float(data["expectation_values"][0]))
    assert len(found) == 1


@pytest.mark.rule(22, 40)
def test_lists_and_sweeps(provider):
    """Of each point and each copy its own values, and how they were run."""
    angle = Parameter("a")
    circuit = QuantumCircuit(2, 2)
    circuit.ry(angle, 0)
    circuit.cx(0, 1)
    circuit.save_expectation_value(SparsePauliOp("ZI"), [0, 1], label="z")
    circuit.measure([0, 1], [0, 1])
    values = np.linspace(0, 3, 40)
    backend = provider.backend()
    swept = backend.run(circuit, parameter_binds=[{angle: values}], probabilities=True)
    listed = backend.run([circuit.assign_parameters({angle: value}) for value in values], probabilities=True)
    for result in (swept.result(timeout=deadline(30)), listed.result(timeout=deadline(30))):
        assert [result.data(index)["z"] for index in range(40)] == pytest.approx(np.cos(values))
        ones = [result.data(index)["probabilities"].get(3, 0) for index in range(40)]
        assert ones == pytest.approx(np.sin(values / 2) ** 2)
        assert result.results[7].metadata == {
            "method": "statevector",
            "num_qubits": 2,
            "measure_sampling": True,
        }


@pytest.mark.rule(26, 28)
def test_a_result_survives(provider):
    """A dictionary and a pickle, with what was saved and how it was run."""
    result = provider.backend().run(saving(), shots=10).result(timeout=deadline(30))
    for same in (Result.from_dict(result.to_dict()), pickle.loads(pickle.dumps(result))):
        assert same.results[0].metadata == result.results[0].metadata
        assert same.data()["statevector"] == result.data()["statevector"]
        assert same.get_counts() == result.get_counts()


@pytest.mark.rule(27, 40)
def test_the_statevector_simulator_saves_too(provider):
    """On the way, beside the state at the end; under that one's name, the instruction's is shown."""
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.save_probabilities()
    circuit.h(0)
    data = provider.backend("statevector_simulator").run(circuit).result(timeout=deadline(30)).data()
    np.testing.assert_allclose(data["probabilities"], [0.5, 0.5], atol=1e-12)
    np.testing.assert_allclose(data["statevector"], [1, 0], atol=1e-12)
    circuit.save_statevector()
    circuit.x(0)
    data = provider.backend("statevector_simulator").run(circuit).result(timeout=deadline(30)).data()
    np.testing.assert_allclose(data["statevector"].data, [1, 0], atol=1e-12)


@pytest.mark.rule(23, 36)
def test_what_is_too_large_is_refused(quiet):
    """By the bytes of its result, before anything is submitted."""
    circuit = QuantumCircuit(18, name="large")
    circuit.save_density_matrix()
    with pytest.raises(BasicAerError, match=r'the result has 1 TiB or more, up to circuit "large"'):
        quiet.backend().run(circuit)
