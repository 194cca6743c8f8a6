"""Aer's noise models in circuits: which operation has which error, and where; Aer itself says what is right."""

from __future__ import annotations

import logging
import warnings

import msgspec
import numpy as np
import pytest
from hypothesis import given
from qiskit import ClassicalRegister, QuantumCircuit, transpile
from qiskit.circuit import Delay, Parameter, Reset
from qiskit.circuit.library import CXGate, DiagonalGate, Initialize, PauliGate, UnitaryGate, XGate
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Kraus, random_quantum_channel
from qiskit_aer.noise import (
    NoiseModel,
    PauliLindbladError,
    QuantumError,
    ReadoutError,
    amplitude_damping_error,
    coherent_unitary_error,
    depolarizing_error,
    pauli_error,
    reset_error,
    thermal_relaxation_error,
)
from support.classical_strategies import classical_circuits
from support.examples import examples
from support.noisy_circuits import aer_counts, aer_density_matrix, density_matrix, probabilities, with_errors

from jobs import lower
from jobs.errors import BasicAerError
from jobs.noise import Attacher, ChannelInstruction, NoiseSpec, WrittenNoise, read_model, waits_unbound, written
from simulator.circuit import instructions
from simulator.circuit.instructions import Noise, Readout
from simulator.circuit.traversal import walk

FLIP, FLIPS = pauli_error([("X", 1.0)]), pauli_error([("XX", 1.0)])
FLIPPED = ReadoutError([[0, 1], [1, 0]])


@pytest.fixture(autouse=True)
def _quiet_aer(caplog):
    caplog.set_level(logging.CRITICAL, "qiskit_aer")


def model_of(name, error=FLIP, qubits=None):
    model = NoiseModel()
    if qubits is None:
        model.add_all_qubit_quantum_error(error, name)
    else:
        model.add_quantum_error(error, name, qubits)
    return model


def measured(*operations, num_qubits=1):
    circuit = QuantumCircuit(num_qubits, num_qubits)
    for operation, *qubits in operations:
        circuit.append(operation, qubits)
    circuit.measure(range(num_qubits), range(num_qubits))
    return circuit


#: Each flips what Aer's error of this name flips; the state is always one of the basis.
RULES = {
    "a gate by its name": (measured((XGate(), 0)), model_of("x")),
    "another gate": (measured((XGate(), 0)), model_of("id")),
    "a label goes before the name": (measured((XGate(label="mine"), 0)), model_of("x")),
    "a gate by its label": (measured((XGate(label="mine"), 0)), model_of("mine")),
    "a matrix by its name": (measured((UnitaryGate(np.eye(2)), 0)), model_of("unitary")),
    "a matrix by its label": (measured((UnitaryGate(np.eye(2), label="mine"), 0)), model_of("mine")),
    "a labelled matrix, by its name": (measured((UnitaryGate(np.eye(2), label="mine"), 0)), model_of("unitary")),
    "a diagonal": (measured((DiagonalGate([1, 1]), 0)), model_of("diagonal")),
    "a reset by its name": (measured((Reset(), 0)), model_of("reset")),
    "a reset has no label": (measured((Reset(label="mine"), 0)), model_of("mine")),
    "a labelled reset": (measured((Reset(label="mine"), 0)), model_of("reset")),
    "a delay": (measured((Delay(100), 0)), model_of("delay")),
    "a measurement": (measured(), model_of("measure")),
    "the qubits": (measured((CXGate(), 0, 1), num_qubits=2), model_of("cx", FLIPS, [0, 1])),
    "the qubits in their order": (measured((CXGate(), 0, 1), num_qubits=2), model_of("cx", FLIPS, [1, 0])),
    "other qubits": (measured((CXGate(), 1, 2), num_qubits=3), model_of("cx", FLIPS, [0, 1])),
    "a narrower error, on the first qubits": (measured((CXGate(label="g"), 1, 0), num_qubits=2), model_of("g")),
    "closed and open controls": (measured((XGate(), 0), (CXGate(), 0, 1), num_qubits=2), model_of("cx", FLIPS)),
}


@pytest.mark.rule(41)
@pytest.mark.parametrize(("circuit", "model"), RULES.values(), ids=RULES)
def test_the_rules_are_those_of_aer(circuit, model):
    """Which operation has an error of which name, on which qubits, and where it comes."""
    found = probabilities(with_errors(circuit, model))
    (expected,) = aer_counts(circuit, model)
    assert found[int(expected, 2)] == pytest.approx(1)


