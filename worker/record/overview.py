"""Readings over many jobs at once, for lists and screens. They change nothing, and block Redis but shortly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import redis

from worker.errors import RecordDamagedError
from worker.record import codec, keys
from worker.record.codec import text, wrong_type_as_damage
from worker.record.store import Store
from worker.record.values import Record

#: Jobs that one round trip reads.
_AT_ONCE = 500
#: Ids that one round trip looks at.
_IDS_AT_ONCE = 10_000


def owners(store: Store) -> dict[str, int]:
    """Return who has jobs, and the bytes that they weigh: of those who have none, nothing is known."""
    return {text(owner) or "": int(used) for owner, used in sorted(store.client.hgetall(keys.USED).items())}


class QueueDepth(NamedTuple):
    """What waits in a queue."""

    #: Jobs with shards that wait, and whose they are.
    jobs: int
    owners: int
    #: Shards that were handed out, and that no worker has claimed yet.
    sent: int


def queue_depth(store: Store) -> QueueDepth:
    """Return what waits in the store's queue."""
    waiting = [text(owner) or "" for owner in store.client.zrange(keys.turn(store.queue), 0, -1)]
    pipeline = store.client.pipeline(transaction=False)
    pipeline.zcard(keys.sent(store.queue))
    for owner in waiting:
        pipeline.zcard(keys.ready(store.queue, owner))
    sent, *jobs = pipeline.execute()
    return QueueDepth(sum(jobs), sum(map(bool, jobs)), sent)


def unfinished_ids(store: Store, most: int) -> list[str]:
    """Return jobs of all owners that are not final, so many at most, those first whose time is over first."""
    return [text(job_id) or "" for job_id in store.client.zrange(keys.DEADLINE, 0, most - 1)]


def ended_ids(store: Store, most: int) -> list[str]:
    """Return jobs of all owners that are final, so many at most: those that ended last, where TTLs are equal."""
    kept = store.client.zrange(keys.KEPT, 0, most - 1, desc=True)
    return [(text(job) or "").partition("/")[0] for job in kept]


def records(store: Store, job_ids: Sequence[str]) -> Iterator[tuple[str, Record | RecordDamagedError]]:
    """Yield each of these jobs with its record, in order, or an error where that is damaged; skip what is gone."""
    for first in range(0, len(job_ids), _AT_ONCE):
        several = job_ids[first : first + _AT_ONCE]
        pipeline = store.client.pipeline(transaction=False)
        for job_id in several:
            pipeline.hgetall(keys.key("job", job_id))
            pipeline.get(keys.key("manifest", job_id))
        replies = iter(pipeline.execute(raise_on_error=False))
        for job_id, job, manifest in zip(several, replies, replies, strict=True):
            try:
                with wrong_type_as_damage(job_id):
                    for reply in (job, manifest):
                        if isinstance(reply, redis.RedisError):
                            raise reply
                if job and manifest is not None:
                    yield job_id, codec.decode_record(job_id, job, manifest)
            except RecordDamagedError as error:
                yield job_id, error


def ids_that_begin(store: Store, prefix: str, of: Iterable[str]) -> list[str]:
    """Return the ids of these owners' jobs that begin so."""
    return [
        job_id for job_id in chain.from_iterable(_ids(store, owner) for owner in of) if job_id.startswith(prefix)
    ]


def _ids(store: Store, owner: str) -> Iterator[str]:
    index, first = keys.index(owner), 0
    while several := store.client.zrange(index, first, first + _IDS_AT_ONCE - 1):
        yield from (text(job_id) or "" for job_id in several)
        first += len(several)


def stored_bytes(store: Store, owner: str, job_ids: Sequence[str]) -> dict[str, int]:
    """Return the bytes that those of an owner's jobs which have ended count for in the store."""
    found = {}
    for first in range(0, len(job_ids), _AT_ONCE):
        several = job_ids[first : first + _AT_ONCE]
        charged = store.client.hmget(keys.CHARGED, [f"{job_id}/{owner}" for job_id in several])
        found.update(
            {job_id: int(size) for job_id, size in zip(several, charged, strict=True) if size is not None}
        )
    return found
