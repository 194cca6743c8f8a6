"""Channels and readout errors that are instructions of a circuit become those of the Program, and come back."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import AnnotatedOperation, ControlModifier, Instruction
from qiskit.quantum_info import PTM, Chi, Choi, Kraus, Stinespring, SuperOp, random_quantum_channel
from qiskit_aer.noise import PauliLindbladError, ReadoutError, amplitude_damping_error, depolarizing_error
from support.noisy_circuits import superoperator

from jobs import lower
from jobs.errors import LoweringError
from jobs.noise import Placed
from jobs.rebuilding import rebuild
from simulator.circuit.instructions import IfElse, Noise, Readout

ONE = random_quantum_channel(2, 2, seed=1)
TWO = random_quantum_channel(4, 4, seed=2)


def superoperator_of(program, num_qubits):
    """What the channels of a program do, one after the other."""
    placed = [Placed(program.channels[each.channel], each.qubits) for each in program.instructions]
    return superoperator(placed, num_qubits)


@pytest.mark.rule(41)
@pytest.mark.parametrize("form", [Kraus, SuperOp, Choi, PTM, Chi, Stinespring])
def test_channels_of_qiskit(form):
    """Whatever the representation, what it does is what Qiskit says, on qubits in any order."""
    circuit = QuantumCircuit(3)
    circuit.append(form(ONE).to_instruction(), [1])
    circuit.append(form(TWO).to_instruction(), [2, 0])
    expected = SuperOp(np.eye(64)).compose(SuperOp(ONE), [1]).compose(SuperOp(TWO), [2, 0])
    assert np.abs(superoperator_of(lower(circuit), 3) - expected.data).max() < 1e-10


@pytest.mark.rule(41)
def test_errors_of_aer():
    """A QuantumError and a PauliLindbladError, appended as they are."""
    errors = [
        (depolarizing_error(0.1, 2), [1, 0]),
        (amplitude_damping_error(0.3), [1]),
        (PauliLindbladError(["XI", "YZ", "IZ"], [0.1, 0.2, 0.3]), [1, 0]),
    ]
    circuit, expected = QuantumCircuit(2), SuperOp(np.eye(16))
    for error, qubits in errors:
        circuit.append(error, qubits)
        expected = expected.compose(SuperOp(error), qubits)
    assert np.abs(superoperator_of(lower(circuit), 2) - expected.data).max() < 1e-12


@pytest.mark.rule(41)
def test_readout_errors_of_aer():
    """A readout error acts on its clbits, of which the first is the least significant bit of its table."""
    table = np.random.default_rng(1).dirichlet(np.ones(4), 4)
    circuit = QuantumCircuit(2, 3)
    circuit.measure([0, 1], [0, 2])
    circuit.append(ReadoutError(table).to_instruction(), [], [2, 0])
    *_, readout = lower(circuit).instructions
    assert isinstance(readout, Readout)
    assert readout.clbits == (2, 0)
    assert np.array_equal(readout.table.ndarray(), table)


@pytest.mark.rule(41)
def test_channels_in_control_flow_and_definitions():
    """A block and a definition have their own; the program has one table."""
    inner = QuantumCircuit(1)
    inner.append(Kraus(ONE).to_instruction(), [0])
    circuit = QuantumCircuit(2, 1)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.append(Kraus(ONE).to_instruction(), [1])
    circuit.append(inner.to_instruction(), [0])
    program = lower(circuit)
    _, branch, last = program.instructions
    assert isinstance(branch, IfElse)
    assert branch.true_body == (Noise(0, (1,)),)
    assert last == Noise(1, (0,))
    assert len(program.channels) == 2


@pytest.mark.rule(16)
def test_they_come_back():
    """A circuit that is rebuilt lowers to the same Program."""
    circuit = QuantumCircuit(2, 2)
    circuit.append(Kraus(TWO).to_instruction(), [1, 0])
    circuit.measure([0, 1], [0, 1])
    circuit.append(ReadoutError([[0.9, 0.1], [0.2, 0.8]]).to_instruction(), [], [1])
    with circuit.for_loop(range(2)):
        circuit.append(depolarizing_error(0.1, 1), [1])
    program = lower(circuit)
    assert lower(rebuild(program)) == program


@pytest.mark.rule(23)
@pytest.mark.parametrize(
    ("operation", "qubits", "text"),
    [
        (AnnotatedOperation(Kraus(ONE).to_instruction(), ControlModifier(1)), 2, "inside a controlled gate"),
        (Instruction("kraus", 1, 0, [np.diag([0.5, 0.5])]), 1, "do not preserve the trace"),
        (Instruction("kraus", 1, 0, [np.diag([np.nan, 0.5])]), 1, "not finite"),
        (Instruction("kraus", 2, 0, [np.eye(2)]), 2, r"shape \(1, 2, 2\)"),
        (Instruction("kraus", 5, 0, [np.eye(32)]), 5, "they may act on 1 to 4"),
        (Instruction("kraus", 1, 0, []), 1, "0 Kraus operators"),
        (Instruction("kraus", 1, 0, ["a"]), 1, '"kraus"'),
    ],
)
def test_channels_that_are_none(operation, qubits, text):
    """One line names the circuit and what is wrong."""
    circuit = QuantumCircuit(5, name="mine")
    circuit.append(operation, range(qubits))
    with pytest.raises(LoweringError, match=text) as caught:
        lower(circuit)
    assert '"mine"' in str(caught.value)
    assert "\n" not in str(caught.value)
