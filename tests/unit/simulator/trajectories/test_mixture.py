"""Channels as mixtures: the same channel, of which as little as can be is left to the state."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray
from support.examples import examples
from support.noise import applied, channel, channels, damping, depolarizing, kraus, random_kraus
from support.programs import PAULIS, embedded, random_unitary

from simulator.circuit.channel import Channel, Pauli
from simulator.trajectories.mixture import Mixture, Operators, mixture_of, pauli_matrix


def after(mixture: Mixture, rho: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """A density matrix after a mixture, from the definition."""
    for places, matrix in mixture.always:
        wide = embedded(matrix, places, mixture.num_qubits)
        rho = wide @ rho @ wide.conj().T
    total = (1 - mixture.probability) * rho
    for share, steps in zip(np.diff(mixture.edges, prepend=0), mixture.errors, strict=True):
        state = rho
        for step in steps:
            if isinstance(step, Pauli):
                wides = [pauli_matrix(step.x, step.z, mixture.num_qubits)]
            else:
                wides = [embedded(each, step.places, mixture.num_qubits) for each in step.stack]
            state = sum(each @ state @ each.conj().T for each in wides)
        total = total + mixture.probability * share * state
    return total


def assert_same(original: Channel) -> Mixture:
    mixture = mixture_of(original)
    matrix = random_unitary(3, original.num_qubits) @ np.diag(np.arange(1 << original.num_qubits))
    expected = applied(original, range(original.num_qubits), matrix)
    np.testing.assert_allclose(after(mixture, matrix), expected, atol=1e-7)
    return mixture


@examples(60)
@given(channels(2))
def test_a_mixture_is_its_channel(original: Channel) -> None:
    """Whatever the alternatives and their steps."""
    assert_same(original)


def test_three_qubits() -> None:
    """Operators on three qubits are split as well, and only the identity is looked for."""
    assert_same(channel(3, (0.9, (kraus(random_kraus(1, 3, 4), 2, 0, 1),)), (0.1, (Pauli(4, 3),))))


def test_paulis_as_operators_leave_nothing_to_the_state() -> None:
    """Kraus operators that are a mixture of Pauli strings become it."""
    operators = np.array([np.sqrt(0.9) * np.eye(2), np.sqrt(0.06) * PAULIS["x"], np.sqrt(0.04) * PAULIS["y"]])
    mixture = assert_same(channel(1, (1.0, (kraus(operators),))))
    assert not mixture.chooses
    assert mixture.probability == pytest.approx(0.1)


def test_weak_relaxation_is_rarely_left_to_the_state() -> None:
    """Of relaxation with T2 > T1 nearly all is the identity, whatever the state."""
    p, q = 1e-3, 8e-4
    # Amplitude damping by p, and dephasing, so that coherences decay by exp(-q) in all.
    keep = np.exp(-q) / np.sqrt(1 - p)
    flip = (1 - keep) / 2
    operators = [
        np.sqrt(weight) * (string @ each)
        for each in damping(p)
        for weight, string in ((1 - flip, np.eye(2)), (flip, PAULIS["z"]))
    ]
    mixture = assert_same(channel(1, (1.0, (kraus(np.array(operators)),))))
    assert mixture.probability < 5e-3
    assert all(len(step.stack) <= 3 for steps in mixture.errors for step in steps if isinstance(step, Operators))


def test_what_always_happens_is_no_error() -> None:
    """A coherent error is a gate; so is an X that is likelier than none, and then no X is the error."""
    assert assert_same(channel(1, (1.0, (kraus(random_unitary(1, 1)[None]),)))).probability == 0
    mixture = assert_same(channel(1, (0.9, (Pauli(1, 0),)), (0.1, ())))
    assert len(mixture.always) == 1
    assert mixture.errors == ((Pauli(1, 0),),)
    assert mixture.probability == pytest.approx(0.1)
    assert not assert_same(depolarizing(0.9, 2)).chooses


def test_what_a_state_always_has_a_say_in() -> None:
    """A reset, and relaxation with T2 = 2 T1, are errors of probability 1."""
    assert assert_same(channel(1, (1.0, (kraus(damping(1.0)),)))).probability == 1
    assert assert_same(channel(1, (1.0, (kraus(damping(0.3)),)))).probability == 1
