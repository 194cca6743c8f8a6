"""A child that is forked at any moment starts anew: no lock is held, no connection to Redis is its parent's.

Of a process that forks, only the thread that forks lives on in the child: a lock that another one held would stay
held there for ever.
"""

from __future__ import annotations

import os
import threading
import weakref
from types import TracebackType
from typing import Any, Protocol

_PLAIN = type(threading.Lock())


class ForkAware(Protocol):
    """What must be reset in a forked child."""

    def reset_after_fork(self) -> None:
        """Begin anew, in the child, before anything else uses it."""


#: In no order: `reset_after_fork` may use nothing else that is reset.
_fork_aware: weakref.WeakSet[Any] = weakref.WeakSet()


def reset_in_children(thing: ForkAware) -> None:
    """Have ``thing.reset_after_fork()`` called in each child that is forked while it lives."""
    _fork_aware.add(thing)


class Lock:
    """A lock of threads, which the same thread may take again. A child finds it free, but for its own thread."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        reset_in_children(self)

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._lock.release()

    def reset_after_fork(self) -> None:
        """Be free, unless it is held by the thread that has forked."""
        self._lock = unlocked(self._lock)


def unlocked(lock: Any) -> Any:
    """Return the lock if this thread may take it, and else another like it."""
    if not hasattr(lock, "acquire"):
        # Celery's, in a worker: it locks nothing.
        return lock
    if lock.acquire(blocking=False):
        lock.release()
        return lock
    return threading.Lock() if isinstance(lock, _PLAIN) else threading.RLock()


def _reset_all() -> None:
    for thing in list(_fork_aware):
        thing.reset_after_fork()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_reset_all)
