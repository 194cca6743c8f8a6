"""Pauli rotations as steps on a chunk, and on a state where one flips more bits than a chunk has."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from simulator.circuit.pauli import PauliString
from simulator.evolve.chunks import Chunk, ChunkBuffers
from simulator.kernels.rotation import Rotation, RotationSpec
from simulator.kernels.threads import share
from simulator.monitor import Checkpoint
from simulator.tuning import TUNING, Tuning
from simulator.typing import Amplitudes


class PauliRotation(Rotation):
    """A rotation as a step on a chunk."""

    __slots__ = ()

    def apply(self, chunk: Chunk, spare: Chunk, number: int) -> tuple[Chunk, Chunk]:
        """Rotate in place."""
        self.rotate(chunk.amplitudes, chunk.amplitudes, spare.amplitudes, number)
        return chunk, spare

    def apply_to_pair(self, one: Amplitudes, other: Amplitudes, spare: tuple[Chunk, Chunk], number: int) -> None:
        """Rotate two chunks whose amplitudes the string exchanges; ``number`` is the first one's."""
        first, second = (each.amplitudes for each in spare)
        np.copyto(second, one)
        self.rotate(one, other, first, number)
        self.rotate(other, second, first, number ^ self.spec.outer_flips)


def rotate_state(
    psi: Amplitudes,
    letters: str,
    bits: tuple[int, ...],
    theta: float,
    checkpoint: Checkpoint,
    tuning: Tuning = TUNING,
) -> None:
    """Rotate a whole state, in place, about a string that flips more bits than a chunk has."""
    num_bits = psi.size.bit_length() - 1
    size = min(num_bits, tuning.chunk_bits)
    string, spots = PauliString.of(letters), tuple([bit if bit < size else ~(bit - size) for bit in bits])
    spec = RotationSpec(string.flips, string.signs, string.phase, spots, size)
    step = PauliRotation(spec, np.array([theta]), psi.dtype)
    chunks = psi.reshape(-1, 1 << size)
    buffers = ChunkBuffers(size, psi.dtype)

    def work(numbers: Iterator[int], _: Checkpoint) -> None:
        spare = buffers.take()
        for number in numbers:
            other = number ^ spec.outer_flips
            if other == number:
                step.apply(Chunk(chunks[number]), spare[0], number)
            elif number < other:
                step.apply_to_pair(chunks[number], chunks[other], spare, number)
        buffers.give_back(spare)

    share(work, range(len(chunks)), checkpoint, len(chunks) // 2)
