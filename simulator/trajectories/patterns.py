"""Patterns: shots with the same hits are in the same state until it chooses, so they are one row."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.trajectories.frames import Hits
from simulator.typing import Indices

#: Random numbers that hits are known by: sums of two, of 64 bits each, are equal for equal patterns only.
_NUMBERS = 2


@dataclass(frozen=True, slots=True, eq=False)
class Patterns:
    """Patterns, ordered by their first hit."""

    #: The insertions of all patterns, of each one ascending by rank; where each pattern's begin; and the end.
    insertions: Indices
    begins: Indices
    #: The shots of all patterns, those of each one ascending, and where each pattern's begin; one more.
    shots: Indices
    shot_begins: Indices

    @property
    def count(self) -> int:
        """How many patterns there are."""
        return self.begins.size - 1

    def insertions_of(self, pattern: int) -> Indices:
        """Return the insertions of a pattern."""
        return self.insertions[self.begins[pattern] : self.begins[pattern + 1]]

    def shots_of(self, pattern: int) -> Indices:
        """Return the shots of a pattern."""
        return self.shots[self.shot_begins[pattern] : self.shot_begins[pattern + 1]]


def patterns_of(hits: Hits, rank: Indices, by_rank: Indices) -> Patterns:
    """Return the patterns of hits, given the rank of each insertion and the inverse."""
    ranks = rank[hits.insertions]
    order = np.lexsort((ranks, hits.rows))
    rows, ranks = hits.rows[order], ranks[order]
    starts = np.flatnonzero(np.append(True, rows[1:] != rows[:-1])) if rows.size else np.zeros(0, np.intp)
    ends = np.append(starts[1:], rows.size).astype(np.intp)
    sums = np.add.reduceat(_numbers(rank.size)[ranks], starts, axis=0) if rows.size else np.zeros((0, _NUMBERS))
    # Equal patterns are neighbours, in the order of first hits; ties are broken by sums, then by shots.
    first = ranks[starts]
    by_pattern = np.lexsort((rows[starts], sums[:, 1], sums[:, 0], first))
    some = sums[by_pattern]
    new = np.append(True, (some[1:] != some[:-1]).any(axis=1)) if len(some) else np.zeros(0, np.bool_)
    leaders = by_pattern[new]
    sizes = (ends - starts)[leaders]
    begins = np.append(0, sizes.cumsum())
    inside = np.arange(begins[-1]) - np.repeat(begins[:-1], sizes) + np.repeat(starts[leaders], sizes)
    return Patterns(
        by_rank[ranks[inside]],
        begins,
        hits.shots[rows[starts][by_pattern]],
        np.append(np.flatnonzero(new), by_pattern.size),
    )


def _numbers(count: int) -> NDArray[np.uint64]:
    """Return random numbers for each insertion; the same in each run."""
    return np.random.Philox(key=7).random_raw(_NUMBERS * count).reshape(count, _NUMBERS)
