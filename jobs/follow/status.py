"""The states of a job: the record's, Celery's, and Qiskit's `JobStatus`. Each has one row, in one table."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from celery import states
from qiskit.providers import JobStatus
from qiskit.providers.jobstatus import JOB_FINAL_STATES

from jobs.errors import BasicAerError

#: What the record says decides.
RECORD_STATUS = {
    "QUEUED": JobStatus.QUEUED,
    "RUNNING": JobStatus.RUNNING,
    "DONE": JobStatus.DONE,
    "ERROR": JobStatus.ERROR,
    "CANCELLED": JobStatus.CANCELLED,
}

#: What a plain Celery client sees under the job's id. REVOKED with the reason "expired" is a deadline, so ERROR.
CELERY_STATUS = {
    states.PENDING: JobStatus.QUEUED,
    states.RECEIVED: JobStatus.QUEUED,
    states.RETRY: JobStatus.QUEUED,
    states.REJECTED: JobStatus.QUEUED,
    states.STARTED: JobStatus.RUNNING,
    states.SUCCESS: JobStatus.DONE,
    states.FAILURE: JobStatus.ERROR,
    states.IGNORED: JobStatus.CANCELLED,
    states.REVOKED: JobStatus.CANCELLED,
}


def wanted_statuses(
    status: JobStatus | str | Iterable[JobStatus | str] | None, pending: bool | None
) -> set[JobStatus]:
    """Return the statuses that a listing asks for: by status, by name, or by whether a job is ``pending``."""
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
