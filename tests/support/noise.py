"""Channels and readout errors for tests, some of them random, and what they do to a density matrix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.programs import PAULIS, Draw, embedded, random_unitary

from simulator.circuit.array import Array
from simulator.circuit.channel import Channel, Kraus, Pauli, Step

#: |0><0| and |0><1|.
RESET = np.array([[[1, 0], [0, 0]], [[0, 1], [0, 0]]], float)


def damping(gamma: float) -> NDArray[np.float64]:
    """Amplitude damping."""
    return np.array([[[1, 0], [0, np.sqrt(1 - gamma)]], [[0, np.sqrt(gamma)], [0, 0]]])


def kraus(operators: NDArray[np.generic], *places: int) -> Kraus:
    return Kraus(places or tuple(range(len(operators[0]).bit_length() - 1)), Array.of(operators))


def channel(num_qubits: int, *alternatives: tuple[float, tuple[Step, ...]]) -> Channel:
    return Channel(num_qubits, *(tuple(each) for each in zip(*alternatives, strict=True)))


def depolarizing(p: float, num_qubits: int = 1) -> Channel:
    """With probability p some Pauli string, the identity among them."""
    codes = range(1, 4**num_qubits)
    strings = [Pauli(code & (1 << num_qubits) - 1, code >> num_qubits) for code in codes]
    of_one = p / 4**num_qubits
    return channel(num_qubits, (1 - of_one * len(strings), ()), *[(of_one, (string,)) for string in strings])


def random_kraus(seed: int, num_qubits: int, count: int) -> NDArray[np.complex128]:
    """Operators of a random channel: parts of the columns of a unitary."""
    columns = random_unitary(seed, num_qubits + (count - 1).bit_length())[:, : 1 << num_qubits]
    parts = columns.reshape(-1, 1 << num_qubits, 1 << num_qubits)
    # What is left over goes into the last one by a polar decomposition: only the sum must be the identity.
    rest = sum(part.conj().T @ part for part in parts[count - 1 :])
    values, vectors = np.linalg.eigh(rest)
    return np.array([*parts[: count - 1], vectors @ np.diag(np.sqrt(np.maximum(values, 0))) @ vectors.conj().T])


def random_table(seed: int, num_clbits: int) -> Array:
    rows = np.random.default_rng(seed).random((1 << num_clbits, 1 << num_clbits))
    return Array.of(rows / rows.sum(axis=1, keepdims=True))


@st.composite
def channels(draw: Draw, num_qubits: int) -> Channel:
    """Mixtures of up to three alternatives of up to two steps, of any kind."""
    count = draw(st.integers(1, 3))
    weights = np.random.default_rng(draw(st.integers(0, 99))).random(count)
    alternatives = [tuple(draw(steps(num_qubits)) for _ in range(draw(st.integers(0, 2)))) for _ in range(count)]
    return Channel(num_qubits, tuple((weights / weights.sum()).tolist()), tuple(alternatives))


@st.composite
def steps(draw: Draw, num_qubits: int) -> Step:
    """One step on some of the qubits."""
    if draw(st.booleans()):
        mask = st.integers(0, (1 << num_qubits) - 1)
        return Pauli(draw(mask), draw(mask))
    width = draw(st.integers(1, min(num_qubits, 2)))
    places = tuple(draw(st.permutations(range(num_qubits)))[:width])
    if width == 1 and draw(st.booleans()):
        return kraus(draw(st.sampled_from([RESET, damping(0.3)])), *places)
    return kraus(random_kraus(draw(st.integers(0, 99)), width, draw(st.integers(1, 3))), *places)


def operators_of(step: Step, num_qubits: int) -> list[NDArray[np.complex128]]:
    """The operators of a step, over all of a channel's qubits."""
    if isinstance(step, Kraus):
        return [embedded(each, step.places, num_qubits) for each in step.operators.ndarray()]
    string = np.eye(1)
    for qubit in range(num_qubits):
        x, z = step.x >> qubit & 1, step.z >> qubit & 1
        letter = np.eye(2) if not x | z else PAULIS["x" if not z else "y" if x else "z"]
        string = np.kron(letter, string)
    return [string]


def applied(channel: Channel, qubits: Sequence[int], rho: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """A density matrix after a channel, from the definition."""
    num_qubits = len(rho).bit_length() - 1
    total = np.zeros_like(rho)
    for probability, alternative in zip(channel.probabilities, channel.alternatives, strict=True):
        state = rho
        for step in alternative:
            wide = [embedded(each, qubits, num_qubits) for each in operators_of(step, channel.num_qubits)]
            state = sum(each @ state @ each.conj().T for each in wide)
        total = total + probability * state
    return total
