"""Probabilities -> outcomes: all final measurements at once, for every shot.

A sampled shot uses one random number, whatever the number of qubits: it looks it up in the cumulative
distribution. So the sampled outcomes of a seed differ from those that one measurement after another would give;
each way is as random, and as reproducible.

An outcome is an int. Of up to `Tuning.piece_bits` measured qubits it has a bit for each, the lowest qubit's first,
so that the order of the distribution does not depend on how the state's qubits lie. Of more, it is an index of the
state, whose distribution is too large to be kept, or sorted: pieces of it are added up where a shot falls on
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator import piecewise
from simulator.circuit import instructions
from simulator.circuit.instructions import Measure
from simulator.dynamic.branches import Branch, drawn
from simulator.evolve import Statevectors
from simulator.kernels import measure
from simulator.kernels.measure import marginals, piece_probabilities, squared_magnitudes
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.piecewise import aligned_slices, slices
from simulator.rng import Uniforms
from simulator.sampling.counts import ShotCounts, add_counts
from simulator.sampling.readout import Memories, Readout, readout_of
from simulator.sampling.readout_errors import BitTable, misread, read_words, tables_of_bits
from simulator.tuning import TUNING, Tuning
from simulator.typing import Amplitudes

Draws: TypeAlias = Iterator[tuple[slice, NDArray[np.float64]]]

#: log2 of the draws for each edge from which on a pass over all draws for each edge is faster than sorting them.
_PASS_BITS = 11


def sample(
    branch: Branch[Statevectors],
    measures: Sequence[Measure],
    uniforms: Uniforms,
    shot_counts: ShotCounts,
    checkpoint: Checkpoint = no_checkpoint,
    readouts: Sequence[instructions.Readout] = (),
    *,
    collapses: bool = False,
) -> None:
    """Measure all at once, for every shot of a branch; its states stay as they are. Then read, with errors.

    With ``collapses``, `collapse` comes next, so what was measured is drawn apart from what is read of it.
    """
    readout = readout_of(measures, branch.states.bit_of, branch.states.tuning)
    memories = Memories(branch, readout, shot_counts, checkpoint)
    tables = None if collapses else tables_of_bits(readouts, readout.bit_of_clbit, readout.num_bits)
    if readouts and tables is None:
        _read(branch, readout, memories, readouts, uniforms, shot_counts, checkpoint)
        return
    tables = tables or ()
    if len(branch.histories) == 1 and not shot_counts.remembers:
        outcomes, counts = _counted(branch, readout, uniforms, checkpoint, tables)
        shot_counts.add(memories.words(np.zeros_like(outcomes), outcomes), counts)
        return
    codes_and_counts = []
    for inside, outcomes in _outcomes(branch, readout, uniforms, checkpoint, tables):
        groups = branch.shots.groups[inside]
        if shot_counts.remembers:
            history_indices = np.empty_like(groups)
            for some in slices(groups.size, checkpoint):
                history_indices[some] = branch.history_of_group.take(groups[some])
            shot_counts.put(branch.shots.numbers[inside], memories.words(history_indices, outcomes))
            continue
        codes_and_counts += [
            _runs(np.sort(groups[some] << readout.num_bits | outcomes[some]))
            for some in slices(groups.size, checkpoint)
        ]
    if codes_and_counts:
        codes, counts = add_counts(codes_and_counts, checkpoint)
        for some in slices(codes.size, checkpoint):
            groups, outcomes = codes[some] >> readout.num_bits, codes[some] & (1 << readout.num_bits) - 1
            shot_counts.add(memories.words(branch.history_of_group.take(groups), outcomes), counts[some])


def _read(
    branch: Branch[Statevectors],
    readout: Readout,
    memories: Memories,
    errors: Sequence[instructions.Readout],
    uniforms: Uniforms,
    shot_counts: ShotCounts,
    checkpoint: Checkpoint,
) -> None:
    """Give each shot the memory that is read of its outcome."""
    for inside, outcomes in _outcomes(branch, readout, uniforms, checkpoint):
        sampled_by = np.array([history.draws for history in branch.histories])
        groups, numbers = branch.shots.groups[inside], branch.shots.numbers[inside]
        for some in slices(numbers.size, checkpoint):
            histories = branch.history_of_group.take(groups[some])
            words = memories.words(histories, outcomes[some])
            shots = numbers[some]
            words = read_words(errors, words, shots, sampled_by.take(histories), uniforms, checkpoint)
            if shot_counts.remembers:
                shot_counts.put(shots, words)
            else:
                shot_counts.add(*np.unique(words, return_counts=True))


def collapse(
    branch: Branch[Statevectors], measures: Sequence[Measure], uniforms: Uniforms, checkpoint: Checkpoint
) -> None:
    """Leave a branch of one shot in the state after the outcome that `sample` gives it."""
    readout = readout_of(measures, branch.states.bit_of, branch.states.tuning)
    ((_, (outcome,)),) = _outcomes(branch, readout, uniforms, checkpoint)
    fixed = {branch.states.bit_of[qubit]: outcome >> index & 1 for qubit, index in readout.bit_of_qubit.items()}
    if fixed:
        measure.collapse(branch.states.state.amplitudes, fixed, checkpoint, branch.states.tuning)


def _outcomes(
    branch: Branch[Statevectors],
    readout: Readout,
    uniforms: Uniforms,
    checkpoint: Checkpoint,
    tables: Sequence[BitTable] = (),
) -> Iterator[tuple[slice, NDArray[np.int64]]]:
    """Yield each shot's outcome, as it is read, a batch of the branch's own shots at a time."""
    draws = drawn(branch, uniforms, checkpoint)
    rows = branch.state_of_history.take(branch.history_of_group)
    if readout.wide:
        yield slice(None), _all_found(branch, rows, draws, checkpoint)
    elif not readout.bit_of_qubit:
        for inside in branch.shots.batches(checkpoint):
            yield inside, np.zeros(inside.stop - inside.start, np.int64)
    else:
        edges = edges_of(branch.states.rows, _bits(branch, readout), checkpoint, branch.states.tuning, tables)
        for inside, some in draws:
            yield inside, looked_up(edges, rows, branch.shots.groups[inside], some)


def _all_found(
    branch: Branch[Statevectors], rows: NDArray[np.intp], draws: Draws, checkpoint: Checkpoint
) -> NDArray[np.int64]:
    """Return all shots' outcomes, that are indices of the states; ``rows`` by group."""
    outcomes = np.empty(branch.shots.numbers.size, np.int64)
    for some in slices(outcomes.size, checkpoint):
        outcomes[some] = 0  # so that what is written all over it finds no memory that nothing has touched
    #: Of each row, runs of shots in the order of their draws.
    runs: list[list[tuple[NDArray[np.intp], NDArray[np.float64]]]] = [[] for _ in branch.states.rows]
    start = 0
    for uniforms in _together(draws):
        of_shots = rows.take(branch.shots.groups[start : start + uniforms.size])
        order = np.lexsort((uniforms, of_shots)) if len(runs) > 1 else np.argsort(uniforms)
        ends = np.bincount(of_shots, minlength=len(runs)).cumsum()[:-1]
        for row, run in enumerate(np.split(order, ends)):
            if run.size:
                runs[row].append((run + start, uniforms[run]))
        start += uniforms.size
    for psi, own in zip(branch.states.rows, runs, strict=True):
        if own:
            found = _Finder(psi, checkpoint, branch.states.tuning)
            for cuts in aligned_slices([uniforms for _, uniforms in own], checkpoint):
                uniforms = np.concatenate([uniforms[cut] for (_, uniforms), cut in zip(own, cuts, strict=True)])
                order = np.argsort(uniforms)
                checkpoint()
                inside = np.concatenate([run[cut] for (run, _), cut in zip(own, cuts, strict=True)])
                outcomes[inside[order]] = found.of(uniforms[order])
    return outcomes


