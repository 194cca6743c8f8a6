"""What the scripts are told and answer, as the values of `worker.record.values`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import msgspec
import redis

from worker.errors import DuplicateJobError, PayloadMissingError, QuotaExceededError, RecordDamagedError
from worker.record.values import Effects, Ended, Handed, NewJob, WorkerInfo

#: Seconds that a deleted id stays taken: longer than Celery's workers remember a revoke.
TOMBSTONE_LIFE = 4 * 3600
#: SUBMIT's refusal -> the error and its text.
_REFUSALS = {
    b"TAKEN": (DuplicateJobError, "job {} is there already, with other content: use another id"),
    b"DELETED": (
        DuplicateJobError,
        f"job {{}} was deleted less than {TOMBSTONE_LIFE // 3600} h ago: use another id",
    ),
    b"NO PAYLOAD": (PayloadMissingError, "job {} has no payload in the store: upload it within 1 h before SUBMIT"),
}


def name(value: bytes) -> str:
    """Return a name, also one that was damaged."""
    return value.decode(errors="replace")


def text(value: bytes | None) -> str | None:
    """Return a text, or None where there is none."""
    return None if value is None else value.decode(errors="replace")


def submitted(reply: list[Any], job: NewJob) -> Effects:
    """Return the effects of SUBMIT, or raise its refusal."""
    status, *rest = reply
    if status == b"SUBMITTED":
        return effects_of(rest)
    if status == b"KNOWN":
        return Effects()
    if status == b"NO ROOM":
        asked, used, limit = rest
        raise QuotaExceededError(job.owner, asked=asked, used=used, limit=limit)
    refusal, reason = _REFUSALS[status]
    raise refusal(reason.format(job.id))


def signed(worker: WorkerInfo | None) -> tuple[str, bytes | str, int]:
    """Return what FEED takes of a worker; its load apart, as what it is hardly ever changes."""
    if worker is None:
        return "", "", 0
    return worker.node, msgspec.json.encode(msgspec.structs.replace(worker, busy=0)), worker.busy


def workers_of(reply: list[Any]) -> list[WorkerInfo]:
    """Return the workers that are up, by name; of one that is damaged its next tick brings another."""
    found = []
    for info, busy, heard in reply:
        with suppress(msgspec.DecodeError):
            worker = msgspec.json.decode(info, type=WorkerInfo)
            found.append(msgspec.structs.replace(worker, busy=busy, heard=heard / 1000))
    return sorted(found, key=lambda worker: worker.node)


def effects_of(reply: list[Any]) -> Effects:
    """Return what a script left to do."""
    handed, ended, *rest = reply
    return Effects(
        tuple(Handed(name(job_id), shard, total, timeout / 1000) for job_id, shard, total, timeout in handed),
        tuple(
            Ended(name(job_id), state.decode(), total, text(error_type), text(error_text))
            for job_id, state, total, error_type, error_text in ended
        ),
        tuple(name(line) for line in (rest[0] if rest else ())),
    )


@contextmanager
def damage(job_id: str) -> Iterator[None]:
    """Say of whose record a key is damaged. The scripts remove one of another type than it has to be."""
    try:
        yield
    except redis.ResponseError as error:
        if "WRONGTYPE" not in str(error):
            raise
        raise RecordDamagedError(f"the record of job {job_id} is damaged: {error}") from error
