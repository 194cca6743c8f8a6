"""Long arrays in pieces, with a checkpoint before each: at once they would be a stretch of seconds without one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from simulator.monitor import Checkpoint

T = TypeVar("T")

#: Numbers of a piece: some milliseconds of a sort.
PIECE = 1 << 16
#: Instructions that are looked at between two checkpoints.
_ITEMS = 1 << 13
#: One of so many numbers is looked at to find where to cut.
_SAMPLED = 1 << 9


def looked(size: int, checkpoint: Checkpoint, step: int | None = None) -> Iterator[slice]:
    """Yield slices of ``step`` numbers, or `PIECE`, that cover so many; calls ``checkpoint`` before each."""
    step = step or PIECE
    for start in range(0, size, step):
        checkpoint()
        yield slice(start, min(start + step, size))


def each(items: Iterable[T], checkpoint: Checkpoint) -> Iterator[T]:
    """Return an iterator over the items that calls ``checkpoint`` now and then."""
    if isinstance(items, (list, tuple)) and len(items) <= _ITEMS:
        checkpoint()
        return iter(items)
    return _each(iter(items), checkpoint)


def _each(source: Iterator[T], checkpoint: Checkpoint) -> Iterator[T]:
    while batch := list(islice(source, _ITEMS)):
        checkpoint()
        yield from batch


def numbered(first: int, count: int, checkpoint: Checkpoint) -> NDArray[np.int64]:
    """Return so many numbers from the first on."""
    numbers = np.empty(count, np.int64)
    for some in looked(count, checkpoint):
        numbers[some] = np.arange(first + some.start, first + some.stop)
    return numbers


def concatenated(arrays: Sequence[NDArray[Any]], checkpoint: Checkpoint) -> NDArray[Any]:
    """Return arrays of one axis one behind the other, at least one."""
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
        for some in looked(array.size, checkpoint):
            goal[some] = array[some]
    return whole


def taken(rows: NDArray[Any], places: NDArray[np.intp], checkpoint: Checkpoint) -> NDArray[Any]:
    """Return the rows at some places, of an array of two axes."""
    if places.size * rows.shape[1] <= PIECE:
        return rows.take(places, axis=0)
    found = np.empty((places.size, rows.shape[1]), rows.dtype)
    together = max(1, PIECE // rows.shape[1])
    for some in looked(places.size, checkpoint, together):
        for part in looked(rows.shape[1], checkpoint):
            found[some, part] = rows[places[some], part]
    return found


def shared_cuts(runs: Sequence[NDArray[Any]], checkpoint: Checkpoint) -> Iterator[list[slice]]:
    """Cut runs, each ascending, at the same values; yield a slice of each run at a time, ascending.

    The slices have about as many numbers together as a piece, if no run has a number many times.
    """
    size = sum(run.size for run in runs)
    if size <= PIECE:
        yield [slice(0, run.size) for run in runs]
        return
    samples = np.concatenate([run[_SAMPLED // 2 :: _SAMPLED] for run in runs])
    samples.sort()
    cuts = np.unique(samples[:: max(1, PIECE // _SAMPLED)][1:])
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
