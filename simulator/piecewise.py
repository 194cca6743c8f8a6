"""Work on long arrays and lists piece by piece, with a checkpoint before each piece.

Done at once, it would take seconds without a checkpoint.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from simulator.monitor import Checkpoint
from simulator.typing import Indices

T = TypeVar("T")

#: Numbers in a piece, which take some milliseconds to sort; they need not stay in a cache.
PIECE = 1 << 16
#: Items, such as instructions, between two checkpoints.
_ITEMS = 1 << 13
#: How many numbers of a piece are looked at to find where to cut.
_SAMPLES = 1 << 7


def slices(size: int, checkpoint: Checkpoint, step: int = PIECE) -> Iterator[slice]:
    """Yield slices of ``step`` numbers that cover ``size``; calls ``checkpoint`` before each."""
    for start in range(0, size, step):
        checkpoint()
        yield slice(start, min(start + step, size))


def with_checkpoints(items: Iterable[T], checkpoint: Checkpoint, step: int = _ITEMS) -> Iterator[T]:
    """Return an iterator over the items that calls ``checkpoint`` every ``step`` of them."""
    if isinstance(items, (list, tuple)) and len(items) <= step:
        checkpoint()
        return iter(items)
    return _with_checkpoints(iter(items), checkpoint, step)


def _with_checkpoints(source: Iterator[T], checkpoint: Checkpoint, step: int) -> Iterator[T]:
    while batch := list(islice(source, step)):
        checkpoint()
        yield from batch


def integers(first: int, count: int, checkpoint: Checkpoint) -> NDArray[np.int64]:
    """Return ``count`` integers from ``first`` on."""
    numbers = np.empty(count, np.int64)
    for some in slices(count, checkpoint):
        numbers[some] = np.arange(first + some.start, first + some.stop)
    return numbers


def concatenate(arrays: Sequence[NDArray[Any]], checkpoint: Checkpoint) -> NDArray[Any]:
    """Return one or more arrays of one axis, one behind the other."""
    size = sum(array.size for array in arrays)
    if len(arrays) == 1:
        return arrays[0]
    if size <= PIECE:
        return np.concatenate(arrays)
    whole = np.empty(size, arrays[0].dtype)
    end = 0
    for array in arrays:
        start, end = end, end + array.size
        goal = whole[start:end]
        for some in slices(array.size, checkpoint):
            goal[some] = array[some]
    return whole


def take_rows(rows: NDArray[Any], indices: Indices, checkpoint: Checkpoint) -> NDArray[Any]:
    """Return some rows of an array of two axes."""
    if indices.size * rows.shape[1] <= PIECE:
        return rows.take(indices, axis=0)
    found = np.empty((indices.size, rows.shape[1]), rows.dtype)
    together = max(1, PIECE // rows.shape[1])
    for some in slices(indices.size, checkpoint, together):
        for part in slices(rows.shape[1], checkpoint):
            found[some, part] = rows[indices[some], part]
    return found


def aligned_slices(
    runs: Sequence[NDArray[Any]], checkpoint: Checkpoint, piece: int = PIECE
) -> Iterator[list[slice]]:
    """Cut runs, each ascending, at the same values; yield a slice of each run for each stretch of values.

    The slices have about ``piece`` numbers together, unless a run has a number many times.
    """
    size = sum(run.size for run in runs)
    if size <= piece:
        yield [slice(0, run.size) for run in runs]
        return
    sampled = max(1, piece // _SAMPLES)
    samples = np.concatenate([run[sampled // 2 :: sampled] for run in runs])
    samples.sort()
    cuts = np.unique(samples[:: max(1, piece // sampled)][1:])
    starts = [0] * len(runs)
    ends = np.empty((cuts.size + 1, len(runs)), np.intp)
    for number, run in enumerate(runs):
        checkpoint()
        ends[:-1, number] = np.searchsorted(run, cuts)
        ends[-1, number] = run.size
    for end in ends.tolist():
        checkpoint()
        yield list(map(slice, starts, end))
        starts = end
