"""How a Pauli error passes an instruction: as another Pauli error, or not at all.

The code of a Pauli string over k qubits has two bits a qubit, the first qubit's the lowest: 1 for X, 2 for Z, and
3 for Y. Phases of errors are of no concern, as nobody sees them.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.gates import pauli_letters
from simulator.circuit.instructions import Diagonal, Gate, Permutation, Unitary
from simulator.matrices.gate_matrices import Kind, constant_matrix, is_constant, kind_of, matrices_of
from simulator.monitor import Checkpoint
from simulator.plan import Evolving
from simulator.plan.operations import is_diagonal
from simulator.trajectories.mixture import pauli_matrix
from simulator.typing import Matrices

#: Qubits of an instruction up to which its matrix is asked what passes it.
_TABLE = 3
#: Matrices that are asked at once.
_TOGETHER = 32
#: How far a coefficient of a Pauli string's image may be from 1: then it is one Pauli string, up to rounding.
_ROUNDING = 1e-10
#: In a table: the error does not pass.
STOPPED = 255


@dataclass(frozen=True, slots=True)
class Linear:
    """A Clifford gate: each bit of the new code is the sum of some bits of the old one."""

    rows: tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """What becomes of each code: another one, or `STOPPED`."""

    images: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Commuting:
    """An instruction on many qubits; only what commutes with it passes.

    That is what has no X at ``fixed`` and nothing at ``mixed``, or else, of a rotation about a Pauli string, what
    differs from its ``letters`` in an even number of places where both have any.
    """

    fixed: tuple[int, ...] = ()
    mixed: tuple[int, ...] = ()
    letters: str = ""


Rule = Linear | Table | Commuting


def rules_of(instructions: Sequence[Evolving], checkpoint: Checkpoint) -> list[Rule]:
    """Return the rule of each instruction."""
    found: dict[Hashable, Rule] = {}
    asked: dict[Kind, dict[Hashable, int]] = {}
    keys: list[Hashable] = []
    for index, each in enumerate(instructions):
        key: Hashable
        width = len(each.targets) + len(getattr(each, "controls", ()))
        if type(each) is Gate and width <= _TABLE:
            kind = kind_of(each)
            key = kind, each.params
            if key not in found:
                if is_constant(kind):
                    found[key] = _constant_rule(kind)
                else:
                    asked.setdefault(kind, {}).setdefault(key, index)
        elif isinstance(each, (Unitary, Diagonal)) and width <= _TABLE:
            kind = kind_of(each)
            array = each.matrix if isinstance(each, Unitary) else each.diagonal
            key = kind, array
            asked.setdefault(kind, {}).setdefault(key, index)
        else:
            key = index
            found[key] = _wide_rule(each)
        keys.append(key)
    for kind, index_of in asked.items():
        every = list(index_of.items())
        for start in range(0, len(every), _TOGETHER):
            checkpoint()
            some = every[start : start + _TOGETHER]
            indices = [index for _, index in some]
            matrices = matrices_of(kind, [instructions[index] for index in indices], indices, None)
            found.update(zip([key for key, _ in some], _rules(matrices), strict=True))
    return [found[key] for key in keys]


@lru_cache(maxsize=256)
def _constant_rule(kind: Kind) -> Rule:
    return _rules(constant_matrix(kind)[None])[0]


def _rules(matrices: Matrices) -> list[Rule]:
    """Return the rules of unitaries, shape (unitaries, 2^k, 2^k)."""
    side = matrices.shape[-1]
    width = side.bit_length() - 1
    strings = _strings(width)
    moved = matrices[:, None] @ strings @ matrices.conj().swapaxes(-1, -2)[:, None]
    flat = moved.reshape(len(matrices), len(strings), -1)
    sizes = np.abs(flat @ strings.reshape(len(strings), -1).conj().T) / side
    images = sizes.argmax(axis=-1)
    passes = sizes.max(axis=-1) > 1 - _ROUNDING
    generators = 1 << np.arange(2 * width)
    found: list[Rule] = []
    for image, passing in zip(images, passes, strict=True):
        if passing[generators].all():
            rows = image[generators][None, :] >> np.arange(2 * width)[:, None] & 1
            found.append(Linear(tuple([tuple(np.flatnonzero(row).tolist()) for row in rows])))
        else:
            found.append(Table(np.where(passing, image, STOPPED).astype(np.uint8)))
    return found


@lru_cache(maxsize=_TABLE + 1)
def _strings(width: int) -> Matrices:
    """Return all Pauli strings over so many qubits, by code: shape (4^k, 2^k, 2^k)."""
    found = []
    for code in range(4**width):
        x = sum((code >> 2 * place & 1) << place for place in range(width))
        z = sum((code >> 2 * place + 1 & 1) << place for place in range(width))
        found.append(pauli_matrix(x, z, width))
    return np.array(found)


def _wide_rule(instruction: Evolving) -> Rule:
    if isinstance(instruction, Permutation):
        source_at = [instruction.targets.index(source) for source in instruction.sources]
        return Linear(tuple([(2 * source + bit,) for source in source_at for bit in (0, 1)]))
    targets = len(instruction.targets)
    controls = len(instruction.controls) if isinstance(instruction, (Gate, Unitary)) else 0
    if isinstance(instruction, Gate) and (letters := pauli_letters(instruction.name)):
        return Commuting(letters=letters)
    every = tuple(range(targets + controls))
    if is_diagonal(instruction):
        return Commuting(fixed=every)
    return Commuting(fixed=every[targets:], mixed=every[:targets])


def stopped_by(rule: Commuting, x: NDArray[np.uint8], z: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Return which errors do not pass, given the bits of each qubit: shape (qubits, errors)."""
    if rule.letters:
        reads_x = np.array([letter != "x" for letter in rule.letters], np.uint8)
        reads_z = np.array([letter != "z" for letter in rule.letters], np.uint8)
        anticommuting: NDArray[np.uint8] = (reads_x[:, None] & x) ^ (reads_z[:, None] & z)
        parity: NDArray[np.uint8] = np.bitwise_xor.reduce(anticommuting, axis=0)
        return parity.astype(np.bool_)
    blocked = np.concatenate([x[list(rule.fixed + rule.mixed)], z[list(rule.mixed)]])
    return np.asarray(blocked.any(axis=0))
