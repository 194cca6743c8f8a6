"""Shot numbers, each labelled with the group (same state, same classical history) it is in.

What is decided for a group is a table by group, so that the arrays of shots, which may be long, are only gone
through where shots draw random numbers.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator import piecewise
from simulator.monitor import Checkpoint
from simulator.piecewise import concatenate, slices
from simulator.rng import Uniforms
from simulator.typing import Indices

#: Shots that are gone through at a time: what is computed about them is in a cache, and in no new memory.
_BATCH = 1 << 14


@dataclass(slots=True, eq=False)
class Shots:
    """Some shots, in groups."""

    numbers: NDArray[np.int64]
    #: Of each shot.
    groups: Indices
    #: How many shots each group has.
    sizes: Indices
    #: Whether they are all shots from the first to the last, ascending.
    gapless: bool = False

    @classmethod
    def of(cls, numbers: NDArray[np.int64], checkpoint: Checkpoint) -> Shots:
        """Return shots that are all in the group 0."""
        gapless = int(numbers[-1] - numbers[0]) == numbers.size - 1
        for some in slices(numbers.size - 1 if gapless else 0, checkpoint):
            gapless = gapless and bool(np.all(numbers[some.start + 1 : some.stop + 1] > numbers[some]))
        return cls(numbers, np.zeros(numbers.size, np.intp), np.array([numbers.size]), gapless)

    def batches(self, checkpoint: Checkpoint) -> Iterator[slice]:
        """Yield parts of the shots that cover them; calls ``checkpoint`` before each."""
        return slices(self.numbers.size, checkpoint, _BATCH)

    def drawn(
        self, draw_of_group: Indices, uniforms: Uniforms, checkpoint: Checkpoint
    ) -> Iterator[tuple[slice, NDArray[np.float64]]]:
        """Yield draws, batch by batch: of each shot the one with the number that its group is at."""
        different = set(draw_of_group[self.sizes > 0].tolist())
        if self.gapless and len(different) == 1:
            (draw,) = different
            for inside in self.batches(checkpoint):
                yield inside, uniforms.stretch(int(self.numbers[inside.start]), inside.stop - inside.start, draw)
            return
        rows = {draw: uniforms.row(self.numbers, draw, checkpoint) for draw in different}
        for inside in self.batches(checkpoint):
            numbers = self.numbers[inside]
            if len(rows) == 1:
                (row,) = rows.values()
                yield inside, row.of(numbers)
                continue
            draw_of_shot = draw_of_group.take(self.groups[inside])
            found = np.empty(numbers.size)
            for draw, row in rows.items():
                chosen = np.flatnonzero(draw_of_shot == draw)
                found[chosen] = row.of(numbers.take(chosen))
            yield inside, found

    def split(
        self,
        edges: NDArray[np.float64],
        draw_of_group: Indices,
        uniforms: Uniforms,
        checkpoint: Checkpoint,
    ) -> None:
        """Draw an outcome for each shot, and add as many times the number of groups to its group.

        ``edges`` has shape (outcomes - 1, groups): an outcome is how many of a group's edges are not above the
        draw.
        """
        count = self.sizes.size
        for inside, draws in self.drawn(draw_of_group, uniforms, checkpoint):
            groups = self.groups[inside]
            outcomes = [draws >= shares.take(groups) for shares in edges]
            for above in outcomes:
                groups += np.multiply(above, count, dtype=np.intp)
        self.sizes = _sizes(self.groups, (len(edges) + 1) * count, checkpoint)

    def regrouped(self, new: Indices, count: int, checkpoint: Checkpoint) -> Shots:
        """Return the shots whose group has a new number in ``new``, not -1; new ones are below ``count``."""
        found, groups = [], []
        for inside in self.batches(checkpoint):
            of_shots = new.take(self.groups[inside])
            there = np.flatnonzero(of_shots >= 0)
            found.append(self.numbers[inside].take(there))
            groups.append(of_shots.take(there))
        all_groups = concatenate(groups, checkpoint)
        return Shots(concatenate(found, checkpoint), all_groups, _sizes(all_groups, count, checkpoint))

    def joined(self, other: Shots, checkpoint: Checkpoint) -> Shots:
        """Return the shots of both; the other's groups come behind these."""
        groups = concatenate([self.groups, other.groups], checkpoint)
        for some in slices(other.groups.size, checkpoint):
            groups[self.groups.size :][some] += self.sizes.size
        numbers = concatenate([self.numbers, other.numbers], checkpoint)
        return Shots(numbers, groups, np.concatenate([self.sizes, other.sizes]))


def _sizes(groups: Indices, count: int, checkpoint: Checkpoint) -> Indices:
    """Return how many shots are in each group below ``count``."""
    sizes = np.zeros(count, np.intp)
    # A piece has more shots than there are groups, whose sizes are added up for each piece.
    for some in slices(groups.size, checkpoint, max(piecewise.PIECE, 2 * count)):
        sizes += np.bincount(groups[some], minlength=count)
    return sizes
