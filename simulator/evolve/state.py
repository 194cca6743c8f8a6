"""State: amplitudes, and which bit of their index each qubit is.

The map from qubits to bits is what makes a swap free, and what lets one engine evolve vectors and matrices: the
unitary of n qubits is a vector over 2n bits whose row bits are the qubits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from simulator.evolve.ordering import put_in_order
from simulator.kernels import buffers
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.tuning import TUNING, Tuning

#: Amplitudes that are made between two checkpoints.
_PIECE = 1 << 18


@dataclass(slots=True)
class State:
    """Amplitudes in the order of ``slots``; the kernels change them in place."""

    #: Shape (2^bits,), contiguous; complex, or real where all of them are.
    amplitudes: NDArray[Any]
    #: Qubit -> its bit in the index of ``amplitudes``. Bits that are no qubit's are the highest, and stay so: they
    #: number states that lie one behind the other. A matrix has its columns as qubits behind those of its rows.
    slots: dict[int, int]
    #: The qubits, as a set, that are not certainly in |0>; by default all.
    live: int = -1
    #: The qubits in their own order, from bit 0.
    home: tuple[int, ...] = ()
    #: The sizes that work on it is cut by.
    tuning: Tuning = TUNING

    def __post_init__(self) -> None:
        if not self.home:
            self.home = tuple(range(len(self.slots)))

    @property
    def layout(self) -> tuple[int, ...]:
        """The qubit at each bit; bits that are no qubit's have the next numbers."""
        others = self.amplitudes.size.bit_length() - 1 - len(self.slots)
        after = max(self.slots, default=-1) + 1
        return (*sorted(self.slots, key=self.slots.__getitem__), *range(after, after + others))

    def bits(self, qubits: tuple[int, ...]) -> tuple[int, ...]:
        """Return the bits of some qubits."""
        return tuple(self.slots[qubit] for qubit in qubits)

    def arrange(self, layout: tuple[int, ...], names: Mapping[int, int]) -> None:
        """Note that qubits lie in a new layout, and that what was ``names[qubit]`` there is now ``qubit``."""
        slots = {qubit: bit for bit, qubit in enumerate(layout)}
        self.slots = {qubit: slots[names.get(qubit, qubit)] for qubit in self.slots}
        live = self.live
        for qubit, source in names.items():
            live = live & ~(1 << qubit) | (self.live >> source & 1) << qubit
        self.live = live

    def ordered(self, checkpoint: Checkpoint = no_checkpoint) -> NDArray[Any]:
        """Bring each qubit to its own bit, in place, and return the amplitudes."""
        put_in_order(self.amplitudes, self.bits(self.home), checkpoint, self.tuning)
        self.slots = {qubit: bit for bit, qubit in enumerate(self.home)}
        return self.amplitudes


def ground(num_qubits: int, dtype: DTypeLike = np.complex128, tuning: Tuning = TUNING) -> State:
    """Return |0...0>."""
    return ground_of(range(num_qubits), dtype, tuning=tuning)


def ground_of(
    qubits: Sequence[int],
    dtype: DTypeLike = np.complex128,
    room: DTypeLike | None = None,
    checkpoint: Checkpoint = no_checkpoint,
    tuning: Tuning = TUNING,
) -> State:
    """Return |0...0> of these qubits, the first at bit 0; calls ``checkpoint`` now and then.

    ``room`` is for `buffers.room_of`.
    """
    amplitudes = buffers.zeros(1 << len(qubits), dtype, room, checkpoint)
    amplitudes[0] = 1
    return State(amplitudes, {qubit: bit for bit, qubit in enumerate(qubits)}, live=0, tuning=tuning)


def widened(states: State, qubits: Sequence[int], checkpoint: Checkpoint) -> State:
    """Return states that have these qubits too, in |0>."""
    num_bits = len(states.slots)
    narrow = states.amplitudes.reshape(-1, 1 << num_bits)
    amplitudes = buffers.zeros(narrow.size << len(qubits), narrow.dtype, checkpoint=checkpoint)
    wide = amplitudes.reshape(len(narrow), -1)
    width = min(_PIECE, 1 << num_bits)
    height = max(1, _PIECE >> num_bits)
    for first, start in product(range(0, len(narrow), height), range(0, 1 << num_bits, width)):
        checkpoint()
        piece = slice(first, first + height), slice(start, start + width)
        wide[piece] = narrow[piece]
    slots = states.slots | {qubit: bit for bit, qubit in enumerate(qubits, start=num_bits)}
    live = states.live & ~sum(1 << qubit for qubit in qubits)
    return State(amplitudes, slots, live, tuning=states.tuning)


def without(states: State, qubit: int, amplitudes: NDArray[Any]) -> State:
    """Return states without a qubit; ``amplitudes`` are what is left."""
    gone = states.slots[qubit]
    slots = {each: bit - (bit > gone) for each, bit in states.slots.items() if each != qubit}
    return State(amplitudes.reshape(-1), slots, states.live & ~(1 << qubit), tuning=states.tuning)


def vector(amplitudes: NDArray[Any], tuning: Tuning = TUNING) -> State:
    """Return a state of shape (2^n,), which it will change; qubit 0 is the least significant bit."""
    return State(amplitudes, {qubit: qubit for qubit in range(amplitudes.size.bit_length() - 1)}, tuning=tuning)


def identity(num_qubits: int, dtype: DTypeLike, checkpoint: Checkpoint) -> State:
    """Return the identity over so many qubits as a `matrix`; calls ``checkpoint`` now and then."""
    entries = buffers.zeros(1 << 2 * num_qubits, dtype, checkpoint=checkpoint).reshape(1 << num_qubits, -1)
    for rows in _few(entries):
        # The first touch of new memory takes long.
        checkpoint()
        np.fill_diagonal(entries[rows, rows], 1)
    return matrix(entries)


def copied(numbers: NDArray[Any], dtype: DTypeLike, checkpoint: Checkpoint) -> NDArray[Any]:
    """Return a contiguous copy of a vector or a matrix; calls ``checkpoint`` now and then."""
    copy = np.empty(numbers.shape, dtype)
    for rows in _few(numbers):
        checkpoint()
        copy[rows] = numbers[rows]
    return copy


def matrix(entries: NDArray[Any], tuning: Tuning = TUNING) -> State:
    """Return a matrix of shape (2^n, 2^n), which it will change, as a state whose rows the gates act on."""
    num_qubits = len(entries).bit_length() - 1
    home = (*range(num_qubits, 2 * num_qubits), *range(num_qubits))
    return State(entries.reshape(-1), {qubit: bit for bit, qubit in enumerate(home)}, home=home, tuning=tuning)


def _few(numbers: NDArray[Any]) -> Iterator[slice]:
    """Yield slices of rows that are some MiB together."""
    step = max(1, len(numbers) * _PIECE // numbers.size)
    for start in range(0, len(numbers), step):
        yield slice(start, start + step)
