"""Instructions that are no gates of ours are lowered by their definition, a synthesis or a matrix."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import (
    AnnotatedOperation,
    ControlModifier,
    Gate,
    Instruction,
    InverseModifier,
    library,
)
from qiskit.circuit.library import (
    HGate,
    MCMTGate,
    PauliEvolutionGate,
    QFTGate,
)
from qiskit.quantum_info import (
    Pauli,
    SparseObservable,
    SparsePauliOp,
    Statevector,
    random_clifford,
)
from qiskit.synthesis import MatrixExponential, QDrift, SuzukiTrotter
from support.circuits import lowered

from jobs.lowering import LoweringError, lower
from simulator import run
from simulator.circuit import instructions
from simulator.circuit.gates import pauli_letters


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


def test_several_targets_go_by_their_definition() -> None:
    """A gate with several targets under its controls (MCMT) is not taken for one with a single target."""
    touched = {qubit for gate in lowered(MCMTGate(HGate(), 2, 3)) for qubit in gate.targets}
    assert touched == {2, 3, 4}


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
