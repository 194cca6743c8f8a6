"""Rotations about Pauli strings: on chunks, on pairs of chunks, in real arithmetic, and what is refused."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from support.programs import dense, everywhere, program, random_vector, rotation, ry, x

from simulator import run
from simulator.caches import clear_caches
from simulator.circuit.instructions import Gate
from simulator.errors import InvalidProgramError, StoppedError
from simulator.evolve import Evolution
from simulator.evolve.rotation import rotate_state
from simulator.evolve.statevector import ground, vector
from simulator.kernels import threads
from simulator.monitor import no_checkpoint
from simulator.plan.operations import is_real
from simulator.tuning import Tuning


@pytest.mark.rule(29)
@pytest.mark.slow
@pytest.mark.parametrize("count", [1, 2, 4])
@pytest.mark.parametrize("size", [1, 3, 5, 9])
@pytest.mark.parametrize("dtype", [np.complex128, np.complex64])
def test_of_a_whole_state(size: int, count: int, dtype: type[Any]) -> None:
    """In chunks of any size, by any number of threads, bit for bit the same."""
    rng = np.random.default_rng(size)
    threads.use_threads(count)
    for width in (2, 3, 6, 9):
        gate = rotation(rng, rng.permutation(9)[:width].tolist())
        psi = random_vector(width, 9).astype(dtype)
        expected = dense(gate, 9) @ psi
        rotate_state(psi, gate.name[1:], gate.targets, *gate.params, no_checkpoint, Tuning(chunk_bits=size))
        np.testing.assert_allclose(psi, expected, rtol=0, atol=1e-14 if dtype is np.complex128 else 1e-6)
    threads.use_threads(None)


@pytest.mark.slow
def test_strings_that_flip_more_than_a_chunk_holds() -> None:
    """They run on the whole state, between stages of chunks."""
    rng = np.random.default_rng(1)
    psi = expected = random_vector(1, 9)
    gates = [*everywhere(9)]
    for width in (9, 4, 8, 3, 9):
        gates += [rotation(rng, rng.permutation(9)[:width].tolist()), x(1, 7), ry(0.3, 8)]
    for gate in gates:
        expected = dense(gate, 9) @ expected
    state = vector(psi.copy(), Tuning(chunk_bits=5))
    Evolution(gates).run(state)
    np.testing.assert_allclose(state.ordered(), expected, rtol=0, atol=1e-13)


def test_an_odd_number_of_y_is_real() -> None:
    """Such a circuit, as those of chemists are, runs in real arithmetic, in half of the memory."""
    assert is_real(Gate("rxyz", (0, 1, 2), (0.3,)))
    assert is_real(Gate("ryyyx", (0, 1, 2, 3), (0.3,)))
    assert not is_real(Gate("ryyz", (0, 1, 2), (0.3,)))
    gates = [Gate("ryzzx", (0, 3, 5, 6), (0.4,)), *everywhere(7), Gate("rxyyyz", (6, 2, 1, 0, 4), (1.1,))]
    evolution = Evolution(gates)
    assert evolution.real
    state = ground(7, np.float64)
    evolution.run(state)
    expected = np.eye(1 << 7)[0]
    for gate in gates:
        expected = dense(gate, 7) @ expected
    np.testing.assert_allclose(state.ordered(), expected, rtol=0, atol=1e-14)


def test_strings_of_any_length() -> None:
    """Short strings are part of a block, long ones a step of their own, between other gates."""
    rng = np.random.default_rng(2)
    gates = [*everywhere(6)]
    for _ in range(20):
        qubits = rng.permutation(6)[: rng.integers(2, 5)].tolist()
        gates += [rotation(rng, qubits), x(2, 4), Gate("rzz", (0, 5), (0.2,))]
    state = ground(6)
    Evolution(gates).run(state)
    expected = np.eye(1 << 6)[0]
    for gate in gates:
        expected = dense(gate, 6) @ expected
    np.testing.assert_allclose(state.ordered(), expected, rtol=0, atol=1e-13)


@pytest.mark.rule(25)
def test_many_strings_keep_little_memory() -> None:
    """A plan keeps masks, and not what a gather needs, for each of its rotations."""
    rng = np.random.default_rng(3)
    gates = [*everywhere(14), *(rotation(rng, rng.permutation(14)[:12].tolist()) for _ in range(400))]
    clear_caches()
    tracemalloc.start()
    Evolution(gates).run(ground(14))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < (400 * 5 << 10) + (8 << 20)


@pytest.mark.rule(8)
def test_a_checkpoint_ends_it() -> None:
    """Also one on the whole state ends at a checkpoint."""
    calls = []

    def checkpoint() -> None:
        calls.append(1)
        if len(calls) == 3:
            raise StoppedError

    # Of so many chunks, this thread gets three, however late it is.
    tuning = Tuning(chunk_bits=7)
    with pytest.raises(StoppedError):
        rotate_state(ground(18).amplitudes, "x" * 17, tuple(range(1, 18)), 0.3, checkpoint, tuning)
    assert len(calls) == 3


@pytest.mark.rule(23)
@pytest.mark.parametrize(
    ("gate", "text"),
    [
        ({"name": "rxyz", "targets": (0, 1)}, "gate 'rxyz' takes 3 qubits and 1 parameters, not 2 and 1"),
        ({"name": "rxy", "targets": (0, 1), "controls": (2,)}, "gate 'rxy' takes no controls"),
        ({"name": "rxyzq", "targets": (0, 1, 2, 3)}, "unknown gate 'rxyzq'"),
    ],
)
def test_what_is_refused(gate: dict[str, Any], text: str) -> None:
    """By name, where it is made."""
    with pytest.raises(InvalidProgramError, match=text):
        Gate(params=(0.1,), **gate)


@pytest.mark.rule(29)
def test_the_unitary_of_one() -> None:
    """The unitary simulator runs them, too."""
    gate = Gate("rzxyx", (3, 0, 4, 1), (0.7,))
    unitary = run(program(5, 0, gate), seed=1, output="unitary").state
    np.testing.assert_allclose(unitary, dense(gate, 5), rtol=0, atol=1e-15)
