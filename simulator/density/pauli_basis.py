"""Operators and channels as real matrices over Pauli strings.

A string over k qubits is a number of 2k bits: bit 2i says whether qubit i has an X or a Y, bit 2i + 1 a Z or a Y.
A state is the vector of tr(rho P) of all strings P; what a channel E does to it is the matrix
R[a, b] = tr(P_a E(P_b)) / 2^k.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache, reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.channel import Channel, Pauli

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
        x = z = 0
        for step in steps:
            if isinstance(step, Pauli):
                x, z = x ^ step.x, z ^ step.z
        codes = [x >> qubit & 1 | (z >> qubit & 1) << 1 for qubit in reversed(range(channel.num_qubits))]
        diagonal += probability * reduce(np.kron, [_SIGNS[code] for code in codes])
    return diagonal


def bits_of(places: Sequence[int]) -> tuple[int, ...]:
    """Return the bits of some qubits' strings, by the places of the qubits."""
    return tuple([bit for place in places for bit in (2 * place, 2 * place + 1)])
