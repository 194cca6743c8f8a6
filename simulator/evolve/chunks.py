"""Run the steps of a stage on a state, chunk by chunk, by all threads at once.

A chunk is copied into scratch memory that stays in the cache of a core, goes through all steps, and is written
back to where it came from, its bits in another order. A chunk of zeros is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.kernels.bits import gather, move
from simulator.kernels.dense import ONE_THREAD
from simulator.kernels.threads import share, thread_count
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.plan.plan import Stage

Numbers = NDArray[Any]

#: Bytes, log2, between two checkpoints of memory that nothing may have touched: slow where a host gives it.
_SLOWLY = 21
#: Chunks, at least, for each thread beyond the first: waking one up takes as long as some chunks.
_WORTH_A_THREAD = 2


class Chunk:
    """A buffer of numbers, and views of it in the shapes that steps ask for, each made once."""

    __slots__ = ("matrices", "numbers", "rows")

    def __init__(self, numbers: Numbers) -> None:
        #: Shape (2^bits,), contiguous.
        self.numbers = numbers
        #: Length -> the numbers as rows of this length; for 1, themselves.
        self.rows = _Views(numbers)
        #: Length -> the same of the real numbers that they are made of.
        self.matrices = _RealViews(numbers)


class _Views(dict[int, Numbers]):
    __slots__ = ("numbers",)

    def __init__(self, numbers: Numbers) -> None:
        self.numbers = numbers

    def __missing__(self, length: int) -> Numbers:
        view = self[length] = self.numbers.reshape(-1, length) if length > 1 else self.numbers
        return view


class _RealViews(_Views):
    __slots__ = ()

    def __missing__(self, length: int) -> Numbers:
        reals = self.numbers.view(self.numbers.real.dtype)
        view = self[length] = reals.reshape(-1, length) if length > 1 else reals
        return view


class ChunkStep(Protocol):
    """One step on a chunk."""

    def apply(self, chunk: Chunk, spare: Chunk, number: int) -> tuple[Chunk, Chunk]:
        """Change the chunk of this number, with ``spare`` as scratch; return where it is, and what is spare."""


class Shape:
    """How a product goes, whatever its matrices."""

    __slots__ = ("bits", "gather", "height", "side", "turned", "width")

    def __init__(self, width: int, bits: tuple[int, ...], sources: tuple[int, ...] | None, turned: bool) -> None:
        #: The side of a matrix of real numbers.
        self.width = width
        #: Of a chunk's number: they say which matrix it is.
        self.bits = bits
        #: How the block's qubits come to the lowest bits; None: they are there.
        self.gather = None if sources is None else gather(sources)
        self.side = 0 if self.gather is None else 1 << self.gather[0]
        self.turned = turned
        #: Rows that are multiplied at a time.
        self.height = rows_at_once(1 << ONE_THREAD, width)


class Product:
    """Bring a block's qubits to the lowest bits, and multiply by its matrix."""

    __slots__ = ("_matrices", "_shape")

    def __init__(self, matrices: Sequence[Numbers], shape: Shape) -> None:
        """Take a matrix in the form of `real_form` for each value of the shape's bits."""
        self._matrices = matrices
        self._shape = shape

    def apply(self, chunk: Chunk, spare: Chunk, number: int) -> tuple[Chunk, Chunk]:
        """Gather into ``spare``, multiply back into ``chunk``."""
        shape = self._shape
        if shape.gather is not None:
            side = shape.side
            chunk.rows[side].take(shape.gather[1], 0, spare.rows[side], "clip")
            chunk, spare = spare, chunk
        variant = 0
        for place, bit in enumerate(shape.bits):
            variant |= (number >> bit & 1) << place
        matrix, rows = self._matrices[variant], chunk.matrices[shape.width]
        if 1 < len(rows) <= shape.height and not shape.turned:
            np.dot(rows, matrix, spare.matrices[shape.width])
        else:
            self._multiply_parts(rows, matrix, spare)
        return spare, chunk

    def _multiply_parts(self, rows: Numbers, matrix: Numbers, goal: Chunk) -> None:
        width = self._shape.width
        height = min(len(rows), self._shape.height)
        if self._shape.turned:
            result = goal.matrices[1].reshape(width, -1, height).transpose(1, 2, 0)
        else:
            result = goal.matrices[1].reshape(-1, height, width)
        multiply(rows.reshape(-1, height, width), matrix, result)


