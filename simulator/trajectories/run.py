"""Run a noisy program to counts, shot by shot in distribution, and far fewer states than shots.

What a shot gives is a function of the program, the seed and the shot's number only: so it does not matter which
shots a run has, nor which of them are computed together.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.evolve import Statevector
from simulator.kernels.threads import share
from simulator.monitor import Checkpoint, Monitor
from simulator.rng import Uniforms
from simulator.sampling.counts import ShotCounts
from simulator.shards.metadata import SharingMetadata
from simulator.trajectories.blocks import BlockPlan
from simulator.trajectories.circuit import NoisyCircuit
from simulator.trajectories.draws import BLOCK, Events, Sites
from simulator.trajectories.frames import Frames, frames_of
from simulator.trajectories.outcomes import Ending
from simulator.trajectories.patterns import patterns_of
from simulator.trajectories.rows import Choose, Group, Rows, groups_of, together
from simulator.trajectories.wide import LEAST_QUBITS, WidePlan, WideStates
from simulator.typing import Indices

#: Errors that are drawn at once, about; and shots, at most.
_EVENTS, _SHOTS = 1 << 18, 1 << 17


@dataclass(frozen=True, slots=True, eq=False)
class TrajectoryPlan:
    """All that is the same for all shots of a circuit."""

    circuit: NoisyCircuit
    sites: Sites
    frames: Frames
    states: BlockPlan | WidePlan
    ending: Ending

    @classmethod
    def of(cls, circuit: NoisyCircuit, dtype: np.dtype[Any], checkpoint: Checkpoint) -> TrajectoryPlan:
        """Plan a circuit, for states of a type."""
        sites = Sites(circuit.mixtures, np.array([site.mixture for site in circuit.sites], np.intp))
        frames = frames_of(circuit, checkpoint)
        states: BlockPlan | WidePlan
        if len(circuit.qubits) < LEAST_QUBITS:
            states = BlockPlan(frames, circuit.qubits, dtype, checkpoint)
        else:
            states = WidePlan(frames, circuit.qubits, dtype)
        return cls(circuit, sites, frames, states, Ending.of(circuit.ending))

    def states_of(
        self, choose: Choose, initial_state: NDArray[np.generic] | None, checkpoint: Checkpoint
    ) -> Rows | WideStates:
        """Return what takes patterns from the initial state to the end."""
        states = self.states
        first = np.zeros((1, 1 << states.num_bits), states.dtype)
        if initial_state is None:
            first[0, 0] = 1
        else:
            first[0, : initial_state.size] = initial_state
        if isinstance(states, BlockPlan):
            return Rows(states, choose, checkpoint, first)
        bit_of = {qubit: bit for bit, qubit in enumerate(states.qubits)}
        excited = 0 if initial_state is None else -1
        return WideStates(states, choose, checkpoint, Statevector(first[0], bit_of, excited))


def run(
    plan: TrajectoryPlan,
    *,
    seed: int,
    first: int,
    shots: int,
    shot_counts: ShotCounts,
    monitor: Monitor,
    initial_state: NDArray[np.generic] | None = None,
) -> SharingMetadata:
    """Run shots from ``first`` on, and count what they read."""
    sharing = SharingMetadata(0, 0, 0)
    for start, count in _pieces(plan.sites, first, shots):
        sharing += _run_piece(plan, seed, start, count, initial_state, shot_counts, monitor.checkpoint)
        monitor.report((start + count - first) / shots)
    return sharing


def _pieces(sites: Sites, first: int, shots: int) -> Iterator[tuple[int, int]]:
    """Yield the first shot and the number of shots that are drawn at once."""
    expected = float(sites.probabilities.sum())
    blocks = max(1, int(min(_SHOTS, _EVENTS / max(expected, 1e-9))) // BLOCK)
    start = first
    while start < first + shots:
        end = min(first + shots, (start // BLOCK + blocks) * BLOCK)
        yield start, end - start
        start = end


def _run_piece(
    plan: TrajectoryPlan,
    seed: int,
    first: int,
    shots: int,
    initial_state: NDArray[np.generic] | None,
    shot_counts: ShotCounts,
    checkpoint: Checkpoint,
) -> SharingMetadata:
    states, ending = plan.states, plan.ending
    events = plan.sites.draw(seed, first, shots, checkpoint)
    hits = plan.frames.push(events, max(plan.circuit.qubits, default=0) + 1, checkpoint)
    checkpoint()
    patterns = patterns_of(hits, states.rank, states.by_rank)
    checkpoint()
    draws = Uniforms(seed).stretch(first, shots, 0)
    outcomes = np.zeros(shots, np.int64)
    chooser = _Chooser(plan, events)
    clean = np.ones(shots, np.bool_)
    every: list[Rows | WideStates] = []

    def work(groups: Iterator[Group], own_checkpoint: Checkpoint) -> None:
        own_states = plan.states_of(chooser.choose, initial_state, own_checkpoint)
        every.append(own_states)
        for rows, bit_of, shots_of in own_states.finished(patterns, groups):
            own = np.concatenate(shots_of)
            clean[own] = False
            row_of = np.repeat(np.arange(len(shots_of)), [some.size for some in shots_of])
            outcomes[own] = ending.outcomes(rows, bit_of, row_of, draws[own], own_checkpoint)

    groups = groups_of(states.num_bits, states.num_operators, patterns)
    # All threads work on a wide state.
    helpers = patterns.count // together(states.num_bits) if isinstance(states, BlockPlan) else 0
    share(work, groups, checkpoint, helpers)
    own = np.flatnonzero(clean)
    if own.size:
        # Whichever carried the state without hits farthest has least left to do.
        farthest = replace(max(every, key=lambda each: each.at), checkpoint=checkpoint)
        rows, bit_of = farthest.at_end()
        outcomes[own] = ending.outcomes(rows, bit_of, np.zeros(own.size, np.intp), draws[own], checkpoint)
    checkpoint()
    ending.flip(outcomes, hits)
    checkpoint()
    words = shot_counts.spread(ending.read(outcomes, seed, first), ending.clbits)
    checkpoint()
    if shot_counts.remembers:
        shot_counts.put(np.arange(first, first + shots), words)
    else:
        shot_counts.add(*np.unique(words, return_counts=True))
    return SharingMetadata(hits.shots.size, patterns.shots.size, patterns.count)


class _Chooser:
    """Chooses for states, by the draws of the errors in which they have a say."""

    def __init__(self, plan: TrajectoryPlan, events: Events) -> None:
        self._sites = plan.sites.mixture_of.size
        self._insertions = plan.frames.insertions
        self._names = events.shots * self._sites + events.sites
        self._choices = events.choices.copy()

    def choose(self, insertion: int, shots: Indices, weights: NDArray[np.float64]) -> Indices:
        """Return which operator of an insertion happens in each of some shots, given the operators' weights."""
        index = self._names.searchsorted(shots * self._sites + self._insertions[insertion].site)
        edges = np.cumsum(weights)
        edges /= edges[-1]
        draws = self._choices[index]
        # The last edge is 1, and so are those before it of operators that cannot happen.
        chosen = edges.searchsorted(draws, side="right")
        # Where in its operator's share a draw is, is uniform again: the draw of the error's next choice.
        below = np.append(0, edges)[chosen]
        self._choices[index] = np.clip((draws - below) / (edges[chosen] - below), 0, 1 - 2.0**-53)
        return chosen
