"""`NoiseSpec`: the channels that rates make, against those of Aer."""

from __future__ import annotations

import math
import pickle

import numpy as np
import pytest
from qiskit import QuantumCircuit, transpile
from qiskit.circuit import Delay, Gate, Measure, Reset
from qiskit.circuit.library import CXGate, SXGate, XGate
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import SuperOp
from qiskit.transpiler import InstructionProperties, QubitProperties, Target
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, depolarizing_error, thermal_relaxation_error
from support.noisy_circuits import superoperator

from jobs.errors import BasicAerError
from jobs.noise import NoiseSpec

#: Aer's formulas, in another order.
CLOSE = 1e-9


def gates_of(model):
    """All local errors of a model of Aer."""
    for name, by_qubits in model._local_quantum_errors.items():
        for qubits, error in by_qubits.items():
            yield name, tuple(qubits), error


def assert_is_from_backend(spec, backend, **options):
    """Each gate on each of its qubits has Aer's channel, no other has any, and delays and readouts agree."""
    model = NoiseModel.from_backend(backend, **options)
    known = {(name, qubits) for name, by_qubits in spec.gates.items() for qubits in by_qubits if name != "delay"}
    assert known == {(name, qubits) for name, qubits, _ in gates_of(model)}
    for name, qubits, error in gates_of(model):
        operation = backend.target.operation_from_name(name)
        found = superoperator(spec.errors(name, qubits, operation), len(qubits))
        assert np.abs(found - SuperOp(error).data).max() < CLOSE, (name, qubits)
    (relaxing,) = model._custom_noise_passes
    for qubit in range(backend.num_qubits):
        for delay in (Delay(1000, "dt"), Delay(3, "us"), Delay(2e-5, "s")):
            error = SuperOp(relaxing._thermal_relaxation_error(delay, [qubit])).data
            found = superoperator(spec.errors("delay", (qubit,), delay), 1)
            assert np.abs(found - error).max() < CLOSE, (qubit, delay)
        table = spec.readout_table(qubit)
        assert np.allclose(table.ndarray(), model._local_readout_errors[qubit,].probabilities, atol=CLOSE, rtol=0)
    assert spec.basis_gates == set(model.basis_gates) | {"measure", "delay", "reset"}


@pytest.mark.rule(41)
@pytest.mark.parametrize("seed", [1, 7, 30])
def test_a_backend_has_the_noise_that_aer_gives_it(seed):
    """Depolarizing and relaxation of every gate, relaxation of delays, and readout, to 1e-9."""
    backend = GenericBackendV2(3, seed=seed)
    assert_is_from_backend(NoiseSpec.from_backend(backend), backend)
    assert NoiseSpec.from_target(backend.target) == NoiseSpec.from_backend(backend)


@pytest.mark.rule(41)
def test_a_warm_backend():
    """With a temperature, qubits of a known frequency are excited in equilibrium. Aer's is in millikelvin."""
    backend = GenericBackendV2(2, seed=7)
    for qubit, each in enumerate(backend.target.qubit_properties):
        each.frequency = 5e9 + qubit * 1e8
    assert_is_from_backend(NoiseSpec.from_backend(backend, temperature=0.05), backend, temperature=50)


def device(properties, *, t1=1e-4, t2=1e-4, dt=1e-9, readout=None):
    """A target of one qubit with one gate."""
    target = Target(num_qubits=1, dt=dt, qubit_properties=[QubitProperties(t1=t1, t2=t2)])
    target.add_instruction(SXGate(), {(0,): properties})
    target.add_instruction(Measure(), {(0,): readout})
    return target


class Backend(GenericBackendV2):
    """A backend of one qubit."""

    def __init__(self, target):
        super().__init__(2)
        self._target, self.qubits = target, 1


