"""Gates become gates of the table, controls stay controls, and nothing wide becomes a dense matrix."""

from __future__ import annotations

import math

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import (
    AnnotatedOperation,
    ControlModifier,
    Gate,
    Instruction,
    InverseModifier,
    Parameter,
    ParameterVector,
    library,
)
from qiskit.circuit.library import (
    CUGate,
    CXGate,
    DiagonalGate,
    HGate,
    MCMTGate,
    MCXGate,
    PauliEvolutionGate,
    PauliGate,
    PermutationGate,
    QFTGate,
    RYGate,
    UnitaryGate,
    XGate,
)
from qiskit.quantum_info import (
    Pauli,
    SparseObservable,
    SparsePauliOp,
    Statevector,
    random_clifford,
    random_unitary,
)
from qiskit.synthesis import MatrixExponential, QDrift, SuzukiTrotter
from support.strategies import STANDARD_GATES

from jobs.lowering import LoweringError, lower
from simulator import run
from simulator.circuit import instructions
from simulator.circuit.gates import pauli_letters
from simulator.circuit.instructions import Instruction as ProgramInstruction


def lowered(operation: object, width: int | None = None) -> tuple[ProgramInstruction, ...]:
    """The instructions of a circuit that holds the operation only."""
    circuit = QuantumCircuit(width or operation.num_qubits)
    circuit.append(operation, range(operation.num_qubits))
    return lower(circuit).instructions


class Opaque(Gate):
    """A gate that Qiskit knows by its matrix only."""

    def __init__(self, num_qubits: int) -> None:
        super().__init__("opaque", num_qubits, [])

    def __array__(self, dtype=None, copy=None):
        return np.eye(2**self.num_qubits, dtype=dtype)[::-1]


class Endless(Gate):
    """A gate whose definition holds itself."""

    def __init__(self) -> None:
        super().__init__("endless", 1, [])

    def _define(self) -> None:
        self.definition = QuantumCircuit(1)
        self.definition.append(Endless(), [0])


@pytest.mark.rule(29)
@pytest.mark.parametrize("name", sorted(STANDARD_GATES))
def test_a_standard_gate_is_one_gate_of_the_table(name: str) -> None:
    """Each of the 51 standard gates is native; cu is a u and a phase, both controlled."""
    gate = STANDARD_GATES[name].base_class(*[0.5] * len(STANDARD_GATES[name].params))
    found = lowered(gate)
    assert all(isinstance(instruction, instructions.Gate) for instruction in found)
    assert len(found) == (2 if name == "cu" else 1)


@pytest.mark.rule(29)
def test_there_are_51_standard_gates() -> None:
    """The standard gates are as many as the contract counts: a Qiskit that brings more is noticed here."""
    assert len(STANDARD_GATES) == 51


@pytest.mark.rule(29)
def test_open_controls_are_a_control_state() -> None:
    """Bit i of the control state belongs to the i-th control."""
    (gate,) = lowered(XGate().control(3, ctrl_state="011"))
    assert gate == instructions.Gate("x", (3,), (), (0, 1, 2), 0b011)


@pytest.mark.rule(29)
def test_controls_of_controls_are_flat() -> None:
    """A controlled controlled gate is one gate with all the controls, in order."""
    inner = RYGate(0.3).control(1, ctrl_state=0)
    (gate,) = lowered(AnnotatedOperation(inner, ControlModifier(2, 0b10)))
    assert gate == instructions.Gate("ry", (3,), (0.3,), (0, 1, 2), 0b010)


def test_all_ones_is_no_control_state() -> None:
    """A control state of all ones is None, however it came about."""
    (gate,) = lowered(AnnotatedOperation(CXGate(ctrl_state=1), ControlModifier(1, 1)))
    assert gate == instructions.Gate("x", (2,), (), (0, 1))


@pytest.mark.rule(29)
@pytest.mark.parametrize("operation", [MCXGate(25), UnitaryGate(random_unitary(4, seed=1)).control(1)])
def test_a_controlled_gate_is_no_larger_matrix(operation: Gate) -> None:
    """Controls are named, never multiplied out."""
    (instruction,) = lowered(operation)
    assert len(instruction.controls) == operation.num_ctrl_qubits
    assert not isinstance(instruction, instructions.Unitary) or instruction.matrix.shape == (4, 4)


@pytest.mark.rule(29)
def test_a_controlled_custom_gate_controls_its_definition() -> None:
    """A base gate that is not native is lowered by its definition, each part of it controlled."""
    body = QuantumCircuit(2, global_phase=0.5)
    body.h(0)
    body.cx(0, 1)
    found = lowered(body.to_gate().control(2, ctrl_state=1))
    assert found == (
        instructions.Gate("global_phase", (), (0.5,), (0, 1), 1),
        instructions.Gate("h", (2,), (), (0, 1), 1),
        instructions.Gate("x", (3,), (), (0, 1, 2), 0b101),
    )


