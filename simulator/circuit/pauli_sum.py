"""Observables as plain data: sums of Pauli strings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TypeAlias, cast

import msgspec
import numpy as np

from simulator.errors import InvalidProgramError

#: Most bits of a mask that travels as a number of 64 bits.
MASK_BITS = 62

#: A set of qubits: a number whose bit q is qubit q; with more bits than `MASK_BITS` that number's bytes, the least
#: significant first, and no more of them than it takes.
Mask: TypeAlias = int | bytes


class PauliSum(msgspec.Struct, frozen=True, array_like=True):
    """A Hermitian operator: a sum of Pauli strings with real coefficients. Bit q of a mask is qubit q.

    `numbers` gives masks as numbers, whatever their width. Equal sums have equal masks.
    """

    #: One mask a string: the qubits with X or Y.
    x: tuple[Mask, ...]
    #: The qubits with Z or Y.
    z: tuple[Mask, ...]
    coefficients: tuple[float, ...]

    def __post_init__(self) -> None:
        counts = len(self.x), len(self.z), len(self.coefficients)
        if len(set(counts)) > 1:
            raise InvalidProgramError("a Pauli sum of {} X masks, {} Z masks, {} coefficients".format(*counts))
        if not (_are_masks(self.x) and _are_masks(self.z)):
            raise InvalidProgramError(
                f"a mask of a Pauli sum is negative, a number of more than {MASK_BITS} bits, or has bytes that "
                "are not needed"
            )
        if not np.isfinite(self.coefficients).all():
            raise InvalidProgramError("a Pauli sum has a coefficient that is not finite")


def mask_of(number: int) -> Mask:
    """Return a number of any width, at least 0, as a mask."""
    width = number.bit_length()
    return number if width <= MASK_BITS else number.to_bytes(-(-width // 8), "little")


def numbers(masks: Sequence[Mask]) -> Sequence[int]:
    """Return masks as numbers, bit q for qubit q; narrow ones as they are, in no time."""
    if bytes not in set(map(type, masks)):
        return cast("Sequence[int]", masks)
    return [int.from_bytes(mask, "little") if isinstance(mask, bytes) else mask for mask in masks]


def qubits_in(mask: int) -> list[int]:
    """Return the qubits of a mask, ascending."""
    found = []
    while mask:
        lowest = mask & -mask
        found.append(lowest.bit_length() - 1)
        mask ^= lowest
    return found


def check_qubits(sums: Iterable[PauliSum], num_qubits: int) -> None:
    """Raise InvalidProgramError where a string acts on a qubit that a circuit of so many qubits does not have."""
    widest = max(chain.from_iterable(chain(numbers(each.x), numbers(each.z)) for each in sums), default=0)
    if widest >> num_qubits:
        raise InvalidProgramError(
            f"a Pauli string acts on qubit {widest.bit_length() - 1}; there are {num_qubits} qubits"
        )


def _are_masks(masks: Sequence[Mask]) -> bool:
    kinds = set(map(type, masks))
    wide = [mask for mask in masks if isinstance(mask, bytes)] if bytes in kinds else []
    narrow = [mask for mask in masks if not isinstance(mask, bytes)] if wide else cast("Sequence[int]", masks)
    if any(mask[-1:] <= b"\0" or int.from_bytes(mask, "little") >> MASK_BITS == 0 for mask in wide):
        return False
    return not narrow or (min(narrow) >= 0 and max(narrow) >> MASK_BITS == 0)