def _counted(
    branch: Branch[Statevectors],
    readout: Readout,
    uniforms: Uniforms,
    checkpoint: Checkpoint,
    tables: Sequence[BitTable],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the outcomes of a branch of one history as they are read, ascending, and how often each came."""
    if not readout.bit_of_qubit:
        return np.zeros(1, np.int64), np.array([branch.num_shots])
    if readout.wide:
        runs = list(_together(drawn(branch, uniforms, checkpoint)))
        for run in runs:
            checkpoint()
            run.sort()
        found = _Finder(branch.states.rows[0], checkpoint, branch.states.tuning)
        pairs: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = []
        for cuts in aligned_slices(runs, checkpoint):
            draws = np.concatenate([run[cut] for run, cut in zip(runs, cuts, strict=True)])
            draws.sort()
            outcomes, counts = _runs(found.of(draws))
            if pairs and pairs[-1][0][-1] == outcomes[0]:
                pairs[-1][1][-1] += counts[0]
                outcomes, counts = outcomes[1:], counts[1:]
            if outcomes.size:
                pairs.append((outcomes, counts))
        return add_counts(pairs, checkpoint)
    (edges,) = edges_of(branch.states.rows, _bits(branch, readout), checkpoint, branch.states.tuning, tables)
    below = np.zeros(edges.size, np.int64)
    for _, draws in drawn(branch, uniforms, checkpoint):
        below += draws_below(edges, draws)
    counts = np.diff(below, prepend=0)
    outcomes = np.flatnonzero(counts)
    return outcomes, counts[outcomes]


def draws_below(edges: NDArray[np.float64], draws: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return how many draws are below each edge; the draws' order changes."""
    if edges.size << _PASS_BITS <= draws.size:
        return np.array([np.count_nonzero(draws < edge) for edge in edges])
    draws.sort()
    return draws.searchsorted(edges)


def edges_of(
    rows: Amplitudes,
    bits: Sequence[int],
    checkpoint: Checkpoint,
    tuning: Tuning = TUNING,
    tables: Sequence[BitTable] = (),
) -> NDArray[np.float64]:
    """Return each state's cumulative distribution of the values of some bits, up to 1, shape (states, values).

    ``tables`` are how the values are misread: bit i of them is that of ``bits[i]``.
    """
    masses = misread(marginals(rows, bits, checkpoint, tuning), tables)
    edges = masses.cumsum(axis=1, out=masses)
    # The last edge is 1. Trailing outcomes of probability zero have it too, so no draw in [0, 1) selects them.
    edges /= edges[:, -1:].copy()
    return edges


def _bits(branch: Branch[Statevectors], readout: Readout) -> list[int]:
    return [branch.states.bit_of[qubit] for qubit in readout.bit_of_qubit]


def looked_up(
    edges: NDArray[np.float64], rows: NDArray[np.intp], groups: NDArray[np.intp], draws: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the outcome of each draw, in the distribution of its group's row."""
    # A search by halves, of all draws at once: in each step those move on whose outcome lies beyond.
    before = (rows * edges.shape[1] - 1).take(groups)
    index = before.copy()
    step = edges.shape[1] // 2
    while step:
        index += np.multiply(edges.reshape(-1).take(index + step) <= draws, step, dtype=np.intp)
        step //= 2
    outcomes: NDArray[np.int64] = index - before
    return outcomes


def _together(draws: Draws) -> Iterator[NDArray[np.float64]]:
    """Yield draws, in their order, as many at a time as are quickly sorted."""
    pending: list[NDArray[np.float64]] = []
    size = 0
    for _, some in draws:
        pending.append(some)
        size += some.size
        if size >= piecewise.PIECE:
            yield np.concatenate(pending)
            pending, size = [], 0
    if pending:
        yield np.concatenate(pending)


class _Finder:
    """Looks draws up in the distribution of a state of several pieces."""

    def __init__(self, psi: Amplitudes, checkpoint: Checkpoint, tuning: Tuning = TUNING) -> None:
        edges = np.cumsum(piece_probabilities(psi, checkpoint, tuning))
        self._total = edges[-1]
        self._edges = edges / self._total
        self._pieces = psi.reshape(edges.size, -1)
        self._checkpoint = checkpoint

    def of(self, draws: NDArray[np.float64]) -> NDArray[np.int64]:
        """Return the index that each draw falls on; the draws ascend."""
        edges = self._edges
        ends = np.searchsorted(draws, edges)
        found = np.empty(draws.size, np.int64)
        for index in np.flatnonzero(np.diff(ends, prepend=0)).tolist():
            self._checkpoint()
            start, before = (ends[index - 1], edges[index - 1]) if index else (0, 0.0)
            inner = np.cumsum(squared_magnitudes(self._pieces[index]))
            last = np.searchsorted(inner, inner[-1])
            inner /= self._total
            inner += before
            # Rounding leaves the end of a piece off its edge: the last index that can be takes what is between.
            np.minimum(inner, edges[index], out=inner)
            inner[last:] = edges[index]
            inside = slice(start, ends[index])
            found[inside] = np.searchsorted(inner, draws[inside], side="right") + index * self._pieces.shape[1]
        return found


def _runs(ascending: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    starts = np.flatnonzero(np.concatenate([[True], ascending[1:] != ascending[:-1]]))
    return ascending[starts], np.diff(starts, append=ascending.size)
