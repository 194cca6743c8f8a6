"""The threads that a run may use: the caller's own, and a pool that is made when it is first needed.

Made late and by each process for itself: a pool does not survive a fork.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from threading import Event, Lock, get_native_id
from typing import TypeVar

from simulator.monitor import Checkpoint, no_checkpoint

T = TypeVar("T")


class _HaltedError(Exception):
    """Ends what a helping thread does, since another thread has failed."""


_LINUX = sys.platform == "linux"
#: Seconds between two checkpoints while only other threads work.
_PAUSE = 0.02


class _Threads:
    def __init__(self) -> None:
        self.count: int | None = None
        self.pool: ThreadPoolExecutor | None = None
        self.owner = -1
        self.lock = Lock()
        #: The system's numbers of the pool's threads.
        self.helping: list[int] = []
        #: How many of them were last kept off a CPU, and off which.
        self.kept_off = (0, -1)

    def helpers(self) -> ThreadPoolExecutor:
        with self.lock:
            if self.pool is None or self.owner != os.getpid():
                self.helping, self.kept_off = [], (0, -1)
                helping = self.helping
                self.pool = ThreadPoolExecutor(
                    thread_count() - 1, "basicaer-engine", lambda: helping.append(get_native_id())
                )
                self.owner = os.getpid()
            self.keep_off()
            return self.pool

    def keep_off(self) -> None:
        """Keep the helpers off the CPU that the caller is on.

        Linux may wake them there after a pause, and leaves them for tens of milliseconds behind a caller that does
        not wait, while other CPUs are idle. Which of these they get is up to it.
        """
        if _current_cpu is None:
            return
        now = len(self.helping), _current_cpu()
        if now == self.kept_off:
            return
        self.kept_off = now
        if others := os.sched_getaffinity(0) - {now[1]}:
            for helper in self.helping:
                with contextlib.suppress(OSError):
                    os.sched_setaffinity(helper, others)


_threads = _Threads()
#: Returns the number of the CPU that the caller is on; None: the system does not say it.
_current_cpu: Callable[[], int] | None = getattr(ctypes.CDLL(None), "sched_getcpu", None) if _LINUX else None


def use_threads(count: int | None) -> None:
    """Let runs of this process use ``count`` threads; None: one for each CPU that it may use."""
    if count is not None and count < 1:
        raise ValueError(f"{count} threads; at least 1 is needed")
    with _threads.lock:
        if _threads.pool is not None and _threads.owner == os.getpid():
            _threads.pool.shutdown()
        _threads.count, _threads.pool = count, None


def cores() -> int:
    """Return how many CPUs this process may use."""
    return len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1


def thread_count() -> int:
    """Return how many threads a run may use."""
    if _threads.count is None:
        _threads.count = cores()
    return _threads.count


def share(
    work: Callable[[Iterator[T], Checkpoint], None],
    items: Iterable[T],
    checkpoint: Checkpoint,
    helpers: int,
) -> None:
    """Do some work on items in this thread and in helping ones, each of which takes one item after the other.

    Args:
        work: is called once in each thread, with an iterator over its items and a function to call between long
            parts of one item: the checkpoint in this thread; in the others, what ends them if one has failed.
        items: taken one at a time, in order.
        checkpoint: called in this thread before each of its items, and now and then while only others still work.
        helpers: how many other threads are worth it; there are never more than `thread_count` allows.

    If one thread raises, the others get no more items, and what they do ends at its next such call; the exception
    comes out here, this thread's own first.

    """
    source = iter(items)
    helpers = min(helpers, thread_count() - 1)
    if helpers < 1:
        work(_checked(source, checkpoint), checkpoint)
        return
    stopped = Event()
    lock = Lock()

    def rest(before: Callable[[], None]) -> Iterator[T]:
        while not stopped.is_set():
            before()
            with lock:
                item = next(source, None)
            if item is None:
                return
            yield item

    def until_stopped(numbers: Iterator[T], own_checkpoint: Checkpoint) -> None:
        try:
            work(numbers, own_checkpoint)
        except BaseException:
            stopped.set()
            raise

    pool = _threads.helpers()
    futures = [pool.submit(until_stopped, rest(no_checkpoint), partial(_halt, stopped)) for _ in range(helpers)]
    try:
        until_stopped(_checked(rest(_threads.keep_off), checkpoint), checkpoint)
        while wait(futures, _PAUSE).not_done:
            checkpoint()
    finally:
        stopped.set()
        wait(futures)
    for future in futures:
        with contextlib.suppress(_HaltedError):
            future.result()


def _halt(stopped: Event) -> None:
    if stopped.is_set():
        raise _HaltedError


def _checked(items: Iterator[T], checkpoint: Checkpoint) -> Iterator[T]:
    for item in items:
        checkpoint()
        yield item
