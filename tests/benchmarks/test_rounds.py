from __future__ import annotations

import pytest

from benchmarks.common.rounds import Contender, in_turns


def _contenders(log):
    return [
        Contender(name, lambda name=name: log.append(name), lambda _, name=name: name.upper())
        for name in ("a", "b")
    ]


def test_contenders_take_turns():
    """Every round runs each contender once, in order, and the first round can be left out of the figures."""
    log = []
    seconds = in_turns(_contenders(log), check=lambda _: None, rounds=1, warm_up=True)
    assert log == ["a", "b", "a", "b"]
    assert {name: len(times) for name, times in seconds.items()} == {"a": 1, "b": 1}


def test_answers_are_checked_after_the_first_round():
    """A disagreement ends the measurement before a second round."""
    log, seen = [], {}

    def check(answers):
        seen.update(answers)
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        in_turns(_contenders(log), check=check, rounds=3, warm_up=False)
    assert seen == {"a": "A", "b": "B"}
    assert log == ["a", "b"]


def test_short_runs_are_repeated():
    """Runs much shorter than the wanted half second get many rounds, but a bounded number."""
    log = []
    seconds = in_turns(_contenders(log), check=lambda _: None, rounds=3, warm_up=False)
    assert 3 < len(seconds["a"]) == len(seconds["b"]) < 1000


def test_what_prepares_a_run_is_not_in_its_time():
    """The clock starts after `prepare`."""
    log = []
    contender = Contender("a", lambda: log.append("run"), lambda _: None, prepare=lambda: log.append("prepare"))
    contender.timed()
    assert log == ["prepare", "run"]
