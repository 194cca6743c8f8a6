"""How long a job still takes, as a bar says it."""

from __future__ import annotations

import pytest

from jobs.follow.progress_bar import TimeLeft


def test_a_steady_job_ends_when_it_says():
    """Of a job that moves evenly, the rest is right from the first word on, wherever the look began."""
    left = TimeLeft()
    assert left.seconds(0.0, 0) is None
    for second in range(20, 100, 10):
        told = left.seconds(second / 100, second)
        assert told == (None if second == 20 else pytest.approx(100 - second))


def test_too_little_is_not_told():
    """Nothing is said before a second has passed and a fiftieth is done, nor of a job that is."""
    left = TimeLeft()
    assert [left.seconds(*seen) for seen in [(0.1, 0), (0.5, 0.5), (0.11, 100), (1.0, 200)]] == [None] * 4
    assert left.text(0.1) == ""
