"""`method="matrix_product_state"`, over the queue."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from support.patience import deadline

from jobs import BasicAerEstimator
from jobs.errors import BasicAerError


def ghz(width: int) -> QuantumCircuit:
    circuit = QuantumCircuit(width, name=f"ghz_{width}")
    circuit.h(0)
    for qubit in range(width - 1):
        circuit.cx(qubit, qubit + 1)
    return circuit


def chain(width: int, steps: int) -> QuantumCircuit:
    """A chain of spins, which entangles its neighbours little by little."""
    circuit = QuantumCircuit(width, name="chain")
    for _ in range(steps):
        for qubit in range(width - 1):
            circuit.rzz(0.2, qubit, qubit + 1)
        circuit.rx(0.3, range(width))
    return circuit


def test_wider_than_any_statevector(provider):
    """A hundred qubits, of which the result says how they were simulated."""
    circuit = ghz(100)
    circuit.measure_all()
    job = provider.get_backend().run(circuit, method="matrix_product_state", shots=5000, seed_simulator=3)
    result = job.result(timeout=deadline(30))
    counts = result.get_counts()
    assert set(counts) == {"0" * 100, "1" * 100}
    assert abs(counts["0" * 100] - 2500) < 250
    told = result.results[0].metadata
    assert told == {
        "method": "matrix_product_state",
        "num_qubits": 100,
        "measure_sampling": True,
        "largest_bond": 2,
        "estimated_fidelity": pytest.approx(1),
        "distance_bound": 0.0,
    }


@pytest.mark.rule(32)
def test_counts_do_not_depend_on_shards(provider):
    """Cut by shots into as many shards as there may be, or none."""
    circuit = chain(12, 3)
    circuit.measure_all()
    backend = provider.get_backend()
    jobs = [
        backend.run(
            circuit,
            method="matrix_product_state",
            shots=200_000,
            seed_simulator=8,
            max_bond=4,
            max_shards=most,
        )
        for most in (1, None)
    ]
    one, many = [job.result(timeout=deadline(60)) for job in jobs]
    assert one.get_counts() == many.get_counts()
    assert one.results[0].metadata == many.results[0].metadata
    assert one.results[0].metadata["largest_bond"] == 4


def test_expectation_values_and_lists(provider):
    """As statevectors have them, of each circuit of a list."""
    observable = SparsePauliOp(["ZZIIIIII", "IXIIIIXI", "YIIIIIIY"], [1.0, 0.5, -0.25])
    circuits = [chain(8, steps) for steps in (1, 4)]
    backend = provider.get_backend()
    found = [
        backend.run(circuits, method=method, observables=observable, shots=0).result(timeout=deadline(30))
        for method in ("matrix_product_state", "statevector")
    ]
    for index in range(2):
        ours, exact = (result.data(index)["expectation_values"] for result in found)
        assert np.abs(ours - exact).max() < 1e-9


def test_expectation_values_of_a_hundred_qubits(provider):
    """Of `run` and of the estimator: strings on the first, the last and on all qubits of a GHZ state."""
    observables = [
        SparsePauliOp.from_sparse_list([("ZZ", [0, 99], 1.0)], 100),
        SparsePauliOp.from_sparse_list([("Z", [99], 1.0), ("", [], 0.25)], 100),
        "X" * 100,
    ]
    backend = provider.get_backend()
    result = backend.run(ghz(100), method="matrix_product_state", observables=observables, shots=0).result()
    assert np.abs(result.data()["expectation_values"] - [1, 0.25, 1]).max() < 1e-12
    estimator = BasicAerEstimator(provider, options={"method": "matrix_product_state"})
    (pub,) = estimator.run([(ghz(100), observables)]).result()
    (told,) = pub.metadata["simulator_metadata"]
    assert (told["method"], told["largest_bond"]) == ("matrix_product_state", 2)
    assert told["estimated_fidelity"] == pytest.approx(1)
    assert np.abs(pub.data.evs - [1, 0.25, 1]).max() < 1e-12


def test_states_of_few_qubits(provider):
    """Statevector and probabilities, as the statevector method gives them."""
    circuit = chain(6, 3)
    circuit.measure_all()
    options = {"statevector": True, "probabilities": True, "shots": 10}
    ours, exact = [
        provider.get_backend().run(circuit, method=method, **options).result(timeout=deadline(30)).data()
        for method in ("matrix_product_state", "statevector")
    ]
    assert np.abs(np.asarray(ours["statevector"]) - np.asarray(exact["statevector"])).max() < 1e-7
    assert ours["probabilities"].keys() == exact["probabilities"].keys()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (
            {"method": "mps"},
            r"method='mps' must be 'automatic' or 'statevector' or .*; did you mean matrix_product_state\?",
        ),
        ({"max_bond": 4}, r'max_bond=4 is of matrix product states: give method="matrix_product_state", too'),
        ({"method": "matrix_product_state", "max_bond": 0}, "max_bond=0 must be a whole number from 1 to"),
        ({"method": "matrix_product_state", "cutoff": 1}, "cutoff=1 is the share that may be cut off"),
    ],
)
def test_refusals(provider, options, says):
    """One clear line before anything is sent."""
    with pytest.raises(BasicAerError, match=says):
        provider.get_backend().run(ghz(3), **options)


def test_a_gate_that_is_too_wide_is_refused_by_its_place(provider):
    circuit = ghz(6)
    circuit.mcx([0, 1, 2, 3, 4], 5)
    with pytest.raises(BasicAerError, match="instruction 6 is x on qubits 5, 0, 1, 2, 3, 4: a gate may have 4"):
        provider.get_backend().run(circuit, method="matrix_product_state")


def repeated(width: int) -> QuantumCircuit:
    """Parities of neighbours, measured again and again by qubits between them, and put right where they differ."""
    circuit = QuantumCircuit(width, width, name="repeated")
    circuit.h(range(0, width, 2))
    for _ in range(2):
        for ancilla in range(1, width, 2):
            circuit.reset(ancilla)
            circuit.cx(ancilla - 1, ancilla)
            circuit.cx(ancilla + 1, ancilla)
            circuit.measure(ancilla, ancilla)
            with circuit.if_test((circuit.clbits[ancilla], 1)):
                circuit.x(range(ancilla + 1, width, 2))
    circuit.measure(range(0, width, 2), range(0, width, 2))
    return circuit


def test_feedback_on_sixty_qubits(provider):
    """Each shot measures a way of its own to a GHZ state; in the second round no parity differs."""
    job = provider.get_backend().run(repeated(61), method="matrix_product_state", shots=60, memory=True)
    result = job.result(timeout=deadline(60))
    for key in result.get_memory():
        assert len({key[place] for place in range(0, 61, 2)}) == 1
        assert {key[place] for place in range(1, 61, 2)} == {"0"}
    told = result.results[0].metadata
    assert (told["measure_sampling"], told["largest_bond"]) == (False, 2)


@pytest.mark.rule(32)
def test_shots_with_feedback_do_not_depend_on_shards(provider):
    """Cut between blocks of shots, or not."""
    options = {"method": "matrix_product_state", "shots": 2500, "seed_simulator": 4, "memory": True}
    one, many = [
        provider.get_backend().run(repeated(9), max_shards=most, **options).result(timeout=deadline(60))
        for most in (1, None)
    ]
    assert one.get_memory() == many.get_memory()
    assert one.results[0].metadata == many.results[0].metadata
