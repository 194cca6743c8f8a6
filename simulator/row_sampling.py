"""Outcomes of many rows of states, each with its own seed: `sampling` of one state after the other, in arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.instructions import Measure
from simulator.measurement import Amplitudes
from simulator.rng import Uniforms
from simulator.sampling import Readout, edges_of, readout_of
from simulator.tally import Words, summed


@dataclass(frozen=True, slots=True)
class RowSampler:
    """Measures the states of some rows, each for so many shots under its own seed."""

    rows: Amplitudes
    slots: Mapping[int, int]
    measures: Sequence[Measure]
    seeds: Sequence[int]
    shots: int
    checkpoint: Callable[[], None]

    def counted(self) -> Iterator[tuple[Words, NDArray[np.int64]]]:
        """Yield each row's classical memories that came, ascending, and how often each of them did."""
        readout = self._readout
        if not readout.places or not self.shots:
            count = min(self.shots, 1)
            yield from ((np.zeros(count, np.int64), np.full(count, self.shots)) for _ in self.seeds)
            return
        for edges, draws in self._drawn(readout):
            draws.sort()
            # As `np.diff` does with a 0 in front, in a third of the time.
            below = draws.searchsorted(edges)
            counts = below.copy()
            counts[1:] -= below[:-1]
            outcomes = counts.nonzero()[0]
            words, counts = readout.memories(outcomes), counts[outcomes]
            yield (words, counts) if words is outcomes else summed([(words, counts)])

    def remembered(self) -> Iterator[Words]:
        """Yield each row's classical memories, one a shot, in the order of shots."""
        readout = self._readout
        if not readout.places or not self.shots:
            yield from (np.zeros(self.shots, np.int64) for _ in self.seeds)
            return
        for edges, draws in self._drawn(readout):
            yield readout.memories(np.searchsorted(edges, draws, side="right"))

    @property
    def _readout(self) -> Readout:
        return readout_of(self.measures, self.slots)

    def _drawn(self, readout: Readout) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
        """Yield each row's cumulative distribution of outcomes, and its shots' draws."""
        edges = edges_of(self.rows, [self.slots[qubit] for qubit in readout.places], self.checkpoint)
        uniforms = Uniforms(0)
        for row, seed in enumerate(self.seeds):
            uniforms.begin(seed)
            yield edges[row], uniforms.stretch(0, self.shots, 0)
