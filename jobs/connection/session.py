"""What one process has open at one Redis: the record, the Celery app, the announcements, and who works there."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import TypeVar

import redis
from celery import Celery

from jobs.connection.events import JobEvents
from worker.queue.app import make_app
from worker.record.connection import connect
from worker.record.store import Store
from worker.record.values import WorkerInfo
from worker.settings import Settings

T = TypeVar("T")
#: Seconds that the list of workers is kept.
_WORKERS_KEPT = 1.0
#: Seconds that `soon` waits for an answer.
_SOON = 0.5
#: Seconds until `soon` asks again after Redis was away.
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
        self._away_until = -math.inf

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
            self._asked_at = now
            self.soon(self.workers)
        return self._workers[1]

    def soon(self, ask: Callable[[], T]) -> T | None:
        """Return what a function that asks Redis returns; None where that takes longer than half a second.

        Where Redis is away, it is not asked again for a while, since each time a caller waits. What the function
        raises, but for failures of Redis, is raised here.
        """
        if time.monotonic() < self._away_until:
            return None
        # On a thread of its own: where a name is looked up, or a server hangs, nothing else ends the wait.
        answer: Future[T] = Future()
        threading.Thread(target=self._answer, args=(ask, answer), name="basicaer-soon", daemon=True).start()
        try:
            return answer.result(_SOON)
        except (TimeoutError, FutureTimeoutError, redis.RedisError, OSError):
            return None

    def _answer(self, ask: Callable[[], T], answer: Future[T]) -> None:
        try:
            answer.set_result(ask())
        except (redis.RedisError, OSError) as error:
            # Gone for now, and asked less often.
            self._workers, self._away_until = (-math.inf, []), time.monotonic() + _AWAY
            answer.set_exception(error)
        except Exception as error:  # noqa: BLE001 (it is raised where the answer is awaited)
            answer.set_exception(error)

    def close(self) -> None:
        """Close all that is open."""
        self.events.close()
        self.app.close()
        self.client.close()
