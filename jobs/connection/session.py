"""What one process has open at one Redis: the record, the Celery app, the announcements, and who works there."""

from __future__ import annotations

import math
import os
import threading
import time

import redis
from celery import Celery

from jobs.connection.events import JobEvents
from worker.queue.app import make_app
from worker.record.connection import connect
from worker.record.store import Store
from worker.record.values import WorkerInfo
from worker.settings import Settings

#: Seconds that the list of workers is kept.
_WORKERS_KEPT = 1.0
#: Seconds that `known_workers` waits for an answer.
_SOON = 0.5
#: Seconds until `known_workers` asks again after Redis was away.
_AWAY = 10.0


class Session:
    """The clients of one Redis, of one process: redis-py's, the record's, Celery's, and the listener's."""

    def __init__(self, settings: Settings, *, as_operator: bool = False) -> None:
        #: The process that it is for, and not one that is forked from it.
        self.pid = os.getpid()
        self.settings = settings
        self.client = connect(settings)
        self.store = Store.of(self.client, settings, operator=as_operator)
        self.app: Celery = make_app(settings)
        self.events = JobEvents(self.client)
        self._workers: tuple[float, list[WorkerInfo]] = (-math.inf, [])
        self._asked_at = -math.inf
        self._answered = threading.Event()

    def workers(self) -> list[WorkerInfo]:
        """Return the workers that are up, as of a second ago at most: a burst of `run` asks often."""
        now = time.monotonic()
        if now - self._workers[0] > _WORKERS_KEPT:
            self._workers = now, self.store.workers()
        return self._workers[1]

    def known_workers(self) -> list[WorkerInfo]:
        """Return the workers of the last answer; ask anew, and wait for half a second at most."""
        now = time.monotonic()
        if now - self._workers[0] > _WORKERS_KEPT and now - self._asked_at > _WORKERS_KEPT:
            # On a thread of its own: where a name is looked up, or a server hangs, nothing else ends the wait.
            self._asked_at, self._answered = now, threading.Event()
            threading.Thread(
                target=self._ask, args=(self._answered,), name="basicaer-workers", daemon=True
            ).start()
            self._answered.wait(_SOON)
        return self._workers[1]

    def _ask(self, answered: threading.Event) -> None:
        try:
            self.workers()
        except (redis.RedisError, OSError):
            # Gone for now, and asked less often: each time a caller waits.
            self._workers, self._asked_at = (-math.inf, []), time.monotonic() + _AWAY
        finally:
            answered.set()

    def close(self) -> None:
        """Close all that is open."""
        self.events.close()
        self.app.close()
        self.client.close()
