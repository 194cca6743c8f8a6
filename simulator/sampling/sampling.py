"""Probabilities -> outcomes: all final measurements at once, for every shot.

A sampled shot uses one random number, whatever the number of qubits: it looks it up in the cumulative
distribution. So the sampled outcomes of a seed differ from those that one measurement after another would give;
each way is as random, and as reproducible.

An outcome is an int. Of up to `Tuning.piece_bits` measured qubits it has a bit for each, the lowest qubit's first,
so that the order of the distribution does not depend on how the state's qubits lie. Of more, it is an index of the
state, whose distribution is too large to be kept, or sorted: pieces of it are summed up where a shot falls on
them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator import piecewise
from simulator.circuit.instructions import Measure
from simulator.dynamic.branches import Branch, drawn
from simulator.evolve import Statevectors
from simulator.kernels import measure
from simulator.kernels.measure import marginals, piece_probabilities, squared_magnitudes
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.piecewise import aligned_slices, slices
from simulator.rng import Uniforms
from simulator.sampling.tally import WORD_BITS, Tally, Words, summed
from simulator.tuning import TUNING, Tuning
from simulator.typing import Amplitudes

Draws: TypeAlias = Iterator[tuple[slice, NDArray[np.float64]]]

#: Outcomes up to which a pass over all shots for each is faster than sorting the shots.
_FEW = 64
#: Bits of an outcome that are looked up at once.
_DIGIT = 10


def sample(
    branch: Branch[Statevectors],
    measures: Sequence[Measure],
    uniforms: Uniforms,
    tally: Tally,
    checkpoint: Checkpoint = no_checkpoint,
) -> None:
    """Measure all at once, for every shot of a branch; its states stay as they are."""
    readout = readout_of(measures, branch.states.bit_of, branch.states.tuning)
    memories = _Memories(branch, readout, tally, checkpoint)
    if len(branch.histories) == 1 and not tally.remembers:
        outcomes, counts = _counted(branch, readout, uniforms, checkpoint)
        tally.add(memories.words(np.zeros_like(outcomes), outcomes), counts)
        return
    codes_and_counts = []
    for inside, outcomes in _outcomes(branch, readout, uniforms, checkpoint):
        groups = branch.shots.groups[inside]
        if tally.remembers:
            places = np.empty_like(groups)
            for some in slices(groups.size, checkpoint):
                places[some] = branch.history_of_group.take(groups[some])
            tally.put(branch.shots.numbers[inside], memories.words(places, outcomes))
            continue
        codes_and_counts += [
            _runs(np.sort(groups[some] << readout.num_bits | outcomes[some]))
            for some in slices(groups.size, checkpoint)
        ]
    if codes_and_counts:
        codes, counts = summed(codes_and_counts, checkpoint)
        for some in slices(codes.size, checkpoint):
            groups, outcomes = codes[some] >> readout.num_bits, codes[some] & (1 << readout.num_bits) - 1
            tally.add(memories.words(branch.history_of_group.take(groups), outcomes), counts[some])


def collapse(
    branch: Branch[Statevectors], measures: Sequence[Measure], uniforms: Uniforms, checkpoint: Checkpoint
) -> None:
    """Leave a branch of one shot in the state after the outcome that `sample` gives it."""
    readout = readout_of(measures, branch.states.bit_of, branch.states.tuning)
    ((_, (outcome,)),) = _outcomes(branch, readout, uniforms, checkpoint)
    fixed = {branch.states.bit_of[qubit]: outcome >> place & 1 for qubit, place in readout.places.items()}
    if fixed:
        measure.collapse(branch.states.state.amplitudes, fixed, checkpoint, branch.states.tuning)


@dataclass(frozen=True, slots=True)
class Readout:
    """What the bits of an outcome are."""

    #: Measured qubit -> bit of the outcome.
    places: Mapping[int, int]
    #: Clbit -> bit of the outcome; the last measurement into a clbit stays.
    sources: Mapping[int, int]
    num_bits: int
    #: Whether an outcome is an index of the state.
    wide: bool

    @property
    def mask(self) -> int:
        """The clbits that are written."""
        return sum(1 << clbit for clbit in self.sources)

    def memories(self, outcomes: NDArray[np.int64]) -> Words:
        """Return the clbits that each outcome writes, all below `WORD_BITS`."""
        if all(clbit == place for clbit, place in self.sources.items()) and len(self.sources) == self.num_bits:
            return outcomes
        words = np.zeros(outcomes.size, np.int64)
        for start in range(0, self.num_bits, _DIGIT):
            digits = np.arange(1 << min(_DIGIT, self.num_bits - start))
            written = np.zeros(digits.size, np.int64)
            for clbit, place in self.sources.items():
                if start <= place < start + _DIGIT:
                    written |= (digits >> place - start & 1) << clbit
            words |= written.take(outcomes >> start & digits.size - 1)
        return words

    def memory(self, outcome: int) -> int:
        """Return the clbits that an outcome writes."""
        return sum((outcome >> place & 1) << clbit for clbit, place in self.sources.items())


def readout_of(measures: Sequence[Measure], bit_of: Mapping[int, int], tuning: Tuning = TUNING) -> Readout:
    """Return how outcomes of some measurements are read in a state whose qubits lie so."""
    qubits = sorted({measure.qubit for measure in measures})
    wide = len(qubits) > tuning.piece_bits
    places = {qubit: bit_of[qubit] if wide else place for place, qubit in enumerate(qubits)}
    sources = {measure.clbit: places[measure.qubit] for measure in measures}
    return Readout(places, sources, len(bit_of) if wide else len(qubits), wide)


class _Memories:
    """The classical memories of a branch's histories, after outcomes are written to them."""

    def __init__(
        self, branch: Branch[Statevectors], readout: Readout, tally: Tally, checkpoint: Checkpoint
    ) -> None:
        mask = readout.mask
        self._kept = [history.classical.memory & ~mask for history in branch.histories]
        self._checkpoint = checkpoint
        self._narrow = max([*self._kept, mask]) >> WORD_BITS == 0
        self._readout, self._tally = readout, tally
        #: Of what comes again in each batch of shots.
        self._words: dict[int, int] = {}

    def words(self, places: NDArray[np.intp], outcomes: NDArray[np.int64]) -> Words:
        """Return the word of each pair of a history's index and an outcome."""
        words = np.empty(outcomes.size, np.int64)
        all_pieces = list(slices(words.size, self._checkpoint))
        if self._narrow:
            kept = np.array(self._kept, np.int64)
            for some in all_pieces:
                self._checkpoint()
                words[some] = kept.take(places[some]) | self._readout.memories(outcomes[some])
            return words
        bits, found = self._readout.num_bits, []
        for some in all_pieces:
            self._checkpoint()
            pairs, words[some], counts = np.unique(
                places[some] << bits | outcomes[some], return_inverse=True, return_counts=True
            )
            found.append((pairs, counts))
        all_pairs, _ = summed(found, self._checkpoint)
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
            word = self._tally.word(self._kept[pair >> bits] | self._readout.memory(pair & (1 << bits) - 1))
            if not self._readout.wide:
                self._words[pair] = word
        return word


