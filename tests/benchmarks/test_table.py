from __future__ import annotations

import json

import pytest

from benchmarks.engine.floor import Rates, Work
from benchmarks.engine.table import Row, summary


def _row(others=0.0, wanted=5.0, **seconds):
    return Row("states", "qft", 8, "double", {"Aer": wanted}, seconds, others=others)


@pytest.mark.parametrize(
    ("row", "verdict"),
    [
        (_row(Aer=[10.0, 10, 10], ours=[2.0, 2, 2]), "reached"),
        (_row(Aer=[10.0, 10, 10], ours=[2.1, 2.1, 2.1]), "short"),
        (_row(Aer=[10.0, 10, 10], ours=[1.0, 1, 1], cold=[5.0, 5, 5]), "warm only"),
        (_row(Aer=[10.0, 10, 10], ours=[1.0, 1, 1], cold=[2.0, 2, 2]), "reached"),
        (_row(Aer=[2.0, 10, 10], ours=[1.0, 1, 1]), "short"),
        (_row(others=0.8, Aer=[10.0, 10, 10], ours=[1.0, 1, 1]), "disturbed"),
        (_row(others=0.8, Aer=[10.0, 10, 10], ours=[9.0, 9, 9]), "short"),
        (_row(), ""),
    ],
    ids=["reached", "short", "cold", "both", "only by the medians", "others", "short with others", "nothing ran"],
)
def test_verdicts(row, verdict):
    """A figure is reached by the medians and the shortest runs, cold and warm, on a quiet machine."""
    assert row.verdict("Aer") == verdict
    assert row.short == (verdict in {"short", "warm only"})


def test_a_case_without_figures_says_why():
    """What went wrong stands in the line, where no ratio does, and in the summary."""
    row = Row("states", "qft", 8, "double", {"Aer": 5.0}, problem="DisagreementError: |<a|b>| is 0.5")
    assert row.lines() == ["qft                            8 NO FIGURE: DisagreementError: |<a|b>| is 0.5"]
    assert "1 without a figure" in summary([row])


def test_the_summary_names_what_is_slower():
    """Each case that Aer wins is listed."""
    rows = [_row(Aer=[1.0], ours=[2.0]), _row(Aer=[9.0], ours=[1.0])]
    assert summary(rows) == (
        "1 reached, 0 warm only, 1 short, 0 disturbed, 0 without a figure; slower than Aer: qft n=8"
    )


def test_raw_figures_are_json():
    """Everything a row knows can be written, its ratios included."""
    raw = json.loads(json.dumps(_row(Aer=[10.0], ours=[2.0], cold=[4.0]).raw()))
    assert (raw["ratios"], raw["cold_ratios"], raw["verdicts"]) == (
        {"Aer": 5.0},
        {"Aer": 2.5},
        {"Aer": "warm only"},
    )


def test_the_floor_adds_what_one_core_does_in_turn():
    """Operations, main memory and cache each take their amount over their rate, for every amplitude."""
    rates = Rates(memory_bytes=10.0, cache_bytes=100.0, flops={"double": 20.0, "single": 40.0})
    work = Work(flops=40.0, memory_bytes=30.0, cache_bytes=100.0)
    assert rates.seconds(work, 3) == pytest.approx(8 * (2 + 3 + 1))
    assert rates.seconds(work, 3, "single") == pytest.approx(8 * (1 + 3 + 1))
