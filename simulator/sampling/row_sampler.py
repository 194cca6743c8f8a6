"""Outcomes of many rows of states, each with its own seed: `sampling` of one state after the other, in arrays."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.instructions import Measure
from simulator.monitor import Checkpoint
from simulator.piecewise import concatenate, slices
from simulator.rng import Uniforms
from simulator.sampling.counts import Words, add_counts
from simulator.sampling.readout import Readout, readout_of
from simulator.sampling.sampler import edges_of
from simulator.typing import Amplitudes

Counts: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RowSampler:
    """Measures the states of some rows, each for so many shots under its own seed."""

    rows: Amplitudes
    bit_of: Mapping[int, int]
    measures: Sequence[Measure]
    seeds: Sequence[int]
    shots: int
    checkpoint: Checkpoint

    def counted(self) -> tuple[Words, Counts, Counts]:
        """Return the classical memories that came, ascending in each row, how often, and how many in each row."""
        readout, rows = self._readout, len(self.seeds)
        if not readout.places or not self.shots:
            sizes = np.full(rows, min(self.shots, 1))
            return np.zeros(sizes.sum(), np.int64), np.full(sizes.sum(), self.shots), sizes
        edges = self._edges(readout)
        below = np.zeros(edges.shape, np.int64)
        for row, draws in self._draws():
            draws.sort()
            below[row] += draws.searchsorted(edges[row])
        below[:, 1:] -= below[:, :-1].copy()
        places, outcomes = below.nonzero()
        sizes, counts = np.bincount(places, minlength=rows), below[places, outcomes]
        words = readout.memories(outcomes)
        if words is outcomes:
            return words, counts, sizes
        ends = sizes.cumsum()[:-1]
        each = [
            add_counts([pair], self.checkpoint)
            for pair in zip(np.split(words, ends), np.split(counts, ends), strict=True)
        ]
        sizes = np.array([words.size for words, _ in each])
        return np.concatenate([words for words, _ in each]), np.concatenate([counts for _, counts in each]), sizes

    def remembered(self) -> Iterator[Words]:
        """Yield each row's classical memories, one a shot, in the order of shots."""
        readout = self._readout
        if not readout.places or not self.shots:
            yield from (np.zeros(self.shots, np.int64) for _ in self.seeds)
            return
        edges = self._edges(readout)
        for _, some in groupby(self._draws(), itemgetter(0)):
            found = [readout.memories(np.searchsorted(edges[row], draws, side="right")) for row, draws in some]
            yield concatenate(found, self.checkpoint)

    @property
    def _readout(self) -> Readout:
        return readout_of(self.measures, self.bit_of)

    def _edges(self, readout: Readout) -> NDArray[np.float64]:
        """Return each row's cumulative distribution of outcomes, shape (rows, values)."""
        return edges_of(self.rows, [self.bit_of[qubit] for qubit in readout.places], self.checkpoint)

    def _draws(self) -> Iterator[tuple[int, NDArray[np.float64]]]:
        """Yield the draws of each row's shots, as many of a row at a time as are quickly sorted."""
        uniforms = Uniforms(0)
        for row, seed in enumerate(self.seeds):
            uniforms.begin(seed)
            for some in slices(self.shots, self.checkpoint):
                yield row, uniforms.reals.stretch(some.start, some.stop - some.start, 0)
