"""The errors of every shot, all at once, as a function of the seed and of the shot's number only.

Shots come in blocks of 1,024 by their number. A generator of a block is keyed by the seed and the block, so what
begins or ends inside a block draws all of it and keeps its own. Places in the circuit where an error may happen
are sites; in a block, sites of about equal probability are one long row of trials, and geometric gaps lead from
error to error: so drawing costs what errors there are, and not what trials there are.

Gaps are made of the generator's raw words by sums, products and quotients alone, which every machine rounds in the
same way; logarithms of libraries differ in their last digits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.monitor import Checkpoint
from simulator.rng import unit
from simulator.sampling.logarithms import log, log_of_rest
from simulator.trajectories.mixture import Mixture
from simulator.typing import Indices

#: Shots that are drawn together.
BLOCK = 1024
#: The second words of keys, beside 0 of `rng.Uniforms`: of errors, and of readout errors.
ERRORS_KEY, READOUT_KEY = 1, 2
#: Of a class of trials in a block, which numbers a stream is of.
_GAPS, _KINDS, _CHOICES = range(3)
#: Spare gaps that are drawn at once, in standard deviations, so that hardly ever some are missing.
_SPARE = 6


class Events(NamedTuple):
    """Errors that happen, ordered by shot, then by site."""

    #: The shot, counted from the first that was asked for.
    shots: Indices
    #: The index of the site.
    sites: Indices
    #: Which of its mixture's errors.
    errors: Indices
    #: A uniform number in [0, 1), for what the state chooses then.
    choices: NDArray[np.float64]


class _Class(NamedTuple):
    """Sites of about equal probability."""

    #: The largest of the probabilities.
    most: float
    sites: Indices
    #: Whether a state may have a say in an error.
    chooses: bool


@dataclass(frozen=True, slots=True)
class Sites:
    """Where errors may happen: of each place, in the order of the circuit, the index of its mixture."""

    mixtures: Sequence[Mixture]
    mixture_of: Indices

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """The probability of an error at each site."""
        return np.array([each.probability for each in self.mixtures], np.float64)[self.mixture_of]

    def draw(self, seed: int, first: int, shots: int, checkpoint: Checkpoint) -> Events:
        """Return all errors of some shots; calls ``checkpoint`` for each block."""
        parts = [_none()]
        probabilities, classes = self.probabilities, self._classes()
        generator = np.random.Philox(key=[seed, ERRORS_KEY])
        for block in range(first // BLOCK, -(-(first + shots) // BLOCK)):
            for number, each in enumerate(classes):
                checkpoint()
                parts.append(self._drawn(generator, probabilities, block, number, each))
        shot, site, kind, choice = (np.concatenate(column) for column in zip(*parts, strict=True))
        inside = (shot >= first) & (shot < first + shots)
        shot, site, kind, choice = shot[inside] - first, site[inside], kind[inside], choice[inside]
        checkpoint()
        order = np.argsort(shot * max(1, self.mixture_of.size) + site, kind="stable")
        shot, site = shot[order], site[order]
        checkpoint()
        return Events(shot, site, self._errors(site, kind[order]), choice[order])

    def _classes(self) -> list[_Class]:
        """Return the sites, sorted by the power of two above their probability."""
        probabilities = self.probabilities
        possible = np.flatnonzero(probabilities > 0)
        # frexp, since logarithms of libraries differ in their last digits.
        levels = np.frexp(probabilities[possible])[1]
        chooses = np.array([each.chooses for each in self.mixtures], np.bool_)
        found = []
        for level in np.unique(levels):
            sites = possible[levels == level]
            found.append(
                _Class(float(probabilities[sites].max()), sites, bool(chooses[self.mixture_of[sites]].any()))
            )
        return found

    def _drawn(
        self,
        generator: np.random.Philox,
        probabilities: NDArray[np.float64],
        block: int,
        number: int,
        each: _Class,
    ) -> tuple[Any, ...]:
        """Return the errors of one class of sites in a block; of each, a uniform number to choose its kind by."""
        places = _hits(generator, block, number, each.most, each.sites.size * BLOCK)
        site = each.sites[places % each.sites.size]
        shot = places // each.sites.size + block * BLOCK
        _begin(generator, block, number, _KINDS)
        uniform = unit(generator.random_raw(places.size)) * each.most
        kept = np.flatnonzero(uniform < probabilities[site])
        choice = np.zeros(places.size)
        if each.chooses:
            _begin(generator, block, number, _CHOICES)
            choice = unit(generator.random_raw(places.size))
        site = site[kept]
        return shot[kept], site, uniform[kept] / probabilities[site], choice[kept]

    def _errors(self, sites: Indices, kinds: NDArray[np.float64]) -> Indices:
        """Return which error of its mixture each event is."""
        found = np.zeros(sites.size, np.intp)
        mixtures = self.mixture_of[sites]
        order = np.argsort(mixtures, kind="stable")
        ends = np.searchsorted(mixtures[order], np.arange(len(self.mixtures) + 1))
        for mixture, start, end in zip(self.mixtures, ends[:-1].tolist(), ends[1:].tolist(), strict=True):
            if end > start:
                some = order[start:end]
                found[some] = mixture.edges[:-1].searchsorted(kinds[some], side="right")
        return found


def _hits(generator: np.random.Philox, block: int, number: int, probability: float, trials: int) -> Indices:
    """Return which trials succeed, ascending."""
    if probability >= 1:
        return np.arange(trials)
    _begin(generator, block, number, _GAPS)
    scale = 1 / log_of_rest(probability)
    found, last = [], -1
    while last < trials:
        mean = (trials - last) * probability
        uniforms = 1 - unit(generator.random_raw(int(mean + _SPARE * math.sqrt(mean)) + _SPARE))
        # A gap is longer than any row of trials where the uniform is very small.
        gaps = np.minimum(log(uniforms) * scale, trials).astype(np.intp) + 1
        places = last + np.cumsum(gaps)
        found.append(places)
        last = int(places[-1])
    places = np.concatenate(found)
    return places[: int(places.searchsorted(trials))]


def _begin(generator: np.random.Philox, block: int, number: int, stream: int) -> None:
    """Let a generator go on with one stream of a class of trials in a block."""
    state = generator.state
    state["state"]["counter"] = np.array([0, stream, block, number], np.uint64)
    # What is left of the words that it made before.
    state["buffer_pos"] = 4
    generator.state = state


def _none() -> tuple[Any, ...]:
    return np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0), np.zeros(0)
