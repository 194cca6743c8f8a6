"""Whether a matrix is Clifford, and which Clifford gate it is: decided by what it does to Pauli strings.

Any Clifford gate on two qubits is, but for its phase, a controlled Pauli, then a gate on each qubit, and perhaps a
swap. The controlled Pauli C(P, Q) = (1 + P)/2 + (1 - P)/2 Q is symmetric in its qubits: CX is C(Z, X).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import TypeAlias

import numpy as np

from simulator.stabilizer.cliffords.one_qubit import (
    ELEMENTS,
    IMAGES,
    NEGATIVE,
    PAULIS,
    THEN,
    Element,
    Pauli,
    SignedPauli,
    X,
    Y,
    Z,
    images_of,
)
from simulator.typing import Matrices

#: Most that an entry of c^-1 P c may differ from that of a Pauli string. An angle that is off by more is not
#: Clifford.
TOLERANCE = 1e-9
#: Qubits of the widest matrix that is looked at.
MOST_QUBITS = 2

#: A Pauli string: its sign, and a Pauli for each qubit.
_String: TypeAlias = tuple[bool, tuple[Pauli, ...]]


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """What a gate on two qubits does at one of them: a Pauli of the controlled Pauli, or 0, and a gate afterwards.

    All lists are by the gate on the qubit that is still to be done, before this one.
    """

    #: The Pauli of the controlled Pauli, if it is done first. 0: there is none.
    paulis: list[Pauli]
    #: Whether that Pauli would have the sign -1: then the other qubit is also multiplied by its own.
    negative: list[bool]
    #: The gate on the qubit that is to be done afterwards.
    after: list[Element]


@dataclass(frozen=True, slots=True, eq=False)
class Pair:
    """A Clifford gate on two qubits."""

    first: Side
    second: Side
    #: Whether it entangles; if not, the sides have no Paulis.
    entangles: bool
    #: Whether the qubits change places at the end.
    swaps: bool


@lru_cache(maxsize=2 * 4 * 24)
def side(pauli: Pauli, gate: Element) -> Side:
    """Return a side from its Pauli and the gate behind it."""
    images = [pending[pauli] for pending in IMAGES]
    return Side(
        paulis=[image & ~NEGATIVE for image in images],
        negative=[bool(image & NEGATIVE) for image in images],
        after=[THEN[pending][gate] for pending in range(len(IMAGES))],
    )


def controlled_pauli(first: Pauli, second: Pauli) -> Pair:
    """Return C(P, Q)."""
    return Pair(side(first, 0), side(second, 0), entangles=True, swaps=False)


#: ``BEFORE[gate][pauli]`` is a gate after a Pauli.
BEFORE: list[list[Element]] = [[THEN[pauli][gate] for pauli in PAULIS] for gate in range(len(IMAGES))]


def one_qubit_gate(matrix: Matrices) -> Element | None:
    """Return which of the 24 gates a matrix of shape (2, 2) is; None: it is none."""
    strings = _images(matrix, 1)
    return None if strings is None else ELEMENTS[images_of(*(_signed(*string, 0) for string in strings))]


def two_qubit_gate(matrix: Matrices) -> Pair | None:
    """Return which Clifford gate a matrix of shape (4, 4) is; None: it is none."""
    strings = _images(matrix, 2)
    if strings is None:
        return None
    # Of the three Paulis of a qubit, a gate that entangles leaves exactly one on one qubit.
    where = [_place_of(x, z) for x, z in (strings[:2], strings[2:])]
    swaps = where[0][0] == 1
    sides, gates = [], []
    for (x, z), (main, _) in zip((strings[:2], strings[2:]), where, strict=True):
        gates.append(ELEMENTS[images_of(_signed(*x, main), _signed(*z, main))])
        sides.append(_own_pauli(x, z, main))
    if swaps:  # the gates stand before the swap, so that of the other qubit's images is this one's
        sides, gates = sides[::-1], gates[::-1]
    entangles = sides[0] != 0
    return Pair(side(sides[0], gates[0]), side(sides[1], gates[1]), entangles=entangles, swaps=swaps)


def _place_of(x: _String, z: _String) -> tuple[int, bool]:
    """Return the qubit on which the images of X and Z anticommute, and whether they are also on the other."""
    for qubit in (0, 1):
        if _anticommute(x[1][qubit], z[1][qubit]):
            return qubit, bool(x[1][1 - qubit] or z[1][1 - qubit])
    raise AssertionError("images of X and Z anticommute somewhere")  # pragma: no cover


def _own_pauli(x: _String, z: _String, main: int) -> Pauli:
    """Return the Pauli of the controlled Pauli at the qubit ``main``: the image that is on this qubit alone."""
    other = 1 - main
    if not (x[1][other] or z[1][other]):
        return 0
    if not x[1][other]:
        return x[1][main]
    if not z[1][other]:
        return z[1][main]
    return x[1][main] ^ z[1][main]


def _anticommute(one: Pauli, other: Pauli) -> bool:
    return bool((one & other >> 1 ^ one >> 1 & other) & 1)


def _signed(negative: bool, paulis: tuple[Pauli, ...], qubit: int) -> SignedPauli:
    return paulis[qubit] | (NEGATIVE if negative else 0)


def _images(matrix: Matrices, num_qubits: int) -> list[_String] | None:
    """Return M^-1 P M for X and Z of each qubit in turn; None where one is no Pauli string."""
    names, strings = _strings(num_qubits)
    generators = strings[[pauli << 2 * qubit for qubit in range(num_qubits) for pauli in (X, Z)]]
    images = matrix.conj().T @ generators @ matrix
    overlaps = np.einsum("gij,sji->gs", images, strings).real / (1 << num_qubits)
    best = np.abs(overlaps).argmax(1)
    negative = overlaps[np.arange(best.size), best] < 0
    nearest = np.where(negative[:, None, None], -strings[best], strings[best])
    # The overlap alone would not do: of an angle that is off by d, it is off by d^2.
    if not np.abs(images - nearest).max() <= TOLERANCE:
        return None
    return [(bool(sign), names[index]) for sign, index in zip(negative, best, strict=True)]


@lru_cache
def _strings(num_qubits: int) -> tuple[list[tuple[Pauli, ...]], Matrices]:
    """Return all Pauli strings: the Pauli of each qubit, and the matrices."""
    matrices = {
        0: np.eye(2),
        X: np.array([[0, 1], [1, 0]]),
        Z: np.diag([1, -1]),
        Y: np.array([[0, -1j], [1j, 0]]),
    }
    names, found = [], []
    for reversed_name in product(range(4), repeat=num_qubits):  # the first qubit is the least significant
        name = reversed_name[::-1]
        matrix = np.eye(1, dtype=np.complex128)
        for pauli in name:
            matrix = np.kron(matrices[pauli], matrix)
        names.append(name)
        found.append(matrix)
    return names, np.array(found)
