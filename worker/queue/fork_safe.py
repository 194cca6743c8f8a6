"""A Celery app that a forked child can use: with free locks, and with connections of its own.

Celery and kombu have hooks for that, which only multiprocessing calls, and which know of no lock.
"""

from __future__ import annotations

import functools
import sys
import threading
from importlib import import_module
from typing import Any

from celery import Celery
from celery.utils.dispatch import Signal

from worker.forking import Lock, reset_in_children, unlocked
from worker.queue.transport import Pool

#: What publishes, asks and revokes. Imported before any fork: a child would wait for ever for a module that a
#: thread of its parent's was importing.
_MODULES = (
    *("celery.app.control", "celery.app.events", "celery.backends.redis", "celery.result"),
    *("kombu.messaging", "kombu.pidbox", "kombu.transport.redis"),
)


class _ProcessLocks:
    """The locks of Celery and kombu that all apps of a process share."""

    def __init__(self) -> None:
        for name in _MODULES:
            import_module(name)
        modules = [each for name, each in sys.modules.items() if name.partition(".")[0] in {"celery", "kombu"}]
        values = {id(value): value for module in modules for value in vars(module).values()}.values()
        of_classes = [each for value in values if isinstance(value, type) for each in vars(value).values()]
        #: What has a lock, and as which attribute: signals; before Python 3.12 each cached property;
        self._places: list[tuple[Any, str]] = [(each, "lock") for each in values if isinstance(each, Signal)]
        self._places += [
            (each, "lock")
            for each in of_classes
            if isinstance(each, functools.cached_property) and hasattr(each, "lock")
        ]
        # and what kombu's `memoize` wraps: the lock and the cache are variables of its closure.
        for each in values:
            for cell in each.__closure__ or () if hasattr(each, "original_func") else ():
                if hasattr(cell.cell_contents, "acquire"):
                    self._places.append((cell, "cell_contents"))
                elif hasattr(cell.cell_contents, "mutex"):
                    self._places.append((cell.cell_contents, "mutex"))
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        for thing, name in self._places:
            setattr(thing, name, unlocked(getattr(thing, name)))


_process_locks = _ProcessLocks()


class ForkSafeApp(Celery):  # type: ignore[misc]  # Celery has no types
    """A Celery app whose connections are its own, and of one process.

    kombu's pools are one for each URL, whoever asks, and are left open at the end.
    """

    def __init__(self, *args: object, **options: object) -> None:
        self.creation_lock = Lock()
        self._finalize_mutex: Any
        self._pool: Pool | None
        super().__init__(*args, **options)
        reset_in_children(self)

    def reset_after_fork(self) -> None:
        """Have no connection, and free locks."""
        self._finalize_mutex = unlocked(self._finalize_mutex)
        self.clock.mutex = unlocked(self.clock.mutex)
        self._backend_cache, self._local = None, threading.local()
        self._pool = None
        self.__dict__.pop("amqp", None)

    @property
    def pool(self) -> Pool:
        """The connections that publish."""
        with self.creation_lock:
            pool = self._pool
            if pool is None:
                self._ensure_after_fork()
                pool = self._pool = self.connection_for_write().Pool(limit=self.conf.broker_pool_limit)
            return pool

    @property
    def backend(self) -> Any:
        """Where Celery's results are; made once, whichever thread asks first."""
        with self.creation_lock:
            return super().backend

    def close(self) -> None:
        """Close the connections."""
        if self._pool is not None:
            self._pool.force_close_all(close_pool=False)  # type: ignore[no-untyped-call]
        if self._backend_cache is not None:
            self._backend_cache.client.connection_pool.disconnect()
        super().close()
