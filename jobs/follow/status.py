"""The states of a job: the record's, Celery's, and Qiskit's `JobStatus`. Each has one row, in one table."""

from __future__ import annotations

from celery import states
from qiskit.providers import JobStatus

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
