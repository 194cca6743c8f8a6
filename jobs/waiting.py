"""Wait for jobs to end: pushed, not polled. One pub/sub connection serves all the waiters of a provider."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import redis
from qiskit.providers import JobStatus, JobTimeoutError

from jobs.errors import UnreachableError
from jobs.status import RECORD_STATUS
from worker.record import FINAL_CHANNEL, Record

#: Seconds between two reads of the record, for an announcement that was missed.
_READ_AGAIN = 5.0
#: Seconds that Redis may be away, and between two tries to reach it meanwhile.
_OUTAGE, _RETRY = 30.0, 0.5
#: Seconds without a waiter after which the connection is given back.
_IDLE = 30.0
#: Seconds that a read of the socket takes at most, and so `close`.
_POLL = 0.25


class FinalEvents:
    """Rings a `threading.Event` when a job's end is announced.

    An announcement may be missed (the connection was lost, the server restarted): a waiter reads the record
    after `watch` has begun, and again at intervals.
    """

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._waiters: dict[str, list[threading.Event]] = {}
        self._thread: threading.Thread | None = None
        self._subscribed = threading.Event()
        self._closed = False

    def close(self) -> None:
        """End the listening, and wait for its end: nobody may close a connection that it reads from."""
        with self._lock:
            self._closed = True
            thread = self._thread
        # Not alive: Ctrl-C came while it was being started.
        if thread is not None and thread.is_alive():
            thread.join()

    @contextmanager
    def watch(self, job_id: str, patience: float = 1.0) -> Iterator[threading.Event]:
        """Yield an event that is set when the job's end is announced, or when announcements may be missed.

        Waits for up to ``patience`` seconds until the subscription stands.
        """
        rung = threading.Event()
        with self._lock:
            self._waiters.setdefault(job_id, []).append(rung)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._listen, name="basicaer-events", daemon=True)
                self._thread.start()
        self._subscribed.wait(patience)
        try:
            yield rung
        finally:
            with self._lock:
                waiters = self._waiters[job_id]
                waiters.remove(rung)
                if not waiters:
                    del self._waiters[job_id]

    def _listen(self) -> None:
        idle_since = time.monotonic()
        pubsub = self._client.pubsub(  # type: ignore[no-untyped-call]
            ignore_subscribe_messages=False
        )
        try:
            while True:
                with self._lock:
                    if self._waiters:
                        idle_since = time.monotonic()
                    if self._closed or time.monotonic() - idle_since > _IDLE:
                        self._thread = None
                        return
                try:
                    if not self._subscribed.is_set():
                        pubsub.subscribe(FINAL_CHANNEL)
                    message = pubsub.get_message(timeout=_POLL)
                except (redis.ConnectionError, redis.TimeoutError):
                    self._subscribed.clear()
                    self._ring_all()
                    pubsub.close()
                    time.sleep(0.2)
                    continue
                self._handle(message)
        finally:
            self._subscribed.clear()
            pubsub.close()

    def _handle(self, message: dict[str, object] | None) -> None:
        if message is None:
            return
        if message["type"] == "subscribe":
            self._subscribed.set()
            self._ring_all()
        elif isinstance(data := message["data"], bytes):
            job_id = data.partition(b" ")[0].decode()
            with self._lock:
                for rung in self._waiters.get(job_id, ()):
                    rung.set()

    def _ring_all(self) -> None:
        with self._lock:
            for waiters in self._waiters.values():
                for rung in waiters:
                    rung.set()


@dataclass(frozen=True)
class OnWait:
    """What a waiter wants to hear of a job that is not final."""

    #: Seconds between two calls.
    interval: float = math.inf
    call: Callable[[JobStatus], None] | None = None


def wait_until_final(
    job_id: str,
    peek: Callable[[], Record | None],
    read: Callable[[], Record],
    look: Callable[[], Record],
    events: FinalEvents,
    timeout: float | None,
    on_wait: OnWait,
) -> Record:
    """Return a job's record once it is final; announcements wake this up, and a read every 5 s is its safety.

    ``peek`` reads the state, and the record only if it is final; ``read`` reads the record; ``look`` also carries
    to it a revoke that only Celery knows of, which is rare, and so is looked for when a wait has been long.
    Raises `JobTimeoutError`, and `UnreachableError` after an outage of 30 s.
    """
    reached = time.monotonic()
    deadline = math.inf if timeout is None else reached + timeout
    next_call = reached if on_wait.call else math.inf
    next_read: Callable[[], Record | None] = read if on_wait.call else peek
    with events.watch(job_id) as announced:
        while True:
            announced.clear()
            record, pause = None, _READ_AGAIN
            try:
                record = next_read()
                reached = time.monotonic()
            except UnreachableError:
                if time.monotonic() - reached > _OUTAGE:
                    raise
                pause = _RETRY
            if record is not None and record.final:
                return record
            now = time.monotonic()
            if now >= deadline:
                raise JobTimeoutError(f"Timeout while waiting for job {job_id}.")
            if on_wait.call and record is not None and now >= next_call:
                on_wait.call(RECORD_STATUS[record.state])
                next_call = time.monotonic() + on_wait.interval
            rung = announced.wait(max(0.0, min(pause, deadline - now, next_call - time.monotonic())))
            next_read = read if rung else look
