"""Channels of Qiskit's and errors of Aer's in circuits: lowered, and rebuilt as what does the same."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Instruction
from qiskit.quantum_info import PTM, Chi, Choi, Kraus, Stinespring, SuperOp
from qiskit_aer.noise import (
    PauliLindbladError,
    ReadoutError,
    amplitude_damping_error,
    coherent_unitary_error,
    depolarizing_error,
    thermal_relaxation_error,
)
from support.noise import applied

from jobs.lowering import LoweringError, lower
from jobs.rebuilding.circuits import rebuild
from simulator.circuit.channel import Pauli
from simulator.circuit.instructions import IfElse, Noise, Readout

DAMPING = Kraus(amplitude_damping_error(0.3))
ERRORS = {
    "Kraus": DAMPING,
    "SuperOp": SuperOp(DAMPING),
    "Choi": Choi(DAMPING),
    "PTM": PTM(DAMPING),
    "Chi": Chi(DAMPING),
    "Stinespring": Stinespring(DAMPING),
    "two qubits": Kraus(depolarizing_error(0.2, 2)).tensor(Kraus(np.eye(2))),
    "many operators": Kraus([np.eye(2) / np.sqrt(6)] * 6),
    "depolarizing": depolarizing_error(0.1, 2),
    "relaxation": thermal_relaxation_error(50, 70, 10),
    "resetting": thermal_relaxation_error(50, 30, 10),
    "unitary": coherent_unitary_error(np.array([[0, 1j], [1, 0]])),
    "composed": depolarizing_error(0.1, 1)
    .compose(amplitude_damping_error(0.2))
    .tensor(depolarizing_error(0.3, 1)),
    "PauliLindblad": PauliLindbladError(["XZ", "IY", "ZZ"], [0.1, 0.2, 0.05]),
}


@pytest.mark.rule(41)
@pytest.mark.parametrize("name", ERRORS)
def test_a_channel_is_what_it_says(name):
    """A density matrix behind it is that of `qiskit.quantum_info`; rebuilt and lowered again it is the same."""
    error = ERRORS[name]
    circuit = QuantumCircuit(3)
    circuit.append(error, [2, 0, 1][: error.num_qubits])
    lowered = lower(circuit)
    rho = np.outer(psi := np.arange(1, 9) + 1j * np.arange(8), psi.conj()) / np.vdot(psi, psi).real
    found = rho
    for noise in lowered.instructions:
        found = applied(lowered.channels[noise.channel], noise.qubits, found)
    plain = SuperOp(error.to_quantumchannel() if hasattr(error, "to_quantumchannel") else error)
    whole = SuperOp(np.eye(64)).compose(plain, [2, 0, 1][: error.num_qubits])
    after = (whole.data @ rho.reshape(-1, order="F")).reshape(rho.shape, order="F")
    np.testing.assert_allclose(found, after, atol=1e-9)
    rebuilt = rebuild(lowered)
    assert lower(rebuilt) == lowered
    np.testing.assert_allclose(SuperOp(rebuilt).data, whole.data, atol=1e-9)


@pytest.mark.rule(41)
def test_errors_keep_their_strings():
    """A depolarizing error is Pauli strings, which no state chooses among, and is there once."""
    circuit = QuantumCircuit(2)
    error = depolarizing_error(0.1, 1)
    circuit.append(error, [0])
    circuit.append(error, [1])
    lowered = lower(circuit)
    assert lowered.instructions == (Noise(0, (0,)), Noise(0, (1,)))
    (channel,) = lowered.channels
    assert {step for steps in channel.alternatives for step in steps} == {Pauli(1, 0), Pauli(0, 1), Pauli(1, 1)}


@pytest.mark.rule(41)
def test_in_control_flow_and_on_clbits():
    """Channels and readout errors are lowered in bodies, and rebuilt there."""
    circuit = QuantumCircuit(2, 3)
    circuit.measure(0, 2)
    circuit.append(ReadoutError([[0.9, 0.1], [0.2, 0.8]]), [], [2])
    with circuit.if_test((circuit.clbits[2], True)):
        circuit.append(DAMPING.to_instruction(), [1])
        circuit.append(ReadoutError(np.eye(4)), [], [0, 2])
    lowered = lower(circuit)
    _, readout, branch = lowered.instructions
    assert isinstance(readout, Readout) and readout.clbits == (2,)
    np.testing.assert_array_equal(readout.table.ndarray(), [[0.9, 0.1], [0.2, 0.8]])
    assert isinstance(branch, IfElse)
    assert [type(each) for each in branch.true_body] == [Noise, Readout]
    assert lower(rebuild(lowered)) == lowered


@pytest.mark.rule(23)
@pytest.mark.parametrize(
    ("params", "text"),
    [
        ([np.eye(2) * 0.5], "Kraus operators do not preserve the trace"),
        ([np.eye(2) * np.nan], "Kraus operators has entries that are not finite"),
        ([np.eye(4)], "Kraus operators has shape"),
    ],
)
def test_what_is_no_channel_is_refused(params, text):
    """With the value and the limit."""
    circuit = QuantumCircuit(1, name="bad")
    circuit.append(Instruction("kraus", 1, 0, params), [0])
    with pytest.raises(LoweringError, match=text):
        lower(circuit)


@pytest.mark.rule(23)
def test_on_five_qubits_it_is_refused():
    """Kraus operators on more than 4 qubits: what else can be done is said."""
    circuit = QuantumCircuit(5)
    circuit.append(Instruction("kraus", 5, 0, [np.eye(32)]), range(5))
    with pytest.raises(LoweringError, match="on 5 qubits; they may act on 1 to 4"):
        lower(circuit)
