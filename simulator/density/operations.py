"""A program as matrices over Pauli strings: gates with the noise behind them, multiplied together on each pair."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType
from typing import Any, NamedTuple, TypeAlias

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
from simulator.density.pauli_basis import bits_of, of_channel, of_operators, of_preparation, of_strings
from simulator.monitor import Checkpoint
from simulator.plan import Evolving

#: Qubits that an operator may act on.
MOST_QUBITS = 4
#: Qubits that a channel of Pauli strings may act on.
MOST_STRING_QUBITS = 10
KINDS = frozenset({Gate, Unitary, Diagonal, Permutation, Initialize, Reset, Noise, Barrier, Delay, Save})
_Matrix: TypeAlias = NDArray[np.float64]
#: The parameters of a gate: numbers, or arrays of one number for each row.
Swept: TypeAlias = Sequence[float | NDArray[np.float64]]
_NOTHING = np.eye(4)
#: The strings on two qubits, in the order in which the qubits are exchanged.
_EXCHANGED = np.arange(16).reshape(4, 4).T.reshape(-1)
#: Gates whose matrices are made together.
_TOGETHER = 256
#: Channels of so few qubits are kept, and so many of them.
_KEPT_QUBITS, _KEPT = 2, 512


class Product(NamedTuple):
    """A matrix over the strings of some qubits."""

    places: tuple[int, ...]
    #: Shape (4^k, 4^k), or (rows, 4^k, 4^k).
    matrix: _Matrix


class Scaling(NamedTuple):
    """Numbers by which the strings of some qubits are multiplied."""

    places: tuple[int, ...]
    #: Shape (4^k,).
    diagonal: NDArray[np.float64]


class Move(NamedTuple):
    """Qubits change their places: the one at ``sources[i]`` comes to ``places[i]``."""

    places: tuple[int, ...]
    sources: tuple[int, ...]


Merged: TypeAlias = Product | Scaling | Move


def over_bits(merged: Merged) -> Evolving:
    """Return what was merged, of one row, as an instruction over two bits a qubit."""
    bits = bits_of(merged.places)
    if isinstance(merged, Product):
        return Unitary(Array.of(merged.matrix.reshape(merged.matrix.shape[-2:])), bits)
    if isinstance(merged, Scaling):
        return Diagonal(Array.of(merged.diagonal), bits)
    return Permutation(bits, bits_of(merged.sources))


def of_rows(merged: Merged, first: int, last: int) -> Merged:
    """Return what was merged, for some of its rows."""
    if isinstance(merged, Product) and merged.matrix.ndim > 2:  # noqa: PLR2004 (a matrix)
        return Product(merged.places, merged.matrix[first:last])
    return merged


class Merger:
    """Multiplies matrices together: those on one pair of qubits in a row, with those on one qubit before them."""

    def __init__(
        self,
        place_of: Mapping[int, int],
        channels: Sequence[Channel],
        checkpoint: Checkpoint,
        swept: Mapping[int, Swept] = MappingProxyType({}),
    ) -> None:
        """Take the place of each qubit; ``swept`` maps the `id` of a gate to its parameters in several rows."""
        self._place_of, self._channels, self._checkpoint, self._swept = place_of, channels, checkpoint, swept
        self._single: dict[int, _Matrix] = {}
        self._pairs: list[Product] = []
        #: Qubit -> the last of the pairs that it is in, where that can still be multiplied.
        self._last: dict[int, int] = {}
        self._others: list[tuple[int, Merged]] = []
        self._known: dict[Any, _Matrix] = {}

    def know(self, instructions: Iterable[Instruction]) -> None:
        """Make the matrices of all narrow gates that will be added: of those of one kind at once."""
        params_of: dict[Hashable, dict[Hashable, Gate]] = {}
        for each in instructions:
            if type(each) is Gate and each.params and id(each) not in self._swept:
                controls = len(each.controls)
                if 0 < len(each.targets) + controls <= _KEPT_QUBITS:
                    of_kind = params_of.setdefault((each.name, controls, each.control_state), {})
                    of_kind.setdefault(_key(each), each)
        for gates in params_of.values():
            some = list(gates.items())
            for start in range(0, len(some), _TOGETHER):
                self._checkpoint()
                part = some[start : start + _TOGETHER]
                columns = np.array([gate.params for _, gate in part]).T
                matrices = _gate_matrix(part[0][1], [np.ascontiguousarray(column) for column in columns])
                found = of_operators(matrices[:, None])
                self._known.update(zip([key for key, _ in part], found, strict=True))

    def add(self, instruction: Instruction) -> None:
        """Add what is behind all that was added."""
        self._checkpoint()
        kind = type(instruction)
        if kind is Barrier or kind is Delay:
            return
        places = tuple([self._place_of[qubit] for qubit in qubits_of(instruction)])
        if isinstance(instruction, Permutation):
            sources = tuple([self._place_of[qubit] for qubit in instruction.sources])
            self._alone(Move(places, sources))
            return
        if isinstance(instruction, Noise):
            channel = self._channels[instruction.channel]
            if channel.num_qubits > MOST_QUBITS:
                self._alone(Scaling(places, of_strings(channel)))
                return
        if not places:
            return  # a global phase
        matrix = self._matrix(instruction)
        if len(places) == 1:
            (place,) = places
            before = self._single.get(place)
            self._single[place] = matrix if before is None else matrix @ before
        elif len(places) == 2:  # noqa: PLR2004 (a pair)
            self._pair(places, matrix)
        else:
            self._alone(Product(places, matrix))

    def merged(self) -> list[Merged]:
        """Return all that was added, in as few steps as were found, and forget it."""
        for place in list(self._single):
            self._flush(place)
        found: list[Merged] = list(self._pairs)
        for index, other in reversed(self._others):
            found.insert(index, other)
        self._pairs, self._last, self._others = [], {}, []
        return found

    def _matrix(self, instruction: Instruction) -> _Matrix:
        swept = self._swept.get(id(instruction)) if self._swept else None
        if swept is not None and isinstance(instruction, Gate):
            return of_operators(_gate_matrix(instruction, swept)[..., None, :, :])
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
        if one in self._single or two in self._single:
            matrix = matrix @ _kron(self._single.pop(two, _NOTHING), self._single.pop(one, _NOTHING))
        if index is not None and index == self._last.get(two):
            held, earlier = self._pairs[index]
            if held != places:
                matrix = matrix[..., _EXCHANGED[:, None], _EXCHANGED]
            self._pairs[index] = Product(held, matrix @ earlier)
            return
        self._last[one] = self._last[two] = len(self._pairs)
        self._pairs.append(Product(places, matrix))

    def _flush(self, place: int) -> None:
        """Multiply what waits on one qubit into the last pair that it is in, or leave it alone."""
        matrix = self._single.pop(place, None)
        if matrix is None:
            return
        index = self._last.get(place)
        if index is None:
            self._pairs.append(Product((place,), matrix))
            return
        held, earlier = self._pairs[index]
        wide = _kron(_NOTHING, matrix) if held[0] == place else _kron(matrix, _NOTHING)
        self._pairs[index] = Product(held, wide @ earlier)

    def _alone(self, merged: Merged) -> None:
        """Add what nothing is multiplied with."""
        for place in merged.places:
            self._flush(place)
            self._last.pop(place, None)
        self._others.append((len(self._pairs), merged))


def _kron(high: _Matrix, low: _Matrix) -> _Matrix:
    """Return the Kronecker product of matrices, which may be of several rows."""
    product: _Matrix = high[..., :, None, :, None] * low[..., None, :, None, :]
    side = high.shape[-1] * low.shape[-1]
    return product.reshape(*product.shape[:-4], side, side)


def _key(instruction: Instruction) -> Any:
    """Return what a matrix is known by; None: it is not kept."""
    if type(instruction) is Gate:
        return instruction.name, instruction.params, len(instruction.controls), instruction.control_state
    if isinstance(instruction, Noise):
        return instruction.channel
    return "reset" if isinstance(instruction, Reset) else None


def _matrix_of(instruction: Instruction, channels: Sequence[Channel]) -> _Matrix:
    match instruction:
        case Noise(channel=index):
            channel = channels[index]
            return _of_narrow_channel(channel) if channel.num_qubits <= _KEPT_QUBITS else of_channel(channel)
        case Reset():
            return of_preparation(np.array([1, 0]))
        case Initialize(amplitudes=amplitudes):
            return of_preparation(amplitudes.ndarray())
        case Diagonal(diagonal=diagonal):
            return of_operators(np.diag(np.asarray(diagonal.ndarray()))[None])
        case Gate(params=params):
            return of_operators(_gate_matrix(instruction, params)[None])
        case Unitary(matrix=matrix, controls=controls, control_state=state):
            return of_operators(_controlled(np.asarray(matrix.ndarray()), len(controls), state)[None])
    raise TypeError(instruction)


_of_narrow_channel = lru_cache(maxsize=_KEPT)(of_channel)


def _gate_matrix(gate: Gate, params: Swept) -> NDArray[Any]:
    """Return the matrix of a gate with these parameters: of several rows, if any of them is an array."""
    spec = spec_of(gate.name)
    if spec is None:
        raise TypeError(gate)
    # Arrays, also of one number, so that a row has the bits that it has alone.
    matrix = spec.matrix(*[np.atleast_1d(param) for param in params])
    if all(isinstance(param, float) for param in params):
        matrix = matrix.reshape(matrix.shape[-2:])
    return _controlled(matrix, len(gate.controls), gate.control_state)


def _controlled(matrix: NDArray[Any], controls: int, state: int | None) -> NDArray[Any]:
    """Return matrices, shape (..., 2^k, 2^k), under controls, which are behind their targets."""
    if not controls:
        return matrix
    side = matrix.shape[-1]
    value = (1 << controls) - 1 if state is None else state
    wide = np.zeros((*matrix.shape[:-2], *(side << controls,) * 2), np.complex128)
    wide[..., :, :] = np.eye(side << controls)
    inside = slice(value * side, (value + 1) * side)
    wide[..., inside, inside] = matrix
    return wide


def segments(instructions: Sequence[Instruction], merger: Merger) -> Iterator[tuple[list[Merged], Save | None]]:
    """Yield what is evolved, and what is saved behind it; the last one saves nothing."""
    merger.know(instructions)
    for instruction in instructions:
        if isinstance(instruction, Save):
            yield merger.merged(), instruction
        else:
            merger.add(instruction)
    yield merger.merged(), None
