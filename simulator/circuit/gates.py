"""GATES: every gate that the engine knows by name, with its matrix; and the names of rotations.

A matrix has shape (2^k, 2^k), complex128; the first target listed is the least significant bit of its rows and
columns. Parameters are radians, floats or arrays: arrays broadcast, and their axes lead those of the matrix.
The formulas are those of `qiskit.circuit.library.standard_gates`. Controls are not a gate's own: they are a
field of `simulator.circuit.instructions.Gate`, so cx is an "x" with a control.

A rotation exp(-i theta/2 P) about a Pauli string P is named by its letters, the first target's first: "rxyz", as
"rx", "rzz" and "rzx" are. It takes no controls.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from itertools import chain
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.pauli import rotation_matrix
from simulator.typing import Angle, Matrices


@dataclass(frozen=True, slots=True)
class GateSpec:
    """How many qubits and parameters a gate takes, and its matrix as a function of the parameters."""

    num_qubits: int
    num_params: int
    #: Called with ``num_params`` angles; shape (..., 2^num_qubits, 2^num_qubits). May be read-only.
    matrix: Callable[..., Matrices]


def _matrix(rows: Sequence[Sequence[Any]]) -> Matrices:
    """Fill a matrix from its entries, each a number or an array; the arrays' axes lead."""
    shape = np.broadcast(*chain(*rows)).shape
    matrix = np.empty((*shape, len(rows), len(rows)), np.complex128)
    for row, entries in enumerate(rows):
        for column, entry in enumerate(entries):
            matrix[..., row, column] = entry
    return matrix


def _half(theta: Angle) -> tuple[Angle, Angle]:
    """Return the cosine and sine of half an angle."""
    return np.cos(theta / 2), np.sin(theta / 2)


def _phase(angle: Angle) -> NDArray[np.complex128]:
    return np.exp(1j * np.asarray(angle))


def _u(theta: Angle, phi: Angle, lam: Angle) -> Matrices:
    cos, sin = _half(theta)
    left, right = _phase(phi), _phase(lam)
    return _matrix([[cos, -right * sin], [left * sin, left * right * cos]])


def _r(theta: Angle, phi: Angle) -> Matrices:
    cos, sin = _half(theta)
    return _matrix([[cos, -1j * _phase(-phi) * sin], [-1j * _phase(phi) * sin, cos]])


def _rx(theta: Angle) -> Matrices:
    cos, sin = _half(theta)
    return _matrix([[cos, -1j * sin], [-1j * sin, cos]])


def _ry(theta: Angle) -> Matrices:
    cos, sin = _half(theta)
    return _matrix([[cos, -sin], [sin, cos]])


def _rz(theta: Angle) -> Matrices:
    return _matrix([[_phase(-theta / 2), 0], [0, _phase(theta / 2)]])


def _p(lam: Angle) -> Matrices:
    return _matrix([[1, 0], [0, _phase(lam)]])


def _rxx(theta: Angle) -> Matrices:
    cos, sin = _half(theta)
    i = -1j * sin
    return _matrix([[cos, 0, 0, i], [0, cos, i, 0], [0, i, cos, 0], [i, 0, 0, cos]])


def _ryy(theta: Angle) -> Matrices:
    cos, sin = _half(theta)
    i = 1j * sin
    return _matrix([[cos, 0, 0, i], [0, cos, -i, 0], [0, -i, cos, 0], [i, 0, 0, cos]])


def _rzz(theta: Angle) -> Matrices:
    even, odd = _phase(-theta / 2), _phase(theta / 2)
    return _matrix([[even, 0, 0, 0], [0, odd, 0, 0], [0, 0, odd, 0], [0, 0, 0, even]])


def _rzx(theta: Angle) -> Matrices:
    cos, sin = _half(theta)
    i = 1j * sin
    return _matrix([[cos, 0, -i, 0], [0, cos, 0, i], [-i, 0, cos, 0], [0, i, 0, cos]])


def _xx_minus_yy(theta: Angle, beta: Angle) -> Matrices:
    cos, sin = _half(theta)
    down, up = -1j * sin * _phase(-beta), -1j * sin * _phase(beta)
    return _matrix([[cos, 0, 0, down], [0, 1, 0, 0], [0, 0, 1, 0], [up, 0, 0, cos]])


def _xx_plus_yy(theta: Angle, beta: Angle) -> Matrices:
    cos, sin = _half(theta)
    down, up = -1j * sin * _phase(-beta), -1j * sin * _phase(beta)
    return _matrix([[1, 0, 0, 0], [0, cos, down, 0], [0, up, cos, 0], [0, 0, 0, 1]])


