"""Who needs an embedded cluster, and whether it is workers that they need: what the supervisor goes by.

- A client that holds ``clients.lock`` needs the cluster.
- A client that holds ``workers.lock``, or has written to it, needs workers. Once asked for, they stay.
- Unfinished jobs need the cluster where workers were asked for: without, they would not go on. Those of a private
  cluster need nothing, they end with it.
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable

from worker.cluster.folder import ClusterFolder
from worker.cluster.locks import is_held, try_lock

logger = logging.getLogger(__name__)


class Demand:
    """What clients want of one supervisor; it is asked often and answers in microseconds."""

    def __init__(self, folder: ClusterFolder, *, linger: float, private: bool) -> None:
        self._folder = folder
        self._linger = linger
        self._private = private
        self._asked = False
        self._unneeded_since: float | None = None
        self._unfinished: Callable[[], int] | None = None
        # What an earlier supervisor was asked is over; a client that still runs jobs holds the lock.
        os.close(os.open(folder.workers_lock, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))

    def workers(self) -> bool:
        """Whether workers are wanted."""
        asked = self._folder.workers_lock
        self._asked = self._asked or asked.stat().st_size > 0 or is_held(asked)
        return self._asked

    def is_over(self, *, can_work: bool) -> bool:
        """Whether nobody has needed the cluster for ``linger`` seconds.

        Then ``clients.lock`` is this process's alone to its end: a client that comes meanwhile waits for the next
        supervisor. ``can_work``: workers can be kept up; where they cannot, unfinished jobs need nothing.
        """
        alone = try_lock(self._folder.clients_lock)
        if alone is None:
            self._unneeded_since = None
            return False
        now = time.monotonic()
        # Looked at anew while no client can be: one may have come, submitted and gone since the last time.
        if can_work and not self._private and self.workers() and self._count() > 0:
            self._unneeded_since = None
        elif self._unneeded_since is None:
            self._unneeded_since = now
        if self._unneeded_since is not None and now - self._unneeded_since >= self._linger:
            return True
        os.close(alone)
        return False

    def _count(self) -> int:
        # Imported at the first count: a supervisor whose clients stay needs none of it.
        import redis

        from worker.record.connection import connect
        from worker.record.store import Store
        from worker.settings import Settings

        if self._unfinished is None:
            settings = Settings.from_env(self._folder.url())
            self._unfinished = Store.of(connect(settings), settings).unfinished
        try:
            return self._unfinished()
        except redis.RedisError as error:
            # It is being started again; nothing says that the work is done.
            logger.warning("cannot count the unfinished jobs: %s", error)
            return 1
