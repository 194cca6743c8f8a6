"""Waiting for the end of a job, which is announced: on a thread that blocks, or on an event loop."""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TypeAlias

from qiskit.providers import JobTimeoutError

from jobs.connection.events import Watch
from jobs.errors import UnreachableError
from jobs.follow.recorded import RecordedJob
from worker.record.values import Record

#: Seconds between two reads of the record, for an announcement that was missed.
READ_AGAIN = 5.0
#: Seconds that Redis may be away before a wait gives up.
OUTAGE = 30.0
#: Seconds between two tries to reach a Redis that is away.
_RETRY = 0.5
#: Seconds between two calls of `OnWait.call` at least, however often the job changes.
_LEAST = 0.1

#: What a wait consists of: a read of the record, seconds to wait for an announcement, and in the end the record.
_Step: TypeAlias = Callable[[], Record | None] | float | Record
#: What a read gave; None after one that found nothing final, and after a pause.
_Reading: TypeAlias = Record | UnreachableError | None


@dataclass(frozen=True)
class OnWait:
    """What a waiter wants to hear of a job that is not final."""

    call: Callable[[Record], None] | None = None
    #: Seconds between two calls.
    interval: float = math.inf
    #: Whether to call also when the job changes, ten times a second at most.
    eager: bool = False


@dataclass(frozen=True)
class Waiting:
    """One wait for one job."""

    job: RecordedJob
    #: Seconds; None: as long as it takes.
    timeout: float | None = None
    on_wait: OnWait = field(default_factory=OnWait)

    def on_thread(self) -> Record:
        """Block until the job is final, and return its record.

        Raises `JobTimeoutError`, and `UnreachableError` after an outage of 30 s.
        """
        begun, record = time.monotonic(), _tried(self.job.read)
        if isinstance(record, Record) and record.final:
            return record
        with self.job.events().watch(self.job.id, every=self.on_wait.eager) as watch:
            steps = self._steps(watch, begun, record)
            step = next(steps)
            while not isinstance(step, Record):
                if isinstance(step, float):
                    watch.wait(step)
                    step = steps.send(None)
                else:
                    step = steps.send(_tried(step))
            return step

    async def on_loop(self) -> Record:
        """Wait for the end as `on_thread` does, without blocking the event loop, and return the record."""
        begun, record = time.monotonic(), await asyncio.to_thread(_tried, self.job.read)
        if isinstance(record, Record) and record.final:
            return record
        woken, loop = asyncio.Event(), asyncio.get_running_loop()

        def wake() -> None:
            # The loop may have been closed over a wait that was abandoned.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(woken.set)

        events = await asyncio.to_thread(self.job.events)
        with events.watch(self.job.id, wake, every=self.on_wait.eager) as watch:
            steps = self._steps(watch, begun, record)
            step = next(steps)
            while not isinstance(step, Record):
                if isinstance(step, float):
                    # Before Python 3.12, `asyncio.wait_for` swallows a cancel that comes with what it waits for.
                    timer = loop.call_later(step, woken.set)
                    try:
                        await woken.wait()
                    finally:
                        timer.cancel()
                    woken.clear()
                    step = steps.send(None)
                else:
                    step = steps.send(await asyncio.to_thread(_tried, step))
            return step

    def _steps(self, watch: Watch, begun: float, record: _Reading) -> Generator[_Step, _Reading, None]:
        """Yield what to do until the job is final, from what the first read gave on."""
        call, reached = self.on_wait.call, begun
        deadline = math.inf if self.timeout is None else begun + self.timeout
        next_call = begun if call else math.inf
        while True:
            pause, now = READ_AGAIN, time.monotonic()
            if isinstance(record, UnreachableError):
                if now - reached > OUTAGE:
                    raise record
                pause = _RETRY
            else:
                reached = now
                if record is not None and record.final:
                    yield record
            if now >= deadline:
                raise JobTimeoutError(
                    f"Timeout while waiting for job {self.job.id}. It goes on, and can be waited for again."
                )
            if call and isinstance(record, Record) and now >= next_call:
                call(record)
                now = time.monotonic()
                next_call = now + self.on_wait.interval
            yield max(0.0, min(now + pause, deadline, next_call) - now)
            if watch.changed:
                # Changes may come faster than anybody looks.
                next_call = min(next_call, now + _LEAST)
                yield from _until(next_call, watch)
            ask = self._ask(watch)
            watch.changed = watch.missed = False
            record = yield ask

    def _ask(self, watch: Watch) -> Callable[[], Record | None]:
        """Return which read the announcements ask for; `look` where there were none in the pause."""
        if watch.ended or watch.changed or (watch.missed and self.on_wait.call):
            return self.job.read
        return self.job.peek if watch.missed else self.job.look


def _until(moment: float, watch: Watch) -> Generator[float, _Reading, None]:
    """Wait until a moment, or until the job has ended or announcements were missed."""
    while not (watch.ended or watch.missed) and (left := moment - time.monotonic()) > 0:
        yield left


def _tried(read: Callable[[], Record | None]) -> _Reading:
    try:
        return read()
    except UnreachableError as error:
        return error