def _global_phase(angle: Angle) -> Matrices:
    return _matrix([[_phase(angle)]])


def _moves(num_qubits: int, entries: Sequence[tuple[int, complex]]) -> GateSpec:
    """Make a gate with one entry a column: basis state i goes to ``entries[i][0]``, times ``entries[i][1]``."""
    matrix = np.zeros((1 << num_qubits, 1 << num_qubits), np.complex128)
    for column, (row, factor) in enumerate(entries):
        matrix[row, column] = factor
    return _constant(num_qubits, matrix)


def _constant(num_qubits: int, matrix: Matrices) -> GateSpec:
    matrix.setflags(write=False)
    return GateSpec(num_qubits, 0, lambda: matrix)


def _diagonal(phase: complex) -> GateSpec:
    return _moves(1, [(0, 1), (1, phase)])


_SQRT_HALF = math.sqrt(0.5)
_EIGHTH = complex(_SQRT_HALF, _SQRT_HALF)
_RCCCX = [(column, 1 + 0j) for column in range(16)]
_RCCCX[3], _RCCCX[7], _RCCCX[11], _RCCCX[15] = (3, 1j), (15, -1), (11, -1j), (7, 1)
_ECR = [[0, 1, 0, 1j], [1, 0, -1j, 0], [0, 1j, 0, 1], [-1j, 0, 1, 0]]

GATES = MappingProxyType(
    {
        "global_phase": GateSpec(0, 1, _global_phase),
        "id": _diagonal(1),
        "x": _moves(1, [(1, 1), (0, 1)]),
        "y": _moves(1, [(1, 1j), (0, -1j)]),
        "z": _diagonal(-1),
        "h": _constant(1, _SQRT_HALF * _matrix([[1, 1], [1, -1]])),
        "s": _diagonal(1j),
        "sdg": _diagonal(-1j),
        "t": _diagonal(_EIGHTH),
        "tdg": _diagonal(_EIGHTH.conjugate()),
        "sx": _constant(1, 0.5 * _matrix([[1 + 1j, 1 - 1j], [1 - 1j, 1 + 1j]])),
        "sxdg": _constant(1, 0.5 * _matrix([[1 - 1j, 1 + 1j], [1 + 1j, 1 - 1j]])),
        "p": GateSpec(1, 1, _p),
        "u1": GateSpec(1, 1, _p),
        "rx": GateSpec(1, 1, _rx),
        "ry": GateSpec(1, 1, _ry),
        "rz": GateSpec(1, 1, _rz),
        "r": GateSpec(1, 2, _r),
        "u": GateSpec(1, 3, _u),
        "u2": GateSpec(1, 2, lambda phi, lam: _u(math.pi / 2, phi, lam)),
        "u3": GateSpec(1, 3, _u),
        "swap": _moves(2, [(0, 1), (2, 1), (1, 1), (3, 1)]),
        "iswap": _moves(2, [(0, 1), (2, 1j), (1, 1j), (3, 1)]),
        "dcx": _moves(2, [(0, 1), (2, 1), (3, 1), (1, 1)]),
        "ecr": _constant(2, _SQRT_HALF * _matrix(_ECR)),
        "rxx": GateSpec(2, 1, _rxx),
        "ryy": GateSpec(2, 1, _ryy),
        "rzz": GateSpec(2, 1, _rzz),
        "rzx": GateSpec(2, 1, _rzx),
        "xx_minus_yy": GateSpec(2, 2, _xx_minus_yy),
        "xx_plus_yy": GateSpec(2, 2, _xx_plus_yy),
        "rccx": _moves(3, [(0, 1), (1, 1), (2, 1), (7, 1j), (4, 1), (5, -1), (6, 1), (3, -1j)]),
        "rcccx": _moves(4, _RCCCX),
    }
)
"""Name -> `GateSpec`, read-only."""

#: Letters of a rotation, at most: no name of any length is kept.
_LONGEST = 1 << 12


def spec_of(name: str) -> GateSpec | None:
    """Return what is known of a gate: one of `GATES`, or a rotation; None: there is no such gate."""
    spec = GATES.get(name)
    if spec is None and (letters := pauli_letters(name)):
        spec = _rotation_spec(letters)
    return spec


def pauli_letters(name: str) -> str:
    """Return the letters of a rotation about a Pauli string that is not in `GATES`; "": it is none."""
    letters = name[1:]
    named = name not in GATES and name[:1] == "r" and 1 < len(letters) <= _LONGEST and set(letters) <= set("xyz")
    return letters if named else ""


@lru_cache(maxsize=1024)
def _rotation_spec(letters: str) -> GateSpec:
    return GateSpec(len(letters), 1, partial(rotation_matrix, letters))
