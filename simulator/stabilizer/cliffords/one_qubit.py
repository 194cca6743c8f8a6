"""The 24 Clifford gates on one qubit, by number, with tables of their products.

A Pauli is a number: bit 0 says that it has an X, bit 1 that it has a Z, so 0 is I, 1 X, 2 Z and 3 Y. A signed
Pauli has `NEGATIVE` added where its sign is -1. A gate c is known, but for its phase, by what c^-1 P c is for each
Pauli P.
"""

from __future__ import annotations

from typing import TypeAlias

#: Of a qubit: 0 I, 1 X, 2 Z, 3 Y.
Pauli: TypeAlias = int
#: A Pauli, and `NEGATIVE` where its sign is -1.
SignedPauli: TypeAlias = int
#: The number of one of the 24 gates.
Element: TypeAlias = int
#: c^-1 P c for each Pauli P, by its number.
Images: TypeAlias = tuple[SignedPauli, SignedPauli, SignedPauli, SignedPauli]

X, Z, Y = 1, 2, 3
NEGATIVE = 4
_PAULIS = 3


def images_of(image_of_x: SignedPauli, image_of_z: SignedPauli) -> Images:
    """Return all images of a gate from two of them: that of Y = i X Z is i times their product."""
    # As powers of i before X^x Z^z, in which Y has the power 1; Z X = -X Z.
    power = 1 + _power(image_of_x) + _power(image_of_z) + 2 * (image_of_x >> 1 & image_of_z & 1)
    pauli = (image_of_x ^ image_of_z) & _PAULIS
    return 0, image_of_x, image_of_z, pauli | (NEGATIVE if power - _power(pauli) & 2 else 0)


def _power(pauli: SignedPauli) -> int:
    return (pauli & _PAULIS == Y) + (2 if pauli & NEGATIVE else 0)


def _then(first: Images, second: Images) -> Images:
    """Return the images of a product: those of the second gate, and of these the first one's."""
    return images_of(*(first[second[pauli] & _PAULIS] ^ second[pauli] & NEGATIVE for pauli in (X, Z)))


def _group() -> list[Images]:
    """Return all products of H and S, the identity first."""
    hadamard, phase = images_of(Z, X), images_of(Y | NEGATIVE, Z)
    found = [images_of(X, Z)]
    for images in found:  # it grows
        found += [new for new in (_then(images, hadamard), _then(images, phase)) if new not in found]
    return found


#: What each gate does.
IMAGES: list[Images] = _group()
#: The gate that has these images.
ELEMENTS: dict[Images, Element] = {images: element for element, images in enumerate(IMAGES)}
IDENTITY: Element = 0
#: ``THEN[first][second]`` is one gate after another.
THEN: list[list[Element]] = [[ELEMENTS[_then(first, second)] for second in IMAGES] for first in IMAGES]
#: The gate that each Pauli is.
PAULIS: list[Element] = [
    ELEMENTS[images_of(X | (NEGATIVE if pauli & Z else 0), Z | (NEGATIVE if pauli & X else 0))]
    for pauli in range(4)
]


def _quarter_turns(image_of_x: SignedPauli, image_of_z: SignedPauli) -> list[Element]:
    """Return the gates that 0 to 3 times a gate are."""
    gate, found = ELEMENTS[images_of(image_of_x, image_of_z)], [IDENTITY]
    for _ in range(3):
        found.append(THEN[found[-1]][gate])
    return found


#: ``QUARTER_TURNS[pauli][turns]`` is exp(-i turns pi/4 P).
QUARTER_TURNS: list[list[Element]] = [
    [IDENTITY] * 4,
    _quarter_turns(X, Y),
    _quarter_turns(Y | NEGATIVE, Z),
    _quarter_turns(Z, X | NEGATIVE),
]