@pytest.mark.rule(41)
@pytest.mark.parametrize(
    ("properties", "times"),
    [
        (InstructionProperties(duration=1e-6, error=1e-6), {}),  # less than relaxation explains
        (InstructionProperties(duration=1e-6, error=1.0), {}),  # no fidelity is so low
        (InstructionProperties(duration=None, error=0.01), {}),
        (InstructionProperties(duration=1e-6, error=None), {}),
        (InstructionProperties(duration=1e-6, error=0.1), {"t1": 1e-5, "t2": 9e-5}),  # more than 2 T1
        (InstructionProperties(duration=1e-6, error=0.1), {"t2": None}),
        (InstructionProperties(duration=1e-6, error=0.1), {"t1": None}),
        (InstructionProperties(duration=1e-6, error=0.1), {"t1": None, "t2": None}),
        (InstructionProperties(duration=1e-6, error=0.1), {"t1": 2e-5, "t2": 4e-5}),  # exactly 2 T1
    ],
)
def test_rates_that_are_strange_or_not_known(properties, times):
    """What is not known does nothing, and what cannot be is the closest that can, as in Aer."""
    target = device(properties, **times)
    model = NoiseModel.from_backend(Backend(target))
    (expected,) = [error for _, _, error in gates_of(model)]
    found = superoperator(NoiseSpec.from_target(target).errors("sx", (0,), SXGate()), 1)
    assert np.abs(found - SuperOp(expected).data).max() < CLOSE


def test_a_device_that_says_nothing_has_no_noise():
    """Neither a Target nor a backend is taken for one without errors: its noise may be said elsewhere."""
    target = Target(num_qubits=1)
    target.add_instruction(XGate())
    with pytest.raises(BasicAerError, match="says neither error rates nor T1 and T2 of its qubits"):
        NoiseSpec.from_target(target)
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.1, 1), "x")
    with pytest.raises(BasicAerError, match="says neither error rates"):
        NoiseSpec.from_backend(AerSimulator(noise_model=model))


@pytest.mark.rule(23)
@pytest.mark.parametrize("qubits", [[0], [0, 1, 2]])
def test_errors_on_other_qubits_than_a_gate_has(qubits):
    """They would be of no gate at all."""
    with pytest.raises(BasicAerError, match=r'must be 2 for "cx"'):
        NoiseSpec().depolarizing(0.1, ["mine", "cx"], qubits)
    assert NoiseSpec().depolarizing(0.1, "mine", qubits).names == {"mine"}


@pytest.mark.rule(41)
def test_errors_by_hand():
    """Depolarizing and relaxation on names, and on qubits of them, which then have no other: Aer's channels."""
    spec = NoiseSpec().depolarizing(0.1, ["cx", "x"]).thermal_relaxation(5e-5, 7e-5, 3e-7, "cx")
    spec = spec.depolarizing(0.2, "x", [1]).thermal_relaxation(5e-5, 3e-5, None, "delay", dt=1e-9)
    assert spec.names == {"cx", "x", "delay"}
    relaxed = thermal_relaxation_error(5e-5, 7e-5, 3e-7)
    for operation, qubits, error in [
        (CXGate(), (0, 1), depolarizing_error(0.1, 2).compose(relaxed.tensor(relaxed))),
        (XGate(), (0,), depolarizing_error(0.1, 1)),
        (XGate(), (1,), depolarizing_error(0.2, 1)),
        (Delay(100, "dt"), (4,), thermal_relaxation_error(5e-5, 3e-5, 1e-7)),
        (Delay(2, "us"), (4,), thermal_relaxation_error(5e-5, 3e-5, 2e-6)),
    ]:
        found = superoperator(spec.errors(operation.name, qubits, operation), len(qubits))
        assert np.abs(found - SuperOp(error).data).max() < CLOSE
    assert not spec.errors("reset", (0,), Reset())
    assert repr(spec) == '<NoiseSpec of "cx", "delay", "x">'


@pytest.mark.rule(41)
@pytest.mark.parametrize("width", [1, 2, 3])
def test_the_largest_depolarizing(width):
    """4^n / (4^n - 1) leaves no chance of nothing; more is refused."""
    most = 4**width / (4**width - 1)
    (placed,) = NoiseSpec().depolarizing(most, "g").errors("g", tuple(range(width)), XGate())
    assert np.abs(superoperator([placed], width) - SuperOp(depolarizing_error(most, width)).data).max() < CLOSE
    with pytest.raises(BasicAerError, match=r"cannot be depolarized by 1\.3"):
        NoiseSpec().depolarizing(1.3, "g").errors("g", (0, 1), CXGate())


