"""The values that go in and out of the record. Bytes and counts are ints, times are seconds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

import msgspec

from simulator.sizes import size
from worker.record.keys import check_job_id
from worker.record.nodes import node_id

__all__ = [
    "FINAL_STATES",
    "MOST_URGENT",
    "STATES",
    "CeleryResult",
    "Claim",
    "Effects",
    "Ended",
    "ErrorReport",
    "HandedOut",
    "NewJob",
    "Record",
    "ShardCounts",
    "ShardId",
    "WorkerInfo",
]

#: The states of a job are QUEUED, RUNNING and these; what is in one of these stays there.
FINAL_STATES = frozenset({"DONE", "ERROR", "CANCELLED"})
STATES = FINAL_STATES | {"QUEUED", "RUNNING"}

#: Of a run that failed: the error's type, its text, and its traceback.
ErrorReport: TypeAlias = tuple[str, str, str]

#: The most urgent of an owner's jobs; 0 is the default, and the least.
MOST_URGENT = 9
#: Milliseconds are exact up to 2^53; times as long as this (some 31,000 years) are a mistake.
_MOST_SECONDS = 1e12


class ShardId(NamedTuple):
    """Which shard of which job. It is all that a message says: this shard may be there to claim."""

    job_id: str
    #: Its index in the job, from 0.
    shard: int

    def __str__(self) -> str:
        return f"{self.job_id}/{self.shard}"


class HandedOut(NamedTuple):
    """A shard that a script moved to ``sent``, with a message in Celery's queue that names it."""

    job_id: str
    shard: int
    #: Shards of the whole job.
    total: int

    @property
    def shard_id(self) -> ShardId:
        """What the message says."""
        return ShardId(self.job_id, self.shard)

    @property
    def task_id(self) -> str:
        """The Celery id of the shard's task: the job's own where the job has no other shard."""
        return self.job_id if self.total == 1 else str(self.shard_id)


class Ended(NamedTuple):
    """A job that a script ended; the caller stores this outcome in Celery's result backend."""

    job_id: str
    state: str
    total: int
    error_type: str | None
    error_text: str | None


class CeleryResult(NamedTuple):
    """A task's outcome for Celery's result backend, written in the same step in which the record changes."""

    task_id: str
    #: Seconds that it is kept.
    life: int
    #: As the backend encodes it.
    meta: str


@dataclass(frozen=True)
class Effects:
    """What a script did, and what is left to do; where the caller dies before, FEED makes up for it."""

    #: Shards that are in Celery's queue now.
    handed_out: tuple[HandedOut, ...] = ()
    #: Jobs whose outcome is to be stored with Celery.
    ended: tuple[Ended, ...] = ()
    #: What was damaged or missing in the record, and was removed or restored: lines for the log.
    repairs: tuple[str, ...] = ()


class Claim(NamedTuple):
    """The answer to CLAIM."""

    granted: bool
    #: The job's state; None: there is no such job.
    state: str | None
    #: The shard's field in the payload: itself or its header (`worker.record.chunks`); None where there is none.
    field: bytes | None = None
    #: Whose job it is, and how often this shard was claimed, from 1; 0: it was not granted.
    owner: str = ""
    attempt: int = 0


