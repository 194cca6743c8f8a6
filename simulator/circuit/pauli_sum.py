"""Observables as plain data: sums of Pauli strings."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import chain

import msgspec
import numpy as np

from simulator.errors import InvalidProgramError

#: Most bits of a mask: it travels as a number of 64 bits.
MASK_BITS = 62


class PauliSum(msgspec.Struct, frozen=True, array_like=True):
    """A Hermitian operator: a sum of Pauli strings with real coefficients. Bit q of a mask is qubit q."""

    #: One mask a string: the qubits with X or Y.
    x: tuple[int, ...]
    #: The qubits with Z or Y.
    z: tuple[int, ...]
    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        counts = len(self.x), len(self.z), len(self.coefficients)
        if len(set(counts)) > 1:
            raise InvalidProgramError("a Pauli sum of {} X masks, {} Z masks, {} coefficients".format(*counts))
        if any(not 0 <= mask < 1 << MASK_BITS for mask in chain(self.x, self.z)):
            raise InvalidProgramError(f"a mask of a Pauli sum is negative or has more than {MASK_BITS} bits")
        if not np.isfinite(self.coefficients).all():
            raise InvalidProgramError("a Pauli sum has a coefficient that is not finite")


def check_qubits(sums: Iterable[PauliSum], num_qubits: int) -> None:
    """Raise InvalidProgramError where a string acts on a qubit that a circuit of so many qubits does not have."""
    widest = max(chain.from_iterable(chain(each.x, each.z) for each in sums), default=0)
    if widest >> num_qubits:
        raise InvalidProgramError(
            f"a Pauli string acts on qubit {widest.bit_length() - 1}; there are {num_qubits} qubits"
        )
