"""The record in Redis, which decides what becomes of jobs and shards: one method a script, and others that read.

Each script decides alone and at once, by the server's clock; its head in ``lua/`` says what it needs, does and
returns, and `worker.record.keys` what lies where. What it hands out or ends comes back as `Effects`, which the
caller applies: one that dies first does no harm. Every method is one round trip, may be repeated, and raises
redis-py's errors where the server cannot be reached; ids that cannot name a job raise `InvalidJobIdError`.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import msgspec
import redis

from worker.errors import NotOwnerError
from worker.record import chunks, codec, keys, limits
from worker.record.codec import milliseconds, text, wrong_type_as_damage
from worker.record.listing import ANY_JOB, JobFilter, ListedJob, Page
from worker.record.log import LogLine, parse_log
from worker.record.scripts import Scripts
from worker.record.values import (
    CeleryResult,
    Claim,
    Effects,
    ErrorReport,
    NewJob,
    Record,
    ShardCounts,
    ShardId,
    WorkerInfo,
)
from worker.settings import QUEUE, Settings


class Store:
    """The object that reads and changes the record, for the jobs of one queue.

    ``client`` must not decode responses. ``lease`` and ``result_ttl`` are seconds and should be the same in a
    cluster. ``owner`` is whose jobs may be cancelled, deleted and annotated; None: anybody's, as an operator.
    """

    def __init__(
        self,
        client: redis.Redis,
        *,
        queue: str = QUEUE,
        lease: float = 10.0,
        result_ttl: float = 7 * 86400.0,
        owner: str | None = None,
    ) -> None:
        # redis-py types a reply as bytes or str; this client's are bytes.
        self.client: Any = client
        self.queue = queue
        self.lease = lease
        self.tick = lease / limits.TICKS_PER_LEASE
        self._result_ttl = result_ttl
        self._owner = owner
        self._run = Scripts(client, queue, milliseconds(lease))

    @classmethod
    def of(cls, client: redis.Redis, settings: Settings, *, operator: bool = False) -> Store:
        """Return the store with these settings: of their owner, or of an operator."""
        owner = None if operator else settings.owner
        return cls(client, lease=settings.lease, result_ttl=settings.result_ttl, owner=owner)

    def submit(
        self,
        job: NewJob,
        payload: Mapping[str, bytes | memoryview] = MappingProxyType({}),
        *,
        upload: str | None = None,
    ) -> Effects:
        """SUBMIT a job whose payload was uploaded or comes along; the same id and digest again changes nothing.

        ``upload`` is the name that it was uploaded under; None: the job's id.
        Raises `DuplicateJobError`, `PayloadMissingError` or `QuotaExceededError`; a refused payload is dropped.
        """
        reply = self._run(
            "submit",
            *codec.encode_job(job, self._result_ttl),
            upload or job.id,
            *(argument for item in payload.items() for argument in item),
        )
        return codec.decode_submitted(reply, job)

    def feed(self, worker: WorkerInfo | None = None) -> Effects:
        """FEED: recover, hand out, trim, at most 100 items a call; and say that ``worker`` is up for a lease."""
        return codec.decode_effects(self._run("feed", *codec.encode_worker(worker), limits.LAPSE_LIMIT))

    def unregister(self, node: str) -> None:
        """Take a worker that stops off the register."""
        self._run("unregister", node)

    def claim(self, shard_id: ShardId, token: str) -> Claim:
        """CLAIM a shard that is in ``sent``; the token must be random, and may end in ``/<worker>``."""
        granted, state, *granted_only = self._run("claim", *_shard(shard_id), token)
        if not granted:
            return Claim(False, text(state))
        field, owner, attempt = granted_only
        return Claim(True, text(state), field, text(owner) or "", attempt)

    def look(self, shard_id: ShardId) -> tuple[str | None, str | None]:
        """Return the job's state and the token that leases the shard."""
        job_id, shard = _shard(shard_id)
        with wrong_type_as_damage(job_id):
            state, token = self.client.hmget(keys.key("job", job_id), ["state", f"{keys.TOKEN}{shard}"])
        return text(state), text(token)

    def beat(self, shard_id: ShardId, token: str, progress: float | None = None) -> bool:
        """BEAT: renew the lease and note the progress (0 to 1). False: stop, it is not yours, or not wanted."""
        return bool(self._run("beat", *_shard(shard_id), token, "" if progress is None else repr(progress)))

    def put(self, shard_id: ShardId, token: str, index: int, chunk: bytes | memoryview) -> bool:
        """PUT a chunk of the shard's part, renewing the lease. False: stop, nothing was written."""
        return bool(self._run("put", *_shard(shard_id), token, index, chunk))

    def complete(
        self,
        shard_id: ShardId,
        token: str,
        part: bytes,
        *,
        bad: bool = False,
        error: ErrorReport | None = None,
        seconds: float = 0.0,
        celery_result: CeleryResult | None = None,
    ) -> Effects | None:
        """COMPLETE a shard with its part, or the header of the chunks that were PUT.

        ``bad`` marks a part that carries an error; ``error`` is the first one in it. ``seconds`` is what it took
        to simulate. None: the token does not lease the shard, or the job is final; nothing was written.
        """
        reply = self._run(
            "complete",
            *_shard(shard_id),
            token,
            part,
            chunks.count(part),
            int(bad),
            *(error or ("", "", "")),
            round(1e6 * seconds),
            *(celery_result or ("", "", "")),
        )
        return codec.decode_effects_if_any(reply)

    def release(self, shard_id: ShardId, token: str, *, delay: float = 0.0, reason: str = "") -> Effects | None:
        """RELEASE a shard unfinished: it waits again, for ``delay`` seconds at least; its log has the reason.

        None: the token does not lease it.
        """
        return codec.decode_effects_if_any(
            self._run("release", *_shard(shard_id), token, round(1000 * delay), reason)
        )

    def fail(
        self,
        shard_id: ShardId,
        token: str,
        part: bytes,
        error: ErrorReport,
        *,
        delay: float = 0.0,
    ) -> Effects | None:
        """FAIL a shard whose run met an error that is not the circuit's, (type, text, traceback): it waits again.

        The third failure makes ``part``, which has the error, the shard's own. None: the token does not lease it.
        """
        return codec.decode_effects_if_any(
            self._run("fail", *_shard(shard_id), token, round(1000 * delay), limits.FAILURE_LIMIT, part, *error)
        )

    def died(self, shard_id: ShardId, token: str, text: str) -> int:
        """DIED: note that the process which leases the shard is dead; its lease runs out.

        Returns how many of the shard's leases will have run out then, of `LAPSE_LIMIT`; 0: it has none.
        """
        return int(self._run("died", *_shard(shard_id), token, text))

    def cancel(self, job_id: str) -> Effects | None:
        """CANCEL a job. None: it was final already, or is unknown. Raises `NotOwnerError`."""
        return codec.decode_effects_if_any(self._run_owned("cancel", job_id, _caller()))

    def delete(self, job_id: str) -> bool:
        """DELETE a final job and all that it stored; its id stays taken for 4 h. False: not final, or unknown.

        Raises `NotOwnerError`.
        """
        return bool(self._run_owned("delete", job_id, milliseconds(limits.TOMBSTONE_LIFE), _caller()))

    def annotate(self, job_id: str, manifest: bytes, tags: tuple[str, ...]) -> bool:
        """Replace a job's manifest and tags. False: there is no such job. Raises `NotOwnerError`."""
        return bool(self._run_owned("annotate", job_id, manifest, msgspec.json.encode(tags)))

    def _run_owned(self, script: str, job_id: str, *arguments: str | bytes | int) -> Any:
        """Run a script about a job of this store's owner, or of anybody as an operator."""
        by = self._owner
        reply = self._run(script, keys.check_job_id(job_id), *arguments, by or "", operator=by is None)
        if isinstance(reply, list) and reply[0] == b"FOREIGN":
            raise NotOwnerError(job_id, owner=reply[1].decode(errors="replace"), caller=by or "")
        return reply

    def read(self, job_id: str) -> Record | None:
        """Return a job's record; None: it never was, was deleted, or ended two result TTLs ago."""
        pipeline = self.client.pipeline(transaction=False)
        pipeline.hgetall(keys.key("job", job_id))
        pipeline.get(keys.key("manifest", job_id))
        with wrong_type_as_damage(job_id):
            job, manifest = pipeline.execute()
        # Both have one life; the moment in which it ends may lie between the two answers.
        return codec.decode_record(job_id, job, manifest) if job and manifest is not None else None

    def state(self, job_id: str) -> str | None:
        """Return a job's state, which costs less than its record; None: there is no such job."""
        with wrong_type_as_damage(job_id):
            return text(self.client.hget(keys.key("job", job_id), "state"))

    def log(self, job_id: str) -> list[LogLine]:
        """Return what happened to a job's shards, oldest first; empty where there is no log, or no more."""
        with wrong_type_as_damage(job_id):
            return parse_log(self.client.lrange(keys.key("log", job_id), 0, -1))

    def position(self, job_id: str) -> int | None:
        """Return how many jobs are served before this one; None: it is not queued."""
        position = self._run("position", keys.check_job_id(job_id))
        return None if position is None else int(position)

    def find(
        self, owner: str, wanted: JobFilter = ANY_JOB, *, skip: int = 0, limit: int | None = None
    ) -> Iterator[ListedJob]:
        """Yield an owner's jobs that are wanted, but not the first ``skip``, and ``limit`` at most (None: all)."""
        cursor: str | None = ""
        left = math.inf if limit is None else limit
        while cursor is not None and left > 0:
            page = self.page(owner, wanted, cursor=cursor, skip=skip, most=left)
            yield from page.jobs
            cursor, skip = page.cursor, page.skip
            left -= len(page.jobs)

    def page(self, owner: str, wanted: JobFilter, *, cursor: str, skip: int, most: float) -> Page:
        """LIST jobs of an owner, ``most`` at most, from a page's cursor on; "" is the first."""
        arguments = codec.encode_filter(wanted)
        return codec.decode_page(
            self._run("list", owner, *arguments, cursor, skip, int(min(most, limits.PAGE_SIZE)))
        )

    def workers(self) -> list[WorkerInfo]:
        """Return what the workers that are up said of themselves, by name."""
        return codec.decode_workers(self._run("workers"))

    def budget(self, owner: str) -> tuple[int, int]:
        """Return the bytes that an owner's jobs weigh, and what they may weigh; 0: anything."""
        pipeline = self.client.pipeline(transaction=False)
        pipeline.hget(keys.USED, owner)
        pipeline.get(keys.QUOTA)
        used, quota = pipeline.execute()
        return int(used or 0), limits.USUAL_QUOTA if quota is None else int(quota)

    def unfinished(self) -> int:
        """Return how many jobs are not final, of all queues and owners."""
        return int(self.client.zcard(keys.DEADLINE))

    def window(self) -> int:
        """Return how many shards may be in ``sent`` at once."""
        return max(limits.LEAST_WINDOW, int(self.client.get(keys.window(self.queue)) or 0))

    def shard_counts(self, job_id: str) -> ShardCounts | None:
        """Return how many shards of an unfinished job wait, run and are done; None: there is no such job."""
        pipeline = self.client.pipeline(transaction=True)
        pipeline.hgetall(keys.key("job", job_id))
        pipeline.llen(keys.key("retry", job_id))
        return codec.decode_counts(*pipeline.execute())


def _caller() -> str:
    """Name one call, which redis-py may make several times where the answer was lost."""
    return uuid.uuid4().hex


def _shard(shard_id: ShardId) -> tuple[str, int]:
    job_id, shard = shard_id
    return keys.check_job_id(job_id), int(shard)
