"""Run the steps of a stage on a state, chunk by chunk, in all threads at once.

A chunk is copied into scratch memory that stays in the cache of a core, goes through all steps, and is written
back to where it came from, its bits in another order. A chunk of zeros is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np

from simulator.kernels.bits import gather, move, subsets
from simulator.kernels.threads import share
from simulator.monitor import Checkpoint
from simulator.plan.plan import Stage
from simulator.typing import Amplitudes

#: log2 of the bytes that are written between two checkpoints to memory that nothing may have touched yet, which
#: can be slow.
_UNTOUCHED = 21
#: Fewest chunks for each thread beyond the first: waking a thread takes as long as some chunks.
_WORTH_A_THREAD = 2


class Chunk:
    """A buffer of amplitudes, and views of it in the shapes that steps ask for, each made once."""

    __slots__ = ("amplitudes", "real_rows", "rows")

    def __init__(self, amplitudes: Amplitudes) -> None:
        #: Shape (2^bits,), contiguous.
        self.amplitudes = amplitudes
        #: Length -> the amplitudes as rows of this length; for 1, the buffer itself.
        self.rows = _Views(amplitudes)
        #: Length -> the real numbers that the amplitudes are made of, as rows of this length; for 1, all of them.
        self.real_rows = _RealViews(amplitudes)


class _Views(dict[int, Amplitudes]):
    __slots__ = ("amplitudes",)

    def __init__(self, amplitudes: Amplitudes) -> None:
        self.amplitudes = amplitudes

    def __missing__(self, length: int) -> Amplitudes:
        view = self[length] = self.amplitudes.reshape(-1, length) if length > 1 else self.amplitudes
        return view


class _RealViews(_Views):
    __slots__ = ()

    def __missing__(self, length: int) -> Amplitudes:
        reals = self.amplitudes.view(self.amplitudes.real.dtype)
        view = self[length] = reals.reshape(-1, length) if length > 1 else reals
        return view


class ChunkStep(Protocol):
    """One step on a chunk."""

    def apply(self, chunk: Chunk, spare: Chunk, number: int) -> tuple[Chunk, Chunk]:
        """Change the chunk of this number, with ``spare`` as scratch; return both, where they are then."""


class ChunkBuffers:
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


def run_at_once(psi: Amplitudes, stage: Stage, steps: Iterable[ChunkStep], checkpoint: Checkpoint) -> Amplitudes:
    """Run a stage on a state that is one chunk; return the buffer that it is in then."""
    chunk, spare = Chunk(psi), Chunk(np.empty_like(psi))
    for step in steps:
        checkpoint()
        chunk, spare = step.apply(chunk, spare, 0)
    if stage.sources is not None:
        move(gather(stage.sources), chunk.amplitudes, spare.amplitudes)
        return spare.amplitudes
    return chunk.amplitudes


def run_by_chunks(
    psi: Amplitudes,
    stage: Stage,
    steps: Sequence[ChunkStep],
    maybe_excited: int,
    buffers: ChunkBuffers,
    checkpoint: Checkpoint,
) -> None:
    """Run a stage on a state, in goal; ``maybe_excited`` are the qubits that may not be in |0>."""
    num_bits = psi.size.bit_length() - 1
    axes = [num_bits - 1 - bit for bit in (*stage.outer, *reversed(stage.local))]
    chunks = psi.reshape((2,) * num_bits).transpose(axes)
    shape = (2,) * len(stage.local)
    excited = sum(1 << index for index, qubit in enumerate(stage.outer_qubits) if maybe_excited >> qubit & 1)
    outer = range(len(stage.outer))
    # A chunk lies in so many separate stretches of memory; the high bits of its number say in which.
    row = (1 << _UNTOUCHED).bit_length() - psi.itemsize.bit_length()
    stretches = sum(bit >= row for bit in stage.local)
    which = sum(1 << index for index, bit in enumerate(stage.outer) if bit >= row) if stretches else 0
    touched: set[int] = set()

    def write_back(number: int, goal: Amplitudes, amplitudes: Amplitudes, own_checkpoint: Checkpoint) -> None:
        # The first chunk in some stretches may be the first to touch their memory, even of the whole state.
        if not stretches or number & which in touched:
            np.copyto(goal, amplitudes)
        else:
            touched.add(number & which)
            copy_slowly(goal, amplitudes, stretches, own_checkpoint)

    def work(numbers: Iterator[int], own_checkpoint: Checkpoint) -> None:
        pair = buffers.take()
        for number in numbers:
            goal = chunks[tuple([number >> bit & 1 for bit in outer])]
            chunk, spare = pair
            np.copyto(chunk.amplitudes.reshape(shape), goal)
            if _is_zero(chunk.amplitudes):
                continue
            for step in steps:
                chunk, spare = step.apply(chunk, spare, number)
            write_back(number, goal, chunk.amplitudes.reshape(shape), own_checkpoint)
        buffers.give_back(pair)

    share(work, subsets(excited), checkpoint, (1 << excited.bit_count()) // _WORTH_A_THREAD)


def copy_slowly(goal: Amplitudes, amplitudes: Amplitudes, high: int, checkpoint: Checkpoint) -> None:
    """Copy amplitudes, shape (2, ..., 2), with a checkpoint for each value of the highest bits."""
    for index in np.ndindex(goal.shape[: min(high, goal.ndim - 1)]):
        checkpoint()
        np.copyto(goal[index], amplitudes[index])


def _is_zero(chunk: Amplitudes) -> bool:
    return chunk[0] == 0 and not chunk.view(np.uint32).max()
