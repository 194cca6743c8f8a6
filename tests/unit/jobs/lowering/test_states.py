"""Initializations, measurements, resets, barriers and delays."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Duration
from qiskit.circuit.classical import expr
from qiskit.circuit.library import StatePreparation

from jobs.lowering import lower
from simulator.circuit import instructions
from simulator.circuit.traversal import walk

HALF = [np.sqrt(0.5), np.sqrt(0.5) * 1j]


def kinds(circuit: QuantumCircuit, *, from_ground: bool = True) -> list[type]:
    """The classes of the lowered instructions."""
    return [type(instruction) for instruction in lower(circuit, from_ground=from_ground).instructions]


@pytest.mark.rule(29)
def test_initialize_is_its_amplitudes() -> None:
    """Initialize is a vector and a reset, whatever came before."""
    circuit = QuantumCircuit(2)
    circuit.h(1)
    circuit.initialize(HALF, 1)
    _, initialize = lower(circuit).instructions
    assert initialize.targets == (1,)
    assert not initialize.is_preparation
    np.testing.assert_array_equal(initialize.amplitudes.ndarray(), HALF)


@pytest.mark.parametrize("state", ["01", 2])
def test_a_label_needs_no_vector(state: object) -> None:
    """Initialize by label or int is resets and gates: no 2^n amplitudes travel."""
    circuit = QuantumCircuit(2)
    circuit.initialize(state, [0, 1])
    assert set(kinds(circuit)) == {instructions.Reset, instructions.Gate}


@pytest.mark.rule(29)
def test_state_preparation_of_fresh_qubits_is_its_amplitudes() -> None:
    """On qubits that nothing touched, barriers and delays aside, no synthesis is needed."""
    circuit = QuantumCircuit(3)
    circuit.h(2)
    circuit.barrier()
    circuit.delay(10, 0)
    circuit.prepare_state(HALF, 0)
    circuit.prepare_state(HALF, 1)
    *_, first, second = lower(circuit).instructions
    assert isinstance(first, instructions.Initialize)
    assert first.is_preparation
    assert isinstance(second, instructions.Initialize)


def _touched_by_a_gate(circuit: QuantumCircuit) -> None:
    circuit.x(0)
    circuit.append(StatePreparation(HALF), [0])


def _touched_in_a_block(circuit: QuantumCircuit) -> None:
    with circuit.if_test((circuit.clbits[0], 0)):
        circuit.x(0)
    circuit.append(StatePreparation(HALF), [0])


def _in_a_block(circuit: QuantumCircuit) -> None:
    with circuit.for_loop(range(2)):
        circuit.append(StatePreparation(HALF), [0])


def _inverted(circuit: QuantumCircuit) -> None:
    circuit.append(StatePreparation(HALF).inverse(), [0])


@pytest.mark.rule(29)
@pytest.mark.parametrize("build", [_touched_by_a_gate, _touched_in_a_block, _in_a_block, _inverted])
def test_state_preparation_elsewhere_is_its_unitary(build: object) -> None:
    """Where the qubits may not be in |0>, a state preparation is exactly Qiskit's gate."""
    circuit = QuantumCircuit(1, 1)
    build(circuit)
    everything = walk(lower(circuit).instructions)
    assert not any(isinstance(instruction, instructions.Initialize) for instruction in everything)


def test_from_ground_false_means_any_state() -> None:
    """A unitary, or an initial state, needs the gate itself."""
    circuit = QuantumCircuit(1)
    circuit.prepare_state(HALF, 0)
    assert instructions.Initialize in kinds(circuit)
    assert instructions.Initialize not in kinds(circuit, from_ground=False)


@pytest.mark.rule(30)
@pytest.mark.parametrize(
    ("duration", "unit", "expected"),
    [
        (7, "dt", instructions.Delay(0, 7.0, "dt")),
        (1.5, "us", instructions.Delay(0, 1.5, "us")),
        (2, "ps", instructions.Delay(0, 2.0, "ps")),
        (Duration.ms(4), None, instructions.Delay(0, 4.0, "ms")),
        (expr.add(Duration.ns(4), Duration.ns(1)), None, instructions.Delay(0, None, "expr")),
    ],
)
def test_delays_keep_their_duration(duration: object, unit: str | None, expected: instructions.Delay) -> None:
    """A delay in any unit is a no-op that can be rebuilt; an expression has no one duration."""
    circuit = QuantumCircuit(1)
    circuit.delay(expr.lift(duration) if isinstance(duration, Duration) else duration, 0, unit)
    assert lower(circuit).instructions == (expected,)


@pytest.mark.rule(30)
def test_measure_reset_and_barrier_name_their_bits() -> None:
    """They stand for themselves."""
    circuit = QuantumCircuit(2, 2)
    circuit.measure(1, 0)
    circuit.reset(0)
    circuit.barrier(1, 0)
    assert lower(circuit).instructions == (
        instructions.Measure(1, 0),
        instructions.Reset(0),
        instructions.Barrier((1, 0)),
    )
