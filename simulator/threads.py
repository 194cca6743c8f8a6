"""The threads that a run may use: the caller's own, and a pool that is made when it is first needed.

Made late and by each process for itself: a pool does not survive a fork.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from threading import Event, Lock
from typing import TypeVar

T = TypeVar("T")


class _Threads:
    def __init__(self) -> None:
        self.count: int | None = None
        self.pool: ThreadPoolExecutor | None = None
        self.owner = -1
        self.lock = Lock()

    def helpers(self) -> ThreadPoolExecutor:
        with self.lock:
            if self.pool is None or self.owner != os.getpid():
                self.pool = ThreadPoolExecutor(thread_count() - 1, "basicaer-engine")
                self.owner = os.getpid()
            return self.pool


_threads = _Threads()


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
    own: Callable[[Iterator[T]], None], helping: Callable[[Iterator[T]], None], items: Iterable[T], helpers: int
) -> None:
    """Run ``own`` here and ``helping`` in other threads, each on an iterator; all take from the same items.

    If one raises, the others get no more items, and the exception comes out here; the caller's own first.
    """
    source = iter(items)
    if helpers < 1:
        own(source)
        return
    stopped = Event()
    lock = Lock()

    def rest() -> Iterator[T]:
        while not stopped.is_set():
            with lock:
                item = next(source, None)
            if item is None:
                return
            yield item

    def until_stopped(work: Callable[[Iterator[T]], None]) -> None:
        try:
            work(rest())
        except BaseException:
            stopped.set()
            raise

    futures = [_threads.helpers().submit(until_stopped, helping) for _ in range(helpers)]
    try:
        until_stopped(own)
    finally:
        wait(futures)
    for future in futures:
        future.result()
