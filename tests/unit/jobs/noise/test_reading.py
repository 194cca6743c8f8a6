"""Noise models that are given: dictionaries, what is wrong with them, and what stays of them on record."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import XGate
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit_aer.noise import (
    NoiseModel,
    ReadoutError,
    depolarizing_error,
)
from support.noisy_circuits import (
    measured,
    model_of,
    probabilities,
    with_errors,
)

from jobs.errors import BasicAerError
from jobs.noise import ChannelInstruction, WrittenNoise, read_model, written


def step(name, *qubits, **params):
    """An instruction of an error's circuit."""
    return {"name": name, "qubits": list(qubits), **params}


def error(**changed):
    """A dictionary with one error."""
    usual = {
        "type": "qerror",
        "operations": ["x"],
        "instructions": [[{"name": "x", "qubits": [0]}]],
        "probabilities": [1.0],
    }
    return {"errors": [usual | changed]}


NAN = [[[[float("nan"), 0], [0, 0]], [[0, 0], [1, 0]]]]


HALF = [[[[0.5, 0], [0, 0]], [[0, 0], [1, 0]]]]


@pytest.mark.rule(23)
@pytest.mark.parametrize(
    ("model", "text"),
    [
        (5, "noise_model=5 must be a NoiseModel of Qiskit Aer"),
        ("noise", "noise_model='noise' must be a NoiseModel"),
        (NoiseModel, "must be a NoiseModel of Qiskit Aer, the dictionary of one, or a NoiseSpec"),
        (GenericBackendV2(2, seed=1), r"NoiseSpec.from_backend\(...\) makes one of it"),
        (GenericBackendV2(2, seed=1).target, r"NoiseSpec.from_target\(...\) makes one of it"),
        (depolarizing_error(0.1, 1), "add the error to a NoiseModel"),
        (ReadoutError([[0.9, 0.1], [0.1, 0.9]]), "add the error to a NoiseModel"),
        ({"error": []}, "cannot be read: it has no 'errors'"),
        ({"errors": [{"type": "strange"}]}, "an error of type 'strange'; the types are qerror"),
        ({"errors": [{}]}, "it has no 'type'"),
        ({"errors": 5}, "cannot be read"),
        (error(probabilities=[0.5]), 'error of "x" in the noise model cannot be used: the probabilities'),
        (error(probabilities=[float("nan")]), "negative or not a number"),
        (error(probabilities=[1.5, -0.5], instructions=[[], []]), "negative or not a number"),
        (error(instructions=[]), "0 alternatives"),
        (error(instructions=[[step("strange", 0)]]), 'it has "strange"'),
        (error(instructions=[[step("kraus", 0, params=HALF)]]), "do not preserve the trace"),
        (error(instructions=[[step("kraus", 0, params=NAN)]]), "not finite"),
        (error(instructions=[[step("kraus", 0, 1, params=HALF)]]), r"shape \(1, 2, 2\)"),
        (error(instructions=[[step("unitary", *range(5), params=[np.eye(32)])]]), "on 5 qubits"),
        (error(instructions=[[step("pauli", 0, params=["Q"])]]), "cannot be used: it has no 'Q'"),
        (error(type="plerror", rates=[-1], instructions=[[step("pauli", 0, params=["X"])]]), "rate of -1"),
        (error(gate_qubits=[[0]], probabilities=[]), r'of "x" on qubits \(0,\)'),
        (error(type="roerror", probabilities=[[0.5, 0.6], [0, 1]]), "readout error of all qubits cannot be used"),
        (error(type="roerror", gate_qubits=[[0, 1]], probabilities=[[1, 0], [0, 1]]), r"qubits \(0, 1\) cannot"),
        (error(instructions=[[step("rx", 0, params=["a"])]]), '"x" .* cannot be used: Invalid param type'),
        (error(instructions=[[step("delay", 0, params=[-3])]]), "cannot be used: Duration for Delay"),
        (error(instructions=[[step("x\ny", 0)]]), 'it has "x y", which is no gate'),
        (error(operations=[5]), "cannot be read: an error of the operation 5, which must be a name"),
        (error(instructions=[[step("x", 1)]]), 'error of "x" in the noise model is on 2 qubits, and'),
    ],
)  # fmt: skip
def test_models_that_cannot_be_used(model, text):
    """One line says which error is wrong, and why; an error that no circuit has is not looked at."""
    with pytest.raises(BasicAerError, match=text) as caught:
        with_errors(measured((XGate(), 0)), model)
    assert "\n" not in str(caught.value)


def test_a_model_whose_passes_fail():
    """What the model's own code raises for a delay is the user's error, with the delay in it."""
    model = NoiseModel.from_backend(GenericBackendV2(2, seed=1))
    circuit = QuantumCircuit(5)
    circuit.delay(100, 4, "dt")
    with pytest.raises(BasicAerError, match="no noise for a delay of 100 dt on qubit 4: IndexError"):
        with_errors(circuit, model)


def test_a_dictionary_that_was_changed_is_another():
    """What is kept of a dictionary's errors goes by what they are, not by the id that it gives them."""
    written_model = model_of("x").to_dict(serializable=True)
    circuit = measured((XGate(), 0))
    assert probabilities(with_errors(circuit, written_model))[0] == pytest.approx(1)
    written_model["errors"][0]["instructions"] = [[{"name": "id", "qubits": [0]}]]
    assert probabilities(with_errors(circuit, written_model))[1] == pytest.approx(1)


def test_what_a_record_says_adds_no_errors():
    """A recorded job's model is its names, since its circuits have the errors."""
    said = written(read_model(model_of("x")))
    assert said == 'errors of "x"'
    assert written(read_model(WrittenNoise(said))) == said
    noisy = with_errors(measured((XGate(), 0)), WrittenNoise(said))
    assert not any(isinstance(each.operation, ChannelInstruction) for each in noisy)
