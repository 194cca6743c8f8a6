"""What a Result holds, and that a seed fixes it."""

from __future__ import annotations

import json
import pickle
from collections import Counter

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit, Qubit
from qiskit.exceptions import QiskitError
from qiskit.result import Result
from scipy.stats import chi2
from support.circuits import bell, two_registers
from support.patience import deadline


@pytest.mark.rule(26)
def test_fields(provider):
    """The fields of a Result and of each experiment."""
    circuit = two_registers("named")
    circuit.metadata = {"a": 1}
    circuit.global_phase = 0.5
    job = provider.get_backend().run(circuit, shots=10, seed_simulator=4)
    result = job.result()

    assert (result.backend_name, result.job_id) == ("qasm_simulator", job.job_id())
    assert (result.status, result.success) == ("COMPLETED", True)
    assert result.backend_version
    assert result.date
    assert result.time_taken >= 0
    (experiment,) = result.results
    assert (experiment.shots, experiment.success, experiment.status) == (10, True, "DONE")
    assert (experiment.meas_level, experiment.seed_simulator) == (2, 4)
    assert experiment.time_taken >= 0
    assert experiment.header == {
        "name": "named",
        "n_qubits": 4,
        "qreg_sizes": [["q", 4]],
        "creg_sizes": [["low", 2], ["high", 2]],
        "qubit_labels": [["q", 0], ["q", 1], ["q", 2], ["q", 3]],
        "clbit_labels": [["low", 0], ["low", 1], ["high", 0], ["high", 1]],
        "memory_slots": 4,
        "global_phase": 0.5,
        "metadata": {"a": 1},
    }


@pytest.mark.rule(27)
def test_keys_of_data(provider):
    """Counts (and memory), statevector, unitary; hex keys lower case and unpadded."""
    ones = QuantumCircuit(4, 4)
    ones.x(range(4))
    ones.measure(range(4), range(4))
    bare = QuantumCircuit(1)

    data = provider.get_backend().run(ones, shots=3, memory=True).result().data()
    assert data == {"counts": {"0xf": 3}, "memory": ["0xf"] * 3}
    assert list(provider.get_backend("statevector_simulator").run(bare).result().data()) == ["statevector"]
    measured = provider.get_backend("statevector_simulator").run(ones).result().data()
    assert measured["counts"] == {"0xf": 1}
    unitary = provider.get_backend("unitary_simulator").run(bare).result().data()
    assert list(unitary) == ["unitary"]
    assert unitary["unitary"].dtype == np.complex128


@pytest.mark.rule(28)
def test_formats_of_counts(provider):
    """Registers are spaced; memory agrees with counts; names, circuits and indices find experiments."""
    loose = QuantumCircuit([Qubit(), Qubit()], [Clbit(), Clbit()], name="loose")
    loose.x(1)
    loose.measure([0, 1], [0, 1])
    circuit = two_registers()
    result = provider.get_backend().run([circuit, loose, bell()], shots=20, memory=True).result()

    assert result.get_counts("pair") == result.get_counts(circuit) == result.get_counts(0) == {"01 10": 20}
    assert result.get_counts(1) == {"10": 20}
    assert result.get_memory(0) == ["01 10"] * 20
    assert Counter(result.get_memory(2)) == result.get_counts(2)
    assert len(result.get_memory(2)) == 20


@pytest.mark.rule(28)
def test_memory_that_was_not_asked_for(provider):
    """Get_memory without memory raises; a duplicate name warns."""
    result = provider.get_backend().run([bell("x"), bell("x")]).result()

    with pytest.raises(QiskitError, match="No memory"):
        result.get_memory(0)
    with pytest.warns(UserWarning, match="multiple results"):
        result.get_counts("x")


@pytest.mark.rule(28)
def test_round_trips(provider):
    """A Result survives to_dict, pickle and, without its arrays, JSON."""
    result = provider.get_backend().run(bell(), memory=True).result()

    assert Result.from_dict(result.to_dict()).get_counts() == result.get_counts()
    assert pickle.loads(pickle.dumps(result)).get_counts() == result.get_counts()
    assert json.loads(json.dumps(result.to_dict()))["results"][0]["data"] == result.data()
    state = provider.get_backend("statevector_simulator").run(QuantumCircuit(1)).result()
    as_dict = state.to_dict()
    as_dict["results"][0]["data"].pop("statevector")
    json.dumps(as_dict)


@pytest.mark.rule(31)
@pytest.mark.parametrize("shots", [0, 1, 10**6])
def test_numbers_of_shots(provider, shots):
    """Zero shots, one, a million."""
    result = provider.get_backend().run(bell(), shots=shots, seed_simulator=1).result()
    assert sum(result.data()["counts"].values()) == shots


