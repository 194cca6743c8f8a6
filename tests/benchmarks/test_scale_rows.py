from __future__ import annotations

import json

import numpy as np
import pytest

from benchmarks.common.agreement import DisagreementError, check_distribution
from benchmarks.scale.rows import Row, slope, summary


def _row(unit="x", wanted=10.0, others=0.0, **seconds):
    return Row(
        section="lists",
        name="a list / Aer",
        figure=lambda each: each["Aer"] / each["ours"],
        unit=unit,
        wanted=wanted,
        seconds=seconds or {"Aer": [20.0, 30.0, 100.0], "ours": [1.0, 2.0, 4.0]},
        others=others,
    )


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (_row(), "reached"),
        (_row(wanted=16.0), "short"),
        (_row(others=0.5), "disturbed"),
        (_row(wanted=16.0, others=0.5), "short"),
        (_row(unit="ms", wanted=15.0), "reached"),
        (_row(unit="ms", wanted=14.0), "short"),
        (_row(wanted=None), ""),
        (Row(section="lists", name="broken", figure=lambda _: 0.0, unit="x", wanted=1.0, problem="no"), ""),
    ],
    ids=["ratio", "small ratio", "others", "small with others", "time", "long time", "no target", "nothing ran"],
)
def test_verdicts(row, verdict):
    """Medians have to reach what was wanted, from above or from below, on a quiet machine."""
    assert row.verdict == verdict


def test_a_row_shows_medians_and_the_shortest_runs():
    """The figure is made of the contenders' medians; beside it stands that of their shortest runs."""
    row = _row()
    assert (row.value(), row.value(min)) == (15.0, 20.0)
    assert row.lines() == [
        f"{'a list / Aer':<58}  >= 10.00x    15.00x    20.00x  reached",
        "    Aer 30.000 s, ours 2.000 s; 3 rounds",
    ]
    assert json.loads(json.dumps(row.raw()))["medians"] == 15.0


def test_the_summary_names_what_is_short_or_missing():
    """Nobody has to read all rows to see what was not reached."""
    broken = Row(section="lists", name="broken", figure=lambda _: 0.0, unit="x", wanted=1.0, problem="no")
    assert broken.lines() == [f"{'broken':<58} NO FIGURE: no"]
    assert summary([_row(), _row(wanted=16.0), broken]) == (
        "1 reached, 1 short, 0 disturbed; short: a list / Aer; without a figure: broken"
    )


def test_the_slope_leaves_a_constant_out():
    """What every job takes, however many shards it has, is no part of a shard's time."""
    assert slope({50: 7.0 + 50 * 0.003, 200: 7.0 + 200 * 0.003, 400: 7.0 + 400 * 0.003}) == pytest.approx(0.003)


def test_counts_fit_their_probabilities():
    """Samples of a distribution agree with it, and not with one that has two outcomes exchanged."""
    rng = np.random.default_rng(1)
    probabilities = rng.dirichlet(np.ones(16) / 4)
    for _ in range(200):
        drawn = rng.multinomial(1024, probabilities)
        check_distribution({hex(key): int(times) for key, times in enumerate(drawn) if times}, probabilities)
    most, least = np.argsort(probabilities)[[-1, 4]]
    probabilities[[most, least]] = probabilities[[least, most]]
    with pytest.raises(DisagreementError, match="chi-squared"):
        check_distribution({hex(key): int(times) for key, times in enumerate(drawn) if times}, probabilities)
