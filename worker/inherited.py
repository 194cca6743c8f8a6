"""What a forked child inherits of Celery and kombu, and must not use: locks, of the process and of an app, and lines.

Both have hooks of their own for that, which only multiprocessing calls, and which know of no lock.
"""

from __future__ import annotations

import functools
import sys
import threading

import celery.app.control
import celery.backends.redis
import celery.result
import kombu.messaging
import kombu.pidbox
import kombu.transport.redis
from celery import Celery

from worker.forking import Lock, freed, renew_in_children
from worker.transport import Pool


def _cached_properties() -> set[functools.cached_property[object]]:
    """Return those of all classes of Celery and kombu, whose modules are imported above, or by these.

    kombu's have a lock for all the instances of a class. Python's own have none since 3.12.
    """
    modules = [each for name, each in sys.modules.items() if name.partition(".")[0] in {"celery", "kombu"}]
    classes = {value for module in modules for value in vars(module).values() if isinstance(value, type)}
    return {
        value
        for cls in classes
        for value in vars(cls).values()
        if isinstance(value, functools.cached_property) and hasattr(value, "lock")
    }


class _OfTheProcess:
    """What all apps of a process share."""

    def __init__(self) -> None:
        self._properties = _cached_properties()
        renew_in_children(self)

    def renew(self) -> None:
        for each in self._properties:
            each.lock = freed(each.lock)


_of_the_process = _OfTheProcess()


class App(Celery):  # type: ignore[misc]  # Celery has no types
    """A Celery app whose lines are its own, and one process's.

    kombu's pools are one for each URL, whoever asks, and are left open at the end.
    """

    def __init__(self, *args: object, **options: object) -> None:
        self.making = Lock()
        super().__init__(*args, **options)
        renew_in_children(self)

    def renew(self) -> None:
        """Have no line, and free locks."""
        self._finalize_mutex = freed(self._finalize_mutex)
        self.clock.mutex = freed(self.clock.mutex)
        self._backend_cache, self._local = None, threading.local()
        self._pool = None
        self.__dict__.pop("amqp", None)

    @property
    def pool(self) -> Pool:
        """The lines that publish."""
        with self.making:
            if self._pool is None:
                self._ensure_after_fork()
                self._pool = self.connection_for_write().Pool(limit=self.conf.broker_pool_limit)
            return self._pool

    def close(self) -> None:
        """Give the lines back."""
        if self._pool is not None:
            self._pool.force_close_all(close_pool=False)
        if self._backend_cache is not None:
            self._backend_cache.client.connection_pool.disconnect()
        super().close()
