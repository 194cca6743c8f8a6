"""How far a job is, and what it took: small values that a handle returns."""

from __future__ import annotations

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
