"""What each slot of a node runs now: written by the pool's children, read by their parent, in shared memory.

The parent renews the leases of these runs (`worker.runtime.heartbeat`). So a lease depends on the process that
holds it, and not on what that process computes: it may be long, hold Python's lock, or never come to a checkpoint.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from multiprocessing.sharedctypes import RawArray
from typing import Any

from worker.record.values import ShardId


class _Entry(ctypes.Structure):
    """One slot. ``version`` is odd while the entry is written, and while the slot runs nothing."""

    _fields_ = (
        ("version", ctypes.c_uint64),
        ("pid", ctypes.c_int64),
        ("shard", ctypes.c_int64),
        ("progress", ctypes.c_double),
        ("deliveries", ctypes.c_uint32),
        ("begun", ctypes.c_uint64),
        ("done", ctypes.c_uint64),
        ("failed", ctypes.c_uint64),
        ("returned", ctypes.c_uint64),
        ("seconds", ctypes.c_double),
        ("job_id", ctypes.c_char * 129),
        ("token", ctypes.c_char * 1024),
    )


@dataclass(frozen=True)
class Run:
    """A shard that a process has claimed and not completed."""

    slot: int
    pid: int
    shard_id: ShardId
    token: str
    #: From 0 to 1; None: nothing was reported yet.
    progress: float | None
    #: How often Redis was asked to take the end; 0: there is more to compute.
    deliveries: int


@dataclass(frozen=True)
class RunCounts:
    """How often runs of a node have begun, and how they ended; a process that died has ended none."""

    begun: int
    done: int
    failed: int
    #: Given back, or taken over, or no longer wanted.
    returned: int
    #: What those that are done, or failed, took to simulate.
    seconds: float


class RunRow:
    """The row of one run, which the child writes from CLAIM to its end."""

    def __init__(self, entry: Any) -> None:
        self._entry = entry
        #: Which field of the row counts how the run ends.
        self.end = "returned"

    def report(self, fraction: float) -> None:
        """Note how much is done, from 0 to 1; it never falls."""
        self._entry.progress = max(fraction, self._entry.progress)

    def finish(self, seconds: float, *, failed: bool) -> None:
        """Note that the record has its part, which took so many seconds to simulate."""
        self._entry.seconds += seconds
        self.end = "failed" if failed else "done"

    def deliver(self) -> None:
        """Note that nothing more is computed, and that Redis is asked, or asked again, to take the end."""
        self._entry.deliveries += 1


class RunTable:
    """The runs of a node, one row for each slot. Made in the parent, before it forks.

    No lock: a child that is killed while it holds one would block the parent. A row that is read while it is
    written counts as none; and the record refuses a token that was misread.
    """

    def __init__(self, slots: int = 1024) -> None:
        self._entries = RawArray(_Entry, slots)
        for entry in self._entries:
            entry.version = 1

    @contextmanager
    def running(self, slot: int, shard_id: ShardId, token: str) -> Iterator[RunRow]:
        """Show the run in this block as the slot's."""
        entry = self._entries[slot]
        # What a process that died here has left may be of either kind.
        entry.version |= 1
        entry.pid, entry.progress, entry.deliveries = os.getpid(), -1.0, 0
        entry.job_id, entry.shard = shard_id.job_id.encode(), shard_id.shard
        entry.token = token.encode()
        entry.version += 1
        entry.begun += 1
        row = RunRow(entry)
        try:
            yield row
        finally:
            setattr(entry, row.end, getattr(entry, row.end) + 1)
            entry.version += 1

    def __iter__(self) -> Iterator[Run]:
        for slot in range(len(self._entries)):
            if (run := self._run(slot)) is not None:
                yield run

    def counts(self) -> RunCounts:
        """Return the counts of all slots."""
        sums = (sum(getattr(entry, each.name) for entry in self._entries) for each in fields(RunCounts))
        return RunCounts(*sums)

    def shard_of(self, pid: int) -> str | None:
        """Return which shard a process runs, or ran when it died, as ``<job id>/<shard>``; None: none."""
        return next((str(run.shard_id) for run in self if run.pid == pid), None)

    def orphan(self, slot: int) -> Run | None:
        """Return the run in which the slot's process before this one died, unless its row was used again."""
        run = self._run(slot)
        return None if run is None or run.pid == os.getpid() else run

    def _run(self, slot: int) -> Run | None:
        entry = self._entries[slot]
        version = entry.version
        if version & 1:
            return None
        run = Run(
            slot,
            entry.pid,
            ShardId(entry.job_id.decode(errors="replace"), entry.shard),
            entry.token.decode(errors="replace"),
            entry.progress if entry.progress >= 0 else None,
            entry.deliveries,
        )
        return run if entry.version == version else None

    def is_current(self, run: Run) -> bool:
        """Whether the slot still has this run."""
        entry = self._entries[run.slot]
        return not entry.version & 1 and entry.token == run.token.encode()
