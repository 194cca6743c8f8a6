"""`BasicAerJob`: a Qiskit job over a Celery task, with the store's record as its truth."""

from __future__ import annotations

import datetime
import math
import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec
import redis
from celery.result import AsyncResult
from kombu.exceptions import OperationalError
from qiskit import QuantumCircuit
from qiskit.providers import JobError, JobStatus, JobTimeoutError, JobV1
from qiskit.result import Result

from jobs.assembly import assemble
from jobs.errors import (
    BasicAerError,
    JobCancelledError,
    JobExpiredError,
    JobNotFoundError,
    UnreachableError,
)
from jobs.lowering import rebuild
from jobs.manifest import Manifest
from jobs.options import resolve_tags
from jobs.retrieval import outcomes, payload
from jobs.status import CELERY_STATUS, RECORD_STATUS
from jobs.submission import Submission
from jobs.waiting import FinalEvents
from simulator.shards import Shard
from worker import blobs
from worker.errors import DuplicateJobError, PayloadMissingError, QuotaExceededError, ResultMissingError
from worker.feed import carry_out
from worker.record import NewJob, Record

if TYPE_CHECKING:
    from jobs.backend import BasicAerBackend

#: Seconds between two reads of the record while waiting, for an announcement that was missed.
_READ_AGAIN = 5.0
#: Seconds that Redis may be away while a job is waited for.
_OUTAGE = 30.0
#: Seconds between two tries to reach Redis while it is away.
_RETRY = 0.5


