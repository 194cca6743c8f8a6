"""A channel as what happens whatever the state, and a rest among whose operators the state chooses.

Of a list of Kraus operators, as much as can be is taken out as Pauli strings of fixed probability, above all the
identity: where noise is weak, what is left is rare. Then the likeliest alternative, if it is a unitary, is moved
into the circuit, so that an alternative is an error only where it differs from it.

The weight of a Pauli string P that can be taken out of a channel with the Choi matrix C is 1 / (p^dagger C^-1 p),
where p is P as a vector: the largest weight that leaves C positive.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache, reduce
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.channel import Channel, Pauli
from simulator.circuit.channel import Kraus as KrausStep
from simulator.typing import Matrices

#: What is less probable is left out.
_LEAST = 1e-12
#: Qubits of Kraus operators up to which all Pauli strings are tried, and not the identity alone: of three qubits
#: they are 64, each of which takes a decomposition of a matrix of 64 rows.
_ALL_STRINGS = 2
#: Parts of a Choi matrix that are this small beside its largest one are rounding.
_RANK = 1e-9
#: The matrix of a qubit with x and z, by x + 2 z, up to a phase: I, X, Z, Y.
LETTERS = np.array([[[1, 0], [0, 1]], [[0, 1], [1, 0]], [[1, 0], [0, -1]], [[0, -1j], [1j, 0]]])


@dataclass(frozen=True, eq=False)
class Operators:
    """Operators on some of a channel's qubits, one of which happens: K with probability |K psi|^2."""

    places: tuple[int, ...]
    #: Shape (operators, 2^k, 2^k).
    stack: Matrices

    @cached_property
    def key(self) -> object:
        """Equal for equal operators."""
        return self.places, self.stack.tobytes()


#: Of an error, one after the other.
ErrorStep: TypeAlias = Pauli | Operators
Steps: TypeAlias = tuple[ErrorStep, ...]


@dataclass(frozen=True, eq=False)
class Mixture:
    """A unitary that always happens, and errors that do after it, each with its probability."""

    num_qubits: int
    #: Unitaries, each over some of the channel's qubits, one after the other.
    always: tuple[tuple[tuple[int, ...], Matrices], ...]
    #: The probability that any error happens.
    probability: float
    #: Of each error, given that one happens: its share and all before it, the last of which is 1.
    edges: NDArray[np.float64]
    errors: tuple[Steps, ...]

    @cached_property
    def chosen(self) -> list[list[tuple[int, Operators]]]:
        """Of each error, the steps in which the state has a say, and which steps they are."""
        return [
            [(index, step) for index, step in enumerate(steps) if isinstance(step, Operators)]
            for steps in self.errors
        ]

    @cached_property
    def chooses(self) -> bool:
        """Whether there is an error in which the state has a say."""
        return any(self.chosen)

    @cached_property
    def choosing(self) -> float:
        """The probability of an error in which the state has a say."""
        shares = np.diff(self.edges, prepend=0)
        return self.probability * float(shares[list(map(bool, self.chosen))].sum())


@lru_cache(maxsize=1024)
def mixture_of(channel: Channel) -> Mixture:
    """Return a channel as a mixture."""
    shares: dict[object, float] = {}
    steps_of: dict[object, Steps] = {}
    options: dict[KrausStep, list[tuple[float, ErrorStep]]] = {}
    for probability, alternative in zip(channel.probabilities, channel.alternatives, strict=True):
        ways: list[tuple[float, Steps]] = [(probability, ())]
        for step in alternative:
            if isinstance(step, KrausStep) and step not in options:
                options[step] = split(step)
            parts = options[step] if isinstance(step, KrausStep) else [(1.0, step)]
            ways = [(p * q, _with(steps, part)) for p, steps in ways for q, part in parts if p * q > 0]
        for share, steps in ways:
            key = tuple(step.key if isinstance(step, Operators) else step for step in steps)
            shares[key] = shares.get(key, 0.0) + share
            steps_of[key] = steps
    kept = sorted((key for key in shares if shares[key] > _LEAST), key=lambda key: -shares[key])
    always, inverse = _unitary_part(steps_of[kept[0]])
    errors = kept[1:] if always is not None else kept
    total = sum(shares[key] for key in kept)
    weights = np.array([shares[key] for key in errors])
    edges = np.cumsum(weights)
    if errors:
        edges /= edges[-1]
    return Mixture(
        channel.num_qubits,
        always or (),
        float(min(1.0, weights.sum() / total)),
        edges,
        tuple(reduce(_with, steps_of[key], inverse) for key in errors),
    )


