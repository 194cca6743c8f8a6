"""How values become arguments of the scripts, and how replies of Redis become values: pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
import redis

from worker.errors import DuplicateJobError, PayloadMissingError, QuotaExceededError, RecordDamagedError
from worker.record import keys
from worker.record.limits import MISSED_TICKS, TICKS_PER_LEASE, TOMBSTONE_LIFE
from worker.record.listing import JobFilter, ListedJob, Page
from worker.record.nodes import display_names
from worker.record.values import (
    FINAL_STATES,
    STATES,
    Effects,
    Ended,
    HandedOut,
    NewJob,
    Record,
    ShardCounts,
    WorkerInfo,
)

#: SUBMIT's refusal -> the error and its text.
_REFUSALS = {
    b"TAKEN": (DuplicateJobError, "job {} is there already, with other content: use another id"),
    b"DELETED": (
        DuplicateJobError,
        f"job {{}} was deleted less than {TOMBSTONE_LIFE // 3600} h ago: use another id",
    ),
    b"NO PAYLOAD": (PayloadMissingError, "job {} has no payload in the store: upload it within 1 h before SUBMIT"),
}


def milliseconds(seconds: float) -> int:
    """Return a time as the scripts take it: 1 ms at least."""
    return max(1, round(seconds * 1000))


def text(value: bytes | None) -> str | None:
    """Return a text, also one that was damaged; None where there is none."""
    return None if value is None else value.decode(errors="replace")


def encode_job(job: NewJob, result_ttl: float) -> tuple[str | bytes | int, ...]:
    """Return what SUBMIT takes of a job whose result is kept for ``result_ttl`` seconds."""
    return (
        job.id,
        job.owner,
        job.digest,
        job.total,
        job.manifest,
        job.priority,
        job.payload_bytes,
        job.result_bytes,
        milliseconds(job.expires),
        milliseconds(job.job_timeout),
        milliseconds(result_ttl),
        job.backend,
        msgspec.json.encode(job.tags),
        job.num_qubits,
    )


def decode_submitted(reply: list[Any], job: NewJob) -> Effects:
    """Return the effects of SUBMIT, or raise its refusal."""
    status, *rest = reply
    if status == b"SUBMITTED":
        return decode_effects(rest)
    if status == b"KNOWN":
        return Effects()
    if status == b"NO ROOM":
        asked, used, limit = rest
        raise QuotaExceededError(job.owner, asked=asked, used=used, limit=limit)
    refusal, reason = _REFUSALS[status]
    raise refusal(reason.format(job.id))


def decode_effects(reply: list[Any]) -> Effects:
    """Return what a script did, and left to do."""
    handed_out, ended, *repairs = reply
    return Effects(
        tuple(HandedOut(_name(job), shard, total) for job, shard, total in handed_out),
        tuple(
            Ended(_name(job_id), state.decode(), total, text(error_type), text(error_text))
            for job_id, state, total, error_type, error_text in ended
        ),
        tuple(map(_name, repairs[0] if repairs else ())),
    )


def decode_effects_if_any(reply: list[Any] | None) -> Effects | None:
    """Return what a script did, and left to do; None: it did nothing."""
    return None if reply is None else decode_effects(reply)


def encode_worker(worker: WorkerInfo | None) -> tuple[bytes | str | int, ...]:
    """Return what FEED takes of a worker: its load apart, as all else hardly ever changes."""
    if worker is None:
        return "", "", 0
    return worker.node, msgspec.json.encode(msgspec.structs.replace(worker, busy=0)), worker.busy


def decode_workers(reply: list[Any]) -> list[WorkerInfo]:
    """Return the workers that are up, by name, without those whose entry is damaged: their next tick mends it."""
    found = []
    for info, busy, heard, passed in reply:
        with suppress(msgspec.DecodeError):
            worker = msgspec.json.decode(info, type=WorkerInfo)
            silent = passed > 100 * MISSED_TICKS / TICKS_PER_LEASE
            found.append(msgspec.structs.replace(worker, busy=busy, heard=heard / 1000, silent=silent))
    return sorted(found, key=lambda worker: worker.node)


def encode_filter(wanted: JobFilter) -> tuple[str | bytes | int, ...]:
    """Return what LIST takes of a filter."""
    return (
        int(wanted.newest_first),
        *wanted.milliseconds,
        " ".join(wanted.states),
        wanted.backend,
        msgspec.json.encode(wanted.tags),
    )


def decode_page(reply: list[Any]) -> Page:
    """Return the jobs that LIST found."""
    cursor, skip, found = reply
    return Page(tuple(ListedJob(_name(job_id), _name(backend)) for job_id, backend in found), text(cursor), skip)


def decode_counts(job: Mapping[bytes, bytes], num_retries: int) -> ShardCounts | None:
    """Return how many shards are in each place, from a job's hash and the length of its list of retries.

    None: the job is final, or there is none.
    """
    if not job or job[b"state"].decode() in FINAL_STATES:
        return None
    total, done = int(job[b"total"]), int(job[b"done"])
    waiting = total - int(job[b"next"]) + num_retries
    leased = sum(field.startswith(keys.TOKEN.encode()) for field in job)
    return ShardCounts(waiting, total - waiting - leased - done, leased, done)


def decode_record(job_id: str, job: Mapping[bytes, bytes], manifest: bytes) -> Record:
    """Return the record in a job's hash and its manifest; `RecordDamagedError` if the hash is no record."""
    try:
        return _decode_record(job_id, job, manifest)
    except (KeyError, ValueError, ZeroDivisionError) as error:
        raise RecordDamagedError(
            f"the record of job {job_id} is damaged ({type(error).__name__}: {error}): delete and submit it again"
        ) from error


