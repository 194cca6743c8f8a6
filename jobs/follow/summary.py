"""What a list says of a job: one value, made of its record alone."""

from __future__ import annotations

import datetime
import heapq
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from qiskit.exceptions import QiskitError

from jobs.connection import Connection
from jobs.follow.progress import utc
from jobs.manifest import ESTIMATOR, Manifest
from worker.errors import RecordDamagedError
from worker.record import overview
from worker.record.listing import JobFilter
from worker.record.values import Record


@dataclass(frozen=True)
class JobSummary:
    """One job, as of the moment when it was read. Of one that cannot be read, the status is "?"."""

    id: str
    owner: str
    status: str
    #: Why it failed, or why it cannot be read; None: neither.
    error: str | None = None
    backend: str = "?"
    #: Of its first circuit; "" where it is not known.
    name: str = ""
    circuits: int = 0
    #: Of the widest circuit; 0: not known.
    qubits: int = 0
    #: Of each circuit; 0: not known, or none, or an estimator's, whose values mostly need none.
    shots: int = 0
    tags: tuple[str, ...] = ()
    #: Unix seconds, by the clock of Redis; None: not yet.
    created: float | None = None
    started: float | None = None
    ended: float | None = None
    #: From 0 to 1.
    progress: float = 0.0
    #: That its simulations took, on all workers together.
    simulated: float = 0.0

    @classmethod
    def of(cls, record: Record) -> JobSummary:
        """Return the summary of a record."""
        error = None if record.error_type is None else f"{record.error_type}: {record.error_text}"
        plain = cls(
            record.id,
            record.owner,
            record.state,
            error,
            created=record.created,
            started=record.started,
            ended=record.ended,
            progress=record.progress,
            simulated=math.fsum(record.usage.values()),
        )
        try:
            manifest = Manifest.decode(record.manifest)
        except QiskitError as unreadable:
            return replace(plain, status="?", error=str(unreadable.message))
        return replace(
            plain,
            backend=manifest.listed_as,
            name=manifest.name,
            circuits=manifest.num_circuits,
            qubits=manifest.num_qubits,
            shots=0 if manifest.listed_as == ESTIMATOR else int(manifest.options.get("shots") or 0),
            tags=manifest.tags,
        )

    @property
    def title(self) -> str:
        """The circuit's name, and how many others there are."""
        name = self.name or "?"
        return name if self.circuits <= 1 else f"{name} +{self.circuits - 1}"

    def took(self, now: float) -> float | None:
        """Return the seconds since it began, up to its end if it has one; None: it has not begun."""
        return None if self.started is None else max(0.0, (self.ended or now) - self.started)

    def as_data(self) -> dict[str, Any]:
        """Return it as plain data for JSON; times are ISO 8601, in UTC."""
        return {
            "job_id": self.id,
            "status": self.status,
            "backend": self.backend,
            "created": _iso(self.created),
            "tags": list(self.tags),
            "error": self.error,
            "owner": self.owner,
            "name": self.name,
            "circuits": self.circuits,
            "qubits": self.qubits,
            "shots": self.shots,
            "started": _iso(self.started),
            "ended": _iso(self.ended),
            "progress": self.progress,
            "seconds": self.simulated,
        }


def find_summaries(
    connection: Connection, wanted: JobFilter, *, of: Sequence[str] | None, limit: int | None
) -> list[JobSummary]:
    """Return the summaries of jobs of these owners, ``limit`` at most, newest first; ``of`` None: of all."""
    with connection.reaching() as session:
        store, found = session.store, []
        for owner in overview.owners(store) if of is None else of:
            ids = [each.id for each in store.find(owner, wanted, limit=limit)]
            found.append(list(_summaries(owner, overview.records(store, ids))))
    newest = heapq.merge(*found, key=lambda job: -(job.created or 0))
    return list(newest)[:limit]


def _summaries(owner: str, found: Iterator[tuple[str, Record | RecordDamagedError]]) -> Iterator[JobSummary]:
    for job_id, record in found:
        if isinstance(record, RecordDamagedError):
            yield JobSummary(job_id, owner, "?", str(record))
        else:
            yield JobSummary.of(record)


def _iso(time: float | None) -> str | None:
    return None if time is None else utc(time).astimezone(datetime.timezone.utc).isoformat()
