"""A program as matrices over Pauli strings: gates with the noise behind them, multiplied together on each pair."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.array import Array
from simulator.circuit.channel import Channel
from simulator.circuit.gates import spec_of
from simulator.circuit.instructions import (
    Barrier,
    Delay,
    Diagonal,
    Gate,
    Initialize,
    Instruction,
    Noise,
    Permutation,
    Reset,
    Save,
    Unitary,
)
from simulator.circuit.traversal import qubits_of
from simulator.density.pauli_basis import bits_of, of_operators, of_preparation, of_strings
from simulator.matrices.channels import operators_of, permuted
from simulator.monitor import Checkpoint
from simulator.plan import Evolving

#: Qubits that an operator may act on.
MOST_QUBITS = 4
#: Qubits that a channel of Pauli strings may act on.
MOST_STRING_QUBITS = 10
KINDS = frozenset({Gate, Unitary, Diagonal, Permutation, Initialize, Reset, Noise, Barrier, Delay, Save})
_Matrix: TypeAlias = NDArray[np.float64]


class Merger:
    """Multiplies matrices together: those on one pair of qubits in a row, with those on one qubit before them."""

    def __init__(self, place_of: Mapping[int, int], channels: Sequence[Channel], checkpoint: Checkpoint) -> None:
        self._place_of, self._channels, self._checkpoint = place_of, channels, checkpoint
        self._single: dict[int, _Matrix] = {}
        self._pairs: list[tuple[tuple[int, ...], _Matrix]] = []
        #: Qubit -> the last of the pairs that it is in, where that can still be multiplied.
        self._last: dict[int, int] = {}
        self._others: list[tuple[int, Evolving]] = []
        self._known: dict[Any, _Matrix] = {}

    def add(self, instruction: Instruction) -> None:
        """Add what is behind all that was added."""
        self._checkpoint()
        if isinstance(instruction, (Barrier, Delay)):
            return
        qubits = qubits_of(instruction)
        places = tuple([self._place_of[qubit] for qubit in qubits])
        if isinstance(instruction, Permutation):
            sources = tuple([self._place_of[qubit] for qubit in instruction.sources])
            self._alone(places, Permutation(bits_of(places), bits_of(sources)))
            return
        if isinstance(instruction, Noise):
            channel = self._channels[instruction.channel]
            if channel.num_qubits > MOST_QUBITS:
                self._alone(places, Diagonal(Array.of(of_strings(channel)), bits_of(places)))
                return
        if not qubits:
            return  # a global phase
        matrix = self._matrix(instruction)
        if len(places) == 1:
            (place,) = places
            before = self._single.get(place)
            self._single[place] = matrix if before is None else matrix @ before
        elif len(places) == 2:  # noqa: PLR2004 (a pair)
            self._pair(places, matrix)
        else:
            self._alone(places, Unitary(Array.of(matrix), bits_of(places)))

    def instructions(self) -> list[Evolving]:
        """Return all that was added, as instructions over two bits a qubit, and forget it."""
        for place in list(self._single):
            self._flush(place)
        found: list[Evolving] = [Unitary(Array.of(matrix), bits_of(places)) for places, matrix in self._pairs]
        for index, other in reversed(self._others):
            found.insert(index, other)
        self._pairs, self._last, self._others = [], {}, []
        return found

    def _matrix(self, instruction: Instruction) -> _Matrix:
        key = _key(instruction)
        matrix = self._known.get(key) if key is not None else None
        if matrix is None:
            matrix = _matrix_of(instruction, self._channels)
            if key is not None:
                self._known[key] = matrix
        return matrix

    def _pair(self, places: tuple[int, ...], matrix: _Matrix) -> None:
        one, two = places
        index = self._last.get(one)
        if any(place in self._single for place in places):
            nothing = np.eye(4)
            before = np.kron(self._single.pop(two, nothing), self._single.pop(one, nothing))
            matrix = matrix @ before
        if index is not None and index == self._last.get(two):
            held, earlier = self._pairs[index]
            if held != places:
                matrix = permuted(matrix[None], (2, 3, 0, 1))[0]
            self._pairs[index] = held, matrix @ earlier
            return
        self._last[one] = self._last[two] = len(self._pairs)
        self._pairs.append((places, matrix))

    def _flush(self, place: int) -> None:
        """Multiply what waits on one qubit into the last pair that it is in, or leave it alone."""
        matrix = self._single.pop(place, None)
        if matrix is None:
            return
        index = self._last.get(place)
        if index is None:
            self._pairs.append(((place,), matrix))
            return
        held, earlier = self._pairs[index]
        wide = np.kron(np.eye(4), matrix) if held[0] == place else np.kron(matrix, np.eye(4))
        self._pairs[index] = held, wide @ earlier

    def _alone(self, places: Sequence[int], instruction: Evolving) -> None:
        """Add what nothing is multiplied with."""
        for place in places:
            self._flush(place)
            self._last.pop(place, None)
        self._others.append((len(self._pairs), instruction))


def _key(instruction: Instruction) -> Any:
    """Return what a matrix is known by; None: it is not kept."""
    match instruction:
        case Gate(name=name, params=params, controls=controls, control_state=state):
            return name, params, len(controls), state
        case Noise(channel=channel):
            return channel
        case Reset():
            return "reset"
    return None


def _matrix_of(instruction: Instruction, channels: Sequence[Channel]) -> _Matrix:
    match instruction:
        case Noise(channel=index):
            operators = operators_of(channels[index])
            if operators is None:
                raise TypeError(instruction)
            return of_operators(operators.matrices)
        case Reset():
            return of_preparation(np.array([1, 0]))
        case Initialize(amplitudes=amplitudes):
            return of_preparation(amplitudes.ndarray())
        case Diagonal(diagonal=diagonal):
            return of_operators(np.diag(np.asarray(diagonal.ndarray()))[None])
        case Gate(name=name, params=params, controls=controls, control_state=state):
            spec = spec_of(name)
            if spec is None:
                raise TypeError(instruction)
            return of_operators(_controlled(spec.matrix(*params), len(controls), state)[None])
        case Unitary(matrix=matrix, controls=controls, control_state=state):
            return of_operators(_controlled(np.asarray(matrix.ndarray()), len(controls), state)[None])
    raise TypeError(instruction)


def _controlled(matrix: NDArray[Any], controls: int, state: int | None) -> NDArray[Any]:
    """Return a matrix under controls, which are behind its targets."""
    side = len(matrix)
    value = (1 << controls) - 1 if state is None else state
    wide = np.eye(side << controls, dtype=np.complex128)
    inside = slice(value * side, (value + 1) * side)
    wide[inside, inside] = matrix
    return wide


def segments(instructions: Sequence[Instruction], merger: Merger) -> Iterator[tuple[list[Evolving], Save | None]]:
    """Yield what is evolved, and what is saved behind it; the last one saves nothing."""
    for instruction in instructions:
        if isinstance(instruction, Save):
            yield merger.instructions(), instruction
        else:
            merger.add(instruction)
    yield merger.instructions(), None
