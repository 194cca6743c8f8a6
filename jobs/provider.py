"""The provider: one Redis, its backends, and the jobs recorded there."""

from __future__ import annotations

import copyreg
import datetime
import functools
import math
from collections.abc import Callable, Iterable
from typing import Any

from qiskit.providers import JobStatus
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit.transpiler import Target

from jobs import arguments
from jobs.backend import BasicAerBackend
from jobs.connection import EMBEDDED, Connection
from jobs.errors import BasicAerError
from jobs.follow.recorded import RecordedJob
from jobs.follow.status import RECORD_STATUS, wanted_statuses
from jobs.follow.workers import WorkerList
from jobs.job import BasicAerJob
from jobs.manifest import PRIMITIVES, SAMPLER, Manifest
from jobs.noisy_backend import NoisySimulator, noisy_simulator
from jobs.primitives.job import BasicAerPrimitiveJob
from jobs.simulators import BACKENDS, QasmSimulator, UnknownBackend
from jobs.submit.options import resolve_tags
from jobs.tables import html_table
from worker.record.listing import JobFilter
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
            settings = Settings.from_env(url)
        except SettingsError as error:
            raise BasicAerError(str(error)) from None
        self._as_operator = as_operator
        #: What its backends and jobs reach Redis through.
        self.connection = Connection(settings, as_operator=as_operator)

    def __repr__(self) -> str:
        return f"<BasicAerProvider({self.address!r})>"

    def __str__(self) -> str:
        return "BasicAerProvider"

    def _repr_html_(self) -> str:
        workers = self.connection.known_workers()
        rows: list[tuple[str, object]] = [("at", self.address), ("owner of new jobs", self.settings.owner)]
        rows += [(backend.NAME, f"{backend.num_qubits} qubits") for backend in self.backends()]
        slots = f"{sum(each.busy for each in workers)} of {sum(each.slots for each in workers)} slots busy"
        rows.append(("workers", f"{len(workers)} known to be up, {slots}"))
        return html_table(str(self), rows)

    @property
    def address(self) -> str:
        """Where Redis is, without user and password; "embedded" for this user's own cluster."""
        return self.connection.address

    @property
    def settings(self) -> Settings:
        """What the environment set when this provider was made."""
        return self.connection.settings

    def __copy__(self) -> BasicAerProvider:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> BasicAerProvider:
        # What there is to copy is a line to Redis.
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return find_provider, (self.address, self._as_operator)

    def backends(
        self,
        name: str | None = None,
        *,
        simulator: bool | None = None,
        operational: bool | None = None,
        min_num_qubits: int | None = None,
        filters: Callable[[BasicAerBackend], bool] | None = None,
    ) -> list[BasicAerBackend]:
        """Return the simulators, or those of them that are wanted.

        Args:
            name: the one of this name.
            simulator: False: none of them.
            operational: False: none of them.
            min_num_qubits: those that take so many qubits at once, by `BasicAerBackend.num_qubits`.
            filters: those of which this is true.
        """
        if simulator is False or operational is False:
            return []
        least = 0 if min_num_qubits is None else arguments.count("min_num_qubits", min_num_qubits)
        found = [backend(self) for backend in BACKENDS if name is None or name == backend.NAME]
        return [
            backend
            for backend in found
            if (not least or backend.num_qubits >= least) and (filters is None or filters(backend))
        ]

    def get_backend(self, name: str = "qasm_simulator") -> BasicAerBackend:
        """Return a backend by name; raises `QiskitBackendNotFoundError`, which lists the names there are."""
        found = self.backends(name)
        if not found:
            known = ", ".join(backend.NAME for backend in BACKENDS)
            raise QiskitBackendNotFoundError(f"No backend {name!r}; there are {known}.")
        return found[0]

    backend = get_backend

    def noisy(self, device: Any, *, noise_model: Any = None, temperature: float = 0.0) -> NoisySimulator:
        """Return ``qasm_simulator`` with the noise, the basis and the coupling map of a device.

        Args:
            device: a `BackendV2`, or a Target. Transpile circuits to what is returned, and run them there.
            noise_model: another noise than that of the device's own rates, as the run option takes it.
            temperature: of its qubits, in kelvin.

        Raises `BasicAerError` where the device says nothing of its errors.
        """
        return noisy_simulator(self, device, noise_model, temperature)

    def least_busy(self, **wanted: Any) -> BasicAerBackend:
        """Return the first of the `backends` that are ``wanted``: all share one queue, so none is busier.

        Raises `QiskitBackendNotFoundError` where there is none.
        """
        found = self.backends(**wanted)
        if not found:
            raise QiskitBackendNotFoundError(f"No backend has all of {arguments.shown(wanted)}.")
        return found[0]

    def backend_of_job(self, name: str) -> BasicAerBackend:
        """Return the backend that a record names, which another version may have written; that of a primitive."""
        if name in PRIMITIVES:
            name = QasmSimulator.NAME
        return next(iter(self.backends(name)), None) or UnknownBackend(self, name)

    def job(self, job_id: str) -> BasicAerJob:
        """Find a job again, whoever submitted it; raises `JobNotFoundError`."""
        record = RecordedJob(self.connection, job_id).read()
        return self.handle(job_id, Manifest.decode(record.manifest).listed_as)

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
            backend_name: those of this backend; "sampler" or "estimator": those of primitives.
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
        statuses = wanted_statuses(status, pending)
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
        with self.connection.reaching() as session:
            found = list(session.store.find(self.settings.owner, wanted, skip=skip, limit=limit))
        return [self.handle(each.id, each.backend) for each in found]

    def handle(self, job_id: str, listed_as: str, **metadata: Any) -> BasicAerJob:
        """Return a handle of a job that the record lists under this name: a backend's, or a primitive's."""
        kind = BasicAerPrimitiveJob if listed_as in PRIMITIVES else BasicAerJob
        return kind.of(self.backend_of_job(listed_as), job_id, **metadata)

    def delete_job(self, job_id: str) -> None:
        """Remove a final job and all that it stored.

        Raises `JobError` if it is unknown, not final, or another owner's.
        """
        RecordedJob(self.connection, job_id).delete()

    def workers(self) -> WorkerList:
        """Return the workers that are up, by name: what each has, can and does, and when it was last heard of.

        A worker that is told to stop is gone at once; one that dies, after a lease (BASICAER_LEASE).
        """
        with self.connection.reaching() as session:
            return WorkerList(session.store.workers())

    def close(self) -> None:
        """Give connections back, and with the last client the embedded cluster; a later call connects anew."""
        self.connection.close()