def _decode_record(job_id: str, job: Mapping[bytes, bytes], manifest: bytes) -> Record:

    def seconds(name: bytes) -> float | None:
        value = job.get(name)
        return None if value is None else int(value) / 1000

    def starting(mark: str) -> dict[str, bytes]:
        start = mark.encode()
        return {
            name[len(start) :].decode(errors="replace"): value
            for name, value in job.items()
            if name.startswith(start)
        }

    state, total, done = job[b"state"].decode(), int(job[b"total"]), int(job[b"done"])
    if state not in STATES:
        raise ValueError(f"{state!r:.40} is no state")
    # What still runs of a job that is final counts for nothing.
    reported = 0.0 if state in FINAL_STATES else math.fsum(map(float, starting(keys.PROGRESS).values()))
    usage = starting(keys.USAGE)
    names = display_names(usage)
    return Record(
        id=job_id,
        owner=job[b"owner"].decode(),
        state=state,
        total=total,
        done=done,
        bad=int(job[b"bad"]),
        manifest=manifest,
        created=int(job[b"created"]) / 1000,
        started=seconds(b"started"),
        ended=seconds(b"ended"),
        error_type=text(job.get(b"error_type")),
        error_text=text(job.get(b"error_text")),
        traceback=text(job.get(b"traceback")),
        lapses=int(job[b"lapses"]),
        progress=(done + reported) / total,
        usage={names[node]: int(micros) / 1e6 for node, micros in usage.items()},
        running={}
        if state in FINAL_STATES
        else {
            int(shard): token.decode(errors="replace").partition("/")[2]
            for shard, token in starting(keys.TOKEN).items()
            if shard.isdecimal()
        },
    )


@contextmanager
def wrong_type_as_damage(job_id: str) -> Iterator[None]:
    """Raise `RecordDamagedError` where a key of this job has another type than it has to have."""
    try:
        yield
    except redis.ResponseError as error:
        if "WRONGTYPE" not in str(error):
            raise
        raise RecordDamagedError(f"the record of job {job_id} is damaged: {error}") from error


def _name(value: bytes) -> str:
    """Return a name, also one that was damaged."""
    return value.decode(errors="replace")