@dataclass(frozen=True, kw_only=True)
class NewJob:
    """A job to submit. ValueError names a field that cannot be."""

    id: str
    #: Whose budget and whose turn.
    owner: str
    #: How many shards, 1 or more.
    total: int
    #: Hash of the content: the same id and digest again is the same job.
    digest: str
    #: With its state, its age and its tags, what its owner finds it by.
    backend: str
    #: Opaque here: what its user is told about it.
    manifest: bytes
    payload_bytes: int
    #: The estimate; the end corrects it to the bytes that there are.
    result_bytes: int
    #: Seconds that it may wait for its first shard's start.
    expires: float
    #: Seconds that it may take from there.
    job_timeout: float
    #: From 0 to `MOST_URGENT`: of one owner's jobs a higher one goes first. It gains nothing over other owners.
    priority: int = 0
    tags: tuple[str, ...] = ()
    #: Of the widest circuit, to be counted; 0: not said.
    num_qubits: int = 0

    def __post_init__(self) -> None:
        check_job_id(self.id)
        if not self.owner:
            raise ValueError("a job needs an owner")
        if self.total < 1:
            raise ValueError(f"job {self.id} has {self.total} shards; it needs at least 1")
        if min(self.payload_bytes, self.result_bytes) < 0:
            raise ValueError(f"job {self.id} has {self.payload_bytes} and {self.result_bytes} bytes: less than 0")
        for name, seconds in (("expires", self.expires), ("job_timeout", self.job_timeout)):
            if not 0 < seconds <= _MOST_SECONDS:
                raise ValueError(f"{name}={seconds} of job {self.id} must be seconds above 0, and finite")
        if type(self.priority) is not int or not 0 <= self.priority <= MOST_URGENT:
            raise ValueError(
                f"priority={self.priority!r} of job {self.id} must be a whole number from 0, the default, "
                f"to {MOST_URGENT}, the most urgent"
            )


class WorkerInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a worker node says of itself. An older one says less: what has a default here."""

    name: str
    #: Shards that it runs at once.
    slots: int
    #: Celery queues that it serves.
    lanes: tuple[str, ...]
    #: Bytes that its runs may take together.
    memory: int
    #: The wire version that it reads.
    wire: int
    #: Package -> version; Python among them.
    versions: dict[str, str]
    #: CPUs that it may use, and threads of one slot.
    cores: int = 0
    threads: int = 0
    #: The widest circuit of `qasm_simulator` that fits its memory, in double precision.
    qubits: int = 0
    #: What NumPy computes with: the library, with the core that it found, and the CPU's architecture.
    blas: str = ""
    cpu: str = ""
    #: Tells nodes of one name apart: random, of each start.
    instance: str = ""
    #: What each owner's jobs may weigh in the store, where this node's operator says so; 0: anything.
    quota: int | None = None
    #: Slots that are taken now.
    busy: int = 0
    #: Unix seconds when it was last heard of, by the clock of Redis; 0: it is this worker itself.
    heard: float = 0.0
    #: Whether it has missed ticks since: it is busy, cut off or dead. After a lease it is not up any more.
    silent: bool = False

    @property
    def node(self) -> str:
        """The name by which the record knows it (`worker.record.nodes`)."""
        return node_id(self.name, self.instance)

    def __repr__(self) -> str:
        slots = f"{self.busy} of {self.slots} slots busy"
        has = f"{self.cores} cores, {size(self.memory)}, {self.qubits} qubits"
        return f"<WorkerInfo {self.name!r}: {slots}, {has}>"


class ShardCounts(NamedTuple):
    """How many shards of a job wait, were sent, are leased, and are done; they add up to its total."""

    waiting: int
    sent: int
    leased: int
    done: int


@dataclass(frozen=True, kw_only=True)
class Record:
    """What the record held of one job when it was read. Times are Unix seconds, None before they come."""

    id: str
    owner: str
    #: QUEUED, RUNNING, DONE, ERROR or CANCELLED.
    state: str
    total: int
    #: Shards whose parts are in, bad ones among them.
    done: int
    bad: int
    manifest: bytes
    created: float
    started: float | None
    ended: float | None
    error_type: str | None
    error_text: str | None
    traceback: str | None
    #: Leases that ran out: deaths, mostly.
    lapses: int
    #: From 0 to 1, with what the running shards reported.
    progress: float
    #: Worker -> seconds that the shards which it completed took there.
    usage: Mapping[str, float]
    #: Shard -> the worker node that runs it now; "" where its token does not say.
    running: Mapping[int, str] = field(default_factory=dict)

    @property
    def final(self) -> bool:
        """Whether it has ended; a final state never changes."""
        return self.state in FINAL_STATES
