"""How far a job is, what it took, and when: small values that a handle returns."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from worker.record.values import Record


@dataclass(frozen=True)
class Progress:
    """How much of a job is done."""

    #: Shards whose results are in, failed ones among them.
    done: int
    #: Shards of the job.
    total: int
    #: From 0 to 1, with what the running shards reported of themselves.
    fraction: float

    @classmethod
    def of(cls, record: Record) -> Progress:
        """Return the progress on a job's record."""
        return cls(record.done, record.total, record.progress)

    def __str__(self) -> str:
        return f"{self.done} of {self.total} shards, {self.fraction:.0%}"


@dataclass(frozen=True)
class Usage:
    """What a job's simulations took."""

    #: In all.
    seconds: float
    #: Worker -> seconds there. A run that was cut short, and did not deliver, is not counted.
    by_worker: Mapping[str, float]

    @classmethod
    def of(cls, record: Record) -> Usage:
        """Return the usage on a job's record."""
        return cls(sum(record.usage.values()), dict(record.usage))

    def __str__(self) -> str:
        workers = "1 worker" if len(self.by_worker) == 1 else f"{len(self.by_worker)} workers"
        return f"{self.seconds:.3g} s on {workers}"


def timestamps(record: Record) -> dict[str, datetime.datetime]:
    """Return when a job was ``created``, began ``running`` and ``finished`` (UTC), as far as it got."""
    times = {"created": record.created, "running": record.started, "finished": record.ended}
    return {name: utc(time) for name, time in times.items() if time is not None}


def utc(seconds: float) -> datetime.datetime:
    """Return a time of the record's, in Unix seconds, as a datetime."""
    return datetime.datetime.fromtimestamp(seconds, datetime.timezone.utc)


def short_time(time: datetime.datetime) -> str:
    """Return a time in UTC as a line of text shows it."""
    return f"{time:%Y-%m-%d %H:%M:%S} UTC"
