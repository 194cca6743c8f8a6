"""Rotations about Pauli strings: exp(-i theta/2 P) psi = cos(theta/2) psi - i sin(theta/2) P psi.

P psi is psi with some bits of its index flipped, times a sign for each index, which is a parity of some of its
bits, and times a power of i. So a rotation takes a gather and a few multiplications, whatever the number of its
qubits. Where P has an odd number of Y, all of it is real.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.gates import PauliString
from simulator.evolve.chunks import Chunk, Scratch
from simulator.kernels.dense import as_type
from simulator.kernels.threads import share, thread_count
from simulator.monitor import Checkpoint
from simulator.tuning import TUNING, Tuning

Numbers = NDArray[Any]
#: log2 of the signs that one vector holds, of which there may be 4 MiB; the others are one for each of the rows.
_LOW = 9


class Rotation:
    """How a rotation goes on a chunk of 2^size amplitudes, whatever its angle."""

    __slots__ = ("factor", "flips", "high", "low", "outer", "outer_flips")

    def __init__(self, letters: str, bits: tuple[int, ...], size: int) -> None:
        """Take, for each letter, a bit of the chunk, or ``~bit`` of the chunk's number."""
        string, outside = PauliString.of(letters), tuple([~bit for bit in bits])
        signs = _spread(string.signs, bits)
        low = min(size, _LOW)
        #: The bits that are flipped; masks only, since a plan may have thousands of these.
        self.flips = _spread(string.flips, bits)
        #: Masks and numbers of bits: what `_signs` takes for the low bits, and for the others.
        self.low = signs & (1 << low) - 1, low
        self.high = signs >> low, size - low
        #: Of a chunk's number: the bits whose parity is a sign, and those that are flipped.
        self.outer, self.outer_flips = _spread(string.signs, outside), _spread(string.flips, outside)
        #: That the sine is multiplied by.
        self.factor = -1j * string.phase


class Turning:
    """A rotation with its angle, or with one for each of several states: a step on a chunk."""

    __slots__ = ("_cos", "_low", "_rotation", "_sin")

    def __init__(self, rotation: Rotation, theta: NDArray[np.float64], dtype: np.dtype[Any]) -> None:
        """Take one angle, shape (1,), or many, shape (states, 1), for states of a type."""
        sin, high = rotation.factor * np.sin(theta / 2), _signs(*rotation.high)
        self._rotation = rotation
        #: Shapes (..., 1), and (..., chunk's rows, 1).
        self._cos = np.cos(theta / 2).astype(np.empty(0, dtype).real.dtype)
        self._sin = as_type(sin[..., None] * high[:, None], dtype)
        self._low = _signs_of(*rotation.low, dtype)

    def apply(self, chunk: Chunk, spare: Chunk, number: int) -> tuple[Chunk, Chunk]:
        """Turn in place."""
        self.turn(chunk.numbers, chunk.numbers, spare.numbers, number)
        return chunk, spare

    def apply_to_pair(self, one: Numbers, other: Numbers, spare: tuple[Chunk, Chunk], number: int) -> None:
        """Turn two chunks of which each is flipped into the other; ``number`` is the first's."""
        first, second = (each.numbers for each in spare)
        np.copyto(second, one)
        self.turn(one, other, first, number)
        self.turn(other, second, first, number ^ self._rotation.outer_flips)

    def turn(self, goal: Numbers, source: Numbers, spare: Numbers, number: int = 0) -> None:
        """Make of the goal, which has this number, cos(theta/2) times itself - i sin(theta/2) P times the source.

        All have the shape (..., 2^size) and are contiguous; ``spare`` is scratch.
        """
        lead, flips = source.shape[:-1], self._rotation.flips
        if flips:
            # Rows of neighbours that stay together. Their index takes a sixth of the time of the gather.
            row = (flips & -flips).bit_length() - 1
            index = _numbers(source.shape[-1] >> row) ^ flips >> row
            shape = (*lead, -1, 1 << row)
            source.reshape(shape).take(index, len(lead), spare.reshape(shape), "clip")
        else:
            np.copyto(spare, source)
        parts = spare.reshape(*lead, -1, 1 << self._rotation.low[1])
        if self._low.size > 1:
            np.multiply(parts, self._low, parts)
        np.multiply(parts, self._sin, parts)
        reals = goal.view(self._cos.dtype)
        np.multiply(reals, self._cos, reals)
        combine = np.subtract if (number & self._rotation.outer).bit_count() % 2 else np.add
        combine(goal, spare, goal)


def rotate(
    psi: Numbers,
    letters: str,
    bits: tuple[int, ...],
    theta: float,
    checkpoint: Checkpoint,
    tuning: Tuning = TUNING,
) -> None:
    """Turn a whole state, in place, where the string flips more bits than a chunk has."""
    num_bits = psi.size.bit_length() - 1
    size = min(num_bits, tuning.chunk_bits)
    rotation = Rotation(letters, tuple([bit if bit < size else ~(bit - size) for bit in bits]), size)
    step = Turning(rotation, np.array([theta]), psi.dtype)
    chunks = psi.reshape(-1, 1 << size)
    scratch = Scratch(size, psi.dtype)

    def work(numbers: Iterator[int]) -> None:
        spare = scratch.take()
        for number in numbers:
            other = number ^ rotation.outer_flips
            if other == number:
                step.apply(Chunk(chunks[number]), spare[0], number)
            elif number < other:
                step.apply_to_pair(chunks[number], chunks[other], spare, number)
        scratch.give_back(spare)

    def looked(numbers: Iterator[int]) -> Iterator[int]:
        for number in numbers:
            checkpoint()
            yield number

    helpers = min(thread_count() - 1, len(chunks) // 2)
    share(lambda numbers: work(looked(numbers)), work, range(len(chunks)), helpers, checkpoint)


def _spread(mask: int, bits: tuple[int, ...]) -> int:
    """Return a mask over bits from one over their places; negative bits are left out."""
    return sum(1 << bit for place, bit in enumerate(bits) if bit >= 0 and mask >> place & 1)


def _signs(mask: int, size: int) -> NDArray[np.float64]:
    """Return (-1)^|i & mask| for i below 2^size; a single 1 where the mask is 0."""
    signs = np.ones(1)
    if not mask:
        return signs
    for bit in range(size):
        signs = np.concatenate([signs, -signs if mask >> bit & 1 else signs])
    return signs


@lru_cache(maxsize=1 << _LOW)
def _signs_of(mask: int, size: int, dtype: np.dtype[Any]) -> Numbers:
    return _signs(mask, size).astype(dtype)


@lru_cache(maxsize=16)
def _numbers(count: int) -> NDArray[np.intp]:
    return np.arange(count)
