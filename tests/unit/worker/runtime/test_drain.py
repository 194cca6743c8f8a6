"""Shutdown: short runs end, long ones are handed back."""

from __future__ import annotations

import math

import pytest

from worker.runtime.drain import PATIENCE, Drain


class Clock:
    now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def drain(clock):
    return Drain(clock)


def test_not_draining(drain):
    """Without a shutdown nothing is handed back, however long it takes."""
    assert not drain.should_stop(lambda: math.inf)


def test_long_and_short(drain, clock):
    """A run with more than the patience left is handed back, one with less is not."""
    drain.begin()
    assert drain.should_stop(lambda: clock.now + PATIENCE + 1)
    assert not drain.should_stop(lambda: clock.now + PATIENCE - 1)


@pytest.mark.parametrize("signals", [1, 2])
def test_an_estimate_that_was_too_low(drain, clock, signals):
    """A run that has had its patience since the first signal is handed back, whatever was expected of it."""
    begun = clock.now
    for _ in range(signals):
        drain.begin()
        clock.now += PATIENCE / 2
    clock.now = begun + PATIENCE
    assert not drain.should_stop(lambda: begun)
    clock.now += 1
    assert drain.should_stop(lambda: begun)
