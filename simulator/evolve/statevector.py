"""Statevectors: amplitudes, and the bit of their index that each qubit is.

Because qubits are looked up, a swap moves no amplitude, and one engine evolves vectors and matrices: the unitary
of n qubits is a vector over 2n bits whose row bits are the qubits.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import DTypeLike

from simulator.evolve.permute import permute_bits
from simulator.kernels import buffers
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.tuning import TUNING, Tuning
from simulator.typing import Amplitudes

#: Amplitudes that are written between two checkpoints.
_PIECE = 1 << 18


@dataclass(slots=True)
class Statevector:
    """Amplitudes, changed in place, and where the qubits lie in their index."""

    #: Shape (2^bits,), contiguous; complex, or real where all of them are.
    amplitudes: Amplitudes
    #: Qubit -> its bit in the index of ``amplitudes``. Several states lie one behind the other. A matrix has its
    #: columns as qubits behind those of its rows.
    bit_of: dict[int, int]
    #: The qubits that may not be in |0>, as a set; by default all.
    maybe_excited: int = -1
    #: The qubit at each bit in the order that `ordered` restores.
    natural_order: tuple[int, ...] = ()
    #: The sizes that work on it is cut by.
    tuning: Tuning = TUNING

    def __post_init__(self) -> None:
        if not self.natural_order:
            self.natural_order = tuple(range(len(self.bit_of)))

    @property
    def qubit_at(self) -> tuple[int, ...]:
        """The qubit at each bit."""
        return tuple(sorted(self.bit_of, key=self.bit_of.__getitem__))

    def bits(self, qubits: tuple[int, ...]) -> tuple[int, ...]:
        """Return the bits of some qubits."""
        return tuple(self.bit_of[qubit] for qubit in qubits)

    def with_amplitudes(self, amplitudes: Amplitudes) -> Statevector:
        """Return other amplitudes whose qubits lie where they lie here."""
        return Statevector(amplitudes, dict(self.bit_of), self.maybe_excited, self.natural_order, self.tuning)

    def relabel(self, qubit_at: tuple[int, ...], renamed_from: Mapping[int, int]) -> None:
        """Record where the qubits lie now, and then their new names, as in `OperationList.renamed_from`."""
        bit_of = {qubit: bit for bit, qubit in enumerate(qubit_at)}
        self.bit_of = {qubit: bit_of[renamed_from.get(qubit, qubit)] for qubit in self.bit_of}
        excited = self.maybe_excited
        for qubit, source in renamed_from.items():
            excited = excited & ~(1 << qubit) | (self.maybe_excited >> source & 1) << qubit
        self.maybe_excited = excited

    def ordered(self, checkpoint: Checkpoint = no_checkpoint) -> Amplitudes:
        """Bring the qubits to their natural order, in place, and return the amplitudes."""
        permute_bits(self.amplitudes, self.bits(self.natural_order), checkpoint, self.tuning)
        self.bit_of = {qubit: bit for bit, qubit in enumerate(self.natural_order)}
        return self.amplitudes


def ground(num_qubits: int, dtype: DTypeLike = np.complex128, tuning: Tuning = TUNING) -> Statevector:
    """Return |0...0>."""
    return ground_of(range(num_qubits), dtype, tuning=tuning)


def ground_of(
    qubits: Sequence[int],
    dtype: DTypeLike = np.complex128,
    room: DTypeLike | None = None,
    checkpoint: Checkpoint = no_checkpoint,
    tuning: Tuning = TUNING,
) -> Statevector:
    """Return |0...0> of these qubits, the first at bit 0; calls ``checkpoint`` now and then.

    ``room`` is for `buffers.room_of`.
    """
    amplitudes = buffers.zeros(1 << len(qubits), dtype, room, checkpoint)
    amplitudes[0] = 1
    return Statevector(
        amplitudes, {qubit: bit for bit, qubit in enumerate(qubits)}, maybe_excited=0, tuning=tuning
    )


def with_qubits(states: Statevector, qubits: Sequence[int], checkpoint: Checkpoint) -> Statevector:
    """Return states with these further qubits, in |0>."""
    num_bits = len(states.bit_of)
    narrow = states.amplitudes.reshape(-1, 1 << num_bits)
    amplitudes = buffers.zeros(narrow.size << len(qubits), narrow.dtype, checkpoint=checkpoint)
    wide = amplitudes.reshape(len(narrow), -1)
    width = min(_PIECE, 1 << num_bits)
    height = max(1, _PIECE >> num_bits)
    for first, start in product(range(0, len(narrow), height), range(0, 1 << num_bits, width)):
        checkpoint()
        piece = slice(first, first + height), slice(start, start + width)
        wide[piece] = narrow[piece]
    bit_of = states.bit_of | {qubit: bit for bit, qubit in enumerate(qubits, start=num_bits)}
    excited = states.maybe_excited & ~sum(1 << qubit for qubit in qubits)
    return Statevector(amplitudes, bit_of, excited, tuning=states.tuning)


def without_qubit(states: Statevector, qubit: int, amplitudes: Amplitudes) -> Statevector:
    """Return states without a qubit, given the amplitudes that are left."""
    gone = states.bit_of[qubit]
    bit_of = {each: bit - (bit > gone) for each, bit in states.bit_of.items() if each != qubit}
    return Statevector(amplitudes.reshape(-1), bit_of, states.maybe_excited & ~(1 << qubit), tuning=states.tuning)


def vector(amplitudes: Amplitudes, tuning: Tuning = TUNING) -> Statevector:
    """Return a state of shape (2^n,), which it will change; qubit 0 is the least significant bit."""
    return Statevector(
        amplitudes, {qubit: qubit for qubit in range(amplitudes.size.bit_length() - 1)}, tuning=tuning
    )


def identity(num_qubits: int, dtype: DTypeLike, checkpoint: Checkpoint) -> Statevector:
    """Return the identity over so many qubits as a `matrix`; calls ``checkpoint`` now and then."""
    entries = buffers.zeros(1 << 2 * num_qubits, dtype, checkpoint=checkpoint).reshape(1 << num_qubits, -1)
    for rows in _row_slices(entries):
        # The first touch of new memory takes long.
        checkpoint()
        np.fill_diagonal(entries[rows, rows], 1)
    return matrix(entries)


def contiguous_copy(numbers: Amplitudes, dtype: DTypeLike, checkpoint: Checkpoint) -> Amplitudes:
    """Return a contiguous copy of a vector or a matrix; calls ``checkpoint`` now and then."""
    copy = np.empty(numbers.shape, dtype)
    for rows in _row_slices(numbers):
        checkpoint()
        copy[rows] = numbers[rows]
    return copy


def matrix(entries: Amplitudes, tuning: Tuning = TUNING) -> Statevector:
    """Return a matrix of shape (2^n, 2^n), which it will change, as a state whose rows the gates act on."""
    num_qubits = len(entries).bit_length() - 1
    natural_order = (*range(num_qubits, 2 * num_qubits), *range(num_qubits))
    return Statevector(
        entries.reshape(-1),
        {qubit: bit for bit, qubit in enumerate(natural_order)},
        natural_order=natural_order,
        tuning=tuning,
    )


def _row_slices(numbers: Amplitudes) -> Iterator[slice]:
    """Yield slices of rows, each of a few MiB."""
    step = max(1, len(numbers) * _PIECE // numbers.size)
    for start in range(0, len(numbers), step):
        yield slice(start, start + step)
