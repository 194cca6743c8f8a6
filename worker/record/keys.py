"""The names of the record's keys, for Python and, through `lua_names`, for the scripts, which alone write them.

Every name begins with `PREFIX`; its number is the layout's version: a change of keys or conditions takes another.

| key | type | holds | life |
|---|---|---|---|
| ``job:<id>`` | HASH | the fields below | final + 2 x result TTL: then "expired" is told from "unknown" |
| ``about:<id>`` | STRING | its manifest: what its user can read about it | the same |
| ``upload:<name>`` | HASH | a payload that is not yet submitted | 1 h; SUBMIT renames it |
| ``payload:<id>`` | HASH | shards to run, in chunks | final + result TTL; CANCEL removes it |
| ``parts:<id>`` | HASH | results, in chunks | final + result TTL |
| ``log:<id>`` | LIST | what happened to its shards, see below | final + result TTL |
| ``again:<id>`` | LIST | shards that wait a second time | until final |
| ``lapses:<id>`` | HASH | runs of shards that were lost, see below | until final |
| ``tombstone:<id>`` | STRING | the id was deleted, by which call | 4 h |
| ``ready:<queue>:<owner>`` | ZSET | jobs with waiting shards, by priority, then age | while they wait |
| ``turn:<queue>`` | ZSET | owners, least recently served first | until found with nothing to serve |
| ``sent:<queue>`` | ZSET | ``<id>/<n>`` -> when to send again | in flight |
| ``held`` | ZSET | ``<id>/<n>`` -> when the lease ends | in flight |
| ``deadline`` | ZSET | job -> when it ends at the latest; holds every job that is not final | until final |
| ``index:<owner>`` | ZSET | job -> age (a counter) | with ``job:<id>``, trimmed by FEED |
| ``tags:<owner>`` | HASH | job -> its tags, a JSON array; only of jobs that have any | the same |
| ``tag:<length of owner>:<owner>:<tag>`` | ZSET | job that has the tag -> age | the same |
| ``ended:<STATE>:<owner>`` | ZSET | job that ended in ERROR or CANCELLED -> age | the same |
| ``kept`` | ZSET | final ``<id>/<owner>`` -> when something of it expires | with ``job:<id>``, trimmed by FEED |
| ``untold`` | ZSET | job that ended -> when FEED looks whether Celery has its outcome | ten leases |
| ``charged`` | HASH | final ``<id>/<owner>`` -> bytes that count for the owner | with ``job:<id>`` |
| ``used`` | HASH | owner -> sum of these, and of what its unfinished jobs ask | the same |
| ``workers`` | ZSET | worker -> when it counts as gone | a lease |
| ``workers:info``, ``workers:load`` | HASH | worker -> what it says of itself; busy slots / lease | the same |
| ``slots:<queue>``, ``window:<queue>`` | HASH, STRING | worker -> slots; their sum | the same |
| ``quota`` | STRING | bytes that each owner's jobs may weigh, as the workers' operator says | - |
| ``counters`` | HASH | what was counted since the record began, see below | - |
| ``dropped`` | LIST | what was dropped or put right, for a worker's log | until the next FEED |
| ``fed``, ``grace`` | STRING | last FEED; when leases count again | - |
| ``mended``, ``clock`` | STRING | last look for what was lost; counter of ages and turns | - |

In ``payload`` and ``parts``, field ``<n>`` is shard n's bytes or a header, ``<n>.<k>`` a chunk
(`worker.record.chunks`).

In ``job``: state, owner, lane (the queue), rank, digest, total, next (first shard never sent), done, bad, lapses,
backend, created, started, ended, expires, job_timeout, result_ttl, payload_bytes, result_bytes (the estimate),
part_bytes, canceller, error_type, error_text, traceback; ``u:<worker>`` (microseconds that it simulated); of
shards in flight only ``t:<n>`` (token: held), ``p:<n>`` (progress), ``c:<n>`` (chunks PUT), ``d:<n>`` (its process
was seen to be dead), ``r:<n>`` (times sent again); of shards that were given back or lapsed ``a:<n>`` (how often).

In ``lapses`` field ``<n>`` counts leases of shard n that ran out, ``died:<n>`` those of processes that were seen
to be dead, and ``failed:<n>`` runs that met an error which is not the circuit's.

In ``log`` a line is ``<ms>``, a word, the shard, a number, the worker and a text, with tabs between: claimed (the
number of the attempt), died, released and lapsed (the same), finished and error (microseconds). Of a long log the
first and the last 300 lines stay, and between them the line "omitted", whose number says how many are gone. When
the job was submitted and how it ended is not in its log, but in its record.

In ``counters``: ``ended:<STATE>`` (jobs), ``imported`` (those of them from files), ``error:<type>`` (jobs
in ERROR), ``qubits:<n>`` (jobs whose widest circuit has so many), ``shards:<owner>`` (done), ``micros:<owner>``
(simulated), ``lapses``, ``resends``.

Channel ``events:<id>`` announces ``<STATE> <done> <total>``, in shards, whenever one of them changes.
"""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from worker.errors import InvalidJobIdError

