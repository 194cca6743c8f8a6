"""A monitor: how a run asks whether it is still wanted, and tells how far it is.

What plans and orders work takes the whole value. A kernel, or whatever goes through a long array, has nothing to
tell of a run: it takes the checkpoint alone, a plain function.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

#: Called before every kernel, and now and then in anything long; what it raises ends the run.
Checkpoint: TypeAlias = Callable[[], None]


def no_checkpoint() -> None:
    """Let the run go on."""


def _no_report(_: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True, slots=True)
class Monitor:
    """What a run calls while it runs, in the thread that it was started in."""

    checkpoint: Checkpoint = no_checkpoint
    #: Called now and then with the fraction that is done, from 0 to 1.
    report: Callable[[float], None] = _no_report

    def part(self, start: float, share: float) -> Monitor:
        """Return the monitor of a part of the run: from the fraction ``start`` on, this share of the whole."""
        report = self.report
        if report is _no_report or share == 1:
            return self
        return Monitor(self.checkpoint, lambda fraction: report(start + fraction * share))


#: Of a run that nobody watches.
SILENT = Monitor()
