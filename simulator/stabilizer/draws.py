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
_MOST = (1 << 64) - 1


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
        self.integers = np.random.Generator(self.philox).integers


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
        found = []
        for index, block in enumerate(blocks):
            self._seek(0, block, _EVENTS + stream)
            at = _rare(probability, num_places * BLOCK)
            found.append((at // BLOCK, at % BLOCK + index * BLOCK, _words(at.size)))
        if len(blocks) == 1:
            return Events(*found[0])
        places, shots, numbers = (np.concatenate(each) for each in zip(*found, strict=True))
        order = np.argsort(places, kind="stable")
        return Events(places[order], shots[order], numbers[order])

    def _seek(self, first: int, block: int, kind: int) -> None:
        self._counter[:3] = first, block, kind
        # All of the state, since other draws of this thread come from the same generator.
        _GENERATOR.philox.state = self._state


def _words(count: int) -> Words:
    """Return the next words of the generator, as they are."""
    return _GENERATOR.integers(0, _MOST, count, np.uint64, endpoint=True)


def _rare(probability: float, trials: int) -> NDArray[np.int64]:
    """Return which of some trials happen, ascending: the gaps between them are geometric."""
    if probability >= 1:
        return np.arange(trials)
    if probability <= 0:
        return np.empty(0, np.int64)
    scale = 1 / log_of_rest(probability)
    expected = trials * probability
    step = int(expected + 6 * np.sqrt(expected + 1) + 8)  # enough, but for once in a billion
    at, last = [], -1
    while last < trials:
        uniforms = unit(_words(step)) + 2.0**-53  # in (0, 1]
        # A gap that is longer than any circuit is cut, so that sums stay in range.
        gaps = np.minimum(log(uniforms) * scale, trials).astype(np.int64) + 1
        found = last + np.cumsum(gaps)
        at.append(found)
        last = int(found[-1])
    joined = at[0] if len(at) == 1 else np.concatenate(at)
    return joined[: np.searchsorted(joined, trials)]
