"""Errors of shots: each as probable as it is to be, and the same however shots are cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from support.examples import examples
from support.noise import channel, damping, depolarizing, kraus

from simulator.circuit.channel import Channel, Pauli
from simulator.monitor import no_checkpoint
from simulator.sampling.logarithms import log, log_of_rest
from simulator.trajectories.draws import BLOCK, Events, Sites
from simulator.trajectories.mixture import mixture_of

#: Probabilities between which powers of two lie, and 1; the last two let a state choose.
_CHANNELS = (
    depolarizing(0.001),
    depolarizing(0.02, 2),
    channel(1, (0.55, ()), (0.45, (Pauli(1, 0),))),
    channel(1, (0.999999, ()), (0.000001, (Pauli(0, 1),))),
    channel(1, (1.0, (kraus(damping(0.01)),))),
    channel(1, (1.0, (kraus(damping(1.0)),))),
)


def sites_of(*channels: Channel, count: int = 1) -> Sites:
    """So many sites of each channel, in turns."""
    return Sites([mixture_of(each) for each in channels], np.tile(np.arange(len(channels)), count))


def same(one: Events, other: Events) -> bool:
    return all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))


def test_logarithms_are_those_of_the_library() -> None:
    """Sums and products alone give logarithms to the last digits, from the smallest uniform number to 1."""
    numbers = np.append(np.geomspace(2.0**-53, 1, 10_000), np.linspace(0.4, 1, 1000))
    np.testing.assert_allclose(log(numbers), np.log(numbers), rtol=1e-14, atol=1e-15)
    for probability in (1e-12, 1e-5, 0.1, 0.4999, 0.5, 0.9, 0.999999):
        assert log_of_rest(probability) == pytest.approx(np.log1p(-probability), rel=1e-13)


@pytest.mark.rule(32)
@examples(30)
@given(st.integers(0, 2**63 - 1), st.integers(0, 3000), st.integers(0, 3000), st.integers(0, 3000))
def test_errors_do_not_depend_on_the_cut(seed: int, first: int, one: int, other: int) -> None:
    """Shots that are drawn in two parts have the errors that they have together."""
    sites = sites_of(*_CHANNELS, count=3)
    whole = sites.draw(seed, first, one + other, no_checkpoint)
    parts = sites.draw(seed, first, one, no_checkpoint), sites.draw(seed, first + one, other, no_checkpoint)
    moved = parts[1]._replace(shots=parts[1].shots + one)
    assert same(whole, Events(*(np.concatenate(each) for each in zip(parts[0], moved, strict=True))))


@pytest.mark.rule(33)
def test_errors_are_as_probable_as_they_are_to_be() -> None:
    """At each site, and of each kind; p > 1e-4 for each."""
    shots, count = 200 * BLOCK, 3
    sites = sites_of(*_CHANNELS, count=count)
    events = sites.draw(5, 0, shots, no_checkpoint)
    for site, mixture in enumerate([sites.mixtures[index] for index in sites.mixture_of]):
        own = events.sites == site
        seen = int(np.count_nonzero(own))
        assert stats.binomtest(seen, shots, mixture.probability).pvalue > 1e-4
        if seen > 100 and len(mixture.errors) > 1:
            kinds = np.bincount(events.errors[own], minlength=len(mixture.errors))
            assert stats.chisquare(kinds, np.diff(mixture.edges, prepend=0) * seen).pvalue > 1e-4
    # In the last site all shots have an error, of which the state chooses by a uniform number.
    last = events.sites == sites.mixture_of.size - 1
    assert np.array_equal(events.shots[last], np.arange(shots))
    assert stats.kstest(events.choices[last], "uniform").pvalue > 1e-4


@pytest.mark.rule(33)
def test_errors_of_neighbours_are_independent() -> None:
    """Of two sites, and of shots one behind the other, both have an error as often as chance lets them."""
    sites = sites_of(_CHANNELS[2], count=2)
    shots = 100 * BLOCK
    events = sites.draw(1, 0, shots, no_checkpoint)
    errored = np.zeros((shots, 2), np.bool_)
    errored[events.shots, events.sites] = True
    for both in (errored[:, 0] & errored[:, 1], errored[1:, 0] & errored[:-1, 0]):
        assert stats.binomtest(int(both.sum()), both.size, 0.45**2).pvalue > 1e-4


def test_seeds_and_sites_without_errors() -> None:
    """Another seed gives other errors, and what cannot happen does not."""
    sites = sites_of(_CHANNELS[2])
    assert not same(sites.draw(1, 0, BLOCK, no_checkpoint), sites.draw(2, 0, BLOCK, no_checkpoint))
    assert sites_of(channel(1, (1.0, ()))).draw(1, 0, BLOCK, no_checkpoint).shots.size == 0
    assert sites_of().draw(1, 0, BLOCK, no_checkpoint).shots.size == 0
    assert sites.draw(1, 0, 0, no_checkpoint).shots.size == 0
