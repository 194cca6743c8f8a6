"""Which gates are Clifford is decided by their matrices alone."""

from __future__ import annotations

import math

import numpy as np
import pytest
from qiskit.quantum_info import Clifford, Statevector, random_clifford

from simulator.circuit.array import Array
from simulator.circuit.gates import GATES
from simulator.circuit.instructions import Diagonal, Initialize, Unitary
from simulator.stabilizer.cliffords import recognition
from simulator.stabilizer.cliffords.preparation import Preparation, preparation_of


def is_clifford(name: str, *params: float, controls: int = 0, state: int | None = None) -> bool:
    return recognition.gate(name, params, controls, state) is not None


@pytest.mark.parametrize("name", [name for name, spec in GATES.items() if 0 < spec.num_qubits <= 2])
def test_quarter_turns_are_clifford_where_qiskit_says_so(name: str) -> None:
    """Every named gate on one or two qubits, at all multiples of pi/2 and at an angle that is none."""
    from qiskit.quantum_info import Operator

    spec = GATES[name]
    for turns in range(4) if spec.num_params else (0,):
        params = (turns * math.pi / 2,) * spec.num_params
        try:
            Clifford.from_operator(Operator(spec.matrix(*params)))
            expected = True
        except Exception:  # noqa: BLE001 (Qiskit's way to say no)
            expected = False
        assert is_clifford(name, *params) == expected, (name, turns)
    if spec.num_params:
        assert not is_clifford(name, *((0.3,) * spec.num_params))


@pytest.mark.parametrize(
    ("name", "params", "controls", "state"),
    [("x", (), 1, 0), ("z", (), 1, 1), ("y", (), 1, None), ("p", (math.pi,), 1, 0), ("rz", (2 * math.pi,), 1, 1)],
)
def test_control_states_are_taken(name: str, params: tuple[float, ...], controls: int, state: int | None) -> None:
    """A gate under a control is Clifford by its whole matrix."""
    assert is_clifford(name, *params, controls=controls, state=state)
    assert not is_clifford("h", controls=1)
    assert not is_clifford("x", controls=2)


def test_an_angle_that_is_almost_a_quarter_turn_is_refused() -> None:
    """An overlap alone would take what is off by 1e-5, since it differs by 1e-10 only."""
    assert is_clifford("rz", math.pi / 2 + 1e-12)
    assert not is_clifford("rz", math.pi / 2 + 1e-6)
    assert not is_clifford("rxyz", math.pi / 2 + 1e-6)
    assert is_clifford("rxyz", -math.pi / 2)


def test_dense_matrices_and_diagonals() -> None:
    """A `unitary` on one or two qubits, and a diagonal, are looked at as any gate."""
    matrix = random_clifford(2, seed=3).to_matrix()
    assert recognition.unitary(Unitary(Array.of(matrix), (0, 1))) is not None
    assert recognition.unitary(Unitary(Array.of(np.diag([1, np.exp(0.3j)])), (0,))) is None
    assert recognition.unitary(Diagonal(Array.of(np.array([1, 1j, -1j, 1])), (0, 1))) is not None
    assert recognition.unitary(Diagonal(Array.of(np.array([1, 1, 1, 1j])), (0, 1))) is None


def amplitudes(preparation: Preparation, num_qubits: int) -> np.ndarray:
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(num_qubits)
    for place in preparation.hadamards:
        circuit.h(place)
    for place, power in preparation.phases:
        circuit.p(power * math.pi / 2, place)
    for pair in preparation.cz:
        circuit.cz(*pair)
    for pair in preparation.cx:
        circuit.cx(*pair)
    for place in preparation.flips:
        circuit.x(place)
    return Statevector(circuit).data


@pytest.mark.parametrize("seed", range(20))
def test_stabilizer_states_are_prepared_from_their_amplitudes(seed: int) -> None:
    """The gates that are read off the amplitudes of a stabilizer state give them, but for a phase."""
    num_qubits = 1 + seed % 5
    state = Statevector(random_clifford(num_qubits, seed=seed).to_circuit()).data
    preparation = preparation_of(state)
    assert preparation is not None
    assert abs(np.vdot(amplitudes(preparation, num_qubits), state)) == pytest.approx(1)


@pytest.mark.parametrize(
    "state",
    [
        [1, 1, 1, np.exp(0.25j * np.pi)],
        [1, 1, 1, 1j],
        [1, 1, 1, 0],
        [1, 0.5, 0, 0],
        [1, 1, 0, 0, 1, 0, 0, 1],
        [1, 0, 0, 2j],
    ],
)
def test_other_states_are_not(state: list[complex]) -> None:
    """What has other sizes, phases or a support that is no affine space is no stabilizer state."""
    normalized = np.array(state, complex) / np.linalg.norm(state)
    assert preparation_of(normalized) is None
    targets = tuple(range(len(state).bit_length() - 1))
    assert recognition.initialization(Initialize(Array.of(normalized), targets)) is None
