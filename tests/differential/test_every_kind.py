"""Every kind of instruction in the plainest programs: with numbers, precision, output and form crossed.

The forms: the instruction comes first; among gates; in a sweep; behind a measurement and in a condition; in a
loop; from an initial state. The numbers of all instructions are real, or complex. All goes the way of a job, but
for the broker, the store and the worker.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any, get_args

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Parameter
from qiskit.quantum_info import Operator, random_unitary
from support.differential.histories import History, histories_of
from support.differential.kinds import KINDS, Kind
from support.exact import assert_likely
from support.in_process import Ran, ran

from jobs.lowering import lower
from jobs.lowering.rules import RULES, SAVES
from jobs.lowering.standard import STANDARD_GATES
from jobs.noise import ChannelInstruction, ReadoutInstruction
from jobs.target import build_target
from simulator.circuit.instructions import Instruction, Noise, Readout, Save
from simulator.circuit.traversal import walk

# SciPy's remarks on its own calls, within the matrix of a PauliEvolutionGate.
pytestmark = pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
#: Of some ten gates: their rounding, and in single precision that of numbers of 24 bits.
TOLERANCES = {"double": 1e-12, "single": 1e-5}
SHOTS = 300
#: The angle of the circuits' first gates, and those of a sweep's points.
ANGLE, POINTS = 0.3, (0.3, -1.1)
Form = Callable[[QuantumCircuit, Any, Callable[[], None], bool], None]


def _gates(circuit: QuantumCircuit, angle: Any, real: bool) -> None:
    """Entangle all qubits, so that each amplitude is another."""
    last = circuit.num_qubits - 1
    for qubit in range(circuit.num_qubits):
        circuit.ry(0.5 + 0.4 * qubit, qubit)
    for qubit in range(last):
        circuit.cx(qubit, qubit + 1)
    circuit.ry(angle, 0)
    circuit.h(last)
    if not real:
        circuit.rx(angle * 0.7, last)
        circuit.p(0.9, 0)


def _first(circuit: QuantumCircuit, angle: Any, add: Callable[[], None], real: bool) -> None:
    add()
    _gates(circuit, angle, real)


def _plain(circuit: QuantumCircuit, angle: Any, add: Callable[[], None], real: bool) -> None:
    _gates(circuit, angle, real)
    add()
    circuit.ry(0.4, range(circuit.num_qubits))


def _branch(circuit: QuantumCircuit, angle: Any, add: Callable[[], None], real: bool) -> None:
    _gates(circuit, angle, real)
    circuit.measure(0, circuit.clbits[-2])
    add()
    circuit.ry(0.4, range(circuit.num_qubits))
    with circuit.if_test((circuit.clbits[-2], 1)):
        add()
    circuit.h(0)


def _loop(circuit: QuantumCircuit, angle: Any, add: Callable[[], None], real: bool) -> None:
    _gates(circuit, angle, real)
    with circuit.for_loop(range(2)):
        circuit.measure(0, circuit.clbits[-2])
        add()
        circuit.ry(0.4, range(circuit.num_qubits))


FORMS: dict[str, Form] = {
    "first": _first,
    "plain": _plain,
    "sweep": _plain,
    "branch": _branch,
    "loop": _loop,
    "initial": _plain,
}


def _circuit(name: str, form: str, *, real: bool, angle: Any = ANGLE) -> QuantumCircuit:
    """A circuit of 1 to 5 qubits around an instruction, on some of its qubits in any order."""
    kind: Kind = KINDS[name]
    choice = random.Random(f"{name}, {form}, {real}")
    num_qubits = choice.randint(max(1, kind.num_qubits), 5)
    qubits = choice.sample(range(num_qubits), kind.num_qubits)
    registers = QuantumRegister(num_qubits, "q"), ClassicalRegister(num_qubits, "out"), ClassicalRegister(2, "own")
    circuit = QuantumCircuit(*registers, name=name)
    FORMS[form](circuit, angle, lambda: kind.add(circuit, qubits, real), real)
    return circuit


def _initial(num_qubits: int, real: bool) -> np.ndarray:
    """A unitary, whose first column is a state."""
    if real:
        return np.linalg.qr(np.random.default_rng(3).normal(size=(1 << num_qubits,) * 2))[0]
    return random_unitary(1 << num_qubits, seed=3).data


def _outputs(kind: Kind, form: str) -> Iterator[str]:
    yield from ("counts", "statevector")
    if kind.unitary and form in {"first", "plain", "sweep", "initial"}:
        yield "unitary"


def _check_counts(found: Ran, histories: list[History], num_qubits: int) -> None:
    """Counts of the clbits of the circuit's own, and of all qubits at the end."""
    expected: dict[str, float] = {}
    for history in histories:
        for index, share in enumerate(history.psi.probabilities()):
            key = hex(int(history.key, 16) | index)
            expected[key] = expected.get(key, 0) + history.probability * share
    assert sum(found.counts.values()) == SHOTS
    assert_likely(found.counts, expected)