def test_its_basis_has_its_own_gates():
    """Transpiled to them, circuits have its errors. Labels, and what any circuit may have, are not among them."""
    spec = NoiseSpec().depolarizing(0.1, ["h", "cz", "mine", "reset"])
    assert spec.basis_gates == {"cx", "cz", "h", "id", "rz", "sx"}
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cz(0, 1)
    made = transpile(circuit, basis_gates=sorted(spec.basis_gates))
    assert [each.name for each in made.data] == ["h", "cz"]


def test_readout_of_all_and_of_one():
    """The table of a qubit goes before that of all."""
    spec = NoiseSpec().readout([[0.9, 0.1], [0.2, 0.8]]).readout([[1, 0], [0.5, 0.5]], 1)
    assert spec.readout_table(0).ndarray().tolist() == [[0.9, 0.1], [0.2, 0.8]]
    assert spec.readout_table(1).ndarray().tolist() == [[1, 0], [0.5, 0.5]]
    assert NoiseSpec().readout_table(0) is None


@pytest.mark.rule(15)
def test_a_spec_is_a_value():
    """It pickles, is equal to its like, and adding to it changes nothing."""
    spec = NoiseSpec.from_backend(GenericBackendV2(2, seed=1))
    assert pickle.loads(pickle.dumps(spec)) == spec
    assert spec.depolarizing(0.1, "cx") != spec == NoiseSpec.from_backend(GenericBackendV2(2, seed=1))


@pytest.mark.rule(23)
@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: NoiseSpec().depolarizing(-0.1, "x"), "probability=-0.1 must be from 0 to 1.33333"),
        (lambda: NoiseSpec().depolarizing(math.nan, "x"), "probability=nan must be from 0"),
        (lambda: NoiseSpec().depolarizing("a", "x"), "probability='a' must be a number"),
        (lambda: NoiseSpec().depolarizing(0.1, [XGate()]), "must be the name or label of a gate"),
        (lambda: NoiseSpec().depolarizing(0.1, "x", 3), "qubits=3 must be the qubits of one operation"),
        (lambda: NoiseSpec().depolarizing(0.1, "x", "01"), "qubits='01' must be the qubits of one operation"),
        (lambda: NoiseSpec().depolarizing(0.1, "x", [[0]]), r"qubits=\[\[0\]\] must be .* whole numbers"),
        (lambda: NoiseSpec().depolarizing(0.1, "x", [-1]), r"qubits=\[-1\] must be .* of at least 0"),
        (lambda: NoiseSpec().depolarizing(0.1, "cx", [1, 1]), r"qubits=\[1, 1\] must be .* different"),
        (lambda: NoiseSpec().depolarizing(0.1, "cx", []), r"qubits=\[\] must be"),
        (lambda: NoiseSpec().depolarizing(0.1, 5), "gates=5 must be the name or label of a gate"),
        (lambda: NoiseSpec().depolarizing(0.1, []), r"gates=\[\] must be the name or label of a gate"),
        (lambda: NoiseSpec().depolarizing(10**400, "x"), "must be a number"),
        (lambda: NoiseSpec().thermal_relaxation(1, 1, None, "delay", dt="a"), "dt='a' must be a number"),
        (lambda: NoiseSpec().thermal_relaxation(1, 1, None, "delay", dt=-1), "dt=-1 must be a number of seconds"),
        (lambda: NoiseSpec().thermal_relaxation(1, 1, None, "delay", dt=math.nan), "dt=nan must be a number of"),
        (lambda: NoiseSpec().readout([[1, 0], [0, 1]], [0]), r"qubit=\[0\] must be a whole number of at least 0"),
        (lambda: NoiseSpec().readout([[1, 0], [0, 1]], -1), "qubit=-1 must be a whole number of at least 0"),
        (lambda: NoiseSpec.from_backend(5), "a BackendV2 is needed, which has a Target, not 5"),
        (lambda: NoiseSpec.from_target(device(None), temperature=-1), "temperature=-1 must be from 0"),
        (lambda: NoiseSpec.from_target(device(None), temperature="a"), "temperature='a' must be a number"),
        (
            lambda: NoiseSpec.from_target(device(None, dt=-1e-9)),
            "the Target's dt=-1e-09 must be a number of seconds",
        ),
        (lambda: NoiseSpec.from_target(device(None, t1=-1.0)), "the Target's T1 of qubit 0 is -1.0 seconds"),
        (lambda: NoiseSpec.from_target(device(None, t2=-1.0)), "the Target's T2 of qubit 0 is -1.0 seconds"),
        (
            lambda: NoiseSpec.from_target(device(InstructionProperties(duration=-1))),
            'the Target\'s duration of "sx" is -1.0 seconds',
        ),
        (
            lambda: NoiseSpec.from_target(device(None, readout=InstructionProperties(error=2))),
            "the Target's readout error of qubit 0 is 2.0, and must be from 0 to 1",
        ),
        (lambda: NoiseSpec().thermal_relaxation(1, 3, 1, "x"), "t2=3.0 is more than twice t1=1.0"),
        (lambda: NoiseSpec().thermal_relaxation(0, 1, 1, "x"), "t1=0 must be a number of seconds above 0"),
        (lambda: NoiseSpec().thermal_relaxation(1, 1, -1, "x"), "time=-1 must be from 0 to inf"),
        (lambda: NoiseSpec().thermal_relaxation(1, 1, None, "x"), 'time=None is for "delay"'),
        (lambda: NoiseSpec().thermal_relaxation(1, 1, 1, "x", excited=2), "excited=2 must be from 0 to 1"),
        (lambda: NoiseSpec().readout([[0.9, 0.2], [0, 1]]), "add up to 1.1"),
        (lambda: NoiseSpec().readout([[0.9, 0.1]]), r"has shape \(1, 2\)"),
        (lambda: NoiseSpec().readout("wrong"), "a readout error of 'wrong' cannot be"),
        (lambda: NoiseSpec().readout([[math.nan, 1], [0, 1]]), "not finite"),
    ],
)
def test_rates_that_are_none(make, text):
    """Each says in one line what is wrong, and what may be."""
    with pytest.raises(BasicAerError, match=text):
        make()


