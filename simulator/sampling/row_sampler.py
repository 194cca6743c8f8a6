"""Outcomes of rows of states, each under its own seed: of a sweep, or of the one state of a single program."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from operator import itemgetter
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulator.circuit import instructions
from simulator.circuit.instructions import Measure
from simulator.circuit.program import WORD_BITS
from simulator.monitor import Checkpoint
from simulator.piecewise import concatenate, slices
from simulator.rng import Uniforms
from simulator.sampling.counts import ShotCounts, Words, add_counts
from simulator.sampling.readout import Readout, readout_of
from simulator.sampling.readout_errors import BitTable, read_words, tables_of_bits
from simulator.sampling.sampler import draws_below, edges_of
from simulator.tuning import TUNING, Tuning
from simulator.typing import Amplitudes

Counts: TypeAlias = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class RowSampler:
    """Measures the states of some rows, each for so many shots under its own seed, and reads with errors."""

    rows: Amplitudes
    bit_of: Mapping[int, int]
    measures: Sequence[Measure]
    readouts: Sequence[instructions.Readout]
    seeds: Sequence[int]
    shots: int
    checkpoint: Checkpoint
    #: The number of the first shot.
    first: int = 0
    tuning: Tuning = TUNING

    def counted(self) -> tuple[Words, Counts, Counts]:
        """Return the classical memories that came, ascending in each row, how often, and how many in each row."""
        readout, rows = self._readout, len(self.seeds)
        tables = self._tables(readout)
        if tables is None:  # of a sweep; of one row, `count_shots` counts piece by piece
            found = [counts_of(words, self.checkpoint) for words in self.remembered()]
            words, counts = (np.concatenate(each) for each in zip(*found, strict=True))
            return words, counts, np.array([words.size for words, _ in found])
        if not readout.bit_of_qubit or not self.shots:
            sizes = np.full(rows, min(self.shots, 1))
            return np.zeros(sizes.sum(), np.int64), np.full(sizes.sum(), self.shots), sizes
        edges = self._edges(readout, tables)
        below = np.zeros(edges.shape, np.int64)
        for row, _, draws in self._draws():
            below[row] += draws_below(edges[row], draws)
        below[:, 1:] -= below[:, :-1].copy()
        row_indices, outcomes = below.nonzero()
        sizes, counts = np.bincount(row_indices, minlength=rows), below[row_indices, outcomes]
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
        if not self.shots:
            yield from (np.zeros(0, np.int64) for _ in self.seeds)
            return
        for _, some in groupby(self.remembered_pieces(), itemgetter(0)):
            yield concatenate([words for _, words in some], self.checkpoint)

    def remembered_pieces(self) -> Iterator[tuple[int, Words]]:
        """Yield each row's index and the classical memories of its next shots, in the order of shots."""
        readout = self._readout
        tables = self._tables(readout)
        edges = self._edges(readout, tables or ()) if readout.bit_of_qubit else np.ones((len(self.seeds), 1))
        for row, first, draws in self._draws():
            words = readout.memories(edges[row].searchsorted(draws, side="right"))
            if tables is None:
                shots, sampled_by = np.arange(first, first + words.size), np.zeros(words.size, np.intp)
                uniforms = Uniforms(self.seeds[row])
                words = read_words(self.readouts, words, shots, sampled_by, uniforms, self.checkpoint)
            yield row, words

    @property
    def reads_each(self) -> bool:
        """Whether each shot is read by itself."""
        return self._tables(self._readout) is None

    @property
    def _readout(self) -> Readout:
        return readout_of(self.measures, self.bit_of, self.tuning)

    def _tables(self, readout: Readout) -> Sequence[BitTable] | None:
        """Return how outcomes are misread; None: each shot is read by itself."""
        return tables_of_bits(self.readouts, readout.bit_of_clbit, readout.num_bits)

    def _edges(self, readout: Readout, tables: Sequence[BitTable]) -> NDArray[np.float64]:
        """Return each row's cumulative distribution of outcomes as they are read, shape (rows, values)."""
        bits = [self.bit_of[qubit] for qubit in readout.bit_of_qubit]
        return edges_of(self.rows, bits, self.checkpoint, self.tuning, tables)

    def _draws(self) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
        """Yield a row, a shot, and the draws from it on: as many of a row at a time as are quickly sorted."""
        uniforms = Uniforms(0)
        for row, seed in enumerate(self.seeds):
            uniforms.begin(seed)
            for some in slices(self.shots, self.checkpoint):
                first = self.first + some.start
                yield row, first, uniforms.stretch(first, some.stop - some.start, 0)


def counts_of(words: Words, checkpoint: Checkpoint) -> tuple[Words, Counts]:
    """Return the words that come, ascending, and how often each does."""
    return add_counts(
        [np.unique(words[some], return_counts=True) for some in slices(words.size, checkpoint)], checkpoint
    )


def count_shots(sampler: RowSampler, shot_counts: ShotCounts) -> None:
    """Count what is read of the shots of one row, of which at most `WORD_BITS` clbits are written."""
    clbits = written_clbits(sampler.measures, sampler.readouts)
    if clbits and clbits[-1] >= WORD_BITS:
        measures, readouts = _on_first_clbits(sampler.measures, sampler.readouts, clbits)
        sampler = replace(sampler, measures=measures, readouts=readouts)
    else:
        clbits = range(WORD_BITS)
    if not (shot_counts.remembers or sampler.reads_each):
        words, counts, _ = sampler.counted()
        shot_counts.add(shot_counts.spread(words, clbits), counts)
        return
    first = sampler.first
    for _, read in sampler.remembered_pieces():
        if shot_counts.remembers:
            shot_counts.put(np.arange(first, first + read.size), shot_counts.spread(read, clbits))
        else:
            words, counts = np.unique(read, return_counts=True)
            shot_counts.add(shot_counts.spread(words, clbits), counts)
        first += read.size


def written_clbits(measures: Iterable[Measure], readouts: Iterable[instructions.Readout]) -> Sequence[int]:
    """Return the clbits that are measured or read, ascending."""
    clbits = {measure.clbit for measure in measures}
    return sorted(clbits.union(*[readout.clbits for readout in readouts]))


def _on_first_clbits(
    measures: Iterable[Measure], readouts: Iterable[instructions.Readout], clbits: Sequence[int]
) -> tuple[list[Measure], list[instructions.Readout]]:
    """Return the same steps where clbit i stands for ``clbits[i]``, so that what they write fits a word."""
    number = {clbit: index for index, clbit in enumerate(clbits)}
    return (
        [msgspec.structs.replace(each, clbit=number[each.clbit]) for each in measures],
        [msgspec.structs.replace(each, clbits=tuple(number[clbit] for clbit in each.clbits)) for each in readouts],
    )
