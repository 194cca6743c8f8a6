"""Failures of Redis as the user's errors: each says what is wrong and what to do."""

from __future__ import annotations

import redis
from kombu.exceptions import OperationalError
from qiskit.exceptions import QiskitError
from qiskit.providers import JobError

from jobs.errors import BasicAerError, JobNotFoundError, UnreachableError
from worker.errors import (
    STORE_FAULTS,
    InvalidJobIdError,
    NotOwnerError,
    RecordDamagedError,
    is_transient,
    redis_reply,
)

_ONE_SERVER = "is part of a cluster: give the address of a Redis that is none, with replicas if need be"
_LOGIN = (
    "does not accept the user and password of the URL: write them as in redis://USER:PASSWORD@HOST:6379/0 or "
    "redis://:PASSWORD@HOST:6379/0, percent-encoded"
)
_NO_LOGIN = (
    "wants a password, and the URL has none: write it as in redis://:PASSWORD@HOST:6379/0, percent-encoded; what "
    "came here from another process was pickled without it, so set BASICAER_URL in this one"
)
#: The code of an answer -> what it says of Redis, and what to do.
_SAID = {
    "OOM": "is full: delete jobs (provider.delete_job), or raise its maxmemory",
    "MISCONF": "cannot write to its disk: make room there, and look into its log",
    "READONLY": "is a replica, which takes nothing: give the address of its master",
    "MASTERDOWN": "is a replica that has lost its master: give the address of a master",
    "NOREPLICAS": "takes nothing while it has too few replicas: bring them up, or change min-replicas-to-write",
    "BUSY": "is busy with somebody's script: wait for its end, or end it with SCRIPT KILL",
    "LOADING": "is still reading its data: try again when it has",
    "NOPERM": "does not let this user do it: give the user the rights of deploy/redis/users.acl",
    "CLUSTERDOWN": _ONE_SERVER,
    "CROSSSLOT": _ONE_SERVER,
    "MOVED": _ONE_SERVER,
    "ASK": _ONE_SERVER,
    "WRONGTYPE": "has something foreign under a key of this project: look what else writes there",
}


def translated(error: BaseException, where: str) -> QiskitError | None:
    """Return the user's error for a failure of Redis or a refusal of the record; None for any other error.

    A failure that may pass is an `UnreachableError`, another a `BasicAerError`; a refusal is a `JobError`.
    ``where`` is where Redis is, as "at ADDRESS", and so must hold no password.
    """
    if isinstance(error, InvalidJobIdError):
        return JobNotFoundError(str(error))
    if isinstance(error, (NotOwnerError, RecordDamagedError)):
        return JobError(str(error))
    return _clear(error, where) if isinstance(error, STORE_FAULTS) else None


def _clear(fault: Exception, where: str) -> BasicAerError:
    # kombu's error says what the one that it stands for said, without the code.
    cause = fault.__cause__ if isinstance(fault, OperationalError) and fault.__cause__ else fault
    code, reason = redis_reply(cause)
    reason = reason or type(cause).__name__
    if code and not reason.startswith(code):
        reason = f"{code} {reason}"
    passing = isinstance(fault, OperationalError) or (is_transient(fault) and code != "NOPERM")
    kind = UnreachableError if passing else BasicAerError
    if isinstance(cause, redis.AuthenticationError):
        return kind(f"Redis {where} {_NO_LOGIN if 'NOAUTH' in reason else _LOGIN} ({reason})")
    if code == "ERR" and "DB index" in reason:
        return kind(f"Redis {where} has no such database: use /0, or a number below its `databases` ({reason})")
    if code in _SAID:
        return kind(f"Redis {where} {_SAID[code]} ({reason})")
    if code:
        return kind(f"Redis {where} refuses: look into its log ({reason})")
    return kind(f"Cannot reach Redis {where} ({reason}): is it up, and are URL, password and certificates right?")
