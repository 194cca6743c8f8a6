"""A channel as operators: what each outcome multiplies a state by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.channel import MAX_KRAUS_QUBITS, Channel, Pauli, Step

#: An entry of this size is a rounding error.
_NOTHING = 1e-12
#: Of a qubit with this x and z: I, X, Z and, up to its phase, Y. All are real.
_LETTERS = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[1, 0], [0, -1]], [[0, 1], [-1, 0]]], np.float64)


@dataclass(frozen=True, slots=True, eq=False)
class ChannelOperators:
    """Operators K of which one happens, with probability |K psi|^2."""

    #: Shape (outcomes, 2^k, 2^k); real where all are.
    matrices: NDArray[Any]
    #: Of the outcomes, where no state has a say in them; None: it has.
    probabilities: NDArray[np.float64] | None


def operators_of(channel: Channel) -> ChannelOperators | None:
    """Return a channel as one list of operators; None where it acts on too many qubits for that."""
    if channel.num_qubits > MAX_KRAUS_QUBITS:
        return None
    found: list[NDArray[Any]] = []
    for probability, steps in zip(channel.probabilities, channel.alternatives, strict=True):
        if probability > 0:
            found += _products(steps, channel.num_qubits, probability)
        if len(found) > 1 << 2 * channel.num_qubits:
            # As many as there need be, so that a long list stays none.
            found = list(_fewest(np.array(found)))
    return _operators(np.array(found))


def operators_of_step(step: Step, num_qubits: int) -> NDArray[Any]:
    """Return the operators of a step over all of a channel's few qubits."""
    if isinstance(step, Pauli):
        codes = [step.x >> qubit & 1 | (step.z >> qubit & 1) << 1 for qubit in range(num_qubits)]
        string: NDArray[Any] = reduce(np.kron, [_LETTERS[code] for code in reversed(codes)])
        return string[None]
    operators: NDArray[Any] = step.operators.ndarray()
    others = [qubit for qubit in range(num_qubits) if qubit not in step.places]
    wide = np.array([np.kron(np.eye(1 << len(others)), each) for each in operators])
    return permuted(wide, (*step.places, *others))


def permuted(matrices: NDArray[Any], places: Sequence[int]) -> NDArray[Any]:
    """Return matrices whose i-th qubit is moved to ``places[i]``."""
    index = np.arange(1 << len(places))
    moved = sum((index >> place & 1) << qubit for qubit, place in enumerate(places))
    return np.ascontiguousarray(matrices[:, moved][:, :, moved])


def step_operators(step: Step) -> ChannelOperators:
    """Return the operators of a Kraus step over its own places alone."""
    if isinstance(step, Pauli):
        raise TypeError("a Pauli string needs no choice")
    return _operators(step.operators.ndarray())


def _products(steps: Sequence[Step], num_qubits: int, probability: float) -> list[NDArray[Any]]:
    products = np.eye(1 << num_qubits)[None] * np.sqrt(probability)
    for step in steps:
        operators = operators_of_step(step, num_qubits)
        products = (operators[:, None] @ products[None]).reshape(-1, *products.shape[1:])
        if len(products) > 1 << 2 * num_qubits:
            products = _fewest(products)
    return list(products)


def _fewest(operators: NDArray[Any]) -> NDArray[Any]:
    """Return as few operators of the same channel as there can be: eigenvectors of its Choi matrix."""
    side = operators.shape[1]
    flat = operators.reshape(len(operators), -1)
    values, vectors = np.linalg.eigh(flat.T @ flat.conj())
    kept = values > _NOTHING
    found: NDArray[Any] = (vectors[:, kept] * np.sqrt(values[kept])).T.reshape(-1, side, side)
    return found


def _operators(matrices: NDArray[Any]) -> ChannelOperators:
    if matrices.dtype.kind == "c" and not matrices.imag.any():
        matrices = matrices.real
    effects = matrices.conj().transpose(0, 2, 1) @ matrices
    scales = effects[:, 0, 0].real
    is_mixture = np.abs(effects - scales[:, None, None] * np.eye(matrices.shape[1])).max() < _NOTHING
    there = scales > _NOTHING if is_mixture else np.abs(effects).max(axis=(1, 2)) > _NOTHING
    matrices, scales = np.ascontiguousarray(matrices[there]), scales[there]
    return ChannelOperators(matrices, scales / scales.sum() if is_mixture else None)