class BasicAerJob(JobV1):
    """One submitted list of circuits.

    Args:
        backend: the backend that runs it.
        job_id: its id, which is also the Celery task's.
        result: the Celery `AsyncResult` of that id; None: not submitted yet.
        metadata: anything the user wants to keep with the handle.

    A handle holds no state of the job's: every call reads the record. Two handles of one job are equal.
    """

    def __init__(
        self, backend: BasicAerBackend | None, job_id: str, result: AsyncResult | None, **metadata: Any
    ) -> None:
        super().__init__(backend, job_id, **metadata)
        self._async_result = result
        self._submitted = result is not None
        self._submission: Submission | None = None
        self._circuit_metadata: dict[int, Any] = {}
        self._lock = threading.Lock()
        self._fetched: Result | None = None

    @classmethod
    def unsubmitted(cls, backend: BasicAerBackend, job_id: str, submission: Submission) -> BasicAerJob:
        """Make a job that `submit` will send."""
        job = cls(backend, job_id, None)
        job._submission = submission
        job._circuit_metadata = dict(enumerate(submission.metadata))
        return job

    @classmethod
    def of(cls, backend: BasicAerBackend, job_id: str, **metadata: Any) -> BasicAerJob:
        """Make a handle of a job that is recorded."""
        job = cls(backend, job_id, None, **metadata)
        job._submitted = True
        return job

    def __repr__(self) -> str:
        return f"<BasicAerJob({self._job_id!r}) on {self._backend!r}>"

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BasicAerJob):
            return NotImplemented
        return self._job_id == other._job_id and self._backend == other._backend

    def __hash__(self) -> int:
        return hash(self._job_id)

    def __reduce__(self) -> tuple[Any, ...]:
        from jobs.provider import find_job

        backend = self.backend()
        return find_job, (self._job_id, backend.name, backend.provider.address, self.metadata)

    def backend(self) -> BasicAerBackend:
        """Return the backend that runs this job; raises `QiskitError` if it has none."""
        return super().backend()

    @property
    def async_result(self) -> AsyncResult | None:
        """The Celery result of this job's id; None before `submit`."""
        if self._async_result is None and self._submitted:
            with self.backend().provider.reaching() as connection:
                self._async_result = AsyncResult(self._job_id, app=connection.app)
        return self._async_result

    def submit(self) -> None:
        """Record the job and publish its first tasks; raises `JobError` if that was done before."""
        with self._lock:
            if self._submitted:
                raise JobError(f"Job {self._job_id} has already been submitted.")
            if self._submission is None:
                raise JobError(f"Job {self._job_id} has no circuits: make it with backend.create_job().")
            self._send(self._submission)
            self._submission = None

    def _send(self, submission: Submission) -> None:
        provider = self.backend().provider
        settings = provider.settings
        with provider.reaching(workers=True) as connection:
            try:
                effects = blobs.submit(
                    connection.store,
                    NewJob(
                        id=self._job_id,
                        owner=settings.owner,
                        total=len(submission.shards),
                        digest=submission.digest,
                        manifest=submission.manifest.encode(),
                        payload_bytes=sum(map(len, submission.shards)),
                        result_bytes=submission.result_bytes,
                        expires=submission.expires or settings.expires,
                        job_timeout=submission.job_timeout or settings.job_timeout,
                    ),
                    submission.shards,
                )
            except (QuotaExceededError, DuplicateJobError) as error:
                raise BasicAerError(str(error)) from error
            self._submitted = True
            # From here on the job is recorded: a publish that fails is made good by a worker's tick.
            try:
                carry_out(connection.app, effects)
            except (redis.ConnectionError, redis.TimeoutError, OperationalError):
                return

    def status(self) -> JobStatus:
        """Return the state of the job; raises `JobNotFoundError` if there is no such job."""
        return RECORD_STATUS[self._look().state]

    def cancel(self) -> bool:
        """Cancel the job: True if this call did it, False if the job was final already."""
        self._check_submitted()
        with self.backend().provider.reaching() as connection:
            effects = connection.store.cancel(self._job_id)
            if effects is None:
                self._read()
                return False
            carry_out(connection.app, effects)
            # The record is final; this lets Celery and Flower agree.
            connection.app.control.revoke(self._job_id)
        return True

    def result(self, timeout: float | None = None, *, partial: bool = False) -> Result:
        """Wait for the end and return the result.

        Args:
            timeout: seconds to wait; None: as long as it takes.
            partial: True: where some circuits failed, return what there is instead of raising.

        Raises:
            JobTimeoutError: it took longer; the job goes on.
            JobCancelledError: the job was cancelled.
            JobExpiredError: the result was kept for BASICAER_RESULT_TTL, and that is over.
            JobError: the job failed; the text has the error's type and text.
            UnreachableError: Redis stayed away.
        """
        record = self._wait(timeout)
        if record.state == "CANCELLED":
            raise JobCancelledError(f"Job {self._job_id} was cancelled; it has no result.")
        if record.state == "ERROR" and not partial:
            raise JobError(
                f"Job {self._job_id} failed: {record.error_type}: {record.error_text} "
                "(result(partial=True) returns what there is)"
            )
        with self._lock:
            if self._fetched is None:
                self._fetched = self._fetch(record)
            return self._fetched

    def error_message(self) -> str | None:
        """Return the type and text of the error that ended the job; None where there is none."""
        record = self._read()
        return None if record.error_type is None else f"{record.error_type}: {record.error_text}"

    def wait_for_final_state(
        self,
        timeout: float | None = None,
        wait: float = 5,
        callback: Callable[[str, JobStatus, BasicAerJob], None] | None = None,
    ) -> None:
        """Return once the job is final, however it ended.

        Args:
            timeout: seconds; then `JobTimeoutError`.
            wait: seconds between two calls of ``callback``; the end itself is noticed at once.
            callback: called with (job_id, status, job) while the job is not final.
        """
        self._wait(timeout, wait=wait if callback else None, callback=callback)

    @property
    def tags(self) -> list[str]:
        """The job's tags."""
        return list(self._manifest().tags)

    def update_tags(self, new_tags: Iterable[str]) -> list[str]:
        """Replace the tags, on the record; return the new ones."""
        tags = resolve_tags(new_tags)
        with self.backend().provider.reaching() as connection:
            manifest = msgspec.structs.replace(self._manifest(), tags=tags)
            connection.store.annotate(self._job_id, manifest.encode())
        return list(tags)

    @property
    def creation_date(self) -> datetime.datetime:
        """When the job was submitted, by the clock of Redis (UTC)."""
        return _utc(self._read().created)

    def timestamps(self) -> dict[str, datetime.datetime]:
        """Return when it was ``created``, began ``running`` and ``finished`` (UTC), as far as it got."""
        record = self._read()
        times = {"created": record.created, "running": record.started, "finished": record.ended}
        return {name: _utc(time) for name, time in times.items() if time is not None}

    def options(self) -> dict[str, Any]:
        """Return the run options as they were resolved, the seed included."""
        manifest = self._manifest()
        options = dict(manifest.options)
        for name in manifest.arrays:
            initial_state = self._payload()[0].options.initial_state
            options[name] = initial_state and initial_state.ndarray()
        return options

    def circuits(self) -> list[QuantumCircuit]:
        """Return the circuits, rebuilt from the Programs: equal as operators, with names and registers."""
        circuits = [rebuild(experiment.program) for shard in self._payload() for experiment in shard.experiments]
        for index, metadata in self._circuit_metadata.items():
            circuits[index].metadata = metadata
        return circuits

    def delete(self) -> None:
        """Remove this final job and all that it stored; raises `JobError` if it is not final."""
        with self.backend().provider.reaching() as connection:
            if not connection.store.delete(self._job_id):
                record = self._read()
                raise JobError(f"Job {self._job_id} is {record.state}: cancel it before you delete it.")
            connection.app.backend.forget(self._job_id)

    def _check_submitted(self) -> None:
        if not self._submitted:
            raise JobError(f"Job {self._job_id} has not been submitted: call submit() first.")

    def _read(self) -> Record:
        self._check_submitted()
        provider = self.backend().provider
        with provider.reaching() as connection:
            record = connection.store.read(self._job_id)
        if record is None:
            raise JobNotFoundError(
                f"No job {self._job_id!r} at {provider.address}: it never was there, or was deleted."
            )
        return record

    def _look(self) -> Record:
        """Return the record, after a revoke that only Celery knows of was carried to it."""
        record = self._read()
        if not record.final and self._revoked_outside():
            self.cancel()
            record = self._read()
        return record

    def _revoked_outside(self) -> bool:
        """Whether Celery knows of a revoke that no worker has carried to the record."""
        with self.backend().provider.reaching() as connection:
            # Not through an AsyncResult, which keeps the first final state that it saw.
            state = connection.app.backend.get_state(self._job_id)
        return CELERY_STATUS.get(state) is JobStatus.CANCELLED

    def _wait(
        self,
        timeout: float | None,
        *,
        wait: float | None = None,
        callback: Callable[[str, JobStatus, BasicAerJob], None] | None = None,
    ) -> Record:
        """Return the final record; an announcement wakes this up, and a read every 5 s is its safety."""
        self._check_submitted()
        start = time.monotonic()
        deadline = math.inf if timeout is None else start + timeout
        next_call = start if callback else math.inf
        reached = start
        # A revoke that only Celery knows of is rare: it is looked for when a wait has been long.
        read = self._read
        with self._events().watch(self._job_id) as announced:
            while True:
                announced.clear()
                try:
                    record = read()
                    reached = time.monotonic()
                except UnreachableError:
                    if time.monotonic() - reached > _OUTAGE:
                        raise
                    record = None
                if record is not None and record.final:
                    return record
                now = time.monotonic()
                if now >= deadline:
                    raise JobTimeoutError(f"Timeout while waiting for job {self._job_id}.")
                if callback and wait is not None and record and now >= next_call:
                    callback(self._job_id, RECORD_STATUS[record.state], self)
                    next_call = time.monotonic() + wait
                pause = _READ_AGAIN if record else _RETRY
                rung = announced.wait(max(0.0, min(pause, deadline - now, next_call - time.monotonic())))
                read = self._read if rung else self._look

    def _events(self) -> FinalEvents:
        with self.backend().provider.reaching() as connection:
            return connection.events

    def _manifest(self) -> Manifest:
        return Manifest.decode(self._read().manifest)

    def _payload(self) -> list[Shard]:
        record = self._read()
        with self.backend().provider.reaching() as connection:
            try:
                return payload(connection.store, record)
            except PayloadMissingError as error:
                raise JobExpiredError(
                    f"The circuits of job {self._job_id} are gone: the job was cancelled, or its time is over."
                ) from error

    def _fetch(self, record: Record) -> Result:
        with self.backend().provider.reaching() as connection:
            try:
                part = outcomes(connection.store, record)
            except (PayloadMissingError, ResultMissingError) as error:
                raise JobExpiredError(
                    f"The result of job {self._job_id} has expired: it was kept for BASICAER_RESULT_TTL."
                ) from error
        return assemble(record, Manifest.decode(record.manifest), part, self._circuit_metadata)


def _not_yet(name: str) -> Callable[..., Any]:
    """Make a method of the contract that a later version brings: refused by name until then."""

    def method(self: BasicAerJob, *_: Any, **__: Any) -> Any:
        raise JobError(f"{name}() is not available in this version (job {self.job_id()}).")

    method.__name__ = name
    method.__doc__ = "Not available in this version; raises `JobError`."
    return method


for _name in ("progress", "partial_result", "queue_position", "usage", "logs"):
    setattr(BasicAerJob, _name, _not_yet(_name))


def _utc(seconds: float) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)