def test_what_comes_again_is_the_same_in_its_place() -> None:
    """A gate that comes again on other qubits, in a definition or under controls is made for that place."""
    flips = QuantumCircuit(2)
    flips.x(0)
    flips.x(1)
    flips.x(0)
    circuit = QuantumCircuit(4)
    circuit.x(0)
    circuit.append(flips.to_gate(), [0, 1])
    circuit.append(flips.to_gate(), [1, 0])
    circuit.append(flips.to_gate().control(1, ctrl_state=0), [3, 0, 1])
    circuit.cx(0, 1)
    circuit.cx(1, 0)
    circuit.x(0)

    def x(target: int) -> instructions.Gate:
        return instructions.Gate("x", (target,))

    def open_x(target: int) -> instructions.Gate:
        return instructions.Gate("x", (target,), (), (3,), 0)

    assert lower(circuit).instructions == (
        x(0),
        *(x(0), x(1), x(0)),
        *(x(1), x(0), x(1)),
        *(open_x(0), open_x(1), open_x(0)),
        instructions.Gate("x", (1,), (), (0,)),
        instructions.Gate("x", (0,), (), (1,)),
        x(0),
    )


def test_a_parameter_that_comes_again_is_read_again() -> None:
    """Only gates without parameters are the same wherever they come again."""
    circuit = QuantumCircuit(2)
    for angle in (0.1, 0.2):
        circuit.rx(angle, 0)
        circuit.cp(angle, 0, 1)
    assert lower(circuit).instructions == (
        instructions.Gate("rx", (0,), (0.1,)),
        instructions.Gate("p", (1,), (0.1,), (0,)),
        instructions.Gate("rx", (0,), (0.2,)),
        instructions.Gate("p", (1,), (0.2,), (0,)),
    )


def test_cu_keeps_its_phase_under_more_controls() -> None:
    """Qiskit leaves cu's fourth parameter on the u below a controlled cu: it is a phase there too."""
    assert lowered(CUGate(0.1, 0.2, 0.3, 0.4).control(1)) == (
        instructions.Gate("u", (2,), (0.1, 0.2, 0.3), (0, 1)),
        instructions.Gate("global_phase", (), (0.4,), (0, 1)),
    )


def test_several_targets_go_by_their_definition() -> None:
    """A gate with several targets under its controls (MCMT) is not taken for one with a single target."""
    touched = {qubit for gate in lowered(MCMTGate(HGate(), 2, 3)) for qubit in gate.targets}
    assert touched == {2, 3, 4}


def test_a_name_alone_makes_no_standard_gate() -> None:
    """A user's gate called "h" is what its definition says."""
    gate = Gate("h", 1, [])
    gate.definition = QuantumCircuit(1)
    gate.definition.x(0)
    assert lowered(gate) == (instructions.Gate("x", (0,)),)


def test_a_name_alone_makes_no_standard_gate_after_a_standard_gate() -> None:
    """Nor is it taken for the standard gate of the same name that came on the same qubits before."""
    gate = Gate("h", 1, [])
    gate.definition = QuantumCircuit(1)
    gate.definition.x(0)
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.append(gate, [0])
    assert lower(circuit).instructions == (instructions.Gate("h", (0,)), instructions.Gate("x", (0,)))


def test_a_label_changes_nothing() -> None:
    """A label is for drawings."""
    assert lowered(XGate(label="flip")) == lowered(XGate())


@pytest.mark.rule(29)
def test_pauli_has_its_last_letter_on_the_first_qubit() -> None:
    """Pauli is a gate a letter, and none for the identity."""
    assert lowered(PauliGate("XIZ")) == (instructions.Gate("z", (0,)), instructions.Gate("x", (2,)))


@pytest.mark.rule(29)
def test_an_evolution_is_its_rotations() -> None:
    """Of a product formula, one rotation a string, in order; the identity is a global phase."""
    operator = SparsePauliOp(["XIYZ", "IIII", "IZII", "ZZII"], [0.5, -0.2, 0.3, 1.0])
    circuit = QuantumCircuit(5)
    circuit.append(PauliEvolutionGate(operator, time=0.4), [4, 2, 1, 0])
    program = lower(circuit)
    assert [(gate.name, gate.targets) for gate in program.instructions] == [
        ("rzyx", (4, 2, 0)),
        ("rz", (1,)),
        ("rzz", (1, 0)),
    ]
    np.testing.assert_allclose([gate.params[0] for gate in program.instructions], [0.4, 0.24, 0.8])
    assert program.global_phase == pytest.approx(0.08)
    state = run(program, seed=1, output="statevector").state
    np.testing.assert_allclose(state, Statevector(circuit.decompose(reps=3)).data, atol=1e-12)


