"""What a handle tells of its job, whatever kind of job it is: every call reads the record, or changes it."""

from __future__ import annotations

import datetime
from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from qiskit.providers import JobStatus

from jobs.follow.logs import LogEntry
from jobs.follow.progress import Progress, Usage, short_time, timestamps, utc
from jobs.follow.recorded import RecordedJob
from jobs.follow.status import RECORD_STATUS
from jobs.manifest import Manifest
from jobs.submit.options import resolve_tags
from worker.record.values import Record


@dataclass(frozen=True)
class QueueInfo:
    """Where a job stands in the queue."""

    #: How many jobs go before it: 0 is next.
    position: int
    status: JobStatus
    #: When it was submitted (UTC).
    submitted: datetime.datetime

    def __str__(self) -> str:
        return f"{self.position} jobs go before; submitted {short_time(self.submitted)}"


class FollowedJob(ABC):
    """The part of a job's handle that is about its record; the rest says which record, as `_recorded`."""

    @abstractmethod
    def _recorded(self) -> RecordedJob:
        """Return the recorded job; raises `JobError` where it is not submitted."""

    def _read(self) -> Record:
        return self._recorded().read()

    def status(self) -> JobStatus:
        """Return the state of the job; raises `JobNotFoundError` if there is no such job."""
        return RECORD_STATUS[self._recorded().look().state]

    def errored(self) -> bool:
        """Return whether the job ended in ERROR."""
        return self.status() is JobStatus.ERROR

    def cancel(self) -> bool:
        """Cancel the job: True if this call did it, False if the job was final already.

        Raises `JobError` where the job is another owner's.
        """
        return self._recorded().cancel()

    def delete(self) -> None:
        """Remove this final job and all that it stored; `JobError` if it is not final, or another owner's."""
        self._recorded().delete()

    def progress(self) -> Progress:
        """Return how many shards are done, of how many, and the fraction, which counts what runs in part."""
        return Progress.of(self._read())

    def queue_position(self) -> int | None:
        """Return how many jobs go before this one: 0 is the next to be served, None is no longer queued.

        Owners take turns, and each owner's jobs go by priority, then by age: with several owners it is the number
        of jobs that have their turn before, as if each were served in one turn. A job of many shards takes many
        turns, and a job of another owner that comes later may still go before.
        """
        return self._recorded().position()

    def queue_info(self) -> QueueInfo | None:
        """Return where the job stands in the queue; None: it is no longer queued."""
        position = self.queue_position()
        if position is None:
            return None
        record = self._read()
        return QueueInfo(position, RECORD_STATUS[record.state], utc(record.created))

    def usage(self) -> Usage:
        """Return the seconds that this job's simulations took, in all and by worker, as far as they are done."""
        return Usage.of(self._read())

    def metrics(self) -> dict[str, Any]:
        """Return figures about the job, as JSON has them: times (ISO 8601), usage in seconds, shards, circuits."""
        record = self._read()
        progress, usage = Progress.of(record), Usage.of(record)
        return {
            "timestamps": {name: time.isoformat() for name, time in timestamps(record).items()},
            "usage": {"seconds": usage.seconds, "by_worker": dict(usage.by_worker)},
            "shards": {"done": progress.done, "total": progress.total, "failed": record.bad},
            "num_circuits": Manifest.decode(record.manifest).num_circuits,
        }

    def properties(self) -> None:  # noqa: B027 (there are none)
        """Return None: a simulator has no calibration. It is here for code that asks any job."""

    def logs(self) -> list[LogEntry]:
        """Return what happened to this job, oldest first: of more than 900 entries, the first and the last 300.

        The log of a job goes with its result, after BASICAER_RESULT_TTL.
        """
        return self._recorded().logs()

    def error_message(self) -> str | None:
        """Return the type and text of the error that ended the job; None where there is none."""
        record = self._read()
        return None if record.error_type is None else f"{record.error_type}: {record.error_text}"

    @property
    def tags(self) -> list[str]:
        """The job's tags."""
        return list(Manifest.decode(self._read().manifest).tags)

    def update_tags(self, new_tags: Iterable[str]) -> list[str]:
        """Replace the tags, on the record; return the new ones. Raises `JobError` on another owner's job."""
        tags = resolve_tags(new_tags)
        self._recorded().replace_tags(tags)
        return list(tags)

    @property
    def creation_date(self) -> datetime.datetime:
        """When the job was submitted, by the clock of Redis (UTC)."""
        return timestamps(self._read())["created"]

    def timestamps(self) -> dict[str, datetime.datetime]:
        """Return when it was ``created``, began ``running`` and ``finished`` (UTC), as far as it got."""
        return timestamps(self._read())
