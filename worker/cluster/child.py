"""A process of the supervisor's that is kept up: started again whenever it ends, after pauses that grow."""

from __future__ import annotations

import logging
import subprocess
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

#: A process that lives for so many seconds was started well.
_STABLE = 60.0
_LONGEST_PAUSE = 30.0
#: Deaths in a row, each soon after the start, after which nothing more is expected.
_MOST_FAILURES = 6


class Child:
    """One process, or the pause before its next start."""

    def __init__(self, name: str, start: Callable[[], subprocess.Popen[bytes]]) -> None:
        self._name = name
        self._start = start
        self._process: subprocess.Popen[bytes] | None = None
        self._since = self._not_before = 0.0
        self._deaths = 0

    @property
    def keeps_failing(self) -> bool:
        """Whether it keeps dying soon after its start; it is started again all the same."""
        return self._deaths >= _MOST_FAILURES

    def ended(self) -> bool:
        """Whether it does not run now."""
        return self._process is None or self._process.poll() is not None

    def keep(self) -> None:
        """Start it, unless it runs or its pause is not over; never waits."""
        now = time.monotonic()
        if self._process is not None:
            code = self._process.poll()
            if code is None:
                return
            self._deaths = self._deaths + 1 if now - self._since < _STABLE else 1
            pause = min(0.05 * 4 ** (self._deaths - 1), _LONGEST_PAUSE)
            logger.warning("%s ended with code %d; it is started again in %g s", self._name, code, pause)
            self._not_before, self._process = now + pause, None
        if now >= self._not_before:
            self._process, self._since = self._start(), now

    def terminate(self) -> None:
        """Ask it to end: SIGTERM."""
        if self._process is not None:
            self._process.terminate()

    def wait(self, deadline: float) -> None:
        """Wait for its end; past the deadline (of `time.monotonic`), kill it."""
        if self._process is None:
            return
        try:
            self._process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            logger.warning("%s does not end; it is killed", self._name)
            self._process.kill()
            self._process.wait()
