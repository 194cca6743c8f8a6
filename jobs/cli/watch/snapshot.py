"""What a cluster does at one moment, read in a few round trips."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from jobs.connection import Connection
from jobs.follow.summary import JobSummary
from worker.record import overview
from worker.record.overview import QueueDepth
from worker.record.values import Record, WorkerInfo

#: Jobs that are read: unfinished ones, and those that ended last.
_UNFINISHED, _ENDED = 200, 50
#: Seconds that the rate of simulation is taken over.
_WINDOW = 10.0
_ORDER = ("RUNNING", "QUEUED")


@dataclass(frozen=True)
class Snapshot:
    """One look at a cluster."""

    #: Unix seconds, of this machine.
    time: float
    #: Running ones first, then those that wait, then those that have ended, the last first.
    jobs: Sequence[JobSummary]
    #: How many jobs are not final, those that are not read among them.
    unfinished: int
    queue: QueueDepth
    workers: Sequence[WorkerInfo]
    #: Worker node -> the shards that it runs, as (job, shard).
    running: Mapping[str, Sequence[tuple[str, int]]]


def read_snapshot(connection: Connection) -> Snapshot:
    """Look at the cluster; raises what `Connection.reaching` does."""
    with connection.reaching() as session:
        store = session.store
        ids = [*overview.unfinished_ids(store, _UNFINISHED), *overview.ended_ids(store, _ENDED)]
        found = [record for _, record in overview.records(store, ids) if isinstance(record, Record)]
        running: dict[str, list[tuple[str, int]]] = {}
        for record in found:
            for shard, node in sorted(record.running.items()):
                running.setdefault(node, []).append((record.id, shard))
        return Snapshot(
            time.time(),
            _ordered(JobSummary.of(record) for record in found),
            store.unfinished(),
            overview.queue_depth(store),
            store.workers(),
            running,
        )


def _ordered(jobs: Iterable[JobSummary]) -> list[JobSummary]:
    def place(job: JobSummary) -> tuple[int, float]:
        if job.status in _ORDER:
            return _ORDER.index(job.status), job.started or job.created or 0.0
        return len(_ORDER), -(job.ended or job.created or 0.0)

    return sorted(jobs, key=place)


class Rate:
    """How many seconds of simulation are done in a second, by all workers together, as shards are completed."""

    def __init__(self) -> None:
        self._known: dict[str, float] = {}
        self._gains: deque[tuple[float, float]] = deque()

    def see(self, snapshot: Snapshot) -> float:
        """Take a look into account, and return the rate over the last ten seconds."""
        now = {job.id: job.simulated for job in snapshot.jobs}
        # What was not seen before may have been done at any time.
        gain = sum(max(0.0, done - self._known[job]) for job, done in now.items() if job in self._known)
        self._gains.append((snapshot.time, gain))
        self._known = now
        while self._gains[0][0] < snapshot.time - _WINDOW:
            self._gains.popleft()
        seconds = snapshot.time - self._gains[0][0]
        return sum(each for _, each in list(self._gains)[1:]) / seconds if seconds else 0.0
