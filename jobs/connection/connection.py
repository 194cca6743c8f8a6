"""The connection of a provider, of its backends and of its jobs to one Redis."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from types import TracebackType
from typing import TypeVar

from jobs.cluster import SharedCluster
from jobs.connection.faults import translated
from jobs.connection.session import Session
from worker.forking import Lock
from worker.record.values import WorkerInfo
from worker.settings import Settings

T = TypeVar("T")
#: The address of the embedded cluster.
EMBEDDED = "embedded"


class Connection:
    """A connection to one Redis, or to the embedded cluster of this user where the settings name no Redis.

    Nothing is connected or started before `reaching` is used. May be used from several threads; a forked child
    opens a session of its own.
    """

    def __init__(self, settings: Settings, *, as_operator: bool = False) -> None:
        self.settings = settings
        self.as_operator = as_operator
        self._lock = Lock()
        self._cluster = None if settings.url else SharedCluster(settings)
        self._session: Session | None = None

    @property
    def address(self) -> str:
        """Where Redis is, without user and password; "embedded" for this user's own cluster."""
        return EMBEDDED if self._cluster is not None else self.settings.address

    @property
    def where(self) -> str:
        """The address as messages have it: "at redis://localhost:6379/0", or "in the embedded cluster"."""
        return "in the embedded cluster" if self._cluster is not None else f"at {self.address}"

    def reaching(self, *, workers: bool = False) -> Reaching:
        """Return a context that gives the open session, and turns failures of Redis into one clear error.

        ``workers``: the embedded cluster, if it is one, shall have workers.
        """
        return Reaching(self, workers=workers)

    def open(self, *, workers: bool) -> Session:
        """Return the session of this process; open it, and start the embedded cluster, if need be."""
        session, pid = self._session, os.getpid()
        if session is not None and session.pid == pid and self._cluster is None:
            return session
        with self._lock:
            settings, session = self.settings, self._session
            if self._cluster is not None:
                url = self._cluster.join(workers=workers)
                settings = session.settings if session and session.settings.url == url else Settings.from_env(url)
            if session is None or session.settings is not settings or session.pid != pid:
                session = self._session = Session(settings, as_operator=self.as_operator)
            return session

    def known_workers(self) -> list[WorkerInfo]:
        """Return the workers that are up, as far as that is known soon; never waits long, raises, or starts any.

        None where Redis does not answer within half a second, and before the embedded cluster was needed.
        """
        session = self._at_hand()
        return [] if session is None else session.known_workers()

    def soon(self, ask: Callable[[Session], T]) -> T | None:
        """Return what Redis answers within half a second; None where it does not. Starts no embedded cluster.

        What ``ask`` raises, but for failures of Redis, is raised here.
        """
        session = self._at_hand()
        return None if session is None else session.soon(partial(ask, session))

    def _at_hand(self) -> Session | None:
        """Return the session of this process; None before the embedded cluster was needed."""
        with self._lock:
            session = self._session if self._cluster is not None else self.open(workers=False)
            return None if session is None or session.pid != os.getpid() else session

    def close(self) -> None:
        """Close the session, and let go of the embedded cluster; a later call opens them anew."""
        with self._lock:
            if self._session is not None and self._session.pid == os.getpid():
                self._session.close()
            self._session = None
            if self._cluster is not None:
                self._cluster.close()


class Reaching:
    """A block of code that talks to Redis: a failure in it becomes one clear error that names the address.

    A class, and no generator: a small job passes here several times.
    """

    def __init__(self, connection: Connection, *, workers: bool) -> None:
        self._connection = connection
        self._workers = workers

    def __enter__(self) -> Session:
        return self._connection.open(workers=self._workers)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        if error is not None and (clear := translated(error, self._connection.where)) is not None:
            raise clear from error