PREFIX = "basicaer:1:"
#: Keys of all jobs together.
DEADLINE, LEASED, UNREPORTED = f"{PREFIX}deadline", f"{PREFIX}held", f"{PREFIX}untold"
COUNTERS = f"{PREFIX}counters"
USED, QUOTA, CHARGED = f"{PREFIX}used", f"{PREFIX}quota", f"{PREFIX}charged"
#: Holds nothing: a Redis user that may write it may also end and change other owners' jobs.
OPERATOR = f"{PREFIX}operator"
#: Jobs that have ended, and when something of each expires.
KEPT = f"{PREFIX}kept"
#: What a job's hash calls the token and the progress of shard n, before the number.
TOKEN, PROGRESS = "t:", "p:"
#: What it calls the microseconds that a worker simulated, before the worker's name.
USAGE = "u:"

#: What one job has a key for.
JobKey: TypeAlias = Literal[
    "job", "manifest", "upload", "payload", "parts", "log", "events", "retry", "lapses", "tombstone"
]
#: How such a key's name begins in Redis, in this version of the layout.
_KINDS: dict[JobKey, str] = {
    "job": "job",
    "manifest": "about",
    "upload": "upload",
    "payload": "payload",
    "parts": "parts",
    "log": "log",
    "events": "events",
    "retry": "again",
    "lapses": "lapses",
    "tombstone": "tombstone",
}
_JOB_ID = re.compile(r"[A-Za-z0-9._-]{1,128}")


def check_job_id(job_id: str) -> str:
    """Return the id; `InvalidJobIdError` if it cannot name a job."""
    if not isinstance(job_id, str) or not _JOB_ID.fullmatch(job_id):
        raise InvalidJobIdError(
            f"{job_id!r:.160} cannot name a job: an id is 1 to 128 letters, digits, '.', '_' or '-'"
        )
    return job_id


def key(kind: JobKey, job_id: str) -> str:
    """Return the name of one of a job's keys, or of its channel ``events``.

    Of an upload, ``job_id`` is the name that the upload has before SUBMIT; it has the form of an id.
    """
    return f"{PREFIX}{_KINDS[kind]}:{check_job_id(job_id)}"


def window(queue: str) -> str:
    """Return the key of how many shards of a queue may be in ``sent``."""
    return f"{PREFIX}window:{queue}"


def turn(queue: str) -> str:
    """Return the key of the owners that wait in a queue, in the order of their turns."""
    return f"{PREFIX}turn:{queue}"


def sent(queue: str) -> str:
    """Return the key of a queue's shards that were sent and not claimed."""
    return f"{PREFIX}sent:{queue}"


def ready(queue: str, owner: str) -> str:
    """Return the key of an owner's jobs that wait in a queue."""
    return f"{PREFIX}ready:{queue}:{owner}"


def index(owner: str) -> str:
    """Return the key of the ages of an owner's jobs."""
    return f"{PREFIX}index:{owner}"


def lua_names() -> str:
    """Return these names for the scripts: constants, and functions ``<kind>_key(id)``."""
    shared = {"DEADLINE": DEADLINE, "LEASED": LEASED, "UNREPORTED": UNREPORTED, "USED": USED, "QUOTA": QUOTA}
    shared |= {"OPERATOR": OPERATOR, "COUNTERS": COUNTERS}
    lines = [f'local {name} = "{value}"' for name, value in shared.items()]
    lines += [f'local function {kind}_key(id) return "{PREFIX}{name}:" .. id end' for kind, name in _KINDS.items()]
    return "\n".join(lines)
