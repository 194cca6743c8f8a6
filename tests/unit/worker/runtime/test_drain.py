"""Shutdown: short runs end, long ones are handed back."""

from __future__ import annotations

import time

from worker.runtime.drain import PATIENCE, Drain


def test_not_draining():
    """Without a shutdown nothing is handed back, however long it takes."""
    assert not Drain().should_stop(lambda: time.monotonic() + 1e6)


def test_long_and_short():
    """A run with more than the patience left is handed back, one with less is not."""
    drain = Drain()
    drain.begin()
    assert drain.should_stop(lambda: time.monotonic() + PATIENCE + 1)
    assert not drain.should_stop(lambda: time.monotonic() + PATIENCE - 1)


def test_an_estimate_that_was_too_low():
    """A run that has had its patience since the drain began is handed back, whatever was expected of it."""
    drain = Drain()
    drain.begin()
    drain._began.value -= PATIENCE + 1
    assert drain.should_stop(lambda: time.monotonic() - 100)


def test_a_second_signal_changes_nothing():
    """The drain counts from the first signal."""
    drain = Drain()
    drain.begin()
    began = drain._began.value
    drain.begin()
    assert drain._began.value == began
