"""Carry out what a script of the store decided.

Shards that it handed out are published; the outcomes of jobs that it ended go to Celery's result backend. Every
worker's parent calls FEED, so whatever was lost between a decision and its carrying out is noticed and repaired.
"""

from __future__ import annotations

import datetime
import json
import logging
from collections.abc import Mapping
from typing import Any

from celery import Celery, Task, states

from simulator import errors
from worker.errors import ShardFailedError
from worker.record.values import CeleryResult, Effects, Ended, HandedOut
from worker.settings import QUEUE, TASK

logger = logging.getLogger(__name__)

#: Seconds that a message's hard time limit lies behind the job's deadline: the last resort.
_TIME_LIMIT_MARGIN = 30
#: Seconds that Celery remembers a task that is one shard of several at most: there may be thousands.
_SHARD_TOLD = 86400
#: A connection that was idle while Redis restarted fails once; more than that a tick makes good.
_ONCE_MORE = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}


def task_id(handed_out: HandedOut) -> str:
    """Return the Celery id of a shard's task: the job's own where the job has no other shard."""
    job_id, shard = handed_out.doorbell
    return job_id if handed_out.total == 1 else f"{job_id}/{shard}"


def job_of(celery_task_id: str) -> str:
    """Return the job that a Celery task id belongs to."""
    return celery_task_id.partition("/")[0]


def apply_effects(app: Celery, effects: Effects) -> None:
    """Publish, store and log; what fails here is repaired by a later FEED."""
    for line in effects.repairs:
        logger.warning("damage in the record: %s", line)
    if effects.handed_out:
        _publish(app, effects.handed_out)
    for ended in effects.ended:
        store_outcome(app, ended)


def _publish(app: Celery, handed_out: tuple[HandedOut, ...]) -> None:
    """Send the doorbells.

    Below `Celery.send_task`, which would subscribe this client to each task's result channel for good, and add it
    to the running task's children.
    """
    with app.producer_or_acquire() as producer:
        for each in handed_out:
            message = app.amqp.create_task_message(
                task_id(each),
                TASK,
                each.doorbell,
                time_limit=each.job_timeout + _TIME_LIMIT_MARGIN,
                # Celery would guard against arguments of any size, which takes longer than the rest.
                argsrepr=repr(tuple(each.doorbell)),
                kwargsrepr="{}",
            )
            app.amqp.send_task_message(
                producer,
                TASK,
                message,
                queue=QUEUE,
                # A list in Redis needs no declaration.
                declare=(),
                retry=True,
                retry_policy=_ONCE_MORE,
            )


def store_outcome(app: Celery, ended: Ended) -> None:
    """Write a job's final state under the job's id, where `AsyncResult(job_id)` reads it."""
    if ended.state == "DONE":
        app.backend.store_result(ended.job_id, {"shards": ended.total}, states.SUCCESS)
    elif ended.state == "CANCELLED":
        app.backend.mark_as_revoked(ended.job_id, reason="cancelled")
    else:
        app.backend.store_result(ended.job_id, remote_error(ended), states.FAILURE)


def success_result(task: Task, summary: Mapping[str, Any]) -> CeleryResult:
    """Return what Celery itself would store of this task's success, in a fifth of the time."""
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
        life = min(life, _SHARD_TOLD)
    return CeleryResult(request.id, life, json.dumps(meta))


def remote_error(ended: Ended) -> Exception:
    """Return the job's error as an exception of the class it had, where that is one of the simulator's."""
    kind = getattr(errors, ended.error_type or "", ShardFailedError)
    text = ended.error_text or ""
    return kind(text) if kind is not ShardFailedError else kind(f"{ended.error_type}: {text}")
