"""How two revisions are compared: a child process of each, and what counts as slower."""

import pytest
from support.processes import ROOT

from benchmarks.against.__main__ import Row, Side

SCATTER = [0.9, 1.0, 1.0, 1.1]


@pytest.mark.parametrize(
    ("ratios", "verdict"),
    [
        ([1.3, 1.4, 1.5, 1.6], "slower"),
        ([0.6, 0.7, 0.7, 0.8], "faster"),
        ([0.9, 1.0, 1.5, 1.6], ""),
        ([1.0, 1.05, 1.05, 1.1], ""),
    ],
)
def test_slower_is_what_the_scatter_does_not_explain(ratios, verdict):
    """Most of a row's ratios lie beyond most of what the old revision shows against itself, and beyond 1."""
    row = Row("case", 1e-3, ratios, SCATTER)
    assert row.verdict == verdict
    assert row.line().rstrip().endswith(verdict or ")")


def test_less_than_before_is_not_slower():
    """Where the scatter is all below 1, by chance, a ratio below 1 is still not slower."""
    assert not Row("case", 1e-3, [0.95, 0.95, 0.97, 0.97], [0.8, 0.8, 0.9, 0.9]).verdict


@pytest.mark.slow
def test_a_child_runs_the_cases_of_a_tree(tmp_path):
    """It has the packages of the tree that it was given, and says how long a case takes."""
    with Side(ROOT, tmp_path) as side:
        assert {"ghz 5 kept", "qv 20 cold", "job of a Bell circuit"} <= {*side.names}
        assert side.seconds("ghz 5 cold", 2, cpu=False) > 0
        assert side.seconds("feedback, 1,000 shots", 1, cpu=True) > 0