@pytest.mark.rule(41)
def test_errors_of_measurements_come_before_them():
    """What is flipped before a measurement is measured, and stays; Aer initializes so, too."""
    circuit = QuantumCircuit(1, 2)
    circuit.measure(0, 0)
    names = [each.name for each in with_errors(circuit, model_of("measure")).data]
    assert names == ["quantum_channel", "measure"]
    circuit.append(Initialize([1, 0]), [0])
    names = [each.name for each in with_errors(circuit, model_of("initialize")).data]
    assert names == ["measure", "initialize", "quantum_channel"]


def test_what_has_no_errors():
    """Channels in a circuit, barriers and what saves a state have none, by whatever name, as in Aer."""
    circuit = QuantumCircuit(1)
    circuit.append(Kraus([np.eye(2) / 2**0.5] * 2).to_instruction(), [0])
    circuit.barrier()
    circuit.save_density_matrix()
    with circuit.for_loop(range(2)):
        circuit.id(0)
    model = NoiseModel()
    for name in ("kraus", "barrier", "save_density_matrix", "for_loop"):
        model.add_all_qubit_quantum_error(FLIP, name)
    assert lower(circuit, noise=Attacher(read_model(model))) == lower(circuit)


def test_some_of_the_models_are_composed_or_overruled():
    """Two errors of one name on one place come one after the other; local ones go before those of all qubits."""
    model = NoiseModel()
    model.add_all_qubit_quantum_error(FLIP, "x", warnings=False)
    model.add_all_qubit_quantum_error(FLIP, "x", warnings=False)
    model.add_quantum_error(pauli_error([("Z", 0.5), ("I", 0.5)]), "x", [1], warnings=False)
    # Aer drops what is ideal, so all qubits' error is on qubit 2.
    model.add_quantum_error(pauli_error([("I", 1.0)]), "x", [2], warnings=False)
    model.add_all_qubit_readout_error(FLIPPED, warnings=False)
    model.add_readout_error([[0.9, 0.1], [0.3, 0.7]], [1], warnings=False)
    circuit = measured((XGate(), 0), (XGate(), 1), (XGate(), 2), num_qubits=3)
    for each in (model, model.to_dict(), model.to_dict(serializable=True)):
        found = probabilities(with_errors(circuit, each))
        # Qubits 0 and 2: flipped by the gate, twice by errors, and when they are read.
        assert found.round(12).tolist() == [0.3, 0, 0.7, 0, 0, 0, 0, 0]


FAMILY = {
    "mixtures of circuits": QuantumError(
        [(XGate(), 0.1), ([(PauliGate("Z"), [0]), (Reset(), [0])], 0.3), (UnitaryGate([[0, 1j], [1, 0]]), 0.6)]
    ),
    "gates of other names": QuantumError(
        [(QuantumCircuit(1).compose(QuantumCircuit(1)), 0.5), (XGate().power(0.5), 0.5)]
    ),
    "damping": amplitude_damping_error(0.3, 0.2),
    "relaxation by Kraus operators": thermal_relaxation_error(1, 1.7, 0.4, 0.1),
    "relaxation by resets": thermal_relaxation_error(1, 0.6, 0.4, 0.1),
    "resets": reset_error(0.1, 0.2),
    "a coherent error": coherent_unitary_error([[np.cos(0.1), -np.sin(0.1)], [np.sin(0.1), np.cos(0.1)]]),
    "a random channel": QuantumError(Kraus(random_quantum_channel(2, 2, seed=3))),
    "composed": depolarizing_error(0.1, 1).compose(amplitude_damping_error(0.1)),
    "of generators": PauliLindbladError(["X", "Z", "Y", "I"], [0.1, 0.2, 0.05, 3]),
}
PAIR = {
    "depolarizing": depolarizing_error(0.2, 2),
    "relaxation of both": thermal_relaxation_error(1, 1.7, 0.4).expand(thermal_relaxation_error(1, 0.5, 0.4)),
    "a random channel": QuantumError(Kraus(random_quantum_channel(4, 4, seed=5))),
    "paulis": pauli_error([("XY", 0.1), ("IZ", 0.3), ("II", 0.6)]),
    "of generators": PauliLindbladError(["XI", "YZ", "IZ", "ZZ", "YZ"], [0.1, 0.2, 0.05, 0.02, 0.3]),
}


