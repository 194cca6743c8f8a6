"""`BasicAerJob`: a Qiskit job over a Celery task, with the store's record as its truth."""

from __future__ import annotations

import contextlib
import datetime
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

import msgspec
from celery.result import AsyncResult
from qiskit import QuantumCircuit
from qiskit.providers import JobError, JobStatus, JobV1
from qiskit.result import Result

from jobs.assembly import assemble
from jobs.errors import (
    JobCancelledError,
    JobNotFoundError,
)
from jobs.lowering import rebuild
from jobs.manifest import Manifest
from jobs.options import resolve_tags
from jobs.retrieval import outcomes, payload
from jobs.status import CELERY_STATUS, RECORD_STATUS
from jobs.submission import Submission, send
from jobs.waiting import OnWait, wait_until_final
from simulator.shards import Shard
from worker.feed import STORE_FAULTS, carry_out
from worker.record import FINAL_STATES, Record

if TYPE_CHECKING:
    from jobs.backend import BasicAerBackend


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
            provider = self.backend().provider
            with provider.reaching(workers=True) as connection:
                effects = send(self._submission, self._job_id, connection.store, provider.settings)
                self._submitted, self._submission = True, None
                # The job is recorded: a publish that fails is made good by a worker's tick.
                with contextlib.suppress(*STORE_FAULTS):
                    carry_out(connection.app, effects)

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
            # The record is final. This lets Celery and Flower agree, and may fail.
            with contextlib.suppress(*STORE_FAULTS):
                carry_out(connection.app, effects)
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
        if callback is None:
            self._wait(timeout)
            return
        self._wait(timeout, OnWait(wait, lambda status: callback(self._job_id, status, self)))

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

    def _peek(self) -> Record | None:
        """Return the record if it is final, for the price of the state if it is not."""
        with self.backend().provider.reaching() as connection:
            state = connection.store.state(self._job_id)
        return self._read() if state is None or state in FINAL_STATES else None

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

    def _wait(self, timeout: float | None, on_wait: OnWait | None = None) -> Record:
        self._check_submitted()
        with self.backend().provider.reaching() as connection:
            events = connection.events
        return wait_until_final(
            self._job_id, self._peek, self._read, self._look, events, timeout, on_wait or OnWait()
        )

    def _manifest(self) -> Manifest:
        return Manifest.decode(self._read().manifest)

    def _payload(self) -> list[Shard]:
        record = self._read()
        with self.backend().provider.reaching() as connection:
            return payload(connection.store, record)

    def _fetch(self, record: Record) -> Result:
        with self.backend().provider.reaching() as connection:
            part = outcomes(connection.store, record)
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