@pytest.mark.rule(29)
@pytest.mark.parametrize("order", [1, 2, 4])
@pytest.mark.parametrize("reps", [1, 3])
def test_any_product_formula_is_its_definition(order: int, reps: int) -> None:
    """What runs is the formula that the circuit names."""
    operator = SparsePauliOp(["XXYZ", "ZZIX", "IYXY", "YIIZ"], [0.5, -0.2, 0.3, 1.0])
    circuit = QuantumCircuit(4)
    circuit.h(range(4))
    circuit.append(PauliEvolutionGate(operator, 0.9, synthesis=SuzukiTrotter(order, reps)), range(4))
    program = lower(circuit)
    assert all(pauli_letters(gate.name) for gate in program.instructions[4:])
    state = run(program, seed=1, output="statevector").state
    np.testing.assert_allclose(state, Statevector(circuit.decompose(reps=3)).data, atol=1e-12)


@pytest.mark.rule(29)
@pytest.mark.parametrize(
    "gate",
    [
        PauliEvolutionGate(SparsePauliOp("XYZ"), 0.3, synthesis=MatrixExponential()),
        PauliEvolutionGate(SparseObservable("X1Z"), 0.3),
        PauliEvolutionGate(SparsePauliOp("XYZ"), 0.3, synthesis=QDrift()),
        AnnotatedOperation(PauliEvolutionGate(SparsePauliOp("XY"), 0.3), ControlModifier(1)),
    ],
    ids=["matrix", "projector", "drift", "controlled"],
)
# SciPy's remarks on its own calls, within the matrix of a PauliEvolutionGate.
@pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
def test_other_evolutions_go_by_their_definition(gate: Gate) -> None:
    """A synthesis of another kind, projectors, and controls."""
    circuit = QuantumCircuit(3)
    circuit.h(range(3))
    circuit.append(gate, range(3))
    program = lower(circuit)
    assert not any(pauli_letters(getattr(each, "name", "")) for each in program.instructions)
    state = run(program, seed=1, output="statevector").state
    np.testing.assert_allclose(state, Statevector(circuit).data, atol=1e-12)


@pytest.mark.rule(29)
@pytest.mark.skipif(not hasattr(library, "PauliProductRotationGate"), reason="this Qiskit has no such gate")
def test_a_rotation_about_a_product() -> None:
    """Its sign is in the angle."""
    gate = library.PauliProductRotationGate(Pauli("-XIZY"), 0.3)
    assert lowered(gate) == (instructions.Gate("ryzx", (0, 1, 3), (-0.3,)),)


@pytest.mark.rule(29)
def test_permutation_says_where_each_state_comes_from() -> None:
    """Pattern[k] = m moves the state of qubit m to qubit k."""
    assert lowered(PermutationGate([2, 0, 1])) == (instructions.Permutation((0, 1, 2), (2, 0, 1)),)


@pytest.mark.parametrize(("size", "kind"), [(6, instructions.Unitary), (7, instructions.Gate)])
def test_a_diagonal_under_controls_stays_small(size: int, kind: type) -> None:
    """A controlled diagonal is a dense matrix of at most 6 qubits, and gates beyond."""
    diagonal = DiagonalGate(np.exp(1j * np.arange(2**size)).tolist())
    found = lowered(AnnotatedOperation(diagonal, ControlModifier(1)))
    assert {type(instruction) for instruction in found} == {kind}


@pytest.mark.rule(29)
@pytest.mark.parametrize(
    "operation", [random_clifford(3, seed=5), AnnotatedOperation(QFTGate(3), InverseModifier())]
)
def test_what_has_no_definition_is_synthesised(operation: object) -> None:
    """A Clifford goes by to_instruction, an annotated operation by high-level synthesis."""
    assert all(isinstance(instruction, instructions.Gate) for instruction in lowered(operation))


@pytest.mark.rule(29)
def test_a_gate_known_by_its_matrix_is_dense_up_to_6_qubits() -> None:
    """A dense matrix only where nothing else is known, and only up to 6 qubits."""
    (unitary,) = lowered(Opaque(6))
    assert unitary.matrix.shape == (64, 64)
    with pytest.raises(LoweringError, match=r'Instruction "opaque" in circuit ".*" cannot be run: .*6 qubits'):
        lowered(Opaque(7))


