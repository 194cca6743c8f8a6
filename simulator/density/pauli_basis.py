"""Operators and channels as real matrices over Pauli strings.

A string over k qubits is a number of 2k bits: bit 2i says whether qubit i has an X or a Y, bit 2i + 1 a Z or a Y.
A state is the vector of tr(rho P) of all strings P; what a channel E does to it is the matrix
R[a, b] = tr(P_a E(P_b)) / 2^k.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.channel import Channel, Kraus, Pauli, Step

#: I, X, Z, Y.
_PAULIS = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[1, 0], [0, -1]], [[0, -1j], [1j, 0]]])
#: Of each of these strings on one qubit, and of each error on it: -1 where they anticommute.
_SIGNS = np.array([[1, 1, 1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, -1, -1, 1]], np.float64)


@lru_cache(maxsize=8)
def strings(num_qubits: int) -> NDArray[np.complex128]:
    """Return all Pauli strings as matrices, shape (4^k, 2^k, 2^k)."""
    found = np.ones((1, 1, 1), np.complex128)
    for _ in range(num_qubits):
        found = np.einsum("aij,bkl->abikjl", _PAULIS, found).reshape(
            4 * len(found), 2 * found.shape[1], 2 * found.shape[2]
        )
    return found


def of_operators(operators: NDArray[Any]) -> NDArray[np.float64]:
    """Return the matrix of a channel of Kraus operators, shape (..., operators, 2^k, 2^k), or of one unitary.

    The axes in front, of several channels, lead those of the matrix.
    """
    side = operators.shape[-1]
    basis = strings(side.bit_length() - 1)
    moved = np.zeros((*operators.shape[:-3], *basis.shape), np.complex128)
    for number in range(operators.shape[-3]):
        operator = operators[..., number, None, :, :]
        moved += operator @ basis @ operator.conj().swapaxes(-1, -2)
    flat = basis.conj().reshape(len(basis), -1) @ moved.reshape(*moved.shape[:-2], -1).swapaxes(-1, -2)
    matrix: NDArray[np.float64] = np.ascontiguousarray(flat.real) / side
    return matrix


def of_channel(channel: Channel) -> NDArray[np.float64]:
    """Return the matrix of a channel on a few qubits: the sum of its alternatives' matrices.

    Alternatives that end in the same step are added up before it, so that each step is done once.
    """
    together = list(zip(channel.probabilities, channel.alternatives, strict=True))
    return _added(together, channel.num_qubits)


def _added(alternatives: Sequence[tuple[float, tuple[Step, ...]]], num_qubits: int) -> NDArray[np.float64]:
    """Return the sum of the matrices of alternatives, each times its probability."""
    diagonal = np.zeros(1 << 2 * num_qubits)
    before: dict[Step, list[tuple[float, tuple[Step, ...]]]] = {}
    for probability, steps in alternatives:
        if all(isinstance(step, Pauli) for step in steps):
            diagonal += probability * _signs(steps, num_qubits)
        else:
            before.setdefault(steps[-1], []).append((probability, steps[:-1]))
    total = np.diag(diagonal)
    for step, some in before.items():
        matrix = _added(some, num_qubits)
        if isinstance(step, Pauli):
            total += _signs((step,), num_qubits)[:, None] * matrix
        else:
            total += _behind(matrix, step, num_qubits)
    return total


def _behind(matrix: NDArray[np.float64], step: Kraus, num_qubits: int) -> NDArray[np.float64]:
    """Return a matrix with a step behind it, which is on some of the qubits."""
    axes = [num_qubits - 1 - place for place in reversed(step.places)]
    rest = [axis for axis in range(num_qubits + 1) if axis not in axes]
    rows = matrix.reshape(*(4,) * num_qubits, -1).transpose(*axes, *rest)
    done = of_operators(step.operators.ndarray()) @ rows.reshape(4 ** len(axes), -1)
    back = np.argsort([*axes, *rest])
    return done.reshape(rows.shape).transpose(back).reshape(matrix.shape)


def of_preparation(amplitudes: NDArray[Any]) -> NDArray[np.float64]:
    """Return the matrix that gives qubits a state, shape (2^k,), whatever theirs was."""
    basis = strings(amplitudes.size.bit_length() - 1)
    matrix = np.zeros((len(basis), len(basis)))
    matrix[:, 0] = np.einsum("i,aij,j->a", amplitudes.conj(), basis, amplitudes).real
    return matrix


def is_of_strings(channel: Channel) -> bool:
    """Whether a channel is of Pauli strings alone: its matrix is a diagonal."""
    return all(isinstance(step, Pauli) for steps in channel.alternatives for step in steps)


def of_strings(channel: Channel) -> NDArray[np.float64]:
    """Return the diagonal of a channel of Pauli strings alone, shape (4^k,)."""
    diagonal = np.zeros(1 << 2 * channel.num_qubits)
    for probability, steps in zip(channel.probabilities, channel.alternatives, strict=True):
        diagonal += probability * _signs(steps, channel.num_qubits)
    return diagonal


def _signs(steps: Sequence[Step], num_qubits: int) -> NDArray[np.float64]:
    """Return by what each string is multiplied where Pauli strings are done: 1, or -1 where they anticommute."""
    x = z = 0
    for step in steps:
        if isinstance(step, Pauli):
            x, z = x ^ step.x, z ^ step.z
    signs = np.ones(1)
    for qubit in range(num_qubits):
        own = _SIGNS[x >> qubit & 1 | (z >> qubit & 1) << 1]
        signs = (own[:, None] * signs).reshape(-1)
    return signs


def bits_of(places: Sequence[int]) -> tuple[int, ...]:
    """Return the bits of some qubits' strings, by the places of the qubits."""
    return tuple([bit for place in places for bit in (2 * place, 2 * place + 1)])
