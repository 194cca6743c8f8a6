"""Plans against the product of their instructions' matrices."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from programs import h, random_unitary, random_vector, unitary_instructions, unitary_of, x

from simulator import state
from simulator.fusion import plan
from simulator.instructions import Array, Diagonal, Gate, Initialize, Instruction, Permutation, Unitary
from simulator.steps import Dense, Exchange, Phases, Rename, cost, evolve

# Rounding of a dozen products of matrices of at most 2^6 rows.
TOLERANCE = {"rtol": 0, "atol": 1e-12}
FUSING, NOT_FUSING = 20, 1


def never() -> None:
    pass


@pytest.mark.parametrize("num_bits", [FUSING, NOT_FUSING])
@settings(deadline=None, max_examples=100)
@given(data=st.data(), num_qubits=st.integers(1, 6))
def test_a_plan_is_its_instructions(data: st.DataObject, num_qubits: int, num_bits: int) -> None:
    """Rule 29: fused or not, a plan does what its instructions do, to any state."""
    instructions = data.draw(unitary_instructions(num_qubits))
    psi = random_vector(5, num_qubits)
    expected = unitary_of(instructions, num_qubits) @ psi
    register = state.vector(psi)
    evolve(plan(instructions, num_bits=num_bits), register, never)
    np.testing.assert_allclose(register.ordered(), expected, **TOLERANCE)


@settings(deadline=None, max_examples=30)
@given(data=st.data(), num_qubits=st.integers(1, 4))
def test_a_plan_serves_matrices_too(data: st.DataObject, num_qubits: int) -> None:
    """The rows of a matrix are qubits: the same plan multiplies a matrix."""
    instructions = data.draw(unitary_instructions(num_qubits))
    before = random_unitary(7, num_qubits)
    expected = unitary_of(instructions, num_qubits) @ before
    register = state.matrix(before.copy())
    evolve(plan(instructions, num_bits=2 * num_qubits), register, never)
    np.testing.assert_allclose(register.ordered().reshape(before.shape), expected, **TOLERANCE)


@pytest.mark.parametrize(
    ("instruction", "kind"),
    [
        (h(0), Dense),
        (x(0), Exchange),
        (x(0, 1, 2), Exchange),
        (Gate("rz", (0,), (0.3,)), Phases),
        (Gate("p", (0,), (0.3,), (1, 2)), Phases),
        (Unitary(Array.of(np.diag([1, 1j])), (1,)), Phases),
        (Permutation((0, 1, 2), (1, 2, 0)), Rename),
        (Gate("swap", (0, 2)), Rename),
        (Gate("swap", (0, 2), (), (1,)), Dense),
    ],
)
def test_the_lightest_step_is_chosen(instruction: Instruction, kind: type) -> None:
    """What a matrix's zeros allow is used: phases, exchanges, and renamings that move no amplitude."""
    (step,) = plan([instruction], num_bits=3)
    assert isinstance(step, kind)


def test_a_phase_touches_only_where_it_acts() -> None:
    """A phase on all-ones is a number under controls: a controlled phase touches a quarter of the state."""
    (step,) = plan([Gate("p", (0,), (0.3,), (1,))], num_bits=2)
    assert (step.targets, sorted(step.controls)) == ((), [(0, 1), (1, 1)])
    (step,) = plan([Diagonal(Array.of(np.array([1, 1, 1j, 1])), (4, 5))], num_bits=6)
    assert (step.targets, sorted(step.controls)) == ((), [(4, 0), (5, 1)])


def test_what_does_nothing_is_left_out() -> None:
    """Identities cost nothing."""
    assert plan([Gate("id", (0,)), Diagonal(Array.of(np.ones(4)), (0, 1))], num_bits=2) == ()


def test_fusing_costs_less() -> None:
    """A fused plan is never dearer than the steps that it replaces, and far cheaper for layers of gates."""
    layer = [gate for qubit in range(8) for gate in (h(qubit), Gate("rx", (qubit,), (0.3,)))]
    chain = [x(qubit + 1, qubit) for qubit in range(7)]
    for instructions in (layer, chain, layer + chain + layer):
        fused = sum(map(cost, plan(instructions, num_bits=FUSING)))
        assert fused <= sum(map(cost, plan(instructions, num_bits=NOT_FUSING)))
    assert len(plan(layer, num_bits=FUSING)) < len(layer) / 2


def test_initialize_prepares_its_targets() -> None:
    """In a plan, an Initialize multiplies amplitudes onto targets in |0>, in its place among the others."""
    amplitudes = random_vector(1, 2)
    steps = plan([h(0), Initialize(Array.of(amplitudes), (2, 1)), h(2)], num_bits=FUSING)
    register = state.ground(3)
    evolve(steps, register, never)
    start = np.zeros(8, np.complex128)
    for value, amplitude in enumerate(amplitudes):
        start[(value & 1) << 2 | value >> 1 << 1] = amplitude
    np.testing.assert_allclose(register.ordered(), unitary_of([h(0), h(2)], 3) @ start, **TOLERANCE)


def test_the_checkpoint_is_called_before_every_kernel() -> None:
    """A run can be stopped between any two kernel calls."""
    calls = []
    steps = plan([h(qubit) for qubit in range(5)], num_bits=NOT_FUSING)
    evolve(steps, state.ground(5), lambda: calls.append(1))
    assert len(calls) >= len(steps)
