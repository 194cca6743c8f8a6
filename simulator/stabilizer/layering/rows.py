"""Where the parts of Paulis lie in arrays of 2n rows: row q is the X of qubit q, row n + q its Z.

A frame and a tableau both have such rows. Of a frame, a row says which shots have that part; of a tableau, it is
what the circuit so far makes of that generator.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.stabilizer.cliffords.one_qubit import X, Y, Z
from simulator.typing import Indices

#: 64 shots, or 64 qubits, in one number each.
Words = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class PauliRows:
    """The rows of some Paulis, one on a qubit each, no qubit twice."""

    #: The row that anticommutes with each: that of X for a Z, of Z for an X, of X for a Y.
    checks: Indices
    #: The row of each: that of X for an X or a Y, of Z for a Z.
    own: Indices
    #: Which of them are Y,
    ys: Indices
    #: and the rows of their Z: they, too, anticommute with Y, and are a part of it.
    ys_z: Indices

    @classmethod
    def of(cls, qubits: Indices, paulis: Indices, num_qubits: int) -> PauliRows:
        """Return the rows of Paulis on some qubits."""
        ys = np.flatnonzero(paulis == Y)
        return cls(
            np.where(paulis == X, qubits + num_qubits, qubits),
            np.where(paulis == Z, qubits + num_qubits, qubits),
            ys,
            qubits[ys] + num_qubits,
        )

    def cut(self, bounds: Indices) -> list[PauliRows]:
        """Return the parts between bounds, the first of which is 0."""
        ys_bounds = np.searchsorted(self.ys, bounds).tolist()
        all_bounds = bounds.tolist()
        return [
            PauliRows(
                self.checks[start:end],
                self.own[start:end],
                self.ys[ys_start:ys_end] - start,
                self.ys_z[ys_start:ys_end],
            )
            for start, end, ys_start, ys_end in zip(
                all_bounds[:-1], all_bounds[1:], ys_bounds[:-1], ys_bounds[1:], strict=True
            )
        ]

    def where(self, chosen: NDArray[np.bool_]) -> PauliRows:
        """Return some of them."""
        found = np.flatnonzero(chosen.take(self.ys))
        new_indices = np.cumsum(chosen) - 1
        return PauliRows(self.checks[chosen], self.own[chosen], new_indices[self.ys[found]], self.ys_z[found])

    def at(self, index: int) -> PauliRows:
        """Return one of them."""
        found = np.flatnonzero(self.ys == index)
        one = slice(index, index + 1)
        return PauliRows(self.checks[one], self.own[one], np.zeros(found.size, np.intp), self.ys_z[found])

    def anticommuting(self, frames: Words) -> Words:
        """Return, for each Pauli, in which shots the frame anticommutes with it."""
        found = frames.take(self.checks, axis=0)
        if self.ys.size:
            found[self.ys] ^= frames.take(self.ys_z, axis=0)
        return found

    def multiply(self, frames: Words, chosen: Words) -> None:
        """Multiply the frames by each Pauli in the shots that are chosen for it."""
        frames[self.own] ^= chosen
        if self.ys.size:
            frames[self.ys_z] ^= chosen.take(self.ys, axis=0)


def parity(words: Words) -> NDArray[np.uint8]:
    """Return the parity of the bits of each row."""
    counts: NDArray[np.uint8] = np.bitwise_count(np.bitwise_xor.reduce(words, axis=-1))
    return counts & np.uint8(1)
