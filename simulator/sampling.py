"""Probabilities -> outcomes -> counts and memory.

A sampled shot uses one random number, whatever the number of qubits: it looks it up in the cumulative
distribution of the measured qubits. So the sampled outcomes of a seed differ from those that one measurement
after another would give; each way is as random, and as reproducible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from simulator import kernels
from simulator.branching import Branch
from simulator.program import Measure
from simulator.rng import Uniforms
from simulator.state import State

#: Clbits whose values are gathered in one int64.
_WORD = 62


class Tally:
    """Adds up the classical memory of shots."""

    def __init__(self, shots: int, *, memory: bool) -> None:
        self._counts: Counter[int] = Counter()
        self._memory = np.empty(shots, object) if memory else None

    @property
    def remembers(self) -> bool:
        """Whether it matters which shot has which key."""
        return self._memory is not None

    def add(self, shots: NDArray[np.int64], keys: list[int], picks: NDArray[np.intp]) -> None:
        """Count shots: shot ``shots[i]`` has the key ``keys[picks[i]]``."""
        for key, count in zip(keys, np.bincount(picks, minlength=len(keys)).tolist(), strict=True):
            self._counts[key] += count
        if self._memory is not None:
            self._memory[shots] = np.array([hex(key) for key in keys], object)[picks]

    def counts(self) -> dict[str, int]:
        """Return hex key -> shots, ascending."""
        return {hex(key): count for key, count in sorted(self._counts.items())}

    def memory(self) -> list[str] | None:
        """Return one hex key a shot."""
        return None if self._memory is None else self._memory.tolist()


def sample(branch: Branch, measures: tuple[Measure, ...], uniforms: Uniforms, tally: Tally) -> None:
    """Measure all at once, for every shot of a branch; its state stays as it is."""
    distribution = Distribution(branch.state, measures)
    for history in branch.histories:
        draws = uniforms.draw(history.shots, history.draws)
        if not tally.remembers:
            draws.sort()  # many times faster to look up
        distinct, picks = np.unique(distribution.look_up(draws), return_inverse=True)
        tally.add(history.shots, distribution.keys(distinct, history.classical.memory), picks)


def collapse(
    branch: Branch, measures: tuple[Measure, ...], uniforms: Uniforms, checkpoint: Callable[[], None]
) -> None:
    """Leave a branch of one shot in the state after the outcome that `sample` gives it."""
    distribution = Distribution(branch.state, measures)
    (history,) = branch.histories
    (outcome,) = distribution.look_up(uniforms.draw(history.shots, history.draws)).tolist()
    amplitudes = branch.state.amplitudes
    for place, bit in enumerate(distribution.bits):
        checkpoint()
        value = outcome >> place & 1
        mass = kernels.bit_masses(amplitudes, bit)[value]
        kernels.project(amplitudes, bit, value, into=value, factor=mass**-0.5)


class Distribution:
    """The outcomes of some measurements: outcome i has bit j of the state's ``bits[j]``."""

    def __init__(self, state: State, measures: tuple[Measure, ...]) -> None:
        self.bits = sorted({state.slots[measure.qubit] for measure in measures})
        #: Clbit -> bit of the outcome; the last measurement into a clbit stays.
        self._sources = {measure.clbit: self.bits.index(state.slots[measure.qubit]) for measure in measures}
        probabilities = kernels.probabilities(state.amplitudes, tuple(self.bits))
        self._cumulative = np.cumsum(probabilities, out=probabilities)

    def look_up(self, draws: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return the outcome of each uniform in [0, 1)."""
        total = self._cumulative[-1]
        # A product that rounds up to the total would be beyond the last outcome that can be.
        last = np.searchsorted(self._cumulative, total)
        outcomes: NDArray[np.intp] = np.searchsorted(self._cumulative, draws * total, side="right")
        np.minimum(outcomes, last, out=outcomes)
        return outcomes

    def keys(self, outcomes: NDArray[np.intp], memory: int) -> list[int]:
        """Return the classical memory after each outcome, the clbits before being ``memory``."""
        kept = memory & ~sum(1 << clbit for clbit in self._sources)
        keys = [kept] * len(outcomes)
        for word, clbits in groupby(sorted(self._sources), key=lambda clbit: clbit // _WORD):
            values = np.zeros_like(outcomes)
            for clbit in clbits:
                values |= (outcomes >> self._sources[clbit] & 1) << (clbit % _WORD)
            keys = [key | value << (word * _WORD) for key, value in zip(keys, values.tolist(), strict=True)]
        return keys
