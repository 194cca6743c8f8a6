"""An inverse tableau: what a Clifford circuit U makes of each generator, as a Pauli string on its input.

Row q is U^-1 X_q U, and row n + q is U^-1 Z_q U, each as i^phase X^x Z^z with a bit of ``x`` and ``z`` for each
input qubit, 64 in a word. In this form a gate at the end is a product of whole rows, whose phase only needs a
parity. The state is U |0...0>: a Pauli is certain where its row has no X, and then the phase says its sign.
Aaronson and Gottesman, Phys. Rev. A 70, 052328 (2004), and Gidney, Quantum 5, 497 (2021), whose inverse this is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.monitor import Checkpoint
from simulator.stabilizer.layering.layers import Layer
from simulator.stabilizer.layering.rows import PauliRows, Words, parity
from simulator.typing import Indices

_ONE = np.uint64(1)
_WORD = 64
_NO_BITS = np.uint64(0)


class Strings(NamedTuple):
    """Pauli strings on the input, one a row."""

    x: Words
    z: Words
    #: Powers of i, from 0 to 3 or more: only the last two bits count.
    phases: NDArray[np.uint8]

    def at(self, chosen: Indices) -> Strings:
        """Return some of them."""
        return Strings(self.x.take(chosen, axis=0), self.z.take(chosen, axis=0), self.phases.take(chosen))


class Tableau:
    """The inverse tableau of a circuit that grows; it begins as that of no gates."""

    def __init__(self, num_qubits: int) -> None:
        words = -(-num_qubits // _WORD)
        self.x = np.zeros((2 * num_qubits, words), np.uint64)
        self.z = np.zeros((2 * num_qubits, words), np.uint64)
        self.phases = np.zeros(2 * num_qubits, np.uint8)
        qubits = np.arange(num_qubits)
        bits = _ONE << (qubits % _WORD).astype(np.uint64)
        self.x[qubits, qubits // _WORD] = bits
        self.z[num_qubits + qubits, qubits // _WORD] = bits

    def copy(self) -> Tableau:
        """Return another one that has the same rows."""
        found = Tableau(0)
        found.x, found.z, found.phases = self.x.copy(), self.z.copy(), self.phases.copy()
        return found

    def run_pairs(self, layer: Layer) -> None:
        """Do the controlled Paulis of a layer."""
        if layer.pairs is None:
            return
        first, second = layer.pairs
        # Whatever anticommutes with the one Pauli is multiplied by the other.
        for_first, for_second = self.strings(second), self.strings(first)
        for rows, factors in ((first, for_first), (second, for_second)):
            self._multiply(rows.checks, factors)
            if rows.ys.size:
                self._multiply(rows.ys_z, factors.at(rows.ys))

    def strings(self, rows: PauliRows) -> Strings:
        """Return what the circuit makes of some Paulis."""
        x, z, phases = self.x.take(rows.own, axis=0), self.z.take(rows.own, axis=0), self.phases.take(rows.own)
        if rows.ys.size:  # i X Z
            other_x = self.x.take(rows.ys_z, axis=0)
            turned = 1 + self.phases.take(rows.ys_z) + 2 * parity(z.take(rows.ys, axis=0) & other_x)
            phases[rows.ys] += turned
            x[rows.ys] ^= other_x
            z[rows.ys] ^= self.z.take(rows.ys_z, axis=0)
        return Strings(x, z, phases)

    def measure(self, rows: PauliRows, checkpoint: Checkpoint) -> NDArray[np.uint8]:
        """Measure Paulis one after another: 1 for -1; what is random gives 0."""
        outcomes = np.empty(rows.own.size, np.uint8)
        left = self._certain(self.strings(rows), np.arange(rows.own.size), outcomes)
        while left.size:
            # An earlier one may have made it certain, and what changes the input changes each string.
            checkpoint()
            string = self.strings(rows.at(int(left[0])))
            if string.x.any():
                self._collapse(string)
                outcomes[left[0]] = 0
                left = left[1:]
            else:  # so may be others
                left = self._certain(self.strings(rows).at(left), left, outcomes)
        return outcomes

    @staticmethod
    def _certain(strings: Strings, numbers: Indices, outcomes: NDArray[np.uint8]) -> Indices:
        """Write the outcomes of Paulis with these numbers that are certain; returns the numbers of the others."""
        random = strings.x.any(axis=1)
        outcomes[numbers[~random]] = strings.phases[~random] >> 1 & 1
        return numbers[random]

    def flip(self, rows: PauliRows) -> None:
        """Change the sign of each Pauli in the state."""
        # Of Y, too: that of its X is changed, and not that of its Z.
        self.phases[rows.own] ^= np.uint8(2)

    def _multiply(self, rows: Indices, factors: Strings) -> None:
        """Multiply rows by factors from the right."""
        z = self.z.take(rows, axis=0)
        self.phases[rows] = self.phases.take(rows) + factors.phases + 2 * parity(z & factors.x) & 3
        self.x[rows] ^= factors.x
        self.z[rows] = z ^ factors.z

    def _collapse(self, string: Strings) -> None:
        """Change the input so that a Pauli, whose string this is, is certain, with the outcome 0."""
        x, z, phase = string.x[0], string.z[0].copy(), int(string.phases[0])
        word = int(np.flatnonzero(x)[0])
        lowest = int(x[word])
        bit = np.uint64(lowest & -lowest)
        mask = x.copy()
        mask[word] ^= bit
        # CX from the pivot to all others that the string has an X of: |0...0> stays as it is, and so do phases.
        self.z[:, word] ^= np.where(parity(self.z & mask) != 0, bit, _NO_BITS)
        has = np.flatnonzero(self.x[:, word] & bit)
        self.x[has] ^= mask
        if parity(z & mask):
            z[word] ^= bit
        if z[word] & bit:  # it is Y: S turns it into X
            self.z[has, word] ^= bit
            self.phases[has] = self.phases[has] + 1 & 3
            phase += 1
            z[word] ^= bit
        # H turns it into Z.
        column_z, column_x = self.z[:, word] & bit, self.x[:, word] & bit
        self.phases[(column_z != 0) & (column_x != 0)] ^= np.uint8(2)
        self.z[:, word] ^= column_z ^ column_x
        self.x[:, word] ^= column_z ^ column_x
        if phase & 2:  # X turns -Z into Z
            self.phases[(self.z[:, word] & bit) != 0] ^= np.uint8(2)


def sign_of_product(strings: Strings) -> int:
    """Return whether a product of strings, in which no X is left, is negative."""
    z_before = np.bitwise_xor.accumulate(strings.z, axis=0)[:-1]
    power = int(strings.phases.astype(np.int64).sum()) + 2 * int(parity(z_before & strings.x[1:]).sum())
    return power >> 1 & 1


def signs_of_products(strings: Strings, starts: Indices) -> NDArray[np.bool_]:
    """Return whether each product is negative: of the strings from one start to the next, with no X left."""
    z_before = np.bitwise_xor.accumulate(strings.z, axis=0)
    # What comes before each string in its own product: the sum of all before it, but those before its start.
    z_before[1:] = z_before[:-1].copy()
    z_before[0] = 0
    sizes = np.diff(starts, append=len(z_before))
    z_before ^= np.repeat(z_before[starts], sizes, axis=0)
    powers = strings.phases.astype(np.int64) + 2 * parity(z_before & strings.x)
    negative: NDArray[np.bool_] = (np.add.reduceat(powers, starts) >> 1 & 1).astype(np.bool_)
    return negative


def joined(parts: Sequence[Strings]) -> Strings:
    """Return all strings, one behind the other."""
    return Strings(
        np.concatenate([part.x for part in parts]),
        np.concatenate([part.z for part in parts]),
        np.concatenate([part.phases for part in parts]),
    )
