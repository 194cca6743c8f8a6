"""The provider: one Redis, its backends, and the jobs recorded there."""

from __future__ import annotations

import datetime
import functools
import math
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import redis
from celery import Celery
from kombu.exceptions import OperationalError
from qiskit.providers import JobError, JobStatus
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit.providers.jobstatus import JOB_FINAL_STATES

from jobs.backend import BACKENDS, BasicAerBackend, UnknownBackend
from jobs.cluster import SharedCluster
from jobs.errors import BasicAerError, JobNotFoundError, UnreachableError
from jobs.events import JobEvents
from jobs.job import BasicAerJob
from jobs.manifest import Manifest
from jobs.status import RECORD_STATUS
from worker.celery_app import make_app
from worker.connection import connect
from worker.errors import InvalidJobIdError, NotOwnerError, RecordDamagedError
from worker.listing import Wanted, find
from worker.record import WorkerInfo
from worker.settings import Settings, SettingsError
from worker.store import Store

#: Seconds that the list of workers is kept.
_WORKERS_KEPT = 1.0


class BasicAerProvider:
    """Simulators behind one Redis.

    Args:
        url: ``redis://``, ``rediss://`` or ``redis+socket://``; None: ``BASICAER_URL``, and without it the
            embedded cluster of this user on this machine, started on first use and shared with other clients.
        as_operator: True: cancel, delete and tag other owners' jobs too. Redis must allow its user that, by the
            key ``basicaer:1:operator``.

    Nothing is connected or started before the first call that needs it. May be used from several threads; many
    providers, with the same URL or others, live in one process.
    """

    def __init__(self, url: str | None = None, *, as_operator: bool = False) -> None:
        try:
            self._settings = Settings.from_env(url)
        except SettingsError as error:
            raise BasicAerError(str(error)) from None
        self._as_operator = as_operator
        self._lock = threading.RLock()
        self._cluster = None if self._settings.url else SharedCluster(self._settings)
        self._connection: _Connection | None = None

    def __repr__(self) -> str:
        return f"<BasicAerProvider({self.address!r})>"

    def __str__(self) -> str:
        return "BasicAerProvider"

    @property
    def address(self) -> str:
        """Where Redis is, without user and password; "embedded" for this user's own cluster."""
        return "embedded" if self._cluster is not None else self._settings.address

    @property
    def settings(self) -> Settings:
        """What the environment set when this provider was made."""
        return self._settings

    def backends(self, name: str | None = None) -> list[BasicAerBackend]:
        """Return the three simulators, or the one of this name."""
        return [backend(self) for backend in BACKENDS if name is None or name == backend.NAME]

    def get_backend(self, name: str = "qasm_simulator") -> BasicAerBackend:
        """Return a backend by name; raises `QiskitBackendNotFoundError`, which lists the names there are."""
        found = self.backends(name)
        if not found:
            known = ", ".join(backend.NAME for backend in BACKENDS)
            raise QiskitBackendNotFoundError(f"No backend {name!r}; there are {known}.")
        return found[0]

    def backend_of_job(self, name: str) -> BasicAerBackend:
        """Return the backend that a record names, which another version may have written."""
        return next(iter(self.backends(name)), None) or UnknownBackend(self, name)

    def job(self, job_id: str) -> BasicAerJob:
        """Find a job again, whoever submitted it; raises `JobNotFoundError`."""
        with self.reaching() as connection:
            try:
                record = connection.store.read(job_id)
            except InvalidJobIdError as error:
                raise JobNotFoundError(str(error)) from None
        if record is None:
            raise JobNotFoundError(f"No job {job_id!r} at {self.address}: it never was there, or was deleted.")
        return BasicAerJob.of(self.backend_of_job(Manifest.decode(record.manifest).backend), job_id)

    retrieve_job = job

    def jobs(  # noqa: PLR0913, PLR0917 (the contract's signature)
        self,
        limit: int | None = 10,
        skip: int = 0,
        backend_name: str | None = None,
        status: JobStatus | str | Iterable[JobStatus | str] | None = None,
        pending: bool | None = None,
        job_tags: Iterable[str] | None = None,
        created_after: datetime.datetime | None = None,
        created_before: datetime.datetime | None = None,
        descending: bool = True,
    ) -> list[BasicAerJob]:
        """List this owner's jobs, newest first unless ``descending`` is False.

        Args:
            limit: how many at most; None: all.
            skip: how many of the matching ones to leave out first.
            backend_name: those of this backend.
            status: those with this `JobStatus` (or its name), or one of these.
            pending: True: those not final; False: those that are.
            job_tags: those that have all of these tags.
            created_after: those created at this time or later; a naive datetime is local time.
            created_before: those created at this time or earlier.
            descending: newest first.
        """
        statuses = _statuses(status, pending)
        states = frozenset(state for state, each in RECORD_STATUS.items() if each in statuses)
        if not states:
            return []
        wanted = Wanted(
            states=frozenset() if len(states) == len(RECORD_STATUS) else states,
            backend=backend_name or "",
            tags=tuple(job_tags or ()),
            after=-math.inf if created_after is None else created_after.timestamp(),
            before=math.inf if created_before is None else created_before.timestamp(),
            newest_first=descending,
        )
        with self.reaching() as connection:
            found = list(find(connection.store, self._settings.owner, wanted, skip=skip, limit=limit))
        backends = {name: self.backend_of_job(name) for name in {each.backend for each in found}}
        return [BasicAerJob.of(backends[each.backend], each.id) for each in found]

    def delete_job(self, job_id: str) -> None:
        """Remove a final job and all that it stored.

        Raises `JobError` if it is unknown, not final, or another owner's.
        """
        self.job(job_id).delete()

    def workers(self) -> list[WorkerInfo]:
        """Return the workers that are up, by name: what each has, can and does, and when it was last heard of.

        A worker that is told to stop is gone at once; one that dies, after a lease (BASICAER_LEASE).
        """
        with self.reaching() as connection:
            return connection.store.workers()

    def close(self) -> None:
        """Give connections back, and with the last client the embedded cluster; a later call connects anew."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            if self._cluster is not None:
                self._cluster.close()

    @contextmanager
    def reaching(self, *, workers: bool = False) -> Iterator[_Connection]:
        """Yield the connection; turn its failure into one clear error.

        ``workers``: the embedded cluster, if it is one, shall have workers.
        """
        connection = self._connect(workers)
        try:
            yield connection
        except (redis.ConnectionError, redis.TimeoutError, OperationalError) as error:
            raise UnreachableError(
                f"Cannot reach Redis at {self.address} ({_reason(error)}): "
                "is it up, and are URL, password and certificates right?"
            ) from error
        except redis.exceptions.NoPermissionError as error:
            raise BasicAerError(
                f"Redis at {self.address} does not let this user do it ({_reason(error)}): "
                "give the user the rights of deploy/redis/users.acl"
            ) from error
        except (NotOwnerError, RecordDamagedError) as error:
            raise JobError(str(error)) from error
        except redis.OutOfMemoryError as error:
            raise BasicAerError(
                f"Redis at {self.address} is full: delete jobs (provider.delete_job), or raise its maxmemory"
            ) from error

    def _connect(self, workers: bool) -> _Connection:
        with self._lock:
            if self._cluster is not None:
                url = self._cluster.join(workers=workers)
                if self._connection is None or self._connection.settings.url != url:
                    self._connection = _Connection(Settings.from_env(url), self._as_operator)
            elif self._connection is None:
                self._connection = _Connection(self._settings, self._as_operator)
            return self._connection


class _Connection:
    """What one URL gives: the store, the Celery app, and the announcements of jobs."""

    def __init__(self, settings: Settings, as_operator: bool) -> None:
        self.settings = settings
        self.client = connect(settings)
        self.store = Store.of(self.client, settings, operator=as_operator)
        self.app: Celery = make_app(settings)
        self.events = JobEvents(self.client)
        self._workers: tuple[float, list[WorkerInfo]] = (-math.inf, [])

    def workers(self) -> list[WorkerInfo]:
        """Return the workers that are up, as of a second ago at most: a burst of `run` asks often."""
        now = time.monotonic()
        if now - self._workers[0] > _WORKERS_KEPT:
            self._workers = now, self.store.workers()
        return self._workers[1]

    def close(self) -> None:
        self.events.close()
        self.app.close()
        self.client.close()


def _statuses(status: JobStatus | str | Iterable[JobStatus | str] | None, pending: bool | None) -> set[JobStatus]:
    wanted = set(JobStatus)
    if status is not None:
        several = [status] if isinstance(status, (JobStatus, str)) else list(status)
        try:
            wanted = {each if isinstance(each, JobStatus) else JobStatus[each.upper()] for each in several}
        except KeyError as error:
            raise BasicAerError(
                f"No job status {error.args[0]!r}; there are {', '.join(JobStatus.__members__)}."
            ) from None
    if pending is not None:
        wanted = {each for each in wanted if (each in JOB_FINAL_STATES) != pending}
    return wanted


def _reason(error: Exception) -> str:
    """Return an error's first line; redis-py's and kombu's name host and port, never a password."""
    return str(error).partition("\n")[0] or type(error).__name__


@functools.cache
def _provider(url: str | None) -> BasicAerProvider:
    """One provider serves all the jobs that a process unpickles."""
    return BasicAerProvider(url)


def find_job(job_id: str, backend_name: str, address: str, metadata: dict[str, Any]) -> BasicAerJob:
    """Make an unpickled job. A pickle holds no password: BASICAER_URL, if set, goes before the address."""
    named = Settings.from_env().url or (None if address == "embedded" else address)
    backend = _provider(named).backend_of_job(backend_name)
    return BasicAerJob.of(backend, job_id, **metadata)
