"""States as coefficients over Pauli strings: several of few qubits, or one of many.

Of few qubits, a matrix is multiplied with each row by products of its own, whose shapes depend on the number of
qubits only: so a row is, bit for bit, what it would be alone. Nothing is planned, which takes longer than the
products of so few coefficients. One of many qubits is evolved as a real statevector of two bits a qubit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from simulator.density.operations import Merged, Move, Product, over_bits
from simulator.density.results import Coefficients
from simulator.evolve import Evolution, Statevector
from simulator.kernels.bits import offsets
from simulator.kernels.dense import ONE_THREAD
from simulator.monitor import Checkpoint, Monitor

#: Qubits of states that nothing is planned for. Measured.
MOST_FEW = 7


class FewQubits:
    """The coefficients of some states, which begin in |0...0>."""

    def __init__(self, rows: int, num_qubits: int) -> None:
        #: Shape (rows, 4, ..., 4).
        self._values = np.zeros((rows, *(4,) * num_qubits))
        self._values.reshape(rows, -1)[:, offsets(range(1, 2 * num_qubits, 2))] = 1
        #: The place of the qubit at each axis behind the first.
        self._places = list(reversed(range(num_qubits)))

    def evolve(self, merged: Iterable[Merged], checkpoint: Checkpoint) -> None:
        """Do what was merged; its matrices have as many rows as there are, or none."""
        for each in merged:
            checkpoint()
            if isinstance(each, Move):
                target_of = dict(zip(each.sources, each.places, strict=True))
                self._places = [target_of.get(place, place) for place in self._places]
                continue
            values = self._behind(each.places)
            if isinstance(each, Product):
                values = _multiplied(values, each.matrix, checkpoint)
            else:
                values = values * each.diagonal
            self._values = values.reshape(self._values.shape)

    def coefficients(self, place_of: Mapping[int, int]) -> Coefficients:
        """Return the coefficients of all rows, given the place of each qubit."""
        width = len(self._places)
        values = self._behind(tuple(range(width))).reshape(len(self._values), -1)
        return Coefficients(values, {bit: bit for bit in range(2 * width)}, place_of)

    def _behind(self, places: tuple[int, ...]) -> NDArray[np.float64]:
        """Bring the axes of some places to the end, the first the last: shape (rows, others, 4^k)."""
        others = [place for place in self._places if place not in places]
        wanted = [*others, *reversed(places)]
        if wanted != self._places:
            axes = [0, *[1 + self._places.index(place) for place in wanted]]
            self._values = np.ascontiguousarray(self._values.transpose(axes))
            self._places = wanted
        return self._values.reshape(len(self._values), -1, 4 ** len(places))


class ManyQubits:
    """The coefficients of one state, which begins in |0...0>."""

    def __init__(self, num_qubits: int) -> None:
        values = np.zeros(1 << 2 * num_qubits)
        values[offsets(range(1, 2 * num_qubits, 2))] = 1
        self._state = Statevector(values, {bit: bit for bit in range(2 * num_qubits)})

    def evolve(self, merged: Iterable[Merged], checkpoint: Checkpoint) -> None:
        """Do what was merged."""
        if evolving := list(map(over_bits, merged)):
            Evolution(evolving, checkpoint).run(self._state, Monitor(checkpoint))

    def coefficients(self, place_of: Mapping[int, int]) -> Coefficients:
        """Return the coefficients, as one row, given the place of each qubit."""
        return Coefficients(np.asarray(self._state.amplitudes)[None], self._state.bit_of, place_of)


def _multiplied(
    values: NDArray[np.float64], matrix: NDArray[np.float64], checkpoint: Checkpoint
) -> NDArray[np.float64]:
    """Return values, shape (rows, others, 4^k), times a matrix, in products that one thread does."""
    transposed = matrix.swapaxes(-1, -2)
    height = max(1, (1 << ONE_THREAD) // matrix.shape[-1] ** 2)
    if values.shape[1] <= height:
        return values @ transposed
    found = np.empty_like(values)
    for start in range(0, values.shape[1], height):
        checkpoint()
        found[:, start : start + height] = values[:, start : start + height] @ transposed
    return found
