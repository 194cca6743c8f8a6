"""Aer's noise models in circuits: which operation has which error, and where; Aer itself says what is right."""

from __future__ import annotations

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
    amplitude_damping_error,
    coherent_unitary_error,
    depolarizing_error,
    pauli_error,
    reset_error,
    thermal_relaxation_error,
)
from support.circuits import since_qiskit_2_5
from support.classical_strategies import classical_circuits
from support.examples import examples
from support.noisy_circuits import (
    FLIP,
    FLIPPED,
    FLIPS,
    aer_counts,
    aer_density_matrix,
    density_matrix,
    measured,
    model_of,
    probabilities,
    with_errors,
)

from jobs import lower
from jobs.errors import BasicAerError
from jobs.noise import Attacher, NoiseSpec, read_model, waits_unbound
from simulator.circuit import instructions
from simulator.circuit.instructions import Noise, Readout
from simulator.circuit.traversal import walk

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


@pytest.mark.rule(30)
@since_qiskit_2_5
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
