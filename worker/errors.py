"""What the record refuses, what a job's record says went wrong, and what a Redis that does not serve raises.

```
StoreError
├── InvalidJobIdError      an id that cannot name a job
├── DuplicateJobError      the id is another job's, or was deleted a short time ago
├── QuotaExceededError     the owner's jobs would weigh more than they may
├── NotOwnerError          the job is another owner's
├── RecordDamagedError     what Redis holds under the job's name is no record
├── PayloadMissingError    the programs are not (or no longer) in the store
└── ResultMissingError     the result went while it was read: expired or deleted
ShardFailedError           an error that a worker met, known by type and text only
PartTooLargeError          a part that weighs more than a result may
```
"""

from __future__ import annotations

import redis
from celery.exceptions import BackendStoreError
from kombu.exceptions import OperationalError

from simulator.sizes import size

#: What a broker or result backend that cannot be reached raises.
CONNECTION_ERRORS = (redis.ConnectionError, redis.TimeoutError, OperationalError)
#: No answer, or whatever Redis answers in place of what it was asked for: READONLY, MISCONF, BUSY, ...
STORE_FAULTS = (redis.RedisError, OperationalError, BackendStoreError)
#: Answers that are about one call or key: no time mends them. All others are about the server.
_ABOUT_THE_CALL = frozenset({"ERR", "WRONGTYPE", "EXECABORT", "CROSSSLOT", "MOVED", "ASK"})


def redis_reply(error: BaseException) -> tuple[str, str]:
    """Return the code of an error that Redis replied, such as READONLY, and its text; no reply has the code ""."""
    # redis-py puts a pipeline's command before it, arguments and all.
    text = str(error).rpartition(" of pipeline caused error: ")[2].partition("\n")[0]
    code = getattr(error, "status_code", None) or text.partition(" ")[0]
    return (code if code.isalpha() and code.isupper() else ""), text


def is_transient(fault: Exception) -> bool:
    """Whether a fault is the server's, which may pass, and not an answer to one call, which will not."""
    return redis_reply(fault)[0] not in _ABOUT_THE_CALL or isinstance(fault, CONNECTION_ERRORS)


class StoreError(Exception):
    """Any refusal of the store."""


class InvalidJobIdError(StoreError, ValueError):
    """A job id is 1 to 128 letters, digits, dots, underscores or hyphens."""


class DuplicateJobError(StoreError):
    """The id is taken: by a job with other content, or by the tombstone of one that was deleted."""


class QuotaExceededError(StoreError):
    """The owner's budget does not hold the job. Names the bytes and the cure, and carries the bytes."""

    def __init__(self, owner: str, *, asked: int, used: int, limit: int) -> None:
        may = f"{owner!r} may use {size(limit)} in all"
        cure = "submit fewer circuits or shots at once, or raise BASICAER_STORE_QUOTA on the workers"
        # Room that others give back would not be enough for it.
        if asked <= limit:
            may += f", and uses {size(used, up=True)}"
            cure = f"delete finished jobs (provider.delete_job), {cure}"
        super().__init__(
            f"the job would take {size(asked, up=True)} of the store, for its program, its record, and the "
            f"estimate of its result; {may}: {cure}"
        )
        self.owner = owner
        self.asked = asked
        self.used = used
        self.limit = limit

    def __reduce__(self) -> tuple[object, ...]:
        return _quota_exceeded, (self.owner, self.asked, self.used, self.limit)


def _quota_exceeded(owner: str, asked: int, used: int, limit: int) -> QuotaExceededError:
    """Rebuild one from a pickle, which knows no keywords."""
    return QuotaExceededError(owner, asked=asked, used=used, limit=limit)


class NotOwnerError(StoreError):
    """A job is cancelled, deleted and tagged by its owner, or by an operator."""

    def __init__(self, job_id: str, owner: str, caller: str) -> None:
        super().__init__(job_id, owner, caller)
        self.owner = owner

    def __str__(self) -> str:
        job_id, owner, caller = self.args
        return (
            f"Job {job_id} belongs to {owner!r}, and you are {caller!r}: only its owner (BASICAER_OWNER) "
            "may cancel, delete or tag it, or an operator (basicaer cancel --as-operator, "
            "BasicAerProvider(as_operator=True))"
        )


class RecordDamagedError(StoreError):
    """A job whose record cannot be read; workers end it in ERROR, or drop it, and say so in their log."""


class PayloadMissingError(StoreError):
    """No payload: it was never uploaded, or went with a cancelled, deleted or expired job."""


class ResultMissingError(StoreError):
    """A part that the record counts is not there."""


class ShardFailedError(Exception):
    """A remote failure; its text carries the remote type and text."""


class PartTooLargeError(Exception):
    """Names the bytes that a part has and those that are allowed."""
