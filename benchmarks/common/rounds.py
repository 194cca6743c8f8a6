"""Times of contenders that take turns, so that whatever else the machine does meets all of them alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

#: Seconds of runs that a case takes, at least, however short one run is,
_ENOUGH = 0.5
#: but not more rounds than this.
_MOST = 301


def nothing() -> None:
    """Do nothing."""


@dataclass(frozen=True, slots=True)
class Contender:
    """One way to run a case."""

    name: str
    #: What is timed.
    run: Callable[[], Any]
    #: What a run gave -> what it can be compared by: one amplitude, a state, or counts. Not timed.
    answer: Callable[[Any], Any]
    #: Called before each run. Not timed.
    prepare: Callable[[], None] = nothing

    def timed(self) -> tuple[float, Any]:
        """Return the seconds of one run, and its answer."""
        self.prepare()
        begin = time.perf_counter()
        outcome = self.run()
        seconds = time.perf_counter() - begin
        return seconds, self.answer(outcome)


def in_turns(
    contenders: Sequence[Contender],
    *,
    check: Callable[[dict[str, Any]], None],
    rounds: int,
    warm_up: bool,
    pause: float = 0.0,
) -> dict[str, list[float]]:
    """Return the seconds of each contender's runs; every round runs each of them once.

    Args:
        contenders: in the order of a round.
        check: takes the answers of the first round, by the contenders' names; what it raises ends the measurement.
        rounds: at least so many; of more than one, more until the runs took half a second.
        warm_up: whether the first round is not counted.
        pause: seconds between two runs, for peers whose threads spin on after their work.

    """
    answers: dict[str, Any] = {}
    first = _round(contenders, pause, answers)
    check(answers)
    # Kept, they would have all later runs take fresh memory.
    answers.clear()
    counted = [] if warm_up else [first]
    spent = 0.0
    while len(counted) < rounds or (rounds > 1 and spent < _ENOUGH and len(counted) < _MOST):
        counted.append(_round(contenders, pause))
        spent += sum(counted[-1].values())
    return {contender.name: [each[contender.name] for each in counted] for contender in contenders}


def _round(
    contenders: Sequence[Contender], pause: float, answers: dict[str, Any] | None = None
) -> dict[str, float]:
    """Return each one's seconds; the answers are added to those that are given."""
    seconds = {}
    for contender in contenders:
        time.sleep(pause)
        seconds[contender.name], answer = contender.timed()
        if answers is not None:
            answers[contender.name] = answer
        del answer
    return seconds