@pytest.mark.parametrize(
    ("delay", "text"),
    [
        (Delay(10, "dt"), "does not know how long dt is"),
        (Delay(math.inf, "s"), "must be finite"),
        (Delay(10**400), "its duration must be a number"),
        (XGate(label="delay"), '"x" has the error of "delay", which lasts as long as a Delay says'),
        (Gate("delay", 1, []), '"delay" has the error of "delay", which'),
    ],
)
def test_delays_without_a_length(delay, text):
    """A delay in dt needs the length of dt."""
    spec = NoiseSpec().thermal_relaxation(1, 1, None, "delay")
    with pytest.raises(BasicAerError, match=text):
        spec.errors("delay", (0,), delay)


@pytest.mark.rule(23)
def test_more_samples_than_seconds_are_numbers_for():
    """What a delay in dt comes to is checked as what one in seconds says."""
    spec = NoiseSpec().thermal_relaxation(1, 1, None, "delay", dt=1e300)
    with pytest.raises(BasicAerError, match="a delay of 1000000000 dt has no noise: it must be finite"):
        spec.errors("delay", (0,), Delay(10**9, "dt"))


def test_a_cold_qubit_and_one_that_nothing_is_known_of():
    """Near 0 K a qubit rests in |0>, and a Target may have properties of fewer qubits than it has."""
    cold = device(InstructionProperties(duration=1e-6))
    cold.qubit_properties[0].frequency = 5e9
    assert NoiseSpec.from_target(cold, temperature=1e-6) == NoiseSpec.from_target(cold)
    wide = Target(qubit_properties=[QubitProperties(t1=1e-4)])
    wide.add_instruction(SXGate(), {(3,): InstructionProperties(duration=1e-6, error=0.1)})
    assert NoiseSpec.from_target(wide).errors("sx", (3,), SXGate())
