"""A matrix on a few wires, and products of such; the first wire is the least significant bit of a row."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

#: A matrix whose entries have no larger imaginary part is real.
_ROUNDING = 1e-15


class LocalGate(NamedTuple):
    """A matrix on a few wires."""

    #: Shape (2^k, 2^k), real where it can be.
    matrix: NDArray[Any]
    wires: tuple[int, ...]
    #: What the program calls it, or the first of what was joined.
    name: str
    #: Whether it changes with no other that is, too: in which order they come on a wire does not matter.
    diagonal: bool = False


def is_diagonal(matrix: NDArray[Any]) -> bool:
    """Whether a matrix is exactly diagonal."""
    return bool(np.count_nonzero(matrix) == np.count_nonzero(matrix.diagonal()))


def product(last: LocalGate, first: LocalGate, wires: tuple[int, ...]) -> LocalGate:
    """Return two gates as one on these wires; it has the name of the one that was on them."""
    if first.wires == wires:
        matrix, name = _times(last, first.matrix, wires), first.name
    else:
        matrix, name = _times(first._replace(matrix=first.matrix.T), last.matrix.T, wires).T, last.name
    return LocalGate(matrix, wires, name, last.diagonal and first.diagonal)


def _times(gate: LocalGate, matrix: NDArray[Any], within: tuple[int, ...]) -> NDArray[Any]:
    """Return the product of a gate with a matrix on more wires, or the same."""
    if len(gate.wires) > 1:
        found: NDArray[Any] = _embedded(gate.matrix, gate.wires, within) @ matrix
    else:
        below = 1 << within.index(gate.wires[0])
        found = np.matmul(gate.matrix, matrix.reshape(-1, 2, below * matrix.shape[1]))
    return found.reshape(matrix.shape)


def real(matrix: NDArray[Any]) -> NDArray[Any]:
    """Return a matrix without its imaginary part, where there is none."""
    return matrix.real.copy() if np.abs(matrix.imag).max(initial=0) <= _ROUNDING else matrix


def _embedded(matrix: NDArray[Any], wires: tuple[int, ...], within: tuple[int, ...]) -> NDArray[Any]:
    """Return a matrix on some wires as one on more."""
    if wires == within:
        return matrix
    others = tuple(wire for wire in within if wire not in wires)
    if not others:
        return reordered(matrix, wires, within)
    times, side = 1 << len(others), len(matrix)
    wide = np.zeros((times, side, times, side), matrix.dtype)
    for value in range(times):
        wide[value, :, value] = matrix
    return reordered(wide.reshape(times * side, -1), wires + others, within)


def reordered(matrix: NDArray[Any], wires: tuple[int, ...], wanted: tuple[int, ...]) -> NDArray[Any]:
    """Return a matrix whose rows' bits are the same wires in another order; the first is the least significant."""
    if wires == wanted:
        return matrix
    width = len(wires)
    axes = [width - 1 - wires.index(wire) for wire in reversed(wanted)]
    tensor = matrix.reshape((2,) * (2 * width)).transpose(axes + [width + axis for axis in axes])
    return tensor.reshape(matrix.shape)
