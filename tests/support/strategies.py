"""Hypothesis strategies of Qiskit circuits and expressions, over the whole instruction set."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import strategies as st
from qiskit import QuantumCircuit, QuantumRegister
from qiskit.circuit import (
    AnnotatedOperation,
    ControlModifier,
    InverseModifier,
    Operation,
    PowerModifier,
    Qubit,
)
from qiskit.circuit.library import (
    DiagonalGate,
    Initialize,
    LinearFunction,
    MCMTGate,
    MCPhaseGate,
    MCXGate,
    PauliEvolutionGate,
    PauliGate,
    PermutationGate,
    QFTGate,
    StatePreparation,
    UnitaryGate,
    YGate,
    get_standard_gate_name_mapping,
)
from qiskit.quantum_info import SparsePauliOp, random_clifford, random_statevector, random_unitary

Draw = Callable[[st.SearchStrategy[Any]], Any]

#: The 51 standard gates: Qiskit's map without delay, measure and reset.
STANDARD_GATES = {
    name: gate
    for name, gate in get_standard_gate_name_mapping().items()
    if name not in {"delay", "measure", "reset"}
}
ANGLES = st.sampled_from([0.0, math.pi, -math.pi / 2, math.pi / 4]) | st.floats(-7, 7, allow_subnormal=False)
SEEDS = st.integers(0, 2**32 - 1)


def _params(draw: Draw, count: int) -> list[float]:
    return [draw(ANGLES) for _ in range(count)]


def standard_gate(draw: Draw, name: str) -> Operation:
    """A standard gate with random parameters and, if it has controls, a random state of them."""
    gate = STANDARD_GATES[name]
    controls = getattr(gate, "num_ctrl_qubits", 0)
    params = _params(draw, len(gate.params))
    if controls:
        return gate.base_class(*params, ctrl_state=draw(st.integers(0, 2**controls - 1)))
    return gate.base_class(*params)


def _any_standard(draw: Draw, width: int) -> Operation:
    names = [name for name, gate in STANDARD_GATES.items() if gate.num_qubits <= width]
    return standard_gate(draw, draw(st.sampled_from(names)))


def _small(draw: Draw, width: int) -> Operation:
    """A gate to build others from: some standard gate of at least one qubit, not as wide as allowed."""
    names = [name for name, gate in STANDARD_GATES.items() if 1 <= gate.num_qubits <= max(width - 1, 1)]
    return standard_gate(draw, draw(st.sampled_from(names)))


def _controlled(draw: Draw, width: int) -> Operation:
    if width == 1:
        return _any_standard(draw, width)
    base = _small(draw, width)
    count = draw(st.integers(1, width - base.num_qubits))
    return base.control(count, ctrl_state=draw(st.integers(0, 2**count - 1)), annotated=False)


def _annotated(draw: Draw, width: int) -> Operation:
    base = _small(draw, min(width, 3))
    modifiers: list[Any] = []
    free = width - base.num_qubits
    for kind in draw(st.lists(st.sampled_from(["inverse", "power", "control"]), min_size=1, max_size=3)):
        if kind == "control" and free:
            count = draw(st.integers(1, free))
            free -= count
            modifiers.append(ControlModifier(count, draw(st.integers(0, 2**count - 1))))
        elif kind == "power":
            modifiers.append(PowerModifier(draw(st.integers(0, 3))))
        else:
            modifiers.append(InverseModifier())
    return AnnotatedOperation(base, modifiers)


def _custom(draw: Draw, width: int) -> Operation:
    """A gate with a definition of its own, a global phase in it, maybe under open controls."""
    circuit = QuantumCircuit(draw(st.integers(1, min(width, 2))), name="custom", global_phase=draw(ANGLES))
    for _ in range(draw(st.integers(0, 3))):
        gate = _any_standard(draw, circuit.num_qubits)
        circuit.append(gate, draw(st.permutations(range(circuit.num_qubits)))[: gate.num_qubits])
    gate = circuit.to_gate()
    if circuit.num_qubits < width and draw(st.booleans()):
        return gate.control(1, ctrl_state=draw(st.integers(0, 1)))
    return gate


def _unitary(draw: Draw, width: int) -> Operation:
    size = draw(st.integers(1, min(width, 3)))
    gate = UnitaryGate(random_unitary(2**size, seed=draw(SEEDS)), label=draw(st.none() | st.just("mine")))
    free = width - size
    if free and draw(st.booleans()):
        return AnnotatedOperation(gate, ControlModifier(free, draw(st.integers(0, 2**free - 1))))
    return gate


def _diagonal(draw: Draw, width: int) -> Operation:
    size = draw(st.integers(1, width))
    gate = DiagonalGate(np.exp(1j * np.array([draw(ANGLES) for _ in range(2**size)])).tolist())
    if size < width and draw(st.booleans()):
        return AnnotatedOperation(gate, ControlModifier(1, draw(st.integers(0, 1))))
    return gate


def _permutation(draw: Draw, width: int) -> Operation:
    size = draw(st.integers(1, width))
    gate = PermutationGate(draw(st.permutations(range(size))))
    if size < width and draw(st.booleans()):
        return AnnotatedOperation(gate, ControlModifier(1, draw(st.integers(0, 1))))
    return gate


def _multi_controlled(draw: Draw, width: int) -> Operation:
    if width == 1:
        return _any_standard(draw, width)
    count = width - 1
    state = draw(st.integers(0, 2**count - 1))
    makers = [
        lambda: MCXGate(count, ctrl_state=state),
        lambda: MCPhaseGate(draw(ANGLES), count, ctrl_state=state),
        lambda: MCMTGate(YGate(), 1, count, ctrl_state=state % 2),
    ]
    return draw(st.sampled_from(makers))()


def _state_preparation(draw: Draw, width: int) -> Operation:
    size = draw(st.integers(1, min(width, 3)))
    params = draw(st.sampled_from(["vector", "label", "int"]))
    if params == "vector":
        gate = StatePreparation(random_statevector(2**size, seed=draw(SEEDS)))
    elif params == "label":
        gate = StatePreparation("".join(draw(st.sampled_from("01+-rl")) for _ in range(size)))
    else:
        gate = StatePreparation(draw(st.integers(1, 2**size - 1)), num_qubits=size)
    return gate.inverse() if draw(st.booleans()) else gate


def _evolution(draw: Draw, width: int) -> Operation:
    # The terms commute: the synthesis of others is an approximation, and is what runs.
    size = draw(st.integers(1, width))
    letters, count = draw(st.sampled_from([("IZ", 2), ("IXYZ", 1)]))
    labels = ["".join(draw(st.sampled_from(letters)) for _ in range(size)) for _ in range(count)]
    return PauliEvolutionGate(SparsePauliOp(labels, [0.7, -0.3][:count]), time=draw(ANGLES))


#: What kind of instruction -> one of them, on at most this many qubits.
GATES: dict[str, Callable[[Draw, int], Operation]] = {
    "standard": _any_standard,
    "controlled": _controlled,
    "annotated": _annotated,
    "custom": _custom,
    "unitary": _unitary,
    "diagonal": _diagonal,
    "permutation": _permutation,
    "multi-controlled": _multi_controlled,
    "pauli": lambda draw, width: PauliGate("".join(draw(st.sampled_from("IXYZ")) for _ in range(width))),
    "clifford": lambda draw, width: random_clifford(min(width, 3), seed=draw(SEEDS)),
    "state_preparation": _state_preparation,
    "evolution": _evolution,
    "qft": lambda _draw, width: QFTGate(width),
    "linear_function": lambda _draw, width: LinearFunction(np.triu(np.ones((width, width), dtype=bool))),
}


# Most of a circuit is standard gates.
_KINDS = ["standard"] * 8 + ["controlled"] * 3 + sorted(GATES)


def _append_gate(draw: Draw, circuit: QuantumCircuit) -> None:
    gate = GATES[draw(st.sampled_from(_KINDS))](draw, circuit.num_qubits)
    circuit.append(gate, draw(st.permutations(range(circuit.num_qubits)))[: gate.num_qubits])


def _append_nothing(draw: Draw, circuit: QuantumCircuit) -> None:
    """A barrier or a delay, in any unit."""
    qubit = draw(st.integers(0, circuit.num_qubits - 1))
    unit = draw(st.sampled_from(["barrier", "dt", "ps", "ns", "us", "ms", "s"]))
    if unit == "barrier":
        circuit.barrier()
    else:
        circuit.delay(draw(st.integers(0, 1000)), qubit, unit)


@st.composite
def unitary_circuits(draw: Draw, max_qubits: int = 5, max_gates: int = 8) -> QuantumCircuit:
    """Circuits that have a unitary, over every kind of gate, in one register, two that share, or none."""
    qubits = draw(st.integers(1, max_qubits))
    circuit = QuantumCircuit(
        [Qubit() for _ in range(qubits)] if draw(st.booleans()) else QuantumRegister(qubits, "q"),
        name=draw(st.sampled_from(["c", "a circuit"])),
        global_phase=draw(ANGLES),
        metadata=draw(st.sampled_from([{}, {"key": [1, None, "text"]}])),
    )
    if draw(st.booleans()):
        circuit.add_register(QuantumRegister(name="alias", bits=circuit.qubits[::2]))
    for _ in range(draw(st.integers(0, max_gates))):
        append = _append_nothing if draw(st.integers(0, 9)) == 0 else _append_gate
        append(draw, circuit)
    return circuit


@st.composite
def state_circuits(draw: Draw, max_qubits: int = 4) -> QuantumCircuit:
    """Circuits with one final state: gates and initializations that touch fresh qubits or whole circuits."""
    circuit = draw(unitary_circuits(max_qubits=max_qubits, max_gates=4))
    prepared = circuit.copy_empty_like()
    for qubit in range(0, circuit.num_qubits, 2):
        size = min(draw(st.integers(1, 2)), circuit.num_qubits - qubit)
        state = random_statevector(2**size, seed=draw(SEEDS))
        cls = draw(st.sampled_from([Initialize, StatePreparation]))
        prepared.append(cls(state), range(qubit, qubit + size))
    return prepared.compose(circuit)