def split(step: KrausStep) -> list[tuple[float, ErrorStep]]:
    """Return Kraus operators as a mixture of Pauli strings and of what is left of them, with probabilities."""
    stack = step.operators.ndarray().astype(np.complex128)
    width = len(step.places)
    rows = stack.reshape(len(stack), -1)
    choi = rows.T @ rows.conj()
    found: list[tuple[float, ErrorStep]] = []
    left = 1.0
    for x, z in _strings(width) if width <= _ALL_STRINGS else [(0, 0)]:
        vector = pauli_matrix(x, z, width).reshape(-1)
        weight = _weight(choi, vector)
        if weight > _LEAST:
            choi = choi - weight * np.outer(vector, vector.conj())
            found.append((weight, Pauli(_spread(x, step.places), _spread(z, step.places))))
            left -= weight
    if left <= _LEAST:
        return found
    values, vectors = np.linalg.eigh(choi)
    some = values > _RANK * values[-1]
    rest = (vectors[:, some] * np.sqrt(values[some])).T.reshape(-1, 1 << width, 1 << width)
    return [*found, (left, Operators(step.places, rest / np.sqrt(left)))]


def pauli_matrix(x: int, z: int, width: int) -> Matrices:
    """Return a Pauli string over so many qubits, up to a phase."""
    letters = [LETTERS[(x >> place & 1) + 2 * (z >> place & 1)] for place in reversed(range(width))]
    matrix: Matrices = np.eye(1, dtype=np.complex128)
    for letter in letters:
        matrix = np.kron(matrix, letter)
    return matrix


def _weight(choi: Matrices, vector: NDArray[np.complex128]) -> float:
    """Return the largest weight of a unitary, as a vector, that leaves a Choi matrix positive."""
    values, vectors = np.linalg.eigh(choi)
    some = values > _RANK * max(values[-1], _LEAST)
    inside = vectors[:, some].conj().T @ vector
    squares = inside.real**2 + inside.imag**2
    norm = float(np.vdot(vector, vector).real)
    # Most often, it is not among what the channel does at all.
    return float(1 / (squares / values[some]).sum()) if squares.sum() > norm * (1 - _RANK) else 0.0


def _strings(width: int) -> Iterator[tuple[int, int]]:
    """Yield all Pauli strings over so many qubits, as masks, the identity first."""
    for x in range(1 << width):
        for z in range(1 << width):
            yield x, z


def _spread(bits: int, places: Sequence[int]) -> int:
    return sum((bits >> index & 1) << place for index, place in enumerate(places))


def _with(steps: Steps, step: ErrorStep) -> Steps:
    """Return steps with another behind them; Pauli strings in a row are one."""
    if isinstance(step, Pauli):
        if steps and isinstance(before := steps[-1], Pauli):
            steps, step = steps[:-1], Pauli(before.x ^ step.x, before.z ^ step.z)
        return (*steps, step) if step.x or step.z else steps
    return (*steps, step)


def _unitary_part(steps: Steps) -> tuple[tuple[tuple[tuple[int, ...], Matrices], ...] | None, Steps]:
    """Return steps as unitaries, and the steps that undo them; None where the state chooses."""
    unitaries: list[tuple[tuple[int, ...], Matrices]] = []
    inverse: Steps = ()
    for step in steps:
        if isinstance(step, Pauli):
            members = step.x | step.z
            unitaries += [
                ((place,), LETTERS[(step.x >> place & 1) + 2 * (step.z >> place & 1)])
                for place in range(members.bit_length())
                if members >> place & 1
            ]
            inverse = (step, *inverse)
        elif len(step.stack) == 1:
            unitaries.append((step.places, step.stack[0]))
            inverse = (Operators(step.places, step.stack.conj().swapaxes(1, 2)), *inverse)
        else:
            return None, ()
    return tuple(unitaries), inverse
