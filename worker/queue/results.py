"""What Celery's result backend has of a job, for Flower and for `AsyncResult`: a copy of what the record says.

Every worker's parent calls FEED, so what was lost between a script's decision and the copy is noticed and
repaired.
"""

from __future__ import annotations

import datetime
import json
import logging
import os
from collections.abc import Mapping
from typing import Any

from celery import Celery, Task, states

from simulator import errors
from worker.errors import STORE_FAULTS, ShardFailedError, redis_reply
from worker.outage import outage
from worker.record.store import Store
from worker.record.values import CeleryResult, Effects, Ended
from worker.settings import TASK

logger = logging.getLogger(__name__)

#: Seconds, at most, that Celery remembers a task that is one shard of several: there may be thousands.
_SHARD_LIFE = 86400


def job_of(celery_task_id: str) -> str:
    """Return the job that a Celery task id belongs to."""
    return celery_task_id.partition("/")[0]


def apply_effects(app: Celery, effects: Effects) -> None:
    """Log what was repaired, and store how jobs ended; what fails here is repaired by a later FEED."""
    for line in effects.repairs:
        logger.warning("damage in the record: %s", line)
    for ended in effects.ended:
        store_outcome(app, ended)


def store_outcome(app: Celery, ended: Ended) -> None:
    """Write a job's final state under the job's id, where `AsyncResult(job_id)` reads it."""
    if ended.state == "DONE":
        app.backend.store_result(ended.job_id, {"shards": ended.total}, states.SUCCESS)
    elif ended.state == "CANCELLED":
        app.backend.mark_as_revoked(ended.job_id, reason="cancelled")
    else:
        app.backend.store_result(ended.job_id, remote_error(ended), states.FAILURE)


def remote_error(ended: Ended) -> Exception:
    """Return the job's error as an exception of the class it had, where that is one of the simulator's."""
    kind = getattr(errors, ended.error_type or "", ShardFailedError)
    text = ended.error_text or ""
    return kind(text) if kind is not ShardFailedError else kind(f"{ended.error_type}: {text}")


def success_result(task: Task, summary: Mapping[str, Any]) -> CeleryResult:
    """Return what Celery itself would store of this task's success, for COMPLETE to write with the part.

    Celery's own encoder takes five times as long, and writes in a round trip of its own. A test compares the two
    field by field, so a Celery that stores another field is noticed there.
    """
    request = task.request
    meta = {
        "status": states.SUCCESS,
        "result": summary,
        "traceback": None,
        "children": [],
        "date_done": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        "name": TASK,
        "args": request.args,
        "kwargs": request.kwargs,
        "worker": request.hostname,
        "retries": request.retries,
        "queue": request.delivery_info["routing_key"],
        "task_id": request.id,
    }
    life = task.backend.expires
    if request.id != job_of(request.id):
        # A shard of many: what Flower shows of it, and nobody asks for later.
        life = min(life, _SHARD_LIFE)
    return CeleryResult(request.id, life, json.dumps(meta))


def report_started(task: Task) -> None:
    """Write STARTED, with this worker's name, for those who look through Celery."""
    try:
        task.update_state(state=states.STARTED, meta={"pid": os.getpid(), "hostname": task.request.hostname})
    except STORE_FAULTS as fault:
        logger.log(
            outage.level,
            "Celery does not show yet that %s has started: %s",
            task.request.id,
            redis_reply(fault)[1],
        )


def restore_outcome(task: Task, store: Store, job_id: str) -> None:
    """Store a final job's outcome once more, where this task may have written STARTED over it."""
    try:
        record = store.read(job_id)
        if record is None or not record.final:
            return
        ended = Ended(job_id, record.state, record.total, record.error_type, record.error_text)
        store_outcome(task.app, ended)
    except STORE_FAULTS as fault:
        logger.log(outage.level, "Celery does not show yet what became of %s: %s", job_id, redis_reply(fault)[1])
        return
    if record.state == "CANCELLED":
        task.send_event("task-revoked", terminated=False, signum=None, expired=False)
