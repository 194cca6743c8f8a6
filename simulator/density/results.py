"""What is read of a density matrix, given its coefficients over Pauli strings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.instructions import Save
from simulator.circuit.pauli_sum import PauliSum, numbers
from simulator.kernels.bits import offsets

#: Of coefficients of I, X, Z and Y: twice the entries (0, 0), (0, 1), (1, 0) and (1, 1) of a qubit's matrix.
_ENTRIES = np.array([[1, 0, 1, 0], [0, 1, 0, -1j], [0, 1, 0, 1j], [1, 0, -1, 0]])


class Coefficients:
    """tr(rho P) of all Pauli strings P of some qubits, of one state or more: a row each.

    What is read of one state is read of the first.
    """

    def __init__(
        self, values: NDArray[np.float64], bit_of: Mapping[int, int], place_of: Mapping[int, int]
    ) -> None:
        self._values, self._bit_of, self._place_of = values, bit_of, place_of

    def probabilities(self, qubits: Sequence[int]) -> NDArray[np.float64]:
        """Return, of each row, the probabilities of the values of some qubits, the first the least significant."""
        rows = len(self._values)
        z_bits = [self._bit_of[2 * self._place_of[qubit] + 1] for qubit in qubits]
        shares = self._values[:, offsets(z_bits)]
        for place in range(len(qubits)):
            pairs = shares.reshape(rows, -1, 2, 1 << place)
            shares = np.stack([pairs[:, :, 0] + pairs[:, :, 1], pairs[:, :, 0] - pairs[:, :, 1]], axis=2)
        return np.maximum(shares.reshape(rows, -1) / (1 << len(qubits)), 0)

    def matrix(self, qubits: Sequence[int]) -> NDArray[np.complex128]:
        """Return the density matrix of some qubits, the first the least significant: shape (2^k, 2^k)."""
        bits = [bit for qubit in qubits for bit in self._bits(qubit)]
        width = len(qubits)
        found = np.asarray(self._values[0, offsets(bits)], np.complex128).reshape((4,) * width)
        for axis in range(width):
            found = np.moveaxis(np.tensordot(_ENTRIES / 2, found, (1, axis)), 0, axis)
        rows = found.reshape((2, 2) * width).transpose([*range(0, 2 * width, 2), *range(1, 2 * width, 2)])
        return rows.reshape(1 << width, 1 << width)

    def expectations(self, of: PauliSum, qubits: Sequence[int]) -> NDArray[np.float64]:
        """Return, of each row, the expectation value of a sum whose bit i is ``qubits[i]``: of entries alone."""
        indices = [
            sum(self._index(qubit, x >> place & 1, z >> place & 1) for place, qubit in enumerate(qubits))
            for x, z in zip(numbers(of.x), numbers(of.z), strict=True)
        ]
        entries, coefficients = np.array(indices, np.intp), np.asarray(of.coefficients)
        return np.array([coefficients @ row[entries] for row in self._values], np.float64)

    def saved(self, save: Save) -> NDArray[Any]:
        """Return what an instruction saves."""
        if save.sums:
            values = [float(self.expectations(each, save.qubits)[0]) for each in save.sums]
            if len(values) > 1:
                values[1] = max(values[1] - values[0] ** 2, 0.0)
            return np.array(values)
        return self.matrix(save.qubits) if save.what == "density_matrix" else self.probabilities(save.qubits)[0]

    def _bits(self, qubit: int) -> tuple[int, int]:
        place = self._place_of[qubit]
        return self._bit_of[2 * place], self._bit_of[2 * place + 1]

    def _index(self, qubit: int, x: int, z: int) -> int:
        if qubit not in self._place_of:
            return 0  # no string acts on it
        bits = self._bits(qubit)
        return x << bits[0] | z << bits[1]


def touched_by(sums: Iterable[PauliSum]) -> int:
    """Return the qubits that sums act on, as a set."""
    found = 0
    for each in sums:
        for x, z in zip(numbers(each.x), numbers(each.z), strict=True):
            found |= x | z
    return found