@pytest.mark.rule(41)
@pytest.mark.parametrize("form", ["model", "dictionary", "JSON"])
def test_errors_of_all_kinds(form):
    """Every kind of error that Aer has does to a state what it does there, to 1e-12."""
    circuit = QuantumCircuit(3)
    model = NoiseModel()
    for number, error in enumerate(FAMILY.values()):
        circuit.h(range(3))
        circuit.append(XGate(label=f"one {number}"), [number % 3])
        model.add_all_qubit_quantum_error(error, f"one {number}")
    for number, error in enumerate(PAIR.values()):
        circuit.ry(0.3, range(3))
        circuit.append(CXGate(label=f"two {number}"), [number % 3, (number + 1) % 3])
        model.add_all_qubit_quantum_error(error, f"two {number}")
    given = model if form == "model" else model.to_dict(serializable=form == "JSON")
    found = density_matrix(with_errors(circuit, given))
    assert np.abs(found - aer_density_matrix(circuit, model)).max() < 1e-12


@pytest.mark.rule(41)
def test_a_backend_s_model_delays_included():
    """`NoiseModel.from_backend` and `NoiseSpec.from_backend` are one noise, and Aer's passes run over delays."""
    backend = GenericBackendV2(4, seed=7)
    circuit = QuantumCircuit(4)
    circuit.h(0)
    for qubit in range(3):
        circuit.cx(qubit, qubit + 1)
        circuit.delay(7000, qubit, "dt")
        circuit.delay(900, qubit + 1, "dt")
    circuit.reset(1)
    circuit.x(1)
    circuit = transpile(circuit, backend, optimization_level=0)
    model = NoiseModel.from_backend(backend)
    expected = aer_density_matrix(circuit, model)
    assert np.abs(density_matrix(with_errors(circuit, model)) - expected).max() < 1e-12
    assert np.abs(density_matrix(with_errors(circuit, NoiseSpec.from_backend(backend))) - expected).max() < 1e-9


@pytest.mark.rule(41)
def test_blocks_have_the_errors_of_their_place():
    """In control flow, a qubit of a block is the circuit's, also for delays; conditions and variables stay."""
    backend = GenericBackendV2(3, seed=7)
    inner = QuantumCircuit(2, 1)
    inner.cx(0, 1)
    inner.delay(3, 0, "us")
    circuit = QuantumCircuit(3, 1)
    circuit.measure(0, 0)
    with circuit.for_loop(range(2)):
        circuit.if_else((circuit.clbits[0], 1), inner, None, [2, 1], [0])
        with circuit.box():
            circuit.x(1)
    for model in (NoiseModel.from_backend(backend), NoiseSpec.from_backend(backend)):
        noisy = with_errors(circuit, model)
        loop = noisy.data[-1].operation
        branch, box = loop.blocks[0].data
        body = branch.operation.blocks[0]
        alone = QuantumCircuit(3)
        alone.cx(2, 1)
        alone.delay(3, 2, "us")
        expected = density_matrix(with_errors(alone.compose(QuantumCircuit(3)), model))
        assert [each.name for each in body.data if each.name != "quantum_channel"] == ["cx", "delay"]
        placed = QuantumCircuit(3)
        placed.compose(body, [2, 1], [], inplace=True) if not body.num_clbits else placed.compose(
            without_clbits(body), [2, 1], inplace=True
        )
        assert np.abs(density_matrix(placed) - expected).max() < 1e-12
        assert [each.name for each in box.operation.blocks[0].data] == ["x", "quantum_channel"]


def without_clbits(block):
    found = QuantumCircuit(block.num_qubits)
    for each in block.data:
        found.append(each.operation, [block.find_bit(qubit).index for qubit in each.qubits])
    return found


def test_the_circuit_is_the_same_but_for_its_errors():
    """Name, metadata, registers, phase and variables are there; the user's circuit is not touched."""
    circuit = QuantumCircuit(2, name="mine", metadata={"a": 1}, global_phase=0.5)
    circuit.add_register(ClassicalRegister(1, "out"))
    flag = circuit.add_var("flag", circuit.clbits[0])
    circuit.rx(0.3, 0)
    circuit.cx(0, 1)
    with circuit.if_test(flag):
        circuit.cx(1, 0)
    before, program = list(circuit.data), lower(circuit)
    noisy = lower(circuit, noise=Attacher(read_model(model_of("cx", FLIPS))))
    assert list(circuit.data) == before
    *same, branch = [each for each in noisy.instructions if not isinstance(each, Noise)]
    assert same == list(program.instructions[:-1])
    assert branch == msgspec.structs.replace(program.instructions[-1], true_body=branch.true_body)
    assert branch.true_body[:1] == program.instructions[-1].true_body
    assert msgspec.structs.replace(noisy, instructions=program.instructions, channels=()) == program


