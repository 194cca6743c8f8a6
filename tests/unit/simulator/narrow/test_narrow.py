"""Narrow states beside the plans by chunks that wider ones have, and alone beside many at once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples
from support.processes import printed_by
from support.programs import Draw, random_unitary, random_vector, rotation, unitary_instructions, x

from simulator.circuit.array import Array
from simulator.circuit.instructions import Diagonal, Gate, Permutation, Unitary
from simulator.evolve import Evolution, statevector
from simulator.evolve.plan_cache import is_narrow
from simulator.monitor import no_checkpoint
from simulator.narrow import BoundPlan, NarrowPlan, orders
from simulator.plan import Evolving
from simulator.plan.operations import signature
from simulator.tuning import TUNING, Tuning

#: No state is narrow.
BY_CHUNKS = Tuning(narrow_bits=-1)


def long_circuit(seed: int, num_qubits: int, *, real: bool = False) -> list[Evolving]:
    """Return some hundred instructions: every kind, on all qubits, most of them gates that go into blocks."""
    rng = np.random.default_rng(seed)
    gates: list[Evolving] = []
    for _ in range(12):
        order = rng.permutation(num_qubits).tolist()
        gates += [Gate("ry", (qubit,), (rng.uniform(-4, 4),)) for qubit in order[: num_qubits // 2]]
        gates += [x(a, b) for a, b in zip(order[::2], order[1::2], strict=False)]
        gates += [Gate("z", (a,), (), (b,)) for a, b in zip(order[1::2], order[2::2], strict=False)]
        gates.append(Gate("swap", tuple(order[:2])))
        gates.append(Permutation(tuple(order[:3]), (order[2], order[0], order[1])))
        wide = int(rng.integers(2, num_qubits + 1))
        gates.append(Gate("z", (order[0],), (), tuple(order[1:wide]), int(rng.integers(1 << wide - 1))))
        gates.append(x(*order[:wide]))
        if not real:
            gates += [Gate("rz", (qubit,), (rng.uniform(-4, 4),)) for qubit in order]
            gates.append(Gate("global_phase", (), (rng.uniform(-4, 4),)))
            gates.append(rotation(rng, order[:wide]))
            gates.append(Diagonal(Array.of(np.exp(1j * rng.uniform(0, 6, 1 << wide))), tuple(order[:wide])))
            few = min(wide, 5)
            gates.append(Unitary(Array.of(random_unitary(int(rng.integers(99)), few)), tuple(order[:few])))
            gates.append(Gate("u", (order[0],), tuple(rng.uniform(-4, 4, 3)), tuple(order[1:wide])))
    return gates


@pytest.mark.rule(29)
@pytest.mark.parametrize("real", [False, True])
@pytest.mark.parametrize("num_qubits", [3, 4, 6, 7, 9, 10, 12])
def test_narrow_states_are_those_by_chunks(num_qubits: int, real: bool) -> None:
    """A long circuit of every kind of instruction gives the same state, and the same qubits have moved."""
    evolution = Evolution(long_circuit(num_qubits, num_qubits, real=real))
    dtype = np.float64 if real else np.complex128
    states = [statevector.ground(num_qubits, dtype, tuning) for tuning in (TUNING, BY_CHUNKS)]
    assert [is_narrow(num_qubits, state.tuning) for state in states] == [True, False]
    for state in states:
        evolution.run(state)
    assert states[0].maybe_excited == states[1].maybe_excited
    np.testing.assert_allclose(states[0].ordered(), states[1].ordered(), rtol=0, atol=1e-11)


@st.composite
def circuits(draw: Draw) -> tuple[int, list[Evolving]]:
    """So many qubits, and instructions on them."""
    num_qubits = draw(st.integers(1, 5))
    return num_qubits, list(draw(unitary_instructions(num_qubits)))  # type: ignore[arg-type]


@pytest.mark.rule(32)
@examples(50)
@given(circuits(), st.integers(1, 9), st.sampled_from(["c16", "c8"]))
def test_many_states_at_once(circuit: tuple[int, list[Evolving]], count: int, dtype: str) -> None:
    """Each of several states evolves as it does alone, bit for bit."""
    num_qubits, instructions = circuit
    assert_as_alone(num_qubits, instructions, count, dtype)


def assert_as_alone(num_qubits: int, instructions: list[Evolving], count: int, dtype: str) -> None:
    """Evolve so many states together, and each alone."""
    plan = NarrowPlan(signature(instructions), range(num_qubits), real=False)
    bound = BoundPlan(plan, instructions, np.dtype(dtype))
    states = np.array([random_vector(seed, num_qubits) for seed in range(count)], dtype)
    alone = [bound.run(state[None].copy(), no_checkpoint)[0] for state in states]
    together = bound.run(states, no_checkpoint)
    np.testing.assert_array_equal(together, alone)


@pytest.mark.rule(32)
@pytest.mark.parametrize("core", ["Haswell", "Zen", "Prescott"])
def test_many_states_at_once_on_other_cpus(core: str) -> None:
    """On the CPUs that OpenBLAS knows by these names, a row's sums depend on how many rows a product has.

    Whatever the machine, an x86 one runs their kernels if it is told to before NumPy is loaded.
    """
    printed_by(__file__, OPENBLAS_CORETYPE=core)


def test_what_is_kept_is_bounded() -> None:
    """However many sets of qubits circuits have, their orders take some MiB at most."""
    caches = (orders._order, orders._move, orders._small_move, orders.selected)
    evolution = Evolution([gate for seed in range(6) for gate in long_circuit(seed, 12)])
    evolution.run(statevector.ground(12))
    most = 0
    for cache, numbers in zip(caches, (2 << 12, 1 << 12, 1 << 9, 2 << 12), strict=True):
        size = cache.cache_info().maxsize
        assert size is not None
        most += 8 * numbers * size
    assert most <= 28 << 20


if __name__ == "__main__":
    for qubits in (3, 4, 5, 8, 10):
        for number_type in ("c16", "c8"):
            assert_as_alone(qubits, long_circuit(qubits, qubits), 7, number_type)
