"""`method="stabilizer"`, over the queue with two workers."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Parameter
from qiskit.circuit.library import PermutationGate
from qiskit.quantum_info import SparsePauliOp, random_clifford
from support.patience import deadline

from jobs import BasicAerEstimator, NoiseSpec
from jobs.errors import BasicAerError


def ghz(width: int) -> QuantumCircuit:
    circuit = QuantumCircuit(width, name=f"ghz_{width}")
    circuit.h(0)
    for qubit in range(width - 1):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    return circuit


def rounds_of_parities(distance: int, rounds: int) -> QuantumCircuit:
    """Parities of neighbours, each measured and reset, in one basis and then in the other."""
    circuit = QuantumCircuit(2 * distance - 1, distance, name="parities")
    data, ancillas = range(distance), range(distance, 2 * distance - 1)
    for _ in range(rounds):
        for place, ancilla in enumerate(ancillas):
            circuit.cx(data[place], ancilla)
            circuit.cx(data[place + 1], ancilla)
            circuit.measure(ancilla, place)
            circuit.reset(ancilla)
        circuit.h(data)
    circuit.measure(data, range(distance))
    return circuit


def test_wider_than_any_statevector(provider):
    """A thousand qubits, of which the result says how they were simulated."""
    job = provider.get_backend().run(ghz(1000), shots=5000, seed_simulator=3)
    result = job.result(timeout=deadline(30))
    counts = result.get_counts()
    assert set(counts) == {"0" * 1000, "1" * 1000}
    assert abs(counts["0" * 1000] - 2500) < 250
    told = result.results[0].metadata
    assert (told["method"], told["num_qubits"], told["measure_sampling"]) == ("stabilizer", 1000, True)


@pytest.mark.rule(32)
def test_counts_do_not_depend_on_shards(provider):
    """Cut by shots into as many shards as there may be, or none: counts and memory, bit for bit."""
    circuit = rounds_of_parities(7, 200)
    backend = provider.get_backend()
    jobs = [
        backend.run(circuit, shots=150_000, seed_simulator=11, memory=True, max_shards=most)
        for most in (1, None, 7)
    ]
    results = [job.result(timeout=deadline(60)) for job in jobs]
    assert jobs[1].progress().total > 1
    assert {result.results[0].metadata["method"] for result in results} == {"stabilizer"}
    counts = [result.data()["counts"] for result in results]
    assert counts[0] == counts[1] == counts[2]
    assert results[0].data()["memory"] == results[1].data()["memory"] == results[2].data()["memory"]


@pytest.mark.rule(19)
def test_the_backend_of_its_own(provider):
    """`stabilizer_simulator` is the method by another name: circuits of any width are transpiled for it."""
    backend = provider.get_backend("stabilizer_simulator")
    circuit = transpile(ghz(200), backend, optimization_level=0)
    job = backend.run(circuit, shots=10, seed_simulator=1)
    assert job.result(timeout=deadline(30)).results[0].metadata["method"] == "stabilizer"
    again = provider.job(job.job_id())
    assert again.backend().name == "stabilizer_simulator"
    assert again.result().get_counts() == job.result().get_counts()
    # None is the default of this backend, and not that of `qasm_simulator`.
    backend.set_options(method=None)
    assert backend.run(circuit, shots=1).options()["method"] == "stabilizer"


@pytest.mark.rule(23)
def test_the_first_gate_that_is_not_clifford_is_named_at_once(provider):
    """Name, qubit, place and the way out, before anything is published."""
    circuit = QuantumCircuit(3, name="magic")
    circuit.h(range(3))
    circuit.t(1)
    circuit.measure_all()
    with pytest.raises(
        BasicAerError, match=r'"magic": "t" on qubit 1 \(instruction 3\): it is not Clifford; method='
    ):
        provider.get_backend().run(circuit, method="stabilizer")


@pytest.mark.rule(32)
def test_loops_and_gates_under_conditions(provider):
    """A GHZ state of 60 qubits is tried until its first qubit is 0, then turned by a coin: in any cut the same."""
    circuit = QuantumCircuit(60, 3, name="again")
    circuit.x(0)
    circuit.measure(0, 0)
    with circuit.while_loop((circuit.clbits[0], 1)):
        circuit.reset(range(60))
        circuit.h(0)
        for qubit in range(59):
            circuit.cx(qubit, qubit + 1)
        circuit.measure(0, 0)
    circuit.h(1)
    circuit.measure(1, 1)
    with circuit.if_test((circuit.clbits[1], 1)) as otherwise:
        circuit.h(59)
        circuit.h(59)
        circuit.x(59)
    with otherwise:
        circuit.h(58)
    circuit.measure(59, 2)
    backend = provider.get_backend()
    jobs = [backend.run(circuit, shots=20_000, seed_simulator=7, max_shards=most) for most in (1, 5)]
    results = [job.result(timeout=deadline(60)) for job in jobs]
    counts = [result.get_counts() for result in results]
    assert results[0].results[0].metadata["method"] == "stabilizer"
    assert counts[0] == counts[1]
    assert set(counts[0]) == {"000", "110"}
    assert abs(counts[0]["000"] - 10_000) < 500


def test_expectation_values_of_many_qubits(provider):
    """Of `run` and of the estimator, by name or automatically: exact without a shot, also with noise."""
    circuit = ghz(100)
    observables = [
        SparsePauliOp.from_sparse_list([("ZZ", [0, 99], 1.0), ("Z", [3], 5.0)], 100),
        SparsePauliOp.from_sparse_list([("Z", [99], 1.0), ("", [], 0.25)], 100),
        "X" * 100,
        "Y" * 100,
    ]
    for backend in (provider.get_backend("stabilizer_simulator"), provider.get_backend()):
        result = backend.run(circuit, observables=observables, shots=0).result(timeout=deadline(30))
        assert result.data()["expectation_values"].tolist() == [1, 0.25, 1, 1]
        assert result.results[0].metadata["method"] == "stabilizer"
    pubs = [(circuit, observables), (ghz(40), [["Z" * 40], ["I" * 38 + "0" + "I"]])]
    first, second = BasicAerEstimator(provider).run(pubs).result(timeout=deadline(30))
    assert first.data.evs.tolist() == [1, 0.25, 1, 1]
    assert second.data.evs.tolist() == [[1], [0.5]]
    noise = NoiseSpec().depolarizing(0.01, ["cx"])
    (noisy,) = BasicAerEstimator(provider, options={"noise_model": noise}).run([(circuit, "X" * 100)]).result()
    # Seen from the end, the string has an X at each of 99 places, which is lost with a probability of 0.01.
    assert noisy.data.evs == pytest.approx(0.99**99, abs=1e-12)


@pytest.mark.rule(23)
def test_a_sweep_is_run_as_its_rows_allow(provider):
    """Rows that are Clifford run on a hundred qubits; one that is not is refused by name at once."""
    angle = Parameter("angle")
    circuit = QuantumCircuit(100, name="turns")
    circuit.rx(angle, 0)
    circuit.cx(range(99), range(1, 100))
    turns = [0, np.pi / 2, np.pi]
    backend = provider.get_backend()
    rows = {"parameter_binds": [{angle: turns}], "observables": "Z" + "I" * 99, "shots": 0}
    for method in ("stabilizer", "automatic"):
        result = backend.run(circuit, method=method, **rows).result(timeout=deadline(30))
        assert [result.data(index)["expectation_values"].tolist() for index in range(3)] == [[1], [0], [-1]]
    rows["parameter_binds"] = [{angle: [*turns, 0.3]}]
    with pytest.raises(BasicAerError, match=r'"rx\(0.3\)" on qubit 0 \(instruction 0\): it is not Clifford'):
        backend.run(circuit, method="stabilizer", **rows)
    with pytest.raises(BasicAerError, match="greater than maximum"):
        backend.run(circuit, **rows)


def test_every_way_to_write_a_clifford(provider):
    """Clifford and permutation instructions, matrices, angles, Pauli rotations: as on statevectors."""
    circuit = QuantumCircuit(4)
    circuit.append(random_clifford(4, seed=1), range(4))
    circuit.append(PermutationGate([2, 0, 3, 1]), range(4))
    circuit.unitary(random_clifford(2, seed=2).to_matrix(), [3, 0])
    circuit.rx(np.pi / 2, 0)
    circuit.rzz(-np.pi / 2, 1, 2)
    circuit.iswap(0, 2)
    circuit.pauli("XYZ", [0, 1, 2])
    circuit.initialize([1, 0, 0, 1j] / np.sqrt(2), [1, 2])
    circuit.measure_all()
    backend = provider.get_backend()
    found, expected = (
        backend.run(circuit, method=method, shots=20_000, seed_simulator=1)
        .result(timeout=deadline(30))
        .get_counts()
        for method in ("stabilizer", "statevector")
    )
    assert set(found) == set(expected)
    assert all(abs(found[key] - expected[key]) < 5 * np.sqrt(2 * expected[key]) for key in expected)


def test_depolarizing_noise_and_readout_errors_run_wide(provider):
    """A `NoiseSpec` of Paulis on 100 qubits: as many flips as its rates say."""
    noise = NoiseSpec().depolarizing(0.02, ["x"]).readout([[0.99, 0.01], [0.01, 0.99]])
    circuit = QuantumCircuit(100, name="flips")
    circuit.x(range(100))
    circuit.measure_all()
    job = provider.get_backend().run(circuit, noise_model=noise, shots=3000, seed_simulator=2)
    result = job.result(timeout=deadline(30))
    assert result.results[0].metadata["method"] == "stabilizer"
    flips = sum(key.count("0") * count for key, count in result.get_counts().items()) / 300_000
    expected = 0.01 * 0.99 + 0.99 * 0.01
    assert abs(flips - expected) < 5 * np.sqrt(expected / 300_000)
