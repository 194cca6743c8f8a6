"""The classical memories of shots -> a `BitArray` for each register of a circuit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from qiskit.primitives import BitArray

from jobs.manifest import SamplerPubNote
from simulator.circuit.program import WORD_BITS, Register
from simulator.shards.result import Item, SweepOutcome

_BYTE = _WORD_BYTES = 8


class Memories(NamedTuple):
    """What each shot of an experiment left in its clbits."""

    #: Of each shot the bytes of its memory, the least significant first: shape (shots, bytes), uint8.
    shots: NDArray[np.uint8]
    registers: tuple[Register, ...]


def memories(outcomes: Iterable[Item]) -> Iterator[tuple[int, Memories]]:
    """Yield the index of each experiment that has the memory of its shots, and that."""
    for outcome in outcomes:
        width = -(-outcome.outline.num_clbits // _BYTE)
        registers = outcome.outline.header.cregs
        if isinstance(outcome, SweepOutcome):
            if outcome.memory is not None:
                for index, row in zip(outcome.indices(), outcome.memory.ndarray(), strict=True):
                    yield index, Memories(_bytes_of_words(row, width), registers)
        elif outcome.packed is not None:
            if (rows := outcome.packed.readout.rows_of_shots(width)) is not None:
                yield outcome.index, Memories(rows, registers)
        elif outcome.memory is not None:
            yield outcome.index, Memories(_bytes_of_keys(outcome.memory, width), registers)


def bit_arrays(points: Sequence[Memories], shape: tuple[int, ...]) -> dict[str, BitArray]:
    """Return the array of each register, whose points have this shape; they are of one circuit."""
    shots = np.stack([each.shots for each in points])
    arrays = {}
    for register in points[0].registers:
        packed = _packed(shots, register.bits)
        arrays[register.name] = BitArray(packed.reshape(*shape, *packed.shape[1:]), len(register.bits))
    return arrays


def empty_bit_arrays(pub: SamplerPubNote) -> dict[str, BitArray]:
    """Return the array of each register of a PUB that has no points."""
    return {
        name: BitArray(np.zeros((*pub.shape, pub.shots, -(-size // _BYTE)), np.uint8), size)
        for name, size in pub.registers
    }


def _bytes_of_words(words: NDArray[np.integer], width: int) -> NDArray[np.uint8]:
    return words.astype("<u8").view(np.uint8).reshape(words.size, _WORD_BYTES)[:, :width]


def _bytes_of_keys(keys: Sequence[str], width: int) -> NDArray[np.uint8]:
    """Return the bytes of hex keys."""
    if width * _BYTE <= WORD_BITS:
        return _bytes_of_words(np.array([int(key, 16) for key in keys], np.uint64), width)
    joined = b"".join(int(key, 16).to_bytes(width, "little") for key in keys)
    return np.frombuffer(joined, np.uint8).reshape(len(keys), width)


def _packed(shots: NDArray[np.uint8], bits: tuple[int, ...]) -> NDArray[np.uint8]:
    """Return some bits of each memory as `BitArray` has them: the last bit comes first, zeros before it."""
    width = -(-len(bits) // _BYTE)
    first = bits[0] if bits else 0
    if first % _BYTE == 0 and bits == tuple(range(first, first + len(bits))):
        # Whole bytes, but for the bits above the register's last.
        packed = shots[..., first // _BYTE : first // _BYTE + width][..., ::-1].copy()
        if len(bits) % _BYTE:
            packed[..., 0] &= (1 << len(bits) % _BYTE) - 1
        return packed
    single = np.zeros((*shots.shape[:-1], width * _BYTE), np.uint8)
    for place, bit in enumerate(bits):
        single[..., -1 - place] = shots[..., bit // _BYTE] >> (bit % _BYTE) & 1
    return np.packbits(single, axis=-1)
