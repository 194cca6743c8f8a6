"""What a noise model does not do to circuits, and the warnings that say so."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import CXGate
from qiskit_aer.noise import (
    NoiseModel,
)
from support.noisy_circuits import (
    FLIP,
    FLIPPED,
    FLIPS,
    aer_counts,
    measured,
    model_of,
    probabilities,
    with_errors,
)

from jobs import lower
from jobs.noise import Attacher, NoiseSpec, WrittenNoise, read_model


@pytest.mark.rule(41)
def test_circuits_that_are_not_in_the_model_s_basis():
    """One warning, after all circuits, names errors that none has and gates that have none."""
    model = model_of(["cx"], FLIPS)
    model.add_all_qubit_quantum_error(FLIP, "sx")
    attacher = Attacher(read_model(model))
    one, other = QuantumCircuit(2), QuantumCircuit(2)
    one.h(0)
    one.cx(0, 1)
    other.u(1, 2, 3, 0)
    lower(one, noise=attacher)
    lower(other, noise=attacher)
    with pytest.warns(UserWarning, match='errors of "sx", which are in no circuit, and none of "h", "u"') as said:
        attacher.warn()
    assert len(said) == 1
    assert "transpile" in str(said[0].message)


@pytest.mark.parametrize("gates", [("cx", "sx", "h"), ("cx", "rz"), ()])
def test_no_warning_without_a_reason(gates, recwarn):
    """None where all errors are in circuits, or all gates without errors are of the model's basis."""
    model = model_of(["cx"], FLIPS)
    model.add_all_qubit_quantum_error(FLIP, ["sx", "reset", "id"])
    model.add_all_qubit_readout_error(FLIPPED)
    circuit = QuantumCircuit(2)
    for name in gates:
        getattr(circuit, name)(*((0.5,) if name == "rz" else ()), *range(2 if name == "cx" else 1))
    attacher = Attacher(read_model(model))
    lower(circuit, noise=attacher)
    attacher.warn()
    assert not recwarn.list


@pytest.mark.rule(41)
@pytest.mark.parametrize(
    ("spec", "named"),
    [
        (NoiseSpec().depolarizing(0.3, "cnot"), "cnot"),
        (NoiseSpec().depolarizing(0.3, "cx", [1, 0]), "cx"),
        (NoiseSpec().depolarizing(0.3, "cx", [0, 7]), "cx"),
        (NoiseSpec().readout([[0.9, 0.1], [0.1, 0.9]], 9), "measure"),
    ],
)
def test_a_model_of_which_no_circuit_has_anything(spec, named):
    """A warning names its errors, and what circuits have; where any error is in one, there is none."""
    bell = measured((CXGate(), 0, 1), num_qubits=2)
    attacher = Attacher(spec)
    lower(bell, noise=attacher)
    with pytest.warns(
        UserWarning, match=f'No circuit has any error .* of "{named}", and circuits have "cx", "measure"'
    ):
        attacher.warn()
    attacher = Attacher(spec.depolarizing(0.1, "cx", [0, 1]))
    lower(bell, noise=attacher)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attacher.warn()


@pytest.mark.rule(41)
def test_errors_that_come_twice():
    """A recorded job's circuits have its errors: with a model they have them again, and a warning says so."""
    spec = NoiseSpec().depolarizing(0.1, "cx")
    recorded = with_errors(measured((CXGate(), 0, 1), num_qubits=2), spec)
    attacher = Attacher(spec)
    lower(recorded, noise=attacher)
    with pytest.warns(UserWarning, match=r"have the errors of its noise model in them.*\*\*job.options\(\)"):
        attacher.warn()
    attacher = Attacher(read_model(WrittenNoise('errors of "cx"')))
    lower(recorded, noise=attacher)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        attacher.warn()


def test_readout_errors_of_several_qubits_apply_nowhere():
    """As in Aer, whose circuits measure qubits one by one; here a warning says so."""
    model = NoiseModel()
    model.add_readout_error(np.eye(4)[::-1], [0, 1])
    circuit = measured(num_qubits=2)
    assert aer_counts(circuit, model) == {"00": 20}
    with pytest.warns(UserWarning, match=r"of qubits \(0, 1\) together, which applies nowhere"):
        noisy = with_errors(circuit, model)
    assert probabilities(noisy)[0] == pytest.approx(1)
