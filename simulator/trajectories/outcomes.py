"""From states to what is read: outcomes of measurements, flipped by errors, and read with errors of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.instructions import Measure, Readout
from simulator.monitor import Checkpoint
from simulator.rng import unit
from simulator.sampling.counts import Words
from simulator.sampling.row_sampler import written_clbits
from simulator.sampling.sampler import edges_of, looked_up
from simulator.trajectories.draws import READOUT_KEY
from simulator.trajectories.frames import Hits
from simulator.typing import Amplitudes, Indices

#: Words of Philox that are one step of its counter.
_STEP = 4


@dataclass(frozen=True, slots=True, eq=False)
class Ending:
    """What is read at the end of a circuit: bits of an outcome, and bits of a word."""

    #: Measured qubits, ascending: bit i of an outcome is ``qubits[i]``.
    qubits: tuple[int, ...]
    #: Clbits that are written, ascending: bit i of a word is ``clbits[i]``.
    clbits: tuple[int, ...]
    steps: tuple[Measure | Readout, ...]

    @classmethod
    def of(cls, steps: Sequence[Measure | Readout]) -> Ending:
        """Return what measurements and readout errors read."""
        measures = [each for each in steps if isinstance(each, Measure)]
        clbits = written_clbits(measures, [each for each in steps if isinstance(each, Readout)])
        qubits = sorted({each.qubit for each in measures})
        return cls(tuple(qubits), tuple(clbits), tuple(steps))

    def outcomes(
        self,
        rows: Amplitudes,
        bit_of: Mapping[int, int],
        row_of: Indices,
        draws: NDArray[np.float64],
        checkpoint: Checkpoint,
    ) -> NDArray[np.int64]:
        """Return what some shots measure, each in the state of its row, by its draw; qubits lie in ``bit_of``.

        A qubit that is in no state is in |0>.
        """
        some = [(index, bit_of[qubit]) for index, qubit in enumerate(self.qubits) if qubit in bit_of]
        if not some:
            return np.zeros(draws.size, np.int64)
        edges = edges_of(rows, [bit for _, bit in some], checkpoint)
        found = looked_up(edges, np.arange(len(rows)), row_of, draws)
        if len(some) == len(self.qubits):
            return found
        outcomes = np.zeros_like(found)
        for source, (index, _) in enumerate(some):
            outcomes |= (found >> source & 1) << index
        return outcomes

    def flip(self, outcomes: NDArray[np.int64], hits: Hits) -> None:
        """Flip what errors flip, in the outcomes of all shots."""
        for index, qubit in enumerate(self.qubits):
            if qubit in hits.flips:
                outcomes[hits.shots] ^= hits.flips[qubit].astype(np.int64) << index

    def read(self, outcomes: NDArray[np.int64], seed: int, first: int) -> Words:
        """Return what is read of the outcomes of shots from ``first`` on."""
        words = np.zeros(outcomes.size, np.int64)
        number = 0
        for step in self.steps:
            if isinstance(step, Measure):
                place, source = self.clbits.index(step.clbit), self.qubits.index(step.qubit)
                words &= ~(1 << place)
                words |= (outcomes >> source & 1) << place
                continue
            places = [self.clbits.index(clbit) for clbit in step.clbits]
            true = np.zeros(words.size, np.intp)
            for index, place in enumerate(places):
                true |= (words >> place & 1) << index
                words &= ~(1 << place)
            edges = np.cumsum(step.table.ndarray(), axis=1)
            edges /= edges[:, -1:].copy()
            read = looked_up(edges, np.arange(len(edges)), true, _readout_draws(seed, number, first, words.size))
            for index, place in enumerate(places):
                words |= (read >> index & 1) << place
            number += 1
        return words


def _readout_draws(seed: int, number: int, first: int, count: int) -> NDArray[np.float64]:
    """Return the draw of each shot from ``first`` on for a readout error of this number."""
    generator = np.random.Philox(key=[seed, READOUT_KEY], counter=[first // _STEP, number, 0, 0])
    before = first % _STEP
    return unit(generator.random_raw(before + count)[before:])
