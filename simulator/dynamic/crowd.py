"""Crowds: shots, and a mark on each that says to which kind of them it belongs.

What is decided for a kind is a table by mark, so that the arrays of shots, which may be long, are only gone
through where shots draw random numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator import piecewise
from simulator.monitor import Checkpoint
from simulator.piecewise import concatenate, slices
from simulator.rng import Draws, Uniforms
from simulator.tuning import CACHE_BITS

#: Shots that are gone through at a time: what is computed about them is in a cache, and in no new memory.
_BATCH = 1 << CACHE_BITS
#: How many words there are.
_WORDS = 1 << 16


@dataclass(slots=True, eq=False)
class Crowd:
    """Some shots."""

    shots: NDArray[np.int64]
    #: Of each shot.
    marks: NDArray[np.intp]
    #: How many shots have each mark.
    sizes: NDArray[np.intp]

    #: Whether they are all shots from the first to the last, ascending.
    gapless: bool = False

    def batches(self, checkpoint: Checkpoint) -> Iterator[slice]:
        """Yield parts of the shots that cover them; calls ``checkpoint`` before each."""
        return slices(self.shots.size, checkpoint, _BATCH)

    def drawn(
        self, numbers: NDArray[np.intp], draws: Draws, checkpoint: Checkpoint
    ) -> Iterator[tuple[slice, NDArray[Any]]]:
        """Yield draws, batch by batch: of each shot the one of its mark's number."""
        different = set(numbers[self.sizes > 0].tolist())
        if self.gapless and len(different) == 1:
            (number,) = different
            for inside in self.batches(checkpoint):
                yield inside, draws.stretch(int(self.shots[inside.start]), inside.stop - inside.start, number)
            return
        rows = {number: draws.row(self.shots, number, checkpoint) for number in different}
        for inside in self.batches(checkpoint):
            shots = self.shots[inside]
            if len(rows) == 1:
                (row,) = rows.values()
                yield inside, row.of(shots)
                continue
            of_shots = numbers.take(self.marks[inside])
            found = np.empty(shots.size, draws.dtype)
            for number, row in rows.items():
                chosen = np.flatnonzero(of_shots == number)
                found[chosen] = row.of(shots.take(chosen))
            yield inside, found

    def split(
        self, shares: NDArray[np.float64], numbers: NDArray[np.intp], uniforms: Uniforms, checkpoint: Checkpoint
    ) -> None:
        """Draw an outcome for each shot, 0 with its mark's share; where it is 1, add the number of marks.

        A draw's first 16 bits are a word; where they are the share's own, a real number is what follows them.
        """
        count = self.sizes.size
        scaled = shares * _WORDS
        floors = np.minimum(scaled, _WORDS - 1).astype(np.uint16)
        undecided = []
        for inside, words in self.drawn(numbers, uniforms.words, checkpoint):
            marks = self.marks[inside]
            limits = floors.take(marks)
            undecided.append(np.flatnonzero(words == limits) + inside.start)
            marks += np.multiply(words > limits, count, dtype=np.intp)
        ties = np.concatenate(undecided)
        marks = self.marks[ties]
        for number in np.unique(numbers[marks]).tolist():
            of_number = numbers[marks] == number
            rests = (scaled - floors).take(marks[of_number])
            reals = uniforms.reals.draw(self.shots[ties[of_number]], number, checkpoint)
            self.marks[ties[of_number]] += np.multiply(reals >= rests, count, dtype=np.intp)
        self.sizes = _sizes(self.marks, 2 * count, checkpoint)


def crowd_of(shots: NDArray[np.int64], checkpoint: Checkpoint) -> Crowd:
    """Return shots that all have the mark 0."""
    gapless = int(shots[-1] - shots[0]) == shots.size - 1
    for some in slices(shots.size - 1 if gapless else 0, checkpoint):
        gapless = gapless and bool(np.all(shots[some.start + 1 : some.stop + 1] > shots[some]))
    return Crowd(shots, np.zeros(shots.size, np.intp), np.array([shots.size]), gapless)


def chosen(crowd: Crowd, marks: NDArray[np.intp], count: int, checkpoint: Checkpoint) -> Crowd:
    """Return the shots whose mark has a new one in ``marks``, not -1; new marks are below ``count``."""
    shots, new = [], []
    for inside in crowd.batches(checkpoint):
        found = marks.take(crowd.marks[inside])
        there = np.flatnonzero(found >= 0)
        shots.append(crowd.shots[inside].take(there))
        new.append(found.take(there))
    new_marks = concatenate(new, checkpoint)
    return Crowd(concatenate(shots, checkpoint), new_marks, _sizes(new_marks, count, checkpoint))


def united(one: Crowd, other: Crowd, checkpoint: Checkpoint) -> Crowd:
    """Return the shots of both; the other's marks come behind the one's."""
    marks = concatenate([one.marks, other.marks], checkpoint)
    for some in slices(other.marks.size, checkpoint):
        marks[one.marks.size :][some] += one.sizes.size
    return Crowd(
        concatenate([one.shots, other.shots], checkpoint), marks, np.concatenate([one.sizes, other.sizes])
    )


def _sizes(marks: NDArray[np.intp], count: int, checkpoint: Checkpoint) -> NDArray[np.intp]:
    """Return how many there are of each mark below ``count``."""
    sizes = np.zeros(count, np.intp)
    # A piece has more marks than there are kinds of them, which are added up for each.
    for some in slices(marks.size, checkpoint, max(piecewise.PIECE, 2 * count)):
        sizes += np.bincount(marks[some], minlength=count)
    return sizes