@pytest.mark.rule(41)
def test_only_errors_that_circuits_use_become_channels(monkeypatch):
    """Of a wide model with many errors few are converted, and each of them once in a process."""
    from qiskit_aer.noise.errors.quantum_error import QuantumError as AerError

    converted = []
    to_dict = AerError.to_dict
    monkeypatch.setattr(AerError, "to_dict", lambda error: converted.append(error.id) or to_dict(error))
    model = NoiseModel()
    for qubit in range(50):
        model.add_quantum_error(depolarizing_error(0.01, 2), "cx", [qubit, qubit + 1])
    circuit = QuantumCircuit(51)
    circuit.cx(3, 4)
    circuit.cx(7, 8)
    circuit.cx(3, 4)
    noisy = [with_errors(circuit, model) for _ in range(3)]
    assert len(converted) == 2
    channels = {id(each.operation.channel) for one in noisy for each in one if each.name == "quantum_channel"}
    assert len(channels) == 2


def test_a_dictionary_that_was_changed_is_another():
    """What is kept of a dictionary's errors goes by what they are, not by the id that it gives them."""
    written_model = model_of("x").to_dict(serializable=True)
    circuit = measured((XGate(), 0))
    assert probabilities(with_errors(circuit, written_model))[0] == pytest.approx(1)
    written_model["errors"][0]["instructions"] = [[{"name": "id", "qubits": [0]}]]
    assert probabilities(with_errors(circuit, written_model))[1] == pytest.approx(1)


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


def test_delays_that_parameters_tell():
    """Whether a duration waits for its value, in blocks too."""
    theta = Parameter("theta")
    circuit = QuantumCircuit(1)
    circuit.rx(theta, 0)
    circuit.delay(10, 0)
    assert not waits_unbound(circuit)
    with circuit.for_loop(range(2)):
        circuit.delay(theta, 0)
    assert waits_unbound(circuit)


def test_delays_of_a_loop_s_index():
    """Each round has the noise of its own duration; a stretch has none."""
    index, circuit = Parameter("index"), QuantumCircuit(1)
    with circuit.for_loop([3, 50], index):
        circuit.delay(index, 0)
    spec = NoiseSpec().thermal_relaxation(1e-6, 1e-6, None, "delay", dt=1e-9)
    (loop,) = lower(circuit, noise=Attacher(spec)).instructions
    assert [[type(each) for each in body] for body in loop.bodies] == [[instructions.Delay, Noise]] * 2
    three, fifty = QuantumCircuit(1), QuantumCircuit(1)
    three.delay(3, 0)
    fifty.delay(50, 0)
    expected = [lower(each, noise=Attacher(spec)).channels[0] for each in (three, fifty)]
    assert list(lower(circuit, noise=Attacher(spec)).channels) == expected
    circuit.delay(circuit.add_stretch("long"), 0)
    with pytest.raises(BasicAerError, match="its duration must be a number; bind it first"):
        lower(circuit, noise=Attacher(spec))


def test_what_a_record_says_adds_no_errors():
    """A recorded job's model is its names, since its circuits have the errors."""
    said = written(read_model(model_of("x")))
    assert said == 'errors of "x"'
    assert written(read_model(WrittenNoise(said))) == said
    noisy = with_errors(measured((XGate(), 0)), WrittenNoise(said))
    assert not any(isinstance(each.operation, ChannelInstruction) for each in noisy)


@pytest.mark.rule(30)
@examples(60)
@given(classical_circuits())
def test_control_flow_variables_and_expressions_stay(circuit):
    """A model of other gates changes nothing of any circuit; one of its gates adds channels, and nothing else."""
    program = lower(circuit)
    assert lower(circuit, noise=Attacher(NoiseSpec().depolarizing(0.1, "nothing has this name"))) == program
    spec = NoiseSpec().depolarizing(0.1, ["x", "h", "cx"]).readout([[0.9, 0.1], [0, 1]])
    noisy = lower(circuit, noise=Attacher(spec))
    assert [type(each) for each in walk(noisy.instructions) if not isinstance(each, (Noise, Readout))] == [
        type(each) for each in walk(program.instructions)
    ]
