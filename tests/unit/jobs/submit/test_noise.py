"""The option ``noise_model``: what a job that has one is made of."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit_aer.noise import depolarizing_error
from support.circuits import since_qiskit_2_5
from support.in_process import context_of

from jobs import lower
from jobs.errors import BasicAerError
from jobs.manifest import Manifest
from jobs.noise import Attacher, NoiseSpec
from jobs.submit import prepare
from jobs.submit.options import is_done_anyway
from simulator.circuit.instructions import Noise, Readout
from simulator.shards import wire
from simulator.shards.shard import Experiment, Sweep

SPEC = NoiseSpec().depolarizing(0.1, "cx").readout([[0.9, 0.1], [0.2, 0.8]])
THETA = Parameter("theta")


def circuit(theta=THETA, label=None):
    found = QuantumCircuit(2, 2)
    found.rx(theta, 0)
    found.cx(0, 1, label=label)
    found.measure([0, 1], [0, 1])
    return found


def items(run_input, noise_model=SPEC, **options):
    submission = prepare(run_input, {"noise_model": noise_model, **options}, context_of(), job_id=None, store=None)
    return [item for shard in map(wire.decode_shard, submission.upload.shards) for item in shard.items]


@pytest.mark.rule(41)
def test_errors_travel_in_the_program():
    """One channel for all places, behind the gate; what is read behind the measurement."""
    two = circuit(0.5)
    two.cx(1, 0)
    (item,) = items(two)
    assert isinstance(item, Experiment)
    assert len(item.program.channels) == 1
    noise = [each for each in item.program.instructions if isinstance(each, Noise)]
    assert noise == [Noise(0, (0, 1)), Noise(0, (1, 0))]
    assert [each.clbits for each in item.program.instructions if isinstance(each, Readout)] == [(0,), (1,)]


@pytest.mark.rule(41)
@pytest.mark.parametrize("form", ["copies", "binds", "other copies"])
def test_points_of_a_circuit_are_one_sweep(form):
    """Bound copies and parameter_binds, with noise too; and the template is the noisy circuit."""
    values = [0.1, 0.2, 0.3]
    if form == "binds":
        (item,) = items(circuit(), parameter_binds=[{THETA: values}])
    else:
        copies = [circuit(value) for value in values]
        (item,) = items(copies)
    assert isinstance(item, Sweep)
    expected = lower(circuit(0.1), noise=Attacher(SPEC))
    assert item.template.channels == expected.channels
    assert [type(each) for each in item.template.instructions] == [type(each) for each in expected.instructions]
    assert np.array_equal(item.values.ndarray().ravel(), values)
    assert [each.program.channels for each in item.experiments()] == [expected.channels] * 3


@pytest.mark.rule(41)
def test_circuits_with_other_errors_are_no_sweep():
    """Equal gates on equal qubits, of which one has a label with another error."""
    spec = SPEC.depolarizing(0.3, "mine")
    found = items([circuit(0.1), circuit(0.2, "mine")], spec)
    assert [type(each) for each in found] == [Experiment, Experiment]
    assert found[0].program.channels != found[1].program.channels


@pytest.mark.rule(41)
def test_delays_are_bound_before_they_have_errors():
    """A duration that is a parameter's gives each point a channel of its own."""
    waits = QuantumCircuit(1, 1)
    waits.delay(THETA, 0, "us")
    waits.measure(0, 0)
    spec = NoiseSpec().thermal_relaxation(1e-5, 1e-5, None, "delay")
    found = items(waits, spec, parameter_binds=[{THETA: [1.0, 2.0]}])
    assert [each.program.channels for each in found] == [
        lower(waits.assign_parameters([value]), noise=Attacher(spec)).channels for value in (1.0, 2.0)
    ]


@pytest.mark.rule(23)
@since_qiskit_2_5
def test_a_delay_that_qiskit_does_not_make():
    """Half a dt is refused by its name and its circuit's, in blocks too."""
    waits = QuantumCircuit(1, 1, name="waits")
    with waits.for_loop(range(2)):
        waits.delay(THETA, 0, "dt")
    spec = NoiseSpec().thermal_relaxation(1e-5, 1e-5, None, "delay", dt=1e-9)
    with pytest.raises(BasicAerError, match=r'"delay" in circuit "waits.*: Integer duration is expected'):
        items(waits.assign_parameters([0.5]), spec)