def rows_at_once(rows: int, width: int) -> int:
    """Return how many rows a matrix of this width multiplies at once: so few that BLAS uses one thread."""
    return min(rows, max(1, (1 << ONE_THREAD) // width**2))


def multiply(rows: Numbers, matrices: Numbers, result: Numbers) -> None:
    """Multiply rows, shape (..., height, width), by a matrix, or by one for each of the leading places."""
    if rows.shape[-2] == 1:
        # Two rows, so that BLAS does here what it does where several states are multiplied at once.
        result[...] = np.matmul(np.concatenate([rows, rows], axis=-2), matrices)[..., :1, :]
    else:
        np.matmul(rows, matrices, out=result)


class Scratch:
    """Two buffers of a chunk's size for each thread."""

    def __init__(self, size: int, dtype: np.dtype[Any]) -> None:
        self._shape = (2, 1 << size)
        self._dtype = dtype
        self._free: list[tuple[Chunk, Chunk]] = []

    def take(self) -> tuple[Chunk, Chunk]:
        """Return a pair that nobody uses."""
        if self._free:
            return self._free.pop()
        one, other = np.empty(self._shape, self._dtype)
        return Chunk(one), Chunk(other)

    def give_back(self, pair: tuple[Chunk, Chunk]) -> None:
        """Let others use the pair."""
        self._free.append(pair)


def run_at_once(psi: Numbers, stage: Stage, steps: Iterable[ChunkStep], checkpoint: Checkpoint) -> Numbers:
    """Run a stage on a state that is one chunk; return where it is then."""
    chunk, spare = Chunk(psi), Chunk(np.empty_like(psi))
    for step in steps:
        checkpoint()
        chunk, spare = step.apply(chunk, spare, 0)
    if stage.sources is not None:
        move(gather(stage.sources), chunk.numbers, spare.numbers)
        return spare.numbers
    return chunk.numbers


def run_by_chunks(
    psi: Numbers,
    stage: Stage,
    steps: Sequence[ChunkStep],
    live: int,
    scratch: Scratch,
    checkpoint: Checkpoint,
) -> None:
    """Run a stage on a state, in place; ``live`` are the qubits that are not certainly in |0>."""
    num_bits = psi.size.bit_length() - 1
    axes = [num_bits - 1 - bit for bit in (*stage.outer, *reversed(stage.local))]
    chunks = psi.reshape((2,) * num_bits).transpose(axes)
    shape = (2,) * len(stage.local)
    lively = sum(1 << place for place, qubit in enumerate(stage.outer_qubits) if live >> qubit & 1)
    outer = range(len(stage.outer))
    # A chunk lies in so many pieces of memory; its number's high bits say in which.
    row = (1 << _SLOWLY).bit_length() - psi.itemsize.bit_length()
    pieces = sum(bit >= row for bit in stage.local)
    which = sum(1 << place for place, bit in enumerate(stage.outer) if bit >= row) if pieces else 0
    touched: set[int] = set()

    def put(number: int, place: Numbers, numbers: Numbers, look: Checkpoint) -> None:
        # The first of those in the same pieces may be the first to touch their memory, of the whole state even.
        if not pieces or number & which in touched:
            np.copyto(place, numbers)
        else:
            touched.add(number & which)
            _put_slowly(place, numbers, pieces, look)

    def work(numbers: Iterator[int], look: Checkpoint = no_checkpoint) -> None:
        pair = scratch.take()
        for number in numbers:
            place = chunks[tuple([number >> bit & 1 for bit in outer])]
            chunk, spare = pair
            np.copyto(chunk.numbers.reshape(shape), place)
            if _is_zero(chunk.numbers):
                continue
            for step in steps:
                chunk, spare = step.apply(chunk, spare, number)
            put(number, place, chunk.numbers.reshape(shape), look)
        scratch.give_back(pair)

    def looked(numbers: Iterator[int]) -> Iterator[int]:
        for number in numbers:
            checkpoint()
            yield number

    count = 1 << lively.bit_count()
    share(
        lambda numbers: work(looked(numbers), checkpoint),
        work,
        _subsets(lively),
        min(thread_count() - 1, count // _WORTH_A_THREAD),
        checkpoint,
    )


def _put_slowly(place: Numbers, numbers: Numbers, high: int, checkpoint: Checkpoint) -> None:
    """Copy numbers to their place, both of shape (2, ..., 2), a checkpoint for each value of the highest bits."""
    for index in np.ndindex(place.shape[: min(high, place.ndim - 1)]):
        checkpoint()
        np.copyto(place[index], numbers[index])


def _is_zero(chunk: Numbers) -> bool:
    return chunk[0] == 0 and not chunk.view(np.uint32).max()


def _subsets(members: int) -> Iterator[int]:
    """Yield all subsets of a set, as numbers, ascending."""
    subset = 0
    while True:
        yield subset
        subset = (subset - members) & members
        if not subset:
            return
