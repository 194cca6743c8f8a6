"""Fair bits and rare events as a function of names: the seed, the shot's block, and the number of the draw.

Shots are in blocks of 1,024. All that a block's shots draw of one number is one stretch of a Philox generator,
whose key is the seed and whose counter begins at the number and the block: so what a shot draws depends on nothing
else. A run of some of a block's shots draws for all, and leaves the others out.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.rng import unit
from simulator.sampling.logarithms import log, log_of_rest
from simulator.stabilizer.layering.rows import Words

#: Shots of a block, and words that have a bit of each.
BLOCK = 1024
BLOCK_WORDS = BLOCK // 64
#: Words that are one step of Philox's counter.
_STEP = 4
#: The third word of the counter: 0 is that of `simulator.rng`. Channels and readout errors have those from the
#: last on.
_BITS, _EVENTS = 2, 16
#: Bytes that the rows of the blocks that go together may have, to stay in a core's cache, and most such blocks.
IN_CACHE, _MOST_BLOCKS = 1 << 19, 32
#: Events that the blocks that go together are expected to have: there is no checkpoint while they are drawn.
MOST_EVENTS = 1 << 17
#: Gaps between events that are looked at together.
_TOGETHER = 1 << 13
#: Places whose numbers have 16 bits.
_SHORT = 1 << 16


def fitting_blocks(rows: int, events: float) -> int:
    """Return how many blocks stay in a core's cache together, of so many rows and of so many events a shot."""
    by_rows = IN_CACHE // (8 * BLOCK_WORDS * max(1, rows))
    return min(_MOST_BLOCKS, max(1, by_rows), blocks_of_few_events(events))


def blocks_of_few_events(events: float) -> int:
    """Return how many blocks may be drawn together between two checkpoints, of so many events a shot."""
    return max(1, int(MOST_EVENTS / max(1.0, BLOCK * events)))


@dataclass(frozen=True, slots=True, eq=False)
class Events:
    """What happens in some shots at some places, ascending by place, and then by shot."""

    places: NDArray[np.int64]
    #: The shot, counted from the first of the blocks that were asked for, as if each followed the one before it.
    shots: NDArray[np.int64]
    #: A random number of each, of 64 bits.
    numbers: Words


class _Generator(threading.local):
    """A Philox generator for each thread: a new one takes longer than a thousand draws."""

    def __init__(self) -> None:
        self.philox = np.random.Philox(key=0)


_GENERATOR = _Generator()
_STATE = _GENERATOR.philox.state


class Draws:
    """The draws of one run under one seed, 0 <= seed < 2^63.

    Where shots take different ways, ``visit`` is how many segments a shot has run: each has draws of its own.
    """

    def __init__(self, seed: int, visit: int = 0) -> None:
        self._counter = np.array([0, 0, 0, visit], np.uint64)
        key = np.array([seed, 0], np.uint64)
        self._state: Any = {**_STATE, "state": {"key": key, "counter": self._counter}}

    def bits(self, first_number: int, count: int, blocks: Sequence[int]) -> Words:
        """Return fair bits, a row a number: bit s % 64 of word s // 64 is that of shot s of the blocks."""
        found = np.empty((count, len(blocks), BLOCK_WORDS), np.uint64)
        for index, block in enumerate(blocks):
            self._seek(first_number * (BLOCK_WORDS // _STEP), block, _BITS)
            found[:, index] = _words(count * BLOCK_WORDS).reshape(count, BLOCK_WORDS)
        return found.reshape(count, len(blocks) * BLOCK_WORDS)

    def events(
        self,
        probability: float,
        num_places: int,
        blocks: Sequence[int],
        *,
        stream: int,
    ) -> Events:
        """Return what happens, with a probability, at each of some places in each shot.

        Other streams are independent.
        """
        trials = num_places * BLOCK
        gaps = _gaps_at_once(probability, trials)
        # Many short stretches are looked at together, as each call into NumPy takes as long as a hundred events.
        together = max(1, _TOGETHER // max(1, gaps))
        found = []
        for start in range(0, len(blocks), together):
            rows, at, numbers = self._happening(
                probability, trials, blocks[start : start + together], stream, gaps
            )
            found.append((at // BLOCK, at % BLOCK + (start + rows) * BLOCK, numbers))
        places, shots, numbers = (np.concatenate(each) for each in zip(*found, strict=True))
        if len(blocks) == 1:
            return Events(places, shots, numbers)
        # Numbers of 16 bits are sorted by a radix.
        order = np.argsort(places.astype(np.uint16) if num_places <= _SHORT else places, kind="stable")
        return Events(places[order], shots[order], numbers[order])

    def _happening(
        self, probability: float, trials: int, blocks: Sequence[int], stream: int, gaps: int
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Words]:
        """Return which trials of some blocks happen: the block's index, the trial, and a number of each.

        A block's words say first so many gaps between them, and then the numbers of those that happen.
        """
        certain = probability >= 1
        words = np.empty((len(blocks), gaps + (trials if certain else gaps)), np.uint64)
        for index, block in enumerate(blocks):
            self._seek(0, block, _EVENTS + stream)
            words[index] = _words(words.shape[1])
        if certain:
            at = np.broadcast_to(np.arange(trials), words.shape)
        else:
            at = _positions(words[:, :gaps], probability, trials)
            if gaps and int(at[:, -1].min()) < trials:  # once in a billion
                if len(blocks) == 1:
                    more = gaps + _gaps_at_once(probability, trials)
                    return self._happening(probability, trials, blocks, stream, more)
                apart = [self._happening(probability, trials, [block], stream, gaps) for block in blocks]
                rows = np.repeat(np.arange(len(blocks)), [each[1].size for each in apart])
                found = np.concatenate([each[1] for each in apart])
                return rows, found, np.concatenate([each[2] for each in apart])
        happens = at < trials
        return happens.nonzero()[0], at[happens], words[:, gaps : gaps + at.shape[1]][happens]

    def _seek(self, first: int, block: int, kind: int) -> None:
        self._counter[:3] = first, block, kind
        # All of the state, since other draws of this thread come from the same generator.
        _GENERATOR.philox.state = self._state


def _words(count: int) -> Words:
    """Return the next words of the generator, as they are."""
    words: Words = _GENERATOR.philox.random_raw(count)
    return words


def _gaps_at_once(probability: float, trials: int) -> int:
    """Return how many gaps are drawn of geometric ones, so that they are enough, but for once in a billion."""
    if not 0 < probability < 1:
        return 0
    expected = trials * probability
    return int(expected + 6 * np.sqrt(expected + 1) + 8)


def _positions(words: Words, probability: float, trials: int) -> NDArray[np.int64]:
    """Return which trials happen, ascending in each row, and beyond them numbers of at least ``trials``."""
    if not words.size:
        return np.empty(words.shape, np.int64)
    uniforms = unit(words) + 2.0**-53  # in (0, 1]
    # A gap that is longer than any circuit is cut, so that sums stay in range.
    gaps = np.minimum(log(uniforms) * (1 / log_of_rest(probability)), trials).astype(np.int64) + 1
    return np.cumsum(gaps, axis=1) - 1
