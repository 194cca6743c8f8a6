"""Shutdown: a worker that was told to end lets short runs finish, and hands long ones back at a checkpoint."""

from __future__ import annotations

import time
from collections.abc import Callable
from multiprocessing.sharedctypes import RawValue

#: Seconds that a run may still take once its worker is draining.
PATIENCE = 10.0


class Drain:
    """Shows the pool's children that their parent drains. Made in the parent, before it forks.

    A plain shared value, without a lock: a child that is killed while it holds one would block the parent.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        #: When it began, by the clock that all processes of a machine share; 0: it has not.
        self._began = RawValue("d", 0.0)

    def begin(self) -> None:
        """Drain from now on."""
        self._began.value = self._began.value or self._clock()

    def should_stop(self, expected_end: Callable[[], float]) -> bool:
        """Whether a run that is expected to end then (by the clock) shall stop.

        It shall if it has more than `PATIENCE` left, or has had as much since the drain began.
        """
        began = self._began.value
        return bool(began) and max(expected_end(), self._clock()) > began + PATIENCE
