"""What an operator measures: queues, runs, workers, memory, and what was counted since the record began.

Read by commands, not by scripts, in a few round trips: one moment's numbers need not fit together exactly.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import redis

from worker.record import keys, limits
from worker.record.store import Store
from worker.record.values import MOST_URGENT, WorkerInfo

#: A step of priority in a job's rank, as in ``lua/keys.lua``.
_PRIORITY_STEP = 1 << 40


@dataclass(frozen=True)
class Waiting:
    """What waits in a queue for an owner."""

    #: Jobs with shards that wait or were sent.
    jobs: int
    #: Seconds since the oldest of them was submitted.
    oldest: float


@dataclass(frozen=True)
class Memory:
    """What Redis holds. None: this user of Redis may not ask."""

    used: int | None = None
    #: 0: Redis has no limit.
    limit: int | None = None


@dataclass(frozen=True, kw_only=True)
class Measures:
    """The measures of one moment. Seconds and bytes."""

    queue: str
    waiting: dict[str, Waiting]
    #: Owner -> shards that run.
    running: Counter[str]
    #: Shards that no worker has claimed yet.
    sent: int
    unfinished: int
    workers: list[WorkerInfo]
    memory: Memory
    #: Owner -> bytes of its programs, records and results; and what each may have (0: anything).
    used: dict[str, int]
    quota: int
    #: What the scripts count, by the names in `worker.record.keys`.
    counters: dict[str, int] = field(default_factory=dict)


def measure(store: Store, now: float | None = None) -> Measures:
    """Return the measures of ``now``, Unix seconds (None: the clock of Redis); raises what redis-py raises."""
    client, queue = store.client, store.queue
    pipeline = client.pipeline(transaction=False)
    pipeline.time()
    pipeline.zrange(keys.turn(queue), 0, -1)
    pipeline.zrange(keys.sent(queue), 0, -1)
    pipeline.zrange(keys.LEASED, 0, -1)
    pipeline.zcard(keys.DEADLINE)
    pipeline.hgetall(keys.USED)
    pipeline.get(keys.QUOTA)
    pipeline.hgetall(keys.COUNTERS)
    (seconds, micros), owners, sent, leased, unfinished, used, quota, counters = pipeline.execute()
    return Measures(
        queue=queue,
        waiting=_waiting(store, [owner.decode() for owner in owners], sent, now or seconds + micros / 1e6),
        running=Counter(_owners_of(client, [_job_of(each) for each in leased])),
        sent=len(sent),
        unfinished=unfinished,
        workers=store.workers(),
        memory=_memory(client),
        used=_numbers(used),
        quota=limits.USUAL_QUOTA if quota is None else int(quota),
        counters=_numbers(counters),
    )


def _waiting(store: Store, owners: Iterable[str], sent: Iterable[bytes], now: float) -> dict[str, Waiting]:
    """Return what waits, by owner: in its line, and of what was sent what no worker has begun."""
    jobs: dict[str, set[str]] = {}
    counts: dict[str, int] = {}
    for owner in owners:
        ready = keys.ready(store.queue, owner)
        pipeline = store.client.pipeline(transaction=False)
        pipeline.zcard(ready)
        for priority in range(MOST_URGENT + 1):
            # Of each priority the oldest, which stands first.
            lowest = -priority * _PRIORITY_STEP
            pipeline.zrangebyscore(ready, lowest, f"({lowest + _PRIORITY_STEP}", start=0, num=1)
        counts[owner], *found = pipeline.execute()
        jobs[owner] = {job.decode() for each in found for job in each}
    in_flight = {_job_of(each) for each in sent}
    for job_id, owner in zip(in_flight, _owners_of(store.client, in_flight), strict=True):
        listed = store.client.zscore(keys.ready(store.queue, owner), job_id) is not None
        jobs.setdefault(owner, set()).add(job_id)
        counts[owner] = counts.get(owner, 0) + (not listed)
    created = {owner: _created(store.client, mine) for owner, mine in jobs.items() if counts[owner]}
    return {owner: Waiting(counts[owner], now - min(times, default=now)) for owner, times in created.items()}


def _owners_of(client: redis.Redis, job_ids: Iterable[str]) -> list[str]:
    """Return each job's owner; "" where it has gone meanwhile."""
    return [owner.decode() if owner else "" for owner in _fields(client, job_ids, "owner")]


def _created(client: redis.Redis, job_ids: Iterable[str]) -> list[float]:
    return [int(created) / 1000 for created in _fields(client, job_ids, "created") if created]


def _fields(client: redis.Redis, job_ids: Iterable[str], name: str) -> list[bytes | None]:
    pipeline = client.pipeline(transaction=False)
    for job_id in job_ids:
        pipeline.hget(keys.key("job", job_id), name)
    found: list[bytes | None] = pipeline.execute()
    return found


def _job_of(entry: bytes) -> str:
    return entry.decode().partition("/")[0]


def _numbers(found: dict[bytes, bytes]) -> dict[str, int]:
    """Return what a hash counts; a value that is damaged is left out."""
    return {name.decode(errors="replace"): int(value) for name, value in found.items() if value.isdigit()}


def _memory(client: redis.Redis) -> Memory:
    try:
        info = client.info("memory")
    except redis.ResponseError:
        return Memory()
    return Memory(int(info["used_memory"]), int(info["maxmemory"]))