@functools.cache
def _provider(url: str | None, as_operator: bool) -> BasicAerProvider:
    """One provider serves all the jobs that a process unpickles."""
    return BasicAerProvider(url, as_operator=as_operator)


def find_provider(address: str, as_operator: bool = False) -> BasicAerProvider:
    """Return the provider of a pickle, which holds no password: BASICAER_URL, if set, goes before the address."""
    return _provider(Settings.from_env().url or (None if address == EMBEDDED else address), as_operator)


def find_backend(name: str, address: str, options: dict[str, Any]) -> BasicAerBackend:
    """Make an unpickled backend."""
    backend = find_provider(address).get_backend(name)
    backend.set_options(**options)
    return backend


def find_job(job_id: str, listed_as: str, address: str, metadata: dict[str, Any]) -> BasicAerJob:
    """Make an unpickled job."""
    return find_provider(address).handle(job_id, listed_as, **metadata)


def find_noisy(target: Target, address: str, options: dict[str, Any]) -> NoisySimulator:
    """Make an unpickled backend that has a device's noise."""
    return NoisySimulator(find_provider(address), target, **options)


def _reduced_noisy(backend: NoisySimulator) -> tuple[Any, ...]:
    return find_noisy, (backend.target, backend.connection.address, dict(backend.options))


def _reduced_backend(backend: BasicAerBackend) -> tuple[Any, ...]:
    return find_backend, (backend.NAME, backend.connection.address, dict(backend.options))


def _reduced_job(job: BasicAerJob) -> tuple[Any, ...]:
    backend = job.backend()
    listed_as = SAMPLER if isinstance(job, BasicAerPrimitiveJob) else backend.name
    return find_job, (job.job_id(), listed_as, backend.connection.address, job.metadata)


def find_connection(address: str, as_operator: bool) -> Connection:
    """Return the connection of an unpickled object."""
    return find_provider(address, as_operator).connection


def _reduced_connection(connection: Connection) -> tuple[Any, ...]:
    return find_connection, (connection.address, connection.as_operator)


# Here, since a pickle is read through a provider, and neither a job nor a backend knows what makes providers.
for kind in (*BACKENDS, UnknownBackend):
    copyreg.pickle(kind, _reduced_backend)
copyreg.pickle(NoisySimulator, _reduced_noisy)
for handle in (BasicAerJob, BasicAerPrimitiveJob):
    copyreg.pickle(handle, _reduced_job)
# What a user derives from them is pickled as any object is, and what it holds of Redis as an address.
copyreg.pickle(Connection, _reduced_connection)
