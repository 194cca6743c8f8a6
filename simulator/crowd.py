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

from simulator.rng import Draws, Uniforms

#: Shots that are gone through at a time: what is computed about them is in a cache, and in no new memory.
_BATCH = 1 << 14
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

    def batches(self) -> Iterator[slice]:
        """Yield parts of the shots that cover them."""
        for start in range(0, self.shots.size, _BATCH):
            yield slice(start, min(start + _BATCH, self.shots.size))

    def drawn(self, numbers: NDArray[np.intp], draws: Draws) -> Iterator[tuple[slice, NDArray[Any]]]:
        """Yield draws, batch by batch: of each shot the one of its mark's number."""
        different = set(numbers[self.sizes > 0].tolist())
        if self.gapless and len(different) == 1:
            (number,) = different
            for inside in self.batches():
                yield inside, draws.stretch(int(self.shots[inside.start]), inside.stop - inside.start, number)
            return
        rows = {number: draws.row(self.shots, number) for number in different}
        for inside in self.batches():
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

    def split(self, shares: NDArray[np.float64], numbers: NDArray[np.intp], uniforms: Uniforms) -> None:
        """Draw an outcome for each shot, 0 with its mark's share; where it is 1, add the number of marks.

        A draw's first 16 bits are a word; where they are the share's own, a real number is what follows them.
        """
        count = self.sizes.size
        scaled = shares * _WORDS
        floors = np.minimum(scaled, _WORDS - 1).astype(np.uint16)
        undecided = []
        for inside, words in self.drawn(numbers, uniforms.words):
            marks = self.marks[inside]
            limits = floors.take(marks)
            undecided.append(np.flatnonzero(words == limits) + inside.start)
            marks += np.multiply(words > limits, count, dtype=np.intp)
        ties = np.concatenate(undecided)
        marks = self.marks[ties]
        for number in np.unique(numbers[marks]).tolist():
            of_number = numbers[marks] == number
            rests = (scaled - floors).take(marks[of_number])
            reals = uniforms.reals.draw(self.shots[ties[of_number]], number)
            self.marks[ties[of_number]] += np.multiply(reals >= rests, count, dtype=np.intp)
        self.sizes = np.bincount(self.marks, minlength=2 * count)


def crowd_of(shots: NDArray[np.int64]) -> Crowd:
    """Return shots that all have the mark 0."""
    gapless = int(shots[-1] - shots[0]) == shots.size - 1 and bool(np.all(shots[1:] > shots[:-1]))
    return Crowd(shots, np.zeros(shots.size, np.intp), np.array([shots.size]), gapless)


def chosen(crowd: Crowd, marks: NDArray[np.intp], count: int) -> Crowd:
    """Return the shots whose mark has a new one in ``marks``, not -1; new marks are below ``count``."""
    shots, new = [], []
    for inside in crowd.batches():
        found = marks.take(crowd.marks[inside])
        there = np.flatnonzero(found >= 0)
        shots.append(crowd.shots[inside].take(there))
        new.append(found.take(there))
    new_marks = np.concatenate(new)
    return Crowd(np.concatenate(shots), new_marks, np.bincount(new_marks, minlength=count))


def united(one: Crowd, other: Crowd) -> Crowd:
    """Return the shots of both; the other's marks come behind the one's."""
    return Crowd(
        np.concatenate([one.shots, other.shots]),
        np.concatenate([one.marks, other.marks + one.sizes.size]),
        np.concatenate([one.sizes, other.sizes]),
    )