@pytest.mark.rule(31)
def test_odd_circuits(provider):
    """No qubits; repeated and partial measurement; aliased registers."""
    empty = QuantumCircuit(0, 0, name="empty")
    repeated = QuantumCircuit(2, 3, name="repeated")
    repeated.h(0)
    repeated.measure([0, 0, 0], [0, 1, 2])
    qubits, bits = [Qubit() for _ in range(2)], [Clbit() for _ in range(2)]
    aliased = QuantumCircuit(
        qubits, bits, QuantumRegister(bits=qubits, name="all"), ClassicalRegister(bits=bits, name="a"),
        ClassicalRegister(bits=bits[1:], name="b"), name="aliased",
    )  # fmt: skip
    aliased.x(0)
    aliased.measure([0, 1], [0, 1])
    result = provider.get_backend().run([empty, repeated, aliased], shots=50).result()

    assert result.get_counts("empty") == {}
    assert set(result.get_counts("repeated")) == {"000", "111"}
    assert result.data("aliased")["counts"] == {"0x1": 50}


@pytest.mark.rule(32)
def test_a_seed_fixes_everything(provider):
    """The same circuits and seed give the same counts and memory, bit for bit."""
    circuits = [bell("a"), bell("b"), bell("c")]
    runs = [
        provider.get_backend().run(circuits, shots=3000, memory=True, seed_simulator=11).result() for _ in range(2)
    ]

    assert [runs[0].data(i) for i in range(3)] == [runs[1].data(i) for i in range(3)]
    for experiment in runs[0].results:
        alone = (
            provider.get_backend()
            .run(bell(), shots=3000, memory=True, seed_simulator=experiment.seed_simulator)
            .result()
        )
        assert alone.data() == experiment.data.to_dict()


@pytest.mark.rule(33)
def test_circuits_of_a_job_are_independent(provider):
    """One seed, several circuits: independent streams; no seed: every run differs."""
    circuit = QuantumCircuit(5, 5)
    circuit.h(range(5))
    circuit.measure(range(5), range(5))
    backend = provider.get_backend()
    result = backend.run([circuit] * 4, shots=4096, seed_simulator=2, memory=True).result()

    memories = [result.get_memory(i) for i in range(4)]
    assert len({tuple(memory) for memory in memories}) == 4
    joint = Counter(zip(memories[0], memories[1], strict=True))
    expected = 4096 / 32**2
    statistic = sum((joint.get((f"{a:05b}", f"{b:05b}"), 0) - expected) ** 2 for a in range(32) for b in range(32))
    # Seeded, so this either always holds or never; 1e-6 says a fair stream would fail once in a million.
    assert statistic / expected < chi2.isf(1e-6, 32**2 - 1)
    unseeded = [backend.run(circuit, memory=True).result() for _ in range(2)]
    assert unseeded[0].get_memory() != unseeded[1].get_memory()
    assert unseeded[0].results[0].seed_simulator != unseeded[1].results[0].seed_simulator


@pytest.mark.rule(25, 32)
def test_wide_circuits_that_need_few_qubits_at_once(provider):
    """Measured as they go or at the end, circuits of 31 to 100 qubits run, however their job is cut."""
    turned, ladder, ghz = QuantumCircuit(31, 31), QuantumCircuit(70, 70), QuantumCircuit(100)
    for qubit in range(31):
        turned.h(qubit)
        turned.measure(qubit, qubit)
    ladder.h(0)
    for qubit in range(69):
        ladder.cx(qubit, qubit + 1)
        ladder.measure(qubit, qubit)
    ladder.measure(69, 69)
    ghz.h(0)
    for qubit in range(99):
        ghz.cx(qubit, qubit + 1)
    ghz.measure_all()
    outcomes = []
    for bound in (1, 3):
        job = provider.get_backend().run(
            [turned, ladder, ghz], shots=500, seed_simulator=5, memory=True, max_shards=bound
        )
        result = job.result(timeout=deadline(60))
        outcomes.append([(result.get_counts(index), result.get_memory(index)) for index in range(3)])
    assert outcomes[0] == outcomes[1]
    (ones, _), (of_ladder, _), (of_ghz, _) = outcomes[0]
    assert len(ones) == 500
    assert set(of_ladder) == {"0" * 70, "1" * 70}
    assert set(of_ghz) == {"0" * 100, "1" * 100}


def test_a_large_state(provider):
    """Part 4 of the main job: a statevector of 24 qubits, 256 MB, comes back whole."""
    circuit = QuantumCircuit(24)
    circuit.h(0)
    for qubit in range(23):
        circuit.cx(qubit, qubit + 1)
    job = provider.get_backend("statevector_simulator").run(circuit)

    state = job.result(timeout=deadline(100)).get_statevector()
    assert state.shape == (1 << 24,)
    assert np.flatnonzero(state).tolist() == [0, (1 << 24) - 1]
    assert np.allclose(state[[0, -1]], 1 / np.sqrt(2))
    provider.delete_job(job.job_id())
