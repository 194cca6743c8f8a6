"""Randomness as a function of names: (seed, shot number, draw number) -> a uniform in [0, 1).

Draw k of shot s is number s of row k: a run of a Philox generator whose key is the seed, and whose counter is the
shot's and the row's number. So what a shot draws depends on nothing else: not on the number of shots, the shards,
the workers, or the order in which anything is computed.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.monitor import Checkpoint, no_checkpoint
from simulator.piecewise import slices

#: Shots whose draws are made together, where they are remembered.
BLOCK = 1024
#: Shots whose draws are one step of Philox's counter.
_STEP = 4
#: Blocks that are made between two checkpoints.
_FILLED = 256
#: Blocks, of all numbers, that a run remembers beside those that it asks for: at most 8 KiB each.
_REMEMBERED_BLOCKS = 4096


def experiment_seed(seed: int, index: int) -> int:
    """Return the seed of a job's experiment: the job's own for the first, a 63-bit hash for the others."""
    if index == 0:
        return seed
    digest = hashlib.sha256(f"{seed}/{index}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def unit(words: NDArray[np.uint64]) -> NDArray[np.float64]:
    """Return random words of 64 bits as uniform numbers in [0, 1): their 53 high bits, over 2^53."""
    return (words >> np.uint64(11)).astype(np.float64) * 2.0**-53


@dataclass(frozen=True, slots=True)
class Row:
    """The draws of one number, of the shots from ``first`` on; not all of them need be there."""

    first: int
    numbers: NDArray[np.float64]
    #: Which blocks' are there.
    made: NDArray[np.bool_]

    def of(self, shots: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the draws of shots that were asked for."""
        return self.numbers.take(shots - self.first)


class _Generator(threading.local):
    """A Philox generator for each thread: a new one takes longer than a thousand draws."""

    def __init__(self) -> None:
        self.philox = np.random.Philox(key=0)
        self.random = np.random.Generator(self.philox).random


_GENERATOR = _Generator()
_STATE = _GENERATOR.philox.state


class Uniforms:
    """The draws of one run under one seed, 0 <= seed < 2^63: float64, in [0, 1)."""

    def __init__(self, seed: int) -> None:
        self._key = np.array([seed, 0], np.uint64)
        self._counter = np.zeros(4, np.uint64)
        self._state: Any = {**_STATE, "state": {"key": self._key, "counter": self._counter}}
        self._rows: OrderedDict[int, Row] = OrderedDict()

    def begin(self, seed: int) -> None:
        """Go on as the draws of another seed."""
        self._key[0] = seed
        self._rows.clear()

    def draw(
        self, shots: NDArray[np.int64], number: int, checkpoint: Checkpoint = no_checkpoint
    ) -> NDArray[np.float64]:
        """Return the draw of this number of each shot, in any order of the shots."""
        return self.row(shots, number, checkpoint).of(shots) if shots.size else np.empty(0)

    def stretch(self, first: int, count: int, number: int) -> NDArray[np.float64]:
        """Return the draw of this number of each shot from the first on. They are not remembered."""
        before = first % _STEP
        draws = np.empty(-(-(before + count) // _STEP) * _STEP)
        self._fill(draws, first - before, number)
        return draws[before:][:count]

    def row(self, shots: NDArray[np.int64], number: int, checkpoint: Checkpoint = no_checkpoint) -> Row:
        """Return the draws of this number of some shots, at least one, and of others."""
        bounds = [(shots[some].min(), shots[some].max()) for some in slices(shots.size, checkpoint)]
        first, last = int(min(bounds)[0]) // BLOCK, int(max(most for _, most in bounds)) // BLOCK
        row = self._spanning(number, first, last, checkpoint)
        # With as many shots as blocks, the others of these blocks will be asked for soon.
        blocks = np.arange(first, last + 1) if shots.size > last - first else np.unique(shots // BLOCK)
        start = row.first // BLOCK
        missing = blocks[~row.made[blocks - start]]
        for run in np.split(missing, np.flatnonzero(np.diff(missing) > 1) + 1) if missing.size else ():
            for some in slices(run.size, checkpoint, _FILLED):
                begin = int(run[0]) + some.start
                some_blocks = slice(begin - start, int(run[0]) + some.stop - start)
                draws = row.numbers[some_blocks.start * BLOCK : some_blocks.stop * BLOCK]
                self._fill(draws, begin * BLOCK, number)
                row.made[some_blocks] = True
        return row

    def _spanning(self, number: int, first: int, last: int, checkpoint: Checkpoint) -> Row:
        """Return the row of a number, with room for these blocks; it becomes the one that was used last."""
        row = self._rows.pop(number, None)
        if row is None:
            row = self._empty(first, last)
        start = row.first // BLOCK
        if first < start or last >= start + row.made.size:
            wider = self._empty(min(first, start), max(last, start + row.made.size - 1))
            offset = start - wider.first // BLOCK
            wider.made[offset : offset + row.made.size] = row.made
            goal = wider.numbers[offset * BLOCK :]
            for some in slices(row.numbers.size, checkpoint):
                goal[some] = row.numbers[some]
            row = wider
        while self._rows and sum(each.made.size for each in self._rows.values()) > _REMEMBERED_BLOCKS:
            self._rows.popitem(last=False)
        self._rows[number] = row
        return row

    def _empty(self, first: int, last: int) -> Row:
        count = last - first + 1
        return Row(first * BLOCK, np.empty(count * BLOCK), np.zeros(count, np.bool_))

    def _fill(self, draws: NDArray[np.float64], first: int, number: int) -> None:
        """Fill in whole steps: the draws of this number of shots from the first on."""
        self._counter[:2] = first // _STEP, number
        # All of the state, since other draws of this thread come from the same generator.
        _GENERATOR.philox.state = self._state
        _GENERATOR.random(out=draws)
