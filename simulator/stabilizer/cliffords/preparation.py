"""How a stabilizer state is prepared from |0...0>, read off its amplitudes.

The amplitudes of a stabilizer state are equal in size on an affine space of indices, c + span(b_1 ... b_k), and
their phases there are i^(linear) (-1)^(quadratic) in the coordinates: Dehaene and De Moor, Phys. Rev. A 68, 042318
(2003).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.stabilizer.cliffords.two_qubits import TOLERANCE
from simulator.typing import Indices

#: Qubits of the widest state whose amplitudes are looked at: the work is that of an array of them.
_WIDEST = 12


@dataclass(frozen=True, slots=True)
class Preparation:
    """Gates that prepare a state, in this order, by the places of qubits among the targets."""

    hadamards: tuple[int, ...] = ()
    #: Powers of S: (place, power).
    phases: tuple[tuple[int, int], ...] = ()
    cz: tuple[tuple[int, int], ...] = ()
    #: (control, target).
    cx: tuple[tuple[int, int], ...] = ()
    flips: tuple[int, ...] = ()


def preparation_of(amplitudes: NDArray[np.complex128]) -> Preparation | None:
    """Return how the state of these amplitudes, shape (2^k,), is prepared but for its phase; None: it is none."""
    num_qubits = amplitudes.size.bit_length() - 1
    support = np.flatnonzero(np.abs(amplitudes) > TOLERANCE)
    rank = support.size.bit_length() - 1
    if num_qubits > _WIDEST or support.size != 1 << rank:
        return None
    origin = int(support[0])
    basis = _basis([int(index) ^ origin for index in support.tolist()], rank)
    if basis is None:
        return None
    # The place of a basis vector's highest bit is that of no other vector: it is the qubit that the coordinate is.
    pivots = [vector.bit_length() - 1 for vector in basis]
    for pivot in pivots:
        if origin >> pivot & 1:
            origin ^= basis[pivots.index(pivot)]
    indices = np.full(1, origin)
    for vector in basis:
        indices = np.concatenate([indices, indices ^ vector])
    phases = _phases(amplitudes[indices])
    if phases is None:
        return None
    linear, quadratic = _form(phases, rank)
    if linear is None:
        return None
    return Preparation(
        hadamards=tuple(pivots),
        phases=tuple((pivots[one], power) for one, power in enumerate(linear) if power),
        cz=tuple((pivots[one], pivots[other]) for one, other in quadratic),
        cx=tuple(
            (pivot, place)
            for pivot, vector in zip(pivots, basis, strict=True)
            for place in range(num_qubits)
            if vector >> place & 1 and place != pivot
        ),
        flips=tuple(place for place in range(num_qubits) if origin >> place & 1),
    )


def _basis(vectors: list[int], rank: int) -> list[int] | None:
    """Return a reduced basis of what the vectors are all of; None: they are not all of a space of this rank."""
    basis: list[int] = []
    for vector in vectors:
        rest = vector
        for each in basis:
            rest = min(rest, rest ^ each)
        if rest:
            pivot = rest.bit_length() - 1
            basis = [each ^ rest if each >> pivot & 1 else each for each in basis]
            basis.append(rest)
        if len(basis) > rank:
            return None
    return basis


def _phases(values: NDArray[np.complex128]) -> Indices | None:
    """Return which powers of i times the first the values are; None: they are not."""
    powers = np.rint(np.angle(values / values[0]) / (np.pi / 2)).astype(np.intp) % 4
    near = np.abs(values - values[0] * 1j**powers).max() <= TOLERANCE
    return powers if near else None


def _form(phases: Indices, rank: int) -> tuple[list[int] | None, list[tuple[int, int]]]:
    """Return powers of S, and pairs for CZ, that give these phases; None in place of the former: no such do."""
    linear = [int(phases[1 << one]) for one in range(rank)]
    quadratic: list[tuple[int, int]] = []
    numbers = np.arange(phases.size)
    made = sum((power * (numbers >> one & 1) for one, power in enumerate(linear)), np.zeros(phases.size, np.intp))
    for one in range(rank):
        for other in range(one):
            both = 1 << one | 1 << other
            if (phases[both] - made[both]) % 4 == 2:  # noqa: PLR2004 (i^2 = -1)
                quadratic.append((one, other))
    for one, other in quadratic:
        made = made + 2 * (numbers >> one & numbers >> other & 1)
    return (linear if np.all((made - phases) % 4 == 0) else None), quadratic
