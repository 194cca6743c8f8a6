"""Inverses, controls and powers of any order and depth: the simulator against `AnnotatedOperation.to_matrix`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.circuit import AnnotatedOperation, ControlModifier, Gate, InverseModifier, PowerModifier
from qiskit.circuit.annotated_operation import Modifier
from qiskit.circuit.library import (
    CUGate,
    CXGate,
    DiagonalGate,
    GlobalPhaseGate,
    MCPhaseGate,
    MCXGate,
    PermutationGate,
    QFTGate,
    RXGate,
    RYGate,
    SGate,
    StatePreparation,
    UnitaryGate,
    YGate,
    ZGate,
)
from qiskit.quantum_info import Operator, random_clifford, random_unitary
from support.examples import examples

import simulator
from jobs.lowering import LoweringError, lower
from simulator.circuit.instructions import Unitary

#: Both sides take roots of matrices of up to 32 rows, each to some 1e-13.
TOLERANCE = {"rtol": 0, "atol": 1e-10}
#: Eigenvalues of -1, of which there are two roots, are many of these gates'.
BASES: dict[str, Callable[[], Any]] = {
    "y": YGate,
    "z": ZGate,
    "s": SGate,
    "rx": lambda: RXGate(5.5),
    "ry": lambda: RYGate(-np.pi),
    "cx": lambda: CXGate(ctrl_state=0),
    "cu": lambda: CUGate(1, 2, 3, 4),
    "mcp": lambda: MCPhaseGate(3.5, 2),
    "phase": lambda: GlobalPhaseGate(2.5),
    "unitary": lambda: UnitaryGate(random_unitary(4, seed=1)),
    "diagonal": lambda: DiagonalGate([1, -1, 1j, -1]),
    "permutation": lambda: PermutationGate([1, 2, 0]),
    "clifford": lambda: random_clifford(2, seed=3),
    "qft": lambda: QFTGate(2),
    "state preparation": lambda: StatePreparation([0.6, 0.8j]),
}
POWERS = st.sampled_from([-2, -1, 0, 1, 2, 3, 2.0, 0.5, -0.5, 1 / 3, -1.5, 1001]) | st.floats(-4, 4)


@st.composite
def modified(draw: Callable[[st.SearchStrategy[Any]], Any]) -> AnnotatedOperation:
    """Annotations of annotations."""
    operation: Any = BASES[draw(st.sampled_from(sorted(BASES)))]()
    for _ in range(draw(st.integers(1, 2))):
        modifiers: list[Modifier] = []
        for kind in draw(st.lists(st.sampled_from(["power", "power", "inverse", "control"]), max_size=3)):
            if kind == "control" and operation.num_qubits + len(modifiers) < 5:
                modifiers.append(ControlModifier(1, draw(st.integers(0, 1))))
            elif kind == "power":
                modifiers.append(PowerModifier(draw(POWERS)))
            else:
                modifiers.append(InverseModifier())
        operation = AnnotatedOperation(operation, modifiers)
    return operation


def _unitary(circuit: QuantumCircuit) -> Any:
    return simulator.run(lower(circuit, from_ground=False), output="unitary", seed=1).state


def _alone(operation: Any) -> QuantumCircuit:
    circuit = QuantumCircuit(operation.num_qubits)
    circuit.append(operation, circuit.qubits)
    return circuit


@pytest.mark.rule(29)
@examples(200, derandomize=True)
@given(modified())
def test_any_modifiers_give_the_operations_own_matrix(operation: AnnotatedOperation) -> None:
    """Powers that are fractions or negative too, in any order with inverses and controls, and nested."""
    np.testing.assert_allclose(_unitary(_alone(operation)), operation.to_matrix().data, **TOLERANCE)


@pytest.mark.rule(29)
@pytest.mark.parametrize(
    "modifiers",
    [
        [PowerModifier(-0.5)],
        [PowerModifier(0.5), InverseModifier()],
        [InverseModifier(), PowerModifier(0.5)],
        [PowerModifier(2), PowerModifier(0.5)],
        [PowerModifier(0.5), ControlModifier(1, 0), PowerModifier(-1)],
        [PowerModifier(5000)],
    ],
    ids=str,
)
@pytest.mark.parametrize("base", [YGate(), SGate(), CXGate()], ids=lambda gate: gate.name)
def test_a_root_and_an_inverse_are_taken_in_their_order(base: Gate, modifiers: list[Modifier]) -> None:
    """Of an eigenvalue -1, the root of the inverse is another than the inverse of the root."""
    operation = AnnotatedOperation(base, modifiers)
    np.testing.assert_allclose(_unitary(_alone(operation)), operation.to_matrix().data, **TOLERANCE)


@pytest.mark.rule(29)
def test_a_root_is_the_same_wherever_it_stands() -> None:
    """In a definition, under further controls, in a block, and with the circuit's qubits in any order."""
    root = AnnotatedOperation(CUGate(1, 2, 3, 4), [InverseModifier(), PowerModifier(0.5)])
    inner = QuantumCircuit(2, name="inner")
    inner.append(root, [1, 0])
    circuit, flat = QuantumCircuit(3), QuantumCircuit(3)
    circuit.append(AnnotatedOperation(inner.to_gate(), ControlModifier(1, 0)), [2, 0, 1])
    flat.append(AnnotatedOperation(root, ControlModifier(1, 0)), [2, 1, 0])
    with circuit.box():
        circuit.append(root, [2, 1])
    flat.append(root, [2, 1])
    np.testing.assert_allclose(_unitary(circuit), Operator(flat).data, **TOLERANCE)


@pytest.mark.rule(29)
@pytest.mark.parametrize("base", [MCXGate(9, ctrl_state=5), MCPhaseGate(3.0, 9), CUGate(1, 2, 3, 4).control(8)])
def test_controls_of_a_wide_gate_stay_controls(base: Gate) -> None:
    """The matrix whose root is taken is that of the targets."""
    (each,) = lower(_alone(AnnotatedOperation(base, PowerModifier(0.5)))).instructions
    assert isinstance(each, Unitary) and len(each.targets) <= 1 and len(each.controls) >= 9
    twice = _alone(AnnotatedOperation(base, PowerModifier(0.5))).repeat(2).decompose()
    state = np.random.default_rng(1).normal(size=1 << 10) / 32
    state /= np.linalg.norm(state)
    found, expected = (
        simulator.run(lower(circuit, from_ground=False), output="statevector", seed=1, initial_state=state).state
        for circuit in (twice, _alone(base))
    )
    np.testing.assert_allclose(found, expected, **TOLERANCE)


@pytest.mark.rule(23)
@pytest.mark.parametrize(
    ("operation", "words"),
    [
        (AnnotatedOperation(QFTGate(7), PowerModifier(0.5)), ["annotated", "qft", "7 qubits", "at most 6"]),
        (AnnotatedOperation(SGate(), PowerModifier(float("nan"))), ["annotated", "nan"]),
        (AnnotatedOperation(SGate(), PowerModifier("two")), ["annotated", "two"]),
        (AnnotatedOperation(SGate(), PowerModifier(1j)), ["annotated", "1j"]),
        (AnnotatedOperation(SGate(), Modifier()), ["annotated", "Modifier"]),
    ],
    ids=["wide", "not a number", "text", "complex", "unknown"],
)
def test_a_power_that_cannot_be_taken_is_refused_by_name(operation: Any, words: list[str]) -> None:
    """It says which power, of what, and what the limit is."""
    with pytest.raises(LoweringError) as caught:
        lower(_alone(operation))
    assert all(word in str(caught.value) for word in words), str(caught.value)