@pytest.mark.rule(23)
@pytest.mark.parametrize(
    "instruction", [Gate("strange", 2, []), Instruction("strange", 2, 0, []), Instruction("strange", 2, 1, [])]
)
def test_an_instruction_without_a_meaning_is_refused_by_name(instruction: Instruction) -> None:
    """What cannot be run is refused, naming the instruction and the circuit."""
    circuit = QuantumCircuit(2, 1, name="mine")
    circuit.append(instruction, [0, 1], [0] * instruction.num_clbits)
    with pytest.raises(LoweringError, match=r'Instruction "strange" in circuit "mine" cannot be run: '):
        lower(circuit)


def test_a_definition_that_holds_itself_ends() -> None:
    """A definition that never ends is refused, not followed."""
    with pytest.raises(LoweringError, match="nest deeper than 100"):
        lowered(Endless())


def test_a_definition_that_fails_is_named() -> None:
    """An error of Qiskit inside a definition becomes one that names the instruction."""
    gate = AnnotatedOperation(Instruction("reset_all", 1, 0, []), InverseModifier())
    with pytest.raises(LoweringError, match=r'Instruction "annotated" in circuit'):
        lowered(gate)


def test_a_reset_under_controls_is_refused() -> None:
    """Only unitary parts can be controlled."""
    body = QuantumCircuit(1)
    body.reset(0)
    with pytest.raises(LoweringError, match=r'Instruction "reset" .* controlled'):
        lowered(AnnotatedOperation(body.to_instruction(), ControlModifier(1)))


@pytest.mark.rule(31)
def test_global_phases_add_up() -> None:
    """The phases of the circuit, of its definitions and of phase gates are all kept."""
    inner = QuantumCircuit(1, global_phase=0.25)
    circuit = QuantumCircuit(1, global_phase=0.5)
    circuit.append(inner.to_gate(), [0])
    circuit.append(inner.to_gate(), [0])
    lowered_circuit = lower(circuit)
    assert lowered_circuit.global_phase == pytest.approx(1.0)
    assert lowered_circuit.instructions == ()


@pytest.mark.rule(23)
def test_open_parameters_are_named_with_the_cure() -> None:
    """An unbound parameter is refused by name."""
    circuit = QuantumCircuit(1, name="ansatz")
    circuit.rx(Parameter("alpha"), 0)
    circuit.rz(Parameter("beta"), 0)
    with pytest.raises(LoweringError, match=r'"ansatz".* alpha, beta; .*parameter_binds.*assign_parameters'):
        lower(circuit)


@pytest.mark.rule(23)
def test_many_open_parameters_are_counted() -> None:
    """A message stays readable, whatever the ansatz."""
    circuit = QuantumCircuit(1)
    for angle in ParameterVector("theta", 25):
        circuit.rx(angle, 0)
    with pytest.raises(LoweringError, match=r"theta\[0\], .* and 5 more; "):
        lower(circuit)


@pytest.mark.rule(23)
@pytest.mark.parametrize(
    ("place", "named"),
    [
        (lambda circuit, alpha: circuit.rx(alpha, 0), 'Instruction "rx" .*alpha'),
        (lambda circuit, alpha: circuit.delay(alpha, 0), 'Instruction "delay" .*alpha'),
        (lambda circuit, alpha: setattr(circuit, "global_phase", alpha), "global phase is alpha"),
    ],
)
def test_an_open_parameter_in_a_definition_is_named(place: object, named: str) -> None:
    """Also one that the circuit does not know of."""
    instruction = Instruction("secret", 1, 0, [])
    instruction.definition = QuantumCircuit(1)
    place(instruction.definition, Parameter("alpha"))
    with pytest.raises(LoweringError, match=named):
        lowered(instruction)


def test_bound_parameters_are_numbers() -> None:
    """A ParameterExpression without open parameters is its number."""
    alpha = Parameter("alpha")
    circuit = QuantumCircuit(1, global_phase=alpha)
    circuit.rx(2 * alpha, 0)
    bound = lower(circuit.assign_parameters({alpha: 0.25}))
    assert bound.instructions == (instructions.Gate("rx", (0,), (0.5,)),)
    assert bound.global_phase == 0.25


@pytest.mark.rule(23)
@pytest.mark.parametrize("angle", [math.nan, math.inf])
def test_angles_are_finite(angle: float) -> None:
    """A parameter that is no finite number is refused, naming the circuit."""
    circuit = QuantumCircuit(1, name="broken")
    circuit.rx(angle, 0)
    with pytest.raises(LoweringError, match=r'Circuit "broken" cannot be run: .*not finite'):
        lower(circuit)
