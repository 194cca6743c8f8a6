"""Gates become gates of the table, controls stay controls, and nothing wide becomes a dense matrix."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import (
    AnnotatedOperation,
    ControlModifier,
    Gate,
)
from qiskit.circuit.library import (
    CUGate,
    CXGate,
    DiagonalGate,
    MCXGate,
    PauliGate,
    PermutationGate,
    RYGate,
    UnitaryGate,
    XGate,
)
from qiskit.quantum_info import (
    random_unitary,
)
from support.circuits import lowered
from support.strategies import STANDARD_GATES

from jobs.lowering import lower
from simulator.circuit import instructions


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


def test_cu_keeps_its_phase_under_more_controls() -> None:
    """Qiskit leaves cu's fourth parameter on the u below a controlled cu: it is a phase there too."""
    assert lowered(CUGate(0.1, 0.2, 0.3, 0.4).control(1)) == (
        instructions.Gate("u", (2,), (0.1, 0.2, 0.3), (0, 1)),
        instructions.Gate("global_phase", (), (0.4,), (0, 1)),
    )


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
def test_permutation_says_where_each_state_comes_from() -> None:
    """Pattern[k] = m moves the state of qubit m to qubit k."""
    assert lowered(PermutationGate([2, 0, 1])) == (instructions.Permutation((0, 1, 2), (2, 0, 1)),)


@pytest.mark.parametrize(("size", "kind"), [(6, instructions.Unitary), (7, instructions.Gate)])
def test_a_diagonal_under_controls_stays_small(size: int, kind: type) -> None:
    """A controlled diagonal is a dense matrix of at most 6 qubits, and gates beyond."""
    diagonal = DiagonalGate(np.exp(1j * np.arange(2**size)).tolist())
    found = lowered(AnnotatedOperation(diagonal, ControlModifier(1)))
    assert {type(instruction) for instruction in found} == {kind}
