"""State: amplitudes, and which bit of their index each qubit is.

The map from qubits to bits is what makes a swap free, and what lets one engine evolve vectors and matrices: the
unitary of n qubits is a vector over 2n bits whose row bits are the qubits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import DTypeLike, NDArray

from simulator import kernels


@dataclass(slots=True)
class State:
    """Amplitudes in the order of ``slots``; the kernels change them in place."""

    #: Shape (2^bits,), complex128, contiguous.
    amplitudes: NDArray[np.complex128]
    #: Qubit -> its bit in the index of ``amplitudes``.
    slots: dict[int, int]

    def bits(self, qubits: tuple[int, ...]) -> tuple[int, ...]:
        """Return the bits of some qubits."""
        return tuple(self.slots[qubit] for qubit in qubits)

    def copy(self) -> State:
        """Return an equal state in new memory."""
        return State(self.amplitudes.copy(), dict(self.slots))

    def ordered(self) -> NDArray[np.complex128]:
        """Return the amplitudes with qubit i (or row bit i) in its own place; a copy where that takes one."""
        first = min(self.slots.values(), default=0)
        order = list(range(first)) + [self.slots[qubit] for qubit in range(len(self.slots))]
        return kernels.permuted(self.amplitudes, tuple(order))


def ground(num_qubits: int, dtype: DTypeLike = np.complex128) -> State:
    """Return |0...0>."""
    amplitudes = np.zeros(1 << num_qubits, dtype)
    amplitudes[0] = 1
    return vector(amplitudes)


def vector(amplitudes: NDArray[np.complex128]) -> State:
    """Return a state of shape (2^n,), which it will change; qubit 0 is the least significant bit."""
    return State(amplitudes, {qubit: qubit for qubit in range(amplitudes.size.bit_length() - 1)})


def matrix(entries: NDArray[np.complex128]) -> State:
    """Return a matrix of shape (2^n, 2^n), which it will change, as a state whose rows the gates act on."""
    num_qubits = len(entries).bit_length() - 1
    return State(entries.reshape(-1), {qubit: num_qubits + qubit for qubit in range(num_qubits)})
