"""The provider: one Redis, its backends, and the jobs recorded there."""

from __future__ import annotations

import datetime
import functools
import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from qiskit.providers import JobStatus
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit.providers.jobstatus import JOB_FINAL_STATES

from jobs.backend import BACKENDS, BasicAerBackend, UnknownBackend
from jobs.cluster.local import SharedCluster
from jobs.connection import Connection
from jobs.errors import BasicAerError, JobNotFoundError
from jobs.follow.status import RECORD_STATUS
from jobs.job import BasicAerJob
from jobs.reaching import reaching
from jobs.submit import arguments
from jobs.submit.manifest import Manifest
from jobs.submit.options import resolve_tags
from worker.errors import InvalidJobIdError
from worker.forking import Lock
from worker.record.listing import JobFilter
from worker.record.values import WorkerInfo
from worker.settings import Settings, SettingsError


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
        self._lock = Lock()
        self._cluster = None if self._settings.url else SharedCluster(self._settings)
        self._connection: Connection | None = None

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

    def __copy__(self) -> BasicAerProvider:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> BasicAerProvider:
        # What there is to copy is a line to Redis.
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return find_provider, (self.address, self._as_operator)

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
        if backend_name is not None and not isinstance(backend_name, str):
            raise BasicAerError(f"backend_name={backend_name!r} must be a backend's name, or None")
        limit, skip = None if limit is None else arguments.count("limit", limit), arguments.count("skip", skip)
        statuses = _statuses(status, pending)
        states = frozenset(state for state, each in RECORD_STATUS.items() if each in statuses)
        if not states:
            return []
        wanted = JobFilter(
            states=frozenset() if len(states) == len(RECORD_STATUS) else states,
            backend=backend_name or "",
            tags=resolve_tags(job_tags),
            after=arguments.moment("created_after", created_after, -math.inf),
            before=arguments.moment("created_before", created_before, math.inf),
            newest_first=bool(descending),
        )
        with self.reaching() as connection:
            found = list(connection.store.find(self._settings.owner, wanted, skip=skip, limit=limit))
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

    def known_workers(self) -> list[WorkerInfo]:
        """Return the workers that are up, as far as that is known soon; never waits long, raises, or starts any.

        None where Redis does not answer within half a second, and before the embedded cluster was needed.
        """
        with self._lock:
            connection = self._connection if self._cluster is not None else self._connect(workers=False)
            if connection is None or not connection.is_ours:
                return []
        return connection.known_workers()

    def close(self) -> None:
        """Give connections back, and with the last client the embedded cluster; a later call connects anew."""
        with self._lock:
            if self._connection is not None and self._connection.is_ours:
                self._connection.close()
            self._connection = None
            if self._cluster is not None:
                self._cluster.close()

    @contextmanager
    def reaching(self, *, workers: bool = False) -> Iterator[Connection]:
        """Yield the connection; turn its failure into one clear error.

        ``workers``: the embedded cluster, if it is one, shall have workers.
        """
        connection = self._connect(workers)
        with reaching(self.address):
            yield connection

    def _connect(self, workers: bool) -> Connection:
        with self._lock:
            settings, known = self._settings, self._connection
            if self._cluster is not None:
                url = self._cluster.join(workers=workers)
                settings = known.settings if known and known.settings.url == url else Settings.from_env(url)
            if known is None or known.settings is not settings or not known.is_ours:
                known = self._connection = Connection(settings, as_operator=self._as_operator)
            return known


def _statuses(status: JobStatus | str | Iterable[JobStatus | str] | None, pending: bool | None) -> set[JobStatus]:
    wanted = set(JobStatus)
    if status is not None:
        several = status if isinstance(status, Iterable) and not isinstance(status, str) else [status]
        wanted = {each if isinstance(each, JobStatus) else _status(each) for each in several}
    if not (pending is None or isinstance(pending, bool)):
        raise BasicAerError(f"pending={pending!r} must be True, False, or None")
    if pending is not None:
        wanted = {each for each in wanted if (each in JOB_FINAL_STATES) != pending}
    return wanted


def _status(name: Any) -> JobStatus:
    found = JobStatus.__members__.get(name.upper()) if isinstance(name, str) else None
    if found is None:
        raise BasicAerError(f"No job status {name!r}; there are {', '.join(JobStatus.__members__)}.")
    return found


@functools.cache
def _provider(url: str | None, as_operator: bool) -> BasicAerProvider:
    """One provider serves all the jobs that a process unpickles."""
    return BasicAerProvider(url, as_operator=as_operator)


def find_provider(address: str, as_operator: bool = False) -> BasicAerProvider:
    """Return the provider of a pickle, which holds no password: BASICAER_URL, if set, goes before the address."""
    return _provider(Settings.from_env().url or (None if address == "embedded" else address), as_operator)


def find_backend(name: str, address: str, options: dict[str, Any]) -> BasicAerBackend:
    """Make an unpickled backend."""
    backend = find_provider(address).get_backend(name)
    backend.set_options(**options)
    return backend


def find_job(job_id: str, backend_name: str, address: str, metadata: dict[str, Any]) -> BasicAerJob:
    """Make an unpickled job."""
    return BasicAerJob.of(find_provider(address).backend_of_job(backend_name), job_id, **metadata)