def _check_state(found: Ran, histories: list[History], tolerance: float) -> None:
    """The state of a history with these clbits, global phase included."""
    (key,) = found.counts or {"0x0": 1}
    distances = [np.abs(found.state - each.psi.data).max() for each in histories if each.key == key]
    assert min(distances) < tolerance


def _columns(circuit: QuantumCircuit) -> np.ndarray:
    if any(instruction.is_control_flow() for instruction in circuit.data):
        columns = np.eye(1 << circuit.num_qubits)
        return np.array([histories_of(circuit, column)[0].psi.data for column in columns]).T
    return Operator(circuit).data


@pytest.mark.rule(20, 27, 29, 30)
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", sorted(KINDS))
@pytest.mark.parametrize("real", [True, False], ids=["real", "complex"])
def test_every_kind_of_instruction(name: str, form: str, *, real: bool) -> None:
    """In each precision and output, the result is that of `qiskit.quantum_info`."""
    angle = Parameter("angle") if form == "sweep" else ANGLE
    circuit = _circuit(name, form, real=real, angle=angle)
    num_qubits, options = circuit.num_qubits, {"seed_simulator": 5}
    points = [circuit]
    if form == "sweep":
        options["parameter_binds"] = [{angle: point} for point in POINTS]
        points = [circuit.assign_parameters({angle: point}) for point in POINTS]
    initial = _initial(num_qubits, real) if form == "initial" else None
    start = None if initial is None else initial[:, 0]
    every = [histories_of(each, start) for each in points]
    for output in _outputs(KINDS[name], form):
        run = circuit
        if output == "counts":
            run = circuit.copy()
            run.measure(range(num_qubits), range(num_qubits))
            options["shots"] = SHOTS
        if initial is not None:
            options["initial_statevector"] = start
            options["initial_unitary"] = initial
        if output == "unitary":
            columns = [_columns(each) for each in points]
        for precision, tolerance in TOLERANCES.items():
            results = ran(run, output, precision=precision, **options)
            assert [each.failure for each in results] == [None] * len(points)
            for index, (result, histories) in enumerate(zip(results, every, strict=True)):
                if output == "counts":
                    _check_counts(result, histories, num_qubits)
                elif output == "statevector":
                    _check_state(result, histories, tolerance)
                else:
                    expected = columns[index] if initial is None else columns[index] @ initial
                    np.testing.assert_allclose(result.state, expected, rtol=0, atol=tolerance)


def _operations(circuit: QuantumCircuit) -> Iterator[Any]:
    """Every operation of a circuit, those in blocks among them."""
    for instruction in circuit.data:
        operation = instruction.operation
        yield operation
        for block in getattr(operation, "blocks", ()):
            yield from _operations(block)


@pytest.mark.rule(29)
def test_no_kind_is_missing() -> None:
    """Whatever lowering has a rule for, the Target lists, and a Program can hold, is in the table.

    Aer's instructions, which save or set a state, are compared with Aer by `test_saves`, and noise by the tests of
    its rooms.
    """
    circuits = [_circuit(name, "plain", real=real) for name in KINDS for real in (True, False)]
    operations = [operation for circuit in circuits for operation in _operations(circuit)]
    rules = {next(base for base in type(each).__mro__ if base in RULES) for each in operations}
    assert set(RULES) - rules == {ChannelInstruction, ReadoutInstruction}
    names = {each.name for each in operations}
    listed = {*STANDARD_GATES, *build_target("counts").operation_names}
    assert listed - names == {*SAVES, "set_statevector"}
    lowered = {type(each) for circuit in circuits for each in walk(lower(circuit).instructions)}
    assert set(get_args(Instruction)) - lowered == {Save, Noise, Readout}