def _outcomes(
    branch: Branch[Statevectors], readout: Readout, uniforms: Uniforms, checkpoint: Checkpoint
) -> Iterator[tuple[slice, NDArray[np.int64]]]:
    """Yield each shot's outcome, a batch of the branch's own shots at a time."""
    draws = drawn(branch, uniforms, checkpoint)
    rows = branch.state_of_history.take(branch.history_of_group)
    if readout.wide:
        yield slice(None), _all_found(branch, rows, draws, checkpoint)
    elif not readout.places:
        for inside in branch.shots.batches(checkpoint):
            yield inside, np.zeros(inside.stop - inside.start, np.int64)
    else:
        edges = edges_of(branch.states.rows, _bits(branch, readout), checkpoint, branch.states.tuning)
        for inside, some in draws:
            yield inside, _looked_up(edges, rows, branch.shots.groups[inside], some)


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
    branch: Branch[Statevectors], readout: Readout, uniforms: Uniforms, checkpoint: Checkpoint
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the outcomes of a branch of one history, each once, ascending, and how often each came."""
    if not readout.places:
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
        return summed(pairs, checkpoint)
    (edges,) = edges_of(branch.states.rows, _bits(branch, readout), checkpoint, branch.states.tuning)
    below = np.zeros(edges.size, np.int64)
    for _, draws in drawn(branch, uniforms, checkpoint):
        if edges.size <= _FEW:
            below += [np.count_nonzero(draws < edge) for edge in edges]
        else:
            draws.sort()
            below += np.searchsorted(draws, edges)
    counts = np.diff(below, prepend=0)
    outcomes = np.flatnonzero(counts)
    return outcomes, counts[outcomes]


def edges_of(
    rows: Amplitudes, bits: Sequence[int], checkpoint: Checkpoint, tuning: Tuning = TUNING
) -> NDArray[np.float64]:
    """Return each state's cumulative distribution of the values of some bits, up to 1, shape (states, values)."""
    masses = marginals(rows, bits, checkpoint, tuning)
    edges = np.cumsum(masses, axis=1, out=masses)
    # The last is 1, above all draws; and so are those before it that are the same: their outcomes cannot be.
    edges /= edges[:, -1:].copy()
    return edges


def _bits(branch: Branch[Statevectors], readout: Readout) -> list[int]:
    return [branch.states.bit_of[qubit] for qubit in readout.places]


def _looked_up(
    edges: NDArray[np.float64], rows: NDArray[np.intp], groups: NDArray[np.intp], draws: NDArray[np.float64]
) -> NDArray[np.int64]:
    """Return the outcome of each draw, in the distribution of its group's row."""
    # A search by halves, of all draws at once: in each step those move on whose outcome lies beyond.
    before = (rows * edges.shape[1] - 1).take(groups)
    place = before.copy()
    step = edges.shape[1] // 2
    while step:
        place += np.multiply(edges.reshape(-1).take(place + step) <= draws, step, dtype=np.intp)
        step //= 2
    outcomes: NDArray[np.int64] = place - before
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
        for place in np.flatnonzero(np.diff(ends, prepend=0)).tolist():
            self._checkpoint()
            start, before = (ends[place - 1], edges[place - 1]) if place else (0, 0.0)
            inner = np.cumsum(squared_magnitudes(self._pieces[place]))
            last = np.searchsorted(inner, inner[-1])
            inner /= self._total
            inner += before
            # Rounding leaves the end of a piece off its edge: the last index that can be takes what is between.
            np.minimum(inner, edges[place], out=inner)
            inner[last:] = edges[place]
            inside = slice(start, ends[place])
            found[inside] = np.searchsorted(inner, draws[inside], side="right") + place * self._pieces.shape[1]
        return found


def _runs(ascending: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    starts = np.flatnonzero(np.concatenate([[True], ascending[1:] != ascending[:-1]]))
    return ascending[starts], np.diff(starts, append=ascending.size)
