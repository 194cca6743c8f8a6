"""Run the steps of a stage on a state, chunk by chunk, by all threads at once.

A chunk is copied into scratch memory that stays in the cache of a core, goes through all steps, and is written
back to where it came from, its bits in another order. A chunk of zeros is left alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.gather import gather, move
from simulator.kernels import ONE_THREAD
from simulator.planner import Stage
from simulator.threads import share, thread_count

Numbers = NDArray[Any]

#: Chunks, at least, for each thread beyond the first: waking one up takes as long as some chunks.
_WORTH_A_THREAD = 2


class ChunkStep(Protocol):
    """One step on a chunk."""

    def apply(self, chunk: Numbers, spare: Numbers, number: int) -> tuple[Numbers, Numbers]:
        """Change the chunk of this number, with ``spare`` as scratch; return where it is, and what is spare."""


class Product:
    """Bring a block's qubits to the lowest bits, and multiply by its matrix."""

    def __init__(
        self, matrices: NDArray[Any], bits: tuple[int, ...], sources: tuple[int, ...] | None, *, turned: bool
    ) -> None:
        """Take a matrix in the form of `kernels.real_form` for each value of some ``bits`` of a chunk's number."""
        self._matrices = matrices
        self._bits = bits
        self._width = matrices.shape[-1]
        self._height = max(1, (1 << ONE_THREAD) // self._width**2)
        self._turned = turned
        self._gather = None if sources is None else gather(sources)

    def apply(self, chunk: Numbers, spare: Numbers, number: int) -> tuple[Numbers, Numbers]:
        """Gather into ``spare``, multiply back into ``chunk``."""
        if self._gather is not None:
            move(self._gather, chunk, spare)
            chunk, spare = spare, chunk
        variant = 0
        for place, bit in enumerate(self._bits):
            variant |= (number >> bit & 1) << place
        numbers, width = self._matrices.dtype, self._width
        height = min(chunk.nbytes // (width * numbers.itemsize), self._height)
        rows = chunk.view(numbers).reshape(-1, height, width)
        if self._turned:
            result = spare.view(numbers).reshape(width, -1, height).transpose(1, 2, 0)
        else:
            result = spare.view(numbers).reshape(-1, height, width)
        if height == 1:
            # Two rows, so that BLAS does here what it does where several states are multiplied at once.
            result[...] = np.matmul(np.concatenate([rows, rows], axis=1), self._matrices[variant])[:, :1]
        else:
            np.matmul(rows, self._matrices[variant], out=result)
        return spare, chunk


class Scratch:
    """Two buffers of a chunk's size for each thread."""

    def __init__(self, size: int, dtype: np.dtype[Any]) -> None:
        self._shape = (2, 1 << size)
        self._dtype = dtype
        self._free: list[Numbers] = []

    def take(self) -> Numbers:
        """Return a pair that nobody uses."""
        return self._free.pop() if self._free else np.empty(self._shape, self._dtype)

    def give_back(self, pair: Numbers) -> None:
        """Let others use the pair."""
        self._free.append(pair)


def run_at_once(psi: Numbers, stage: Stage, steps: Iterable[ChunkStep], checkpoint: Callable[[], None]) -> Numbers:
    """Run a stage on a state that is one chunk; return where it is then."""
    spare = np.empty_like(psi)
    for step in steps:
        checkpoint()
        psi, spare = step.apply(psi, spare, 0)
    if stage.sources is not None:
        move(gather(stage.sources), psi, spare)
        psi = spare
    return psi


def run_by_chunks(
    psi: Numbers,
    stage: Stage,
    steps: Sequence[ChunkStep],
    live: int,
    scratch: Scratch,
    checkpoint: Callable[[], None],
) -> None:
    """Run a stage on a state, in place; ``live`` are the qubits that are not certainly in |0>."""
    num_bits = psi.size.bit_length() - 1
    axes = [num_bits - 1 - bit for bit in (*stage.outer, *reversed(stage.local))]
    chunks = psi.reshape((2,) * num_bits).transpose(axes)
    shape = (2,) * len(stage.local)
    lively = sum(1 << place for place, qubit in enumerate(stage.outer_qubits) if live >> qubit & 1)
    outer = range(len(stage.outer))

    def work(numbers: Iterator[int]) -> None:
        pair = scratch.take()
        for number in numbers:
            place = chunks[tuple([number >> bit & 1 for bit in outer])]
            chunk, spare = pair
            np.copyto(chunk.reshape(shape), place)
            if _is_zero(chunk):
                continue
            for step in steps:
                chunk, spare = step.apply(chunk, spare, number)
            np.copyto(place, chunk.reshape(shape))
        scratch.give_back(pair)

    def looked(numbers: Iterator[int]) -> Iterator[int]:
        for number in numbers:
            checkpoint()
            yield number

    count = 1 << lively.bit_count()
    share(
        lambda numbers: work(looked(numbers)),
        work,
        _subsets(lively),
        min(thread_count() - 1, count // _WORTH_A_THREAD),
    )


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
