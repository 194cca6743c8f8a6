"""The table of gates against Qiskit's own matrices."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit.circuit.library import get_standard_gate_name_mapping
from support.programs import PAULIS, matrix_of

from simulator.circuit.gates import GATES, spec_of
from simulator.circuit.instructions import Gate

QISKIT = get_standard_gate_name_mapping()


@pytest.mark.rule(29)
@pytest.mark.parametrize("name", GATES)
def test_every_gate_has_qiskits_matrix(name: str) -> None:
    """Each gate's matrix is Qiskit's, to rounding, in the same bit order."""
    spec = GATES[name]
    rng = np.random.default_rng(1)
    for _ in range(3):
        params = rng.uniform(-7, 7, spec.num_params).tolist()
        expected = QISKIT[name].base_class(*params).to_matrix()
        np.testing.assert_allclose(spec.matrix(*params), expected, rtol=0, atol=1e-15)


@pytest.mark.rule(29)
@pytest.mark.parametrize("letters", ["xy", "yz", "zxy", "yyxz", "xzzyx"])
def test_a_rotation_is_named_by_its_pauli_string(letters: str) -> None:
    """Exp(-i theta/2 P), the first letter the first target's; for one angle and for many."""
    spec = spec_of(f"r{letters}")
    assert (spec.num_qubits, spec.num_params) == (len(letters), 1)
    angles = np.array([[-2.0, 0.3, 7.0]])
    expected = [matrix_of(Gate(f"r{letters}", tuple(range(len(letters))), (angle,))) for angle in angles[0]]
    np.testing.assert_allclose(spec.matrix(angles)[0], expected, rtol=0, atol=1e-15)
    np.testing.assert_allclose(spec.matrix(0.3), expected[1], rtol=0, atol=1e-15)


def test_rotations_of_the_table_have_the_matrix_that_their_letters_say() -> None:
    """The table's own two are named alike."""
    for name in ("rxx", "ryy", "rzz", "rzx"):
        string = np.kron(PAULIS[name[2]], PAULIS[name[1]])
        expected = np.cos(0.35) * np.eye(4) - 1j * np.sin(0.35) * string
        np.testing.assert_allclose(GATES[name].matrix(0.7), expected, rtol=0, atol=1e-15)


@pytest.mark.rule(36)
@pytest.mark.parametrize(
    "name", ["r", "rq", "rxq", "rXY", "xyz", "rxyzw", "rx" * 50, "r" + "x" * 5000, "", "rx ry"]
)
def test_what_is_no_gate(name: str) -> None:
    """Of any name, also of a hostile one."""
    assert (spec_of(name) is not None) == (name == "r")


@pytest.mark.parametrize("name", GATES)
def test_counts_are_qiskits(name: str) -> None:
    """A gate takes as many qubits and parameters as Qiskit's."""
    gate = QISKIT[name]
    assert (GATES[name].num_qubits, GATES[name].num_params) == (gate.num_qubits, len(gate.params))


@pytest.mark.parametrize("name", [name for name, spec in GATES.items() if spec.num_params])
def test_parameters_may_be_arrays(name: str) -> None:
    """Arrays of parameters broadcast, and their axes lead those of the matrices."""
    spec = GATES[name]
    params = np.random.default_rng(2).uniform(-7, 7, (spec.num_params, 2, 3))
    params = [params[0], *params[1:, 0]]
    matrices = spec.matrix(*params)
    assert matrices.shape == (2, 3, 1 << spec.num_qubits, 1 << spec.num_qubits)
    one = spec.matrix(*(column[..., 1] if column.ndim == 1 else column[0, 1] for column in params))
    np.testing.assert_allclose(matrices[0, 1], one, rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", GATES)
def test_shared_matrices_cannot_be_changed(name: str) -> None:
    """A matrix without parameters is one read-only array, so no caller can change another's gate."""
    spec = GATES[name]
    if spec.num_params == 0:
        assert not spec.matrix().flags.writeable


@pytest.mark.rule(29)
def test_what_is_not_in_the_table_is_a_base_gate_with_controls() -> None:
    """Every standard gate of Qiskit is in the table, or is controlled."""
    rest = set(QISKIT) - set(GATES) - {"measure", "reset", "delay"}
    assert all(QISKIT[name].base_class.__name__.startswith("C") for name in rest)
