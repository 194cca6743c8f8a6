"""`BasicAerJob`: a Qiskit job over a Celery task, with the store's record as its truth."""

from __future__ import annotations

import asyncio
import copy
import math
from collections.abc import Callable
from typing import Any

from celery.result import AsyncResult
from qiskit import QuantumCircuit
from qiskit.providers import BackendV2, JobError, JobStatus, JobV1
from qiskit.result import Result

from jobs import arguments
from jobs.connection import Connection
from jobs.errors import BasicAerError
from jobs.follow.followed import FollowedJob
from jobs.follow.monitor import monitored
from jobs.follow.progress import Progress
from jobs.follow.progress_bar import progress_bar
from jobs.follow.recorded import RecordedJob
from jobs.follow.shown import glance, job_table, one_line
from jobs.follow.status import RECORD_STATUS
from jobs.follow.waiting import OnWait, Waiting
from jobs.results import StoredResults, check_has_result
from jobs.submit import Submission
from worker.forking import Lock
from worker.record.values import Record

#: Seconds between two looks that a bar of progress takes where nothing is announced: shards report as they run.
_REDRAW = 1.0


class BasicAerJob(FollowedJob, JobV1):
    """One submitted list of circuits.

    Args:
        backend: the backend that runs it: a `BackendV2` with a `Connection` as its ``connection``.
        job_id: its id, which is also the Celery task's.
        result: the Celery `AsyncResult` of that id; None: not submitted yet.
        metadata: anything the user wants to keep with the handle.

    A handle holds no state of the job's: every call reads the record. Two handles of one job are equal.
    """

    def __init__(
        self, backend: BackendV2 | None, job_id: str, result: AsyncResult | None, **metadata: Any
    ) -> None:
        super().__init__(backend, job_id, **metadata)
        self._async_result = result
        self._submitted = result is not None
        self._submission: Submission | None = None
        self._circuit_metadata: dict[int, Any] = {}
        self._lock = Lock()
        self._fetched: Result | None = None

    @classmethod
    def of_submission(cls, backend: BackendV2, submission: Submission, *, submitted: bool) -> BasicAerJob:
        """Make a job of a submission: one that was ``submitted``, or one for `submit` to submit."""
        job = cls(backend, submission.job.id, None)
        job._submitted, job._submission = submitted, None if submitted else submission
        job._circuit_metadata = dict(enumerate(submission.metadata))
        return job

    @classmethod
    def of(cls, backend: BackendV2, job_id: str, **metadata: Any) -> BasicAerJob:
        """Make a handle of a job that is recorded."""
        job = cls(backend, job_id, None, **metadata)
        job._submitted = True
        return job

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._job_id!r} {one_line(self._glance())} on {self._backend_name}>"

    def _repr_html_(self) -> str:
        return job_table(self._job_id, self._backend_name, self._glance())

    @property
    def _backend_name(self) -> str:
        return "no backend" if self._backend is None else str(self._backend.name)

    def _glance(self) -> Record | str:
        if self._backend is None or not self._submitted:
            return "not submitted"
        return glance(self._connection, self._job_id)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, BasicAerJob):
            return NotImplemented
        return self._job_id == other._job_id and self._backend == other._backend

    def __hash__(self) -> int:
        return hash(self._job_id)

    def __copy__(self) -> BasicAerJob:
        return self._copied(dict(self.metadata))

    def __deepcopy__(self, memo: dict[int, Any]) -> BasicAerJob:
        return self._copied(copy.deepcopy(self.metadata, memo))

    def _copied(self, metadata: dict[str, Any]) -> BasicAerJob:
        """Return another handle of this job; of one that is not submitted, one that may submit it."""
        job = type(self)(self._backend, self._job_id, None, **metadata)
        with self._lock:
            for name in ("_submitted", "_submission", "_circuit_metadata"):
                setattr(job, name, getattr(self, name))
        return job

    def backend(self) -> BackendV2:
        """Return the backend that runs this job; raises `QiskitError` if it has none."""
        return super().backend()

    @property
    def _connection(self) -> Connection:
        backend = self._backend or self.backend()
        connection: Connection = backend.connection
        return connection

    @property
    def async_result(self) -> AsyncResult | None:
        """The Celery result of this job's id; None before `submit`."""
        if self._async_result is None and self._submitted:
            with self._connection.reaching() as session:
                self._async_result = AsyncResult(self._job_id, app=session.app)
        return self._async_result

    def submit(self) -> None:
        """Record the job, which queues its first tasks; raises `JobError` if that was done before."""
        with self._lock:
            if self._submitted:
                raise JobError(f"Job {self._job_id} has already been submitted.")
            if self._submission is None:
                raise JobError(f"Job {self._job_id} has no circuits: make it with backend.create_job().")
            with self._connection.reaching(workers=True) as session:
                self._submission.submit(session)
            self._submitted, self._submission = True, None

    def result(self, timeout: float | None = None, *, partial: bool = False, progress: bool = False) -> Result:
        """Wait for the end and return the result.

        Args:
            timeout: seconds to wait; None: as long as it takes.
            partial: True: where some circuits failed, return what there is instead of raising.
            progress: True: show a bar while waiting, on a terminal or in a notebook; elsewhere nothing is shown.

        Raises:
            JobTimeoutError: it took longer; the job goes on.
            JobCancelledError: the job was cancelled.
            JobExpiredError: the result was kept for BASICAER_RESULT_TTL, and that is over.
            JobError: the job failed; the text has the error's type and text.
            UnreachableError: Redis stayed away, or refused, for longer than 30 s.
        """
        if not progress:
            return self._conclude(self._wait(timeout), partial=partial)
        with progress_bar(self._job_id) as bar:
            record = self._shown(timeout, bar)
        return self._conclude(record, partial=partial)

    def monitor(self, timeout: float | None = None) -> JobStatus:
        """Show how far the job is until it has ended, however it ends, and return its status.

        On a terminal and in a notebook that is a bar; elsewhere a line on stderr for each change of state and each
        tenth. Raises `JobTimeoutError` after ``timeout`` seconds; the job goes on.
        """
        with monitored(self._job_id) as show:
            return RECORD_STATUS[self._shown(timeout, show).state]

    def _shown(self, timeout: float | None, bar: Callable[[str, Progress], None]) -> Record:
        """Wait for the end, and show it and all before it."""

        def show(record: Record) -> None:
            bar(record.state, Progress.of(record))

        record = self._wait(timeout, OnWait(show, _REDRAW, eager=True))
        show(record)
        return record

    async def result_async(self, timeout: float | None = None, *, partial: bool = False) -> Result:
        """Wait for the end as `result` does, without blocking the event loop; it raises the same.

        Hundreds of jobs may be awaited at once, with `asyncio.gather`: none takes a thread while it waits. The job
        goes on when the await is cancelled.
        """
        record = await self._waiting(timeout).on_loop()
        return await asyncio.to_thread(self._conclude, record, partial=partial)

    def partial_result(self) -> Result:
        """Return what has finished so far, at any time: the experiments whose results are in, which may be none.

        Each experiment's ``index`` is its circuit's index in the job. ``success`` is True once the job is DONE,
        and then all is there. Raises `JobExpiredError` where the result is gone.
        """
        return self._results().so_far(self._read())

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
        interval = arguments.seconds("wait", wait)
        if callback is None:
            self._wait(timeout)
            return
        if not callable(callback):
            raise BasicAerError(f"callback={callback!r} must be a function, or None")
        on_wait = OnWait(
            lambda record: callback(self._job_id, RECORD_STATUS[record.state], self),
            math.inf if interval is None else interval,
        )
        self._wait(timeout, on_wait)

    def options(self) -> dict[str, Any]:
        """Return the run options as they were resolved, the seed included."""
        return self._results().options(self._read())

    def circuits(self) -> list[QuantumCircuit]:
        """Return the circuits, rebuilt from the Programs: equal as operators, with names and registers."""
        return self._results().circuits(self._read())

    @property
    def inputs(self) -> dict[str, Any]:
        """What was submitted: ``circuits`` and ``options``, as the methods of these names return them."""
        return {"circuits": self.circuits(), "options": self.options()}

    def _recorded(self) -> RecordedJob:
        if not self._submitted:
            raise JobError(f"Job {self._job_id} has not been submitted: call submit() first.")
        return RecordedJob(self._connection, self._job_id)

    def _results(self) -> StoredResults:
        return StoredResults(self._connection, self._circuit_metadata)

    def _waiting(self, timeout: float | None, on_wait: OnWait | None = None) -> Waiting:
        limit = arguments.seconds("timeout", timeout)
        return Waiting(self._recorded(), limit, on_wait or OnWait())

    def _wait(self, timeout: float | None, on_wait: OnWait | None = None) -> Record:
        return self._waiting(timeout, on_wait).on_thread()

    def _conclude(self, record: Record, *, partial: bool) -> Result:
        """Return the result of a final job, or raise why there is none."""
        check_has_result(record, partial=partial)
        with self._lock:
            if self._fetched is None:
                self._fetched = self._results().of_final(record)
            return self._fetched
