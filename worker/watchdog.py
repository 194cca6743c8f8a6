"""The hard stop: a run that does not answer its checkpoint after its job has ended is killed by its own node."""

from __future__ import annotations

import logging
import math
import os
import signal
import time
from collections.abc import Callable, Iterable
from typing import Any

from worker.record import FINAL_STATES, Doorbell
from worker.store import Store

logger = logging.getLogger(__name__)

#: Seconds that a run has to notice, between kernels, that its job has ended.
PATIENCE = 2.0


class Watchdog:
    """Looks, at each tick of a node, at the requests that its pool runs.

    The node does this, not the client that cancelled: it is there after the client has gone, and it also sees a
    job that ended by its deadline.
    """

    def __init__(
        self,
        store: Store,
        active: Callable[[], Iterable[Any]],
        job_of: Callable[[str], str],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._active = active
        self._job_of = job_of
        self._clock = clock
        self._ended: dict[str, float] = {}

    def look(self) -> None:
        """Kill what has had its time."""
        running = {request.id: request for request in self._active() if request.worker_pid}
        self._ended = {task_id: since for task_id, since in self._ended.items() if task_id in running}
        now = self._clock()
        for task_id, request in running.items():
            state, _ = self._store.look(Doorbell(self._job_of(task_id), 0))
            if state not in FINAL_STATES:
                continue
            # A tick late at most, so a tick is taken off.
            if now - self._ended.setdefault(task_id, now) >= PATIENCE - self._store.tick:
                logger.warning("%s has not stopped %s s after its job ended: killed", task_id, PATIENCE)
                os.kill(request.worker_pid, signal.SIGKILL)
                # Once: until Celery has taken note, the process id may be another's.
                self._ended[task_id] = math.inf
