"""Carries out what a script of the store decided.

Shards that it handed out are published; the outcomes of jobs that it ended go to Celery's result backend. Every
worker's parent calls FEED, so whatever was lost between a decision and its carrying out is noticed and repaired.
"""

from __future__ import annotations

import logging

from celery import Celery

from worker.queue.results import store_outcome
from worker.record.values import Effects, HandedOut
from worker.settings import QUEUE, TASK

logger = logging.getLogger(__name__)

#: Seconds that a message's hard time limit lies behind the job's deadline: the last resort.
_TIME_LIMIT_MARGIN = 30
#: A connection that was idle while Redis restarted fails once; more than that a tick makes good.
_ONCE_MORE = {"max_retries": 1, "interval_start": 0, "interval_step": 0, "interval_max": 0}


def task_id(handed_out: HandedOut) -> str:
    """Return the Celery id of a shard's task: the job's own where the job has no other shard."""
    return handed_out.job_id if handed_out.total == 1 else str(handed_out.shard_id)


def apply_effects(app: Celery, effects: Effects) -> None:
    """Publish, store and log; what fails here is repaired by a later FEED."""
    for line in effects.repairs:
        logger.warning("damage in the record: %s", line)
    if effects.handed_out:
        _publish(app, effects.handed_out)
    for ended in effects.ended:
        store_outcome(app, ended)


def _publish(app: Celery, handed_out: tuple[HandedOut, ...]) -> None:
    """Publish a message for each shard that was handed out.

    Below `Celery.send_task`, which would subscribe this client to each task's result channel for good, and add it
    to the running task's children.
    """
    with app.producer_or_acquire() as producer:
        for each in handed_out:
            message = app.amqp.create_task_message(
                task_id(each),
                TASK,
                each.shard_id,
                time_limit=each.job_timeout + _TIME_LIMIT_MARGIN,
                # Celery would guard against arguments of any size, which takes longer than the rest.
                argsrepr=repr(tuple(each.shard_id)),
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
