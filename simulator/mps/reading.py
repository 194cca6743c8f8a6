"""What is read of a state whose centre is at its first site: samples, expectation values, amplitudes, quality."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.pauli_sum import Mask, PauliSum, numbers, qubits_in
from simulator.monitor import Checkpoint
from simulator.mps.state import MatrixProductState
from simulator.shards.metadata import TruncationMetadata
from simulator.typing import Indices

_PAULIS = {
    (1, 0): np.array([[0, 1], [1, 0]]),
    (1, 1): np.array([[0, -1j], [1j, 0]]),
    (0, 1): np.array([[1, 0], [0, -1]]),
}


def sample(
    state: MatrixProductState,
    wires: Sequence[int],
    uniforms_of: Callable[[int], NDArray[np.float64]],
    shots: int,
    checkpoint: Checkpoint,
    *,
    one_by_one: bool = False,
) -> NDArray[np.uint8]:
    """Return outcomes of a measurement of some wires, shape (shots, wires).

    ``uniforms_of`` gives a uniform number in [0, 1) a shot, for a wire: also for those that lie before the last
    that is measured. ``one_by_one``: a shot's outcome does not depend, by rounding, on which shots there are.

    Shots with the same outcomes so far share a row. All tensors but the first are right-orthogonal, so the squared
    norm of a product from the left is the probability of its outcomes.
    """
    column_of = {wire: column for column, wire in enumerate(wires)}
    bits = np.empty((shots, len(wires)), np.uint8)
    sites = max((state.site_of[wire] for wire in wires), default=-1) + 1
    rows: NDArray[Any] = np.ones((1, 1))
    row_of = np.zeros(shots, np.intp)
    for wire, tensor in zip(state.wire_at[:sites], state.tensors[:sites], strict=True):
        checkpoint()
        left, _, right = tensor.shape
        matrix = tensor.reshape(left, 2 * right)
        # A stack of products of one row each: one product of all rows would round by how many there are.
        both = (rows[:, None] @ matrix if one_by_one else rows @ matrix).reshape(-1, 2, right)
        parts = both.view(np.float64) if np.iscomplexobj(both) else both
        shares = np.einsum("rbk,rbk->rb", parts, parts)
        zero = shares[:, 0] / (shares[:, 0] + shares[:, 1])
        bit = uniforms_of(wire) >= zero[row_of]
        if wire in column_of:
            bits[:, column_of[wire]] = bit
        used, row_of = _numbered(2 * row_of + bit, shares.size)
        rows = both.reshape(-1, right).take(used, axis=0)
        rows /= np.sqrt(shares.reshape(-1)[used])[:, None]
    return bits


def _numbered(values: Indices, count: int) -> tuple[Indices, Indices]:
    """Return which of the values below ``count`` there are, and of each value its index among them."""
    there = np.zeros(count, np.bool_)
    there[values] = True
    return np.flatnonzero(there), (there.cumsum() - 1)[values]


def expectation_values(
    state: MatrixProductState, wire_of: Sequence[int], sums: Sequence[PauliSum], checkpoint: Checkpoint
) -> NDArray[np.float64]:
    """Return each sum's expectation value, shape (sums,); each distinct string is read once."""
    strings = {(x, z): 0.0 for each in sums for x, z in zip(each.x, each.z, strict=True)}
    environments = _environments(state, checkpoint)
    for x, z in strings:
        strings[x, z] = _string(state, wire_of, (x, z), environments, checkpoint)
    return np.array(
        [
            sum(
                coefficient * strings[x, z]
                for x, z, coefficient in zip(each.x, each.z, each.coefficients, strict=True)
            )
            for each in sums
        ],
        np.float64,
    )


def amplitudes(
    state: MatrixProductState, wire_of: Sequence[int], checkpoint: Checkpoint
) -> NDArray[np.complex128]:
    """Return all amplitudes, shape (2^qubits,); qubit 0 is the least significant bit of an index."""
    product: NDArray[Any] = np.ones((1, 1))
    for tensor in state.tensors:
        checkpoint()
        product = (product @ tensor.reshape(tensor.shape[0], -1)).reshape(-1, tensor.shape[2])
    count = len(state.tensors)
    axes = [state.site_of[wire_of[qubit]] for qubit in reversed(range(count))]
    found: NDArray[np.complex128] = product.reshape((2,) * count).transpose(axes).reshape(-1).astype(np.complex128)
    return found


def truncation_of(state: MatrixProductState) -> TruncationMetadata:
    """Return how good a state is."""
    return TruncationMetadata(state.largest_bond, math.exp(state.log_kept), min(2.0, state.distance))


def _environments(state: MatrixProductState, checkpoint: Checkpoint) -> list[NDArray[Any]]:
    """Return, for each site, the product of all tensors left of it with their conjugates."""
    found: list[NDArray[Any]] = [np.ones((1, 1))]
    for tensor in state.tensors[:-1]:
        checkpoint()
        found.append(_onwards(found[-1], tensor, tensor))
    return found


def _onwards(environment: NDArray[Any], tensor: NDArray[Any], changed: NDArray[Any]) -> NDArray[Any]:
    """Take one site more into an environment; its axes are (conjugate, tensor)."""
    left, _, right = tensor.shape
    product = (environment @ changed.reshape(left, -1)).reshape(-1, right)
    found: NDArray[Any] = tensor.reshape(-1, right).conj().T @ product
    return found


def _string(
    state: MatrixProductState,
    wire_of: Sequence[int],
    masks: tuple[Mask, Mask],
    environments: Sequence[NDArray[Any]],
    checkpoint: Checkpoint,
) -> float:
    """Return a string's expectation value: from its first site to its last, beyond which all is orthogonal."""
    x, z = numbers(masks)
    at = {state.site_of[wire_of[qubit]]: _PAULIS[x >> qubit & 1, z >> qubit & 1] for qubit in qubits_in(x | z)}
    if not at:
        return 1.0
    first, last = min(at), max(at)
    environment = environments[first]
    for site in range(first, last + 1):
        checkpoint()
        tensor = state.tensors[site]
        changed = np.matmul(at[site], tensor) if site in at else tensor
        environment = _onwards(environment, tensor, changed)
    return float(np.trace(environment).real)
