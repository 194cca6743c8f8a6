"""Random circuits over every kind of gate: the simulator against `qiskit.quantum_info`, to 1e-10."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qiskit import QuantumCircuit
from qiskit.quantum_info import Operator, Statevector, random_statevector
from support.differential.checks import assert_travels
from support.examples import examples
from support.strategies import STANDARD_GATES, standard_gate, state_circuits, unitary_circuits

import simulator
from jobs.lowering import lower
from jobs.rebuilding import rebuild

#: The states are exact but for rounding: some hundred operations of 1e-16 each.
TOLERANCE = {"rtol": 0, "atol": 1e-10}
# SciPy's remarks on its own calls, within the matrix of a PauliEvolutionGate.
pytestmark = pytest.mark.filterwarnings("ignore::scipy.sparse.SparseEfficiencyWarning")
#: Drawing a circuit takes longer than running it.
FIXED = settings(
    derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@pytest.mark.rule(27, 31)
@examples(300, FIXED)
@given(unitary_circuits())
def test_unitaries_are_those_of_qiskit(circuit: QuantumCircuit) -> None:
    """The unitary simulator gives `Operator`'s matrix, global phase included."""
    program = lower(circuit, from_ground=False)
    result = simulator.run(program, output="unitary", shots=1, seed=1)
    np.testing.assert_allclose(result.state, Operator(circuit).data, **TOLERANCE)


@pytest.mark.rule(27, 31)
@examples(200, FIXED)
@given(state_circuits())
def test_states_are_those_of_qiskit(circuit: QuantumCircuit) -> None:
    """The statevector simulator gives `Statevector`, initializations included."""
    result = simulator.run(lower(circuit), output="statevector", shots=1, seed=1)
    np.testing.assert_allclose(result.state, Statevector(circuit).data, **TOLERANCE)


@pytest.mark.rule(20)
@examples(100, FIXED)
@given(unitary_circuits(max_qubits=3), st.integers(0, 2**32 - 1))
def test_an_initial_state_is_evolved(circuit: QuantumCircuit, seed: int) -> None:
    """From an initial statevector, a state preparation is the gate that Qiskit defines."""
    state = random_statevector(2**circuit.num_qubits, seed=seed)
    program = lower(circuit, from_ground=False)
    result = simulator.run(program, output="statevector", shots=1, seed=1, initial_state=state.data)
    np.testing.assert_allclose(result.state, state.evolve(circuit).data, **TOLERANCE)


@pytest.mark.rule(29)
@pytest.mark.parametrize("name", sorted(STANDARD_GATES))
@examples(4, FIXED)
@given(data=st.data())
def test_every_standard_gate_on_every_order_of_qubits(name: str, data: st.DataObject) -> None:
    """Each standard gate, with any state of its controls, has Qiskit's matrix."""
    gate = standard_gate(data.draw, name)
    circuit = QuantumCircuit(max(gate.num_qubits, 1))
    circuit.append(gate, data.draw(st.permutations(range(gate.num_qubits))))
    result = simulator.run(lower(circuit), output="unitary", shots=1, seed=1)
    np.testing.assert_allclose(result.state, Operator(circuit).data, **TOLERANCE)


@pytest.mark.rule(16)
@examples(200, FIXED)
@given(unitary_circuits())
def test_rebuilt_circuits_are_equal_as_operators(circuit: QuantumCircuit) -> None:
    """What comes back is the circuit, with its name, registers, metadata, and its operator."""
    program = lower(circuit)
    assert_travels(program)
    rebuilt = rebuild(program)
    np.testing.assert_allclose(Operator(rebuilt).data, Operator(circuit).data, **TOLERANCE)
    assert (rebuilt.name, rebuilt.metadata) == (circuit.name, circuit.metadata)
    assert [(register.name, len(register)) for register in rebuilt.qregs] == [
        (register.name, len(register)) for register in circuit.qregs
    ]