@pytest.mark.rule(13)
def test_the_record_has_the_names_of_the_errors():
    """The options on record are JSON: the names; a job without a model says nothing of it."""
    for given, expected in (({"noise_model": SPEC}, 'errors of "cx", "measure"'), ({"noise_model": None}, None)):
        submission = prepare(circuit(0.5), given, context_of(), job_id=None, store=None)
        assert Manifest.decode(submission.job.manifest).options.get("noise_model") == expected


@pytest.mark.rule(21)
def test_noise_is_warned_of_once_a_job():
    """Of circuits outside of the model's basis."""
    spec = SPEC.depolarizing(0.1, "sx")
    hadamard = QuantumCircuit(1, 1)
    hadamard.h(0)
    hadamard.measure(0, 0)
    with pytest.warns(UserWarning, match='"sx", which are in no circuit, and none of "h", "rx"') as said:
        items([circuit(0.5), hadamard, circuit(0.7)], spec)
    assert len(said) == 1


@pytest.mark.rule(23)
def test_what_has_no_noise_is_refused():
    """By the other backends, and of a Program, which has no names of gates; None asks for nothing."""
    with pytest.raises(BasicAerError, match='noise_model is not for "unitary_simulator"'):
        is_done_anyway("noise_model", SPEC, "unitary_simulator")
    assert is_done_anyway("noise_model", None, "unitary_simulator")
    with pytest.raises(BasicAerError, match="was read from a file as a Program"):
        items(lower(circuit(0.5)))


@pytest.mark.rule(41)
@pytest.mark.rule(36)
def test_only_what_circuits_use_travels():
    """Of a model of 127 qubits with 100,000 errors, a circuit on two of them takes what it takes of few."""
    steps = {"type": "qerror", "instructions": [[{"name": "x", "qubits": [0]}], []], "probabilities": [0.1, 0.9]}
    few = [steps | {"operations": ["cx"], "gate_qubits": [[0, 1]]}]
    many = [
        steps | {"operations": [f"{name}"], "gate_qubits": [[qubit]]}
        for name in range(800)
        for qubit in range(127)
    ]
    # Of gates in the model's basis, so that errors which are not used are no reason to warn.
    alone = QuantumCircuit(2, 1)
    alone.sx(0)
    alone.cx(0, 1)
    alone.measure(1, 0)
    jobs = [
        prepare(alone, {"noise_model": {"errors": errors}}, context_of(), job_id=None, store=None).job
        for errors in (few, few + many)
    ]
    assert len({job.payload_bytes for job in jobs}) == 1
    assert max(len(job.manifest) for job in jobs) < 500


@pytest.mark.rule(41)
@pytest.mark.parametrize("noise", ["of the gate", "of its definition", "in the circuit"])
@pytest.mark.parametrize("backwards", [False, True])
@pytest.mark.filterwarnings("ignore:The noise model has errors of")
def test_circuits_of_other_names_are_no_copies(noise, backwards):
    """Equal once they are lowered, circuits whose operations have other names have other errors."""
    definition = QuantumCircuit(1, name="mine")
    definition.rx(0.3, 0)
    one, other = QuantumCircuit(1, 1), QuantumCircuit(1, 1)
    one.append(definition.to_gate(), [0])
    other.rx(0.9, 0)
    if noise == "in the circuit":
        definition.s(0)
        one = QuantumCircuit(1, 1)
        one.append(definition.to_gate(), [0])
        one.append(depolarizing_error(0.1, 1), [0])
        other.s(0)
    for each in (one, other):
        each.measure(0, 0)
    circuits = [other, one] if backwards else [one, other]
    name = {"of the gate": "mine", "of its definition": "rx"}.get(noise)
    model = None if name is None else NoiseSpec().depolarizing(0.2, name)
    found = items(circuits, model)
    assert [each.program.instructions for each in found] == [
        items(each, model)[0].program.instructions for each in circuits
    ]
    assert [bool(each.program.channels) for each in found] == [
        each is (other if name == "rx" else one) for each in circuits
    ]
