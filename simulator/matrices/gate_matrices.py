"""Matrices of gates: those of all instructions of one kind at once, for one row of angles or for many."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.array import Array
from simulator.circuit.gates import GateSpec, spec_of
from simulator.circuit.instructions import Diagonal, Gate, Unitary
from simulator.plan.operations import Evolving
from simulator.typing import Matrices

#: What instructions whose matrices are made together have in common: name, targets, controls and their values.
Kind: TypeAlias = tuple[str, int, int, int | None]


@dataclass(frozen=True, slots=True)
class Swept:
    """Parameters that have another value in each row of a sweep."""

    #: Shape (rows, columns).
    values: NDArray[np.float64]
    #: Index of an instruction -> pairs (parameter, column): which of its parameters are which columns.
    columns: Mapping[int, Sequence[tuple[int, int]]]


def kind_of(instruction: Evolving) -> Kind:
    """Return the kind of an instruction that has a matrix."""
    if type(instruction) is Gate:
        return instruction.name, len(instruction.targets), len(instruction.controls), instruction.control_state
    if isinstance(instruction, Unitary):
        return "unitary", len(instruction.targets), len(instruction.controls), instruction.control_state
    if isinstance(instruction, Diagonal):
        return "diagonal", len(instruction.targets), 0, None
    raise TypeError(f"no matrix of its own: {instruction}")


def matrices_of(kind: Kind, instructions: Sequence[Any], sources: Sequence[int], swept: Swept | None) -> Matrices:
    """Return the matrices of instructions of one kind, shape (..., instructions, 2^j, 2^j), read-only.

    ``sources`` are the indices of the instructions, as in ``swept``.
    """
    name, targets, controls, control_state = kind
    if name == "diagonal":
        diagonals = np.array([each.diagonal.ndarray() for each in instructions], np.complex128)
        spread: Matrices = diagonals[:, :, None] * np.eye(1 << targets)
        return spread
    if name == "unitary":
        stack = _stacked([each.matrix for each in instructions])
    elif not (spec := _spec(name)).num_params:
        return np.broadcast_to(constant_matrix(kind), (len(instructions), *(1 << targets + controls,) * 2))
    else:
        flat = list(chain.from_iterable([each.params for each in instructions]))
        params = np.array(flat).reshape(len(instructions), -1)
        if swept is not None:
            params = _swept_params(params, sources, swept)
        stack = spec.matrix(*[params[..., number] for number in range(params.shape[-1])])
    return _controlled(stack, targets, controls, control_state)


def _stacked(arrays: Sequence[Array]) -> Matrices:
    """Return arrays of one shape as one array."""
    if all(each.dtype == "c16" for each in arrays):
        joined = np.frombuffer(b"".join([each.data for each in arrays]), "<c16")
        return joined.reshape(-1, *arrays[0].shape)
    return np.array([each.ndarray() for each in arrays], np.complex128)


def _swept_params(params: NDArray[np.float64], sources: Sequence[int], swept: Swept) -> NDArray[np.float64]:
    """Return the parameters of each row, shape (rows, instructions, parameters), if any of them is swept."""
    if swept.columns.keys().isdisjoint(sources):
        return params
    rows = np.array(np.broadcast_to(params, (len(swept.values), *params.shape)))
    for index, source in enumerate(sources):
        for number, column in swept.columns.get(source, ()):
            rows[:, index, number] = swept.values[:, column]
    return rows


@lru_cache(maxsize=256)
def constant_matrix(kind: Kind) -> Matrices:
    """Return the matrix of a gate without parameters, read-only."""
    name, targets, controls, control_state = kind
    matrix: Matrices = _controlled(_spec(name).matrix()[None], targets, controls, control_state)[0]
    return matrix


def _spec(name: str) -> GateSpec:
    spec = spec_of(name)
    if spec is None:
        raise LookupError(name)
    return spec


def is_constant(kind: Kind) -> bool:
    """Whether all of a kind have the same matrix."""
    return kind[0] not in {"unitary", "diagonal"} and not _spec(kind[0]).num_params


def _controlled(stack: Matrices, targets: int, controls: int, control_state: int | None) -> Matrices:
    """Return matrices over targets and controls from those over the targets."""
    if not controls:
        return stack
    lead, side = stack.shape[:-2], 1 << targets + controls
    full = np.zeros((*lead, side, side), np.complex128)
    full.reshape(*lead, -1)[..., :: side + 1] = 1
    state = (1 << controls) - 1 if control_state is None else control_state
    held = slice(state << targets, (state + 1) << targets)
    full[..., held, held] = stack
    return full
