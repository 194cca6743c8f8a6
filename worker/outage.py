"""A time in which Redis does not do its part, said once for a node: a line when it begins, one when it is over.

The parts of a node's parent process that need Redis report here. Its children see whether it is known, in shared
memory, and then say nothing of their own troubles: those are the same.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any

logger = logging.getLogger(__name__)


class Outage:
    """The outage of one node. Before `share` none is known."""

    def __init__(self) -> None:
        #: Seconds of the monotonic clock when it began; 0: there is none.
        self._begun: Any = None
        self._without: set[str] = set()
        self._lock = threading.Lock()

    def share(self) -> None:
        """Let the processes that are forked from now on see it."""
        from multiprocessing.sharedctypes import RawValue

        self._begun = RawValue("d", 0.0)

    @property
    def level(self) -> int:
        """At which level to log that Redis did not do something: a warning is for what is not known yet."""
        return logging.WARNING if self._begun is None or not self._begun.value else logging.DEBUG

    @property
    def seconds(self) -> float:
        """How long it has lasted; 0: there is none."""
        begun = 0.0 if self._begun is None else self._begun.value
        return time.monotonic() - begun if begun else 0.0

    def begin(self, part: str, reason: str) -> None:
        """Note that a part of this node is without Redis."""
        with self._lock:
            first, self._without = not self._without, self._without | {part}
            if first and self._begun is not None:
                self._begun.value = time.monotonic()
        if first:
            logger.warning("Redis does not do its part, will go on trying: %s", reason)

    def over(self, part: str) -> None:
        """Note that a part of this node has Redis; for the last one, the outage is over."""
        if part not in self._without:
            return
        with self._lock:
            self._without = self._without - {part}
            if self._without or self._begun is None:
                return
            seconds, self._begun.value = time.monotonic() - self._begun.value, 0.0
        logger.info("Redis does its part again, after %.1f s", seconds)


#: Of this process's node.
outage = Outage()
