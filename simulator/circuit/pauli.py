"""Pauli strings, as what they do to an index, and the matrices of rotations about them.

A string is written in letters out of "xyz", the first target's first. Angles are radians.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.typing import Angle, Matrices


@dataclass(frozen=True, slots=True)
class PauliString:
    """Which targets a Pauli string flips, those of its X and Y, and of which it reads the sign, its Z and Y.

    ``(P psi)[i] = phase * (-1)^|i & signs| * psi[i ^ flips]``, with bit k of the masks for target k.
    """

    flips: int
    signs: int
    phase: complex

    @classmethod
    def of(cls, letters: str) -> PauliString:
        """Read letters out of "xyz", the first target's first."""
        flips = sum(1 << index for index, letter in enumerate(letters) if letter != "z")
        signs = sum(1 << index for index, letter in enumerate(letters) if letter != "x")
        return cls(flips, signs, (1, -1j, -1, 1j)[letters.count("y") % 4])


def rotation_matrix(letters: str, theta: Angle) -> Matrices:
    """Return exp(-i theta/2 P), for a P of k letters: shape (..., 2^k, 2^k), where the axes of theta lead."""
    cos, sin = np.cos(theta / 2), np.sin(theta / 2)
    string, rows = PauliString.of(letters), np.arange(1 << len(letters))
    signs = np.array([(-1) ** (row & string.signs).bit_count() for row in rows.tolist()])
    matrix = np.zeros((*np.shape(cos), rows.size, rows.size), np.complex128)
    matrix[..., rows, rows] = np.asarray(cos)[..., None]
    matrix[..., rows, rows ^ string.flips] += -1j * string.phase * signs * np.asarray(sin)[..., None]
    return matrix
