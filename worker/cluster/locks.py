"""Locks that the kernel keeps: it drops one when the last descriptor of it is closed, however its holder died.

So none is ever stale. A forked child has copies of its parent's descriptors, and so holds the same locks; a
program that a process starts does not, unless the descriptor is passed on. Deadlines are those of
`time.monotonic`.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

_POLL = 0.02


class LockTimeoutError(Exception):
    """Another process held a lock for longer than this one could wait."""


def open_lock(path: Path) -> int:
    """Return a descriptor of a lock's file, which is made if need be, without taking the lock."""
    return os.open(path, os.O_RDWR | os.O_CREAT, 0o600)


def try_lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock alone, or None where another process holds it."""
    descriptor = open_lock(path)
    if _take(descriptor):
        return descriptor
    os.close(descriptor)
    return None


def lock(path: Path, deadline: float, *, shared: bool = False) -> int:
    """Return a descriptor that holds the lock; `LockTimeoutError` if others hold it past the deadline."""
    descriptor = open_lock(path)
    if wait_until(lambda: _take(descriptor, shared=shared), deadline):
        return descriptor
    os.close(descriptor)
    raise LockTimeoutError(f"{path} is held by another process")


@contextmanager
def locked(path: Path, deadline: float) -> Iterator[None]:
    """Hold a lock alone, for a block."""
    descriptor = lock(path, deadline)
    try:
        yield
    finally:
        unlock(descriptor)


def unlock(descriptor: int) -> None:
    """Drop a lock, whoever else has a copy of its descriptor; closing would drop only this copy."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
    os.close(descriptor)


def is_held(path: Path) -> bool:
    """Whether any process holds the lock; False where there is no such file."""
    try:
        descriptor = os.open(path, os.O_RDWR)
    except FileNotFoundError:
        return False
    try:
        return not _take(descriptor)
    finally:
        os.close(descriptor)


def await_free(descriptor: int, deadline: float) -> None:
    """Wait until nobody else holds a lock, at most to the deadline; its file may be removed meanwhile."""
    wait_until(lambda: _take(descriptor), deadline)
    os.close(descriptor)


def wait_until(condition: Callable[[], bool], deadline: float) -> bool:
    """Whether the condition came true before the deadline."""
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(_POLL)
    return True


def _take(descriptor: int, *, shared: bool = False) -> bool:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
