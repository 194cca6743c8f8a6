"""Readout: which clbits an outcome of the final measurements writes, and the memories that shots have then.

An outcome is an int. Of up to `Tuning.piece_bits` measured qubits it has a bit for each, the lowest qubit's first,
so that the order of the distribution does not depend on how the state's qubits lie. Of more, it is an index of the
state.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.instructions import Measure
from simulator.circuit.program import WORD_BITS
from simulator.dynamic.branches import Branch
from simulator.evolve.statevectors import Statevectors
from simulator.monitor import Checkpoint
from simulator.piecewise import slices
from simulator.sampling.counts import ShotCounts, Words, add_counts
from simulator.tuning import TUNING, Tuning

#: Bits of an outcome that are looked up at once.
_DIGIT = 10


@dataclass(frozen=True, slots=True)
class Readout:
    """What the bits of an outcome are."""

    #: Measured qubit -> bit of the outcome.
    bit_of_qubit: Mapping[int, int]
    #: Clbit -> bit of the outcome; the last measurement into a clbit stays.
    bit_of_clbit: Mapping[int, int]
    num_bits: int
    #: Whether an outcome is an index of the state.
    wide: bool

    @property
    def mask(self) -> int:
        """The clbits that are written."""
        return sum(1 << clbit for clbit in self.bit_of_clbit)

    def memories(self, outcomes: NDArray[np.int64]) -> Words:
        """Return the clbits that each outcome writes, all below `WORD_BITS`."""
        if (
            all(clbit == bit for clbit, bit in self.bit_of_clbit.items())
            and len(self.bit_of_clbit) == self.num_bits
        ):
            return outcomes
        words = np.zeros(outcomes.size, np.int64)
        for start in range(0, self.num_bits, _DIGIT):
            digits = np.arange(1 << min(_DIGIT, self.num_bits - start))
            written = np.zeros(digits.size, np.int64)
            for clbit, bit in self.bit_of_clbit.items():
                if start <= bit < start + _DIGIT:
                    written |= (digits >> bit - start & 1) << clbit
            words |= written.take(outcomes >> start & digits.size - 1)
        return words

    def memory(self, outcome: int) -> int:
        """Return the clbits that an outcome writes."""
        return sum((outcome >> bit & 1) << clbit for clbit, bit in self.bit_of_clbit.items())


def readout_of(measures: Sequence[Measure], bit_of: Mapping[int, int], tuning: Tuning = TUNING) -> Readout:
    """Return how outcomes of some measurements are read in a state whose qubits lie so."""
    qubits = sorted({measure.qubit for measure in measures})
    wide = len(qubits) > tuning.piece_bits
    bit_of_qubit = {qubit: bit_of[qubit] if wide else bit for bit, qubit in enumerate(qubits)}
    bit_of_clbit = {measure.clbit: bit_of_qubit[measure.qubit] for measure in measures}
    return Readout(bit_of_qubit, bit_of_clbit, len(bit_of) if wide else len(qubits), wide)


class Memories:
    """The classical memories of a branch's histories, after outcomes are written to them."""

    def __init__(
        self, branch: Branch[Statevectors], readout: Readout, shot_counts: ShotCounts, checkpoint: Checkpoint
    ) -> None:
        mask = readout.mask
        self._kept = [history.classical.memory & ~mask for history in branch.histories]
        self._checkpoint = checkpoint
        self._narrow = max([*self._kept, mask]) >> WORD_BITS == 0
        self._readout, self._shot_counts = readout, shot_counts
        #: Of what comes again in each batch of shots.
        self._words: dict[int, int] = {}

    def words(self, history_indices: NDArray[np.intp], outcomes: NDArray[np.int64]) -> Words:
        """Return the word of each pair of a history's index and an outcome."""
        words = np.empty(outcomes.size, np.int64)
        all_pieces = list(slices(words.size, self._checkpoint))
        if self._narrow:
            kept = np.array(self._kept, np.int64)
            for some in all_pieces:
                self._checkpoint()
                words[some] = kept.take(history_indices[some]) | self._readout.memories(outcomes[some])
            return words
        bits, found = self._readout.num_bits, []
        for some in all_pieces:
            self._checkpoint()
            pairs, words[some], counts = np.unique(
                history_indices[some] << bits | outcomes[some], return_inverse=True, return_counts=True
            )
            found.append((pairs, counts))
        all_pairs, _ = add_counts(found, self._checkpoint)
        all_words = np.fromiter(map(self._word, all_pairs.tolist()), np.int64, all_pairs.size)
        for some, (pairs, _) in zip(all_pieces, found, strict=True):
            self._checkpoint()
            words[some] = all_words[np.searchsorted(all_pairs, pairs)][words[some]]
        return words

    def _word(self, pair: int) -> int:
        """Return the word of a history's index, and behind it an outcome."""
        word = self._words.get(pair)
        if word is None:
            self._checkpoint()
            bits = self._readout.num_bits
            word = self._shot_counts.word(self._kept[pair >> bits] | self._readout.memory(pair & (1 << bits) - 1))
            if not self._readout.wide:
                self._words[pair] = word
        return word
