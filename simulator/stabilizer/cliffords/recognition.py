"""Which Clifford gate an instruction is, decided by its matrix, and so without a list of names."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from simulator.circuit.array import DTYPES
from simulator.circuit.gates import pauli_letters, spec_of
from simulator.circuit.instructions import Diagonal, Initialize, Unitary
from simulator.stabilizer.cliffords.one_qubit import Element
from simulator.stabilizer.cliffords.preparation import Preparation, preparation_of
from simulator.stabilizer.cliffords.two_qubits import MOST_QUBITS, TOLERANCE, Pair, one_qubit_gate, two_qubit_gate
from simulator.typing import Matrices

#: Gates that are remembered: a circuit has few that differ, unless each has its own angle.
_REMEMBERED = 1 << 14
#: Qubits of the widest gate whose matrix is compared with the identity.
_NARROW = 4


@dataclass(frozen=True, slots=True)
class Nothing:
    """A gate that changes the phase of the state, at most."""


@dataclass(frozen=True, slots=True)
class QuarterTurns:
    """A rotation about a Pauli string, by so many times pi/2: 1, 2 or 3."""

    letters: str
    turns: int


#: What a gate is: one of the 24 on its qubit, a gate on two, a rotation on more, or nothing at all.
Clifford: TypeAlias = Element | Pair | QuarterTurns | Nothing
NOTHING = Nothing()
#: Instructions that are a matrix.
DENSE = (Unitary, Diagonal)


@lru_cache(_REMEMBERED)
def gate(name: str, params: tuple[float, ...], num_controls: int, control_state: int | None) -> Clifford | None:
    """Return which Clifford gate a named one is, its targets before its controls; None: it is none."""
    letters = pauli_letters(name)
    if len(letters) > MOST_QUBITS:
        return _rotation(letters, params[0])
    spec = spec_of(name)
    if spec is None:
        return None
    if spec.num_qubits + num_controls > MOST_QUBITS:
        return NOTHING if spec.num_qubits <= _NARROW and _is_identity(spec.matrix(*params), num_controls) else None
    return _of_matrix(_controlled(spec.matrix(*params), num_controls, control_state))


def unitary(instruction: Unitary | Diagonal) -> Clifford | None:
    """Return which Clifford gate a matrix or a diagonal is, its targets before its controls; None: it is none."""
    if isinstance(instruction, Diagonal):
        if len(instruction.targets) > MOST_QUBITS:
            return None
        return _of_diagonal(instruction.diagonal.dtype, bytes(instruction.diagonal.data))
    controls, matrix = len(instruction.controls), instruction.matrix
    if len(instruction.targets) + controls > MOST_QUBITS:
        return None
    return _of_bytes(matrix.dtype, bytes(matrix.data), controls, instruction.control_state)


def initialization(instruction: Initialize) -> Preparation | None:
    """Return how the amplitudes are prepared from |0...0>; None: they are not those of a stabilizer state."""
    return preparation_of(instruction.amplitudes.ndarray().astype(np.complex128))


@lru_cache(_REMEMBERED)
def _of_bytes(dtype: str, data: bytes, num_controls: int, control_state: int | None) -> Clifford | None:
    flat = np.frombuffer(data, DTYPES[dtype]).astype(np.complex128)
    rows = math.isqrt(flat.size)
    return _of_matrix(_controlled(flat.reshape(rows, rows), num_controls, control_state))


@lru_cache(_REMEMBERED)
def _of_diagonal(dtype: str, data: bytes) -> Clifford | None:
    return _of_matrix(np.diag(np.frombuffer(data, DTYPES[dtype]).astype(np.complex128)))


def _of_matrix(matrix: Matrices) -> Clifford | None:
    match len(matrix):
        case 1:
            return NOTHING
        case 2:
            return one_qubit_gate(matrix)
        case _:
            return two_qubit_gate(matrix)


def _controlled(matrix: Matrices, num_controls: int, control_state: int | None) -> Matrices:
    """Return a matrix with its controls; the targets are the least significant bits."""
    if not num_controls:
        return matrix
    size = len(matrix)
    state = (1 << num_controls) - 1 if control_state is None else control_state
    full = np.eye(size << num_controls, dtype=np.complex128)
    acting = slice(state * size, (state + 1) * size)
    full[acting, acting] = matrix
    return full


def _is_identity(matrix: Matrices, num_controls: int) -> bool:
    """Whether a gate does nothing; under controls, its phase is something."""
    phase = 1.0 if num_controls else matrix[0, 0]
    return bool(np.abs(matrix - phase * np.eye(len(matrix))).max() <= TOLERANCE)


def _rotation(letters: str, theta: float) -> Clifford | None:
    turns = round(theta / (math.pi / 2))
    if abs(theta - turns * (math.pi / 2)) > TOLERANCE:
        return None
    return QuarterTurns(letters, turns % 4) if turns % 4 else NOTHING
