"""A revoke from outside is a cancellation: Flower's button, ``celery control revoke``, `AsyncResult.revoke`.

Celery's own revoke does nothing to a task that runs, knows nothing of a shard that still waits in the store, and
knows a job of many tasks by none of their ids. So each worker's ``revoke`` command also writes CANCEL to the
record, and so does the signal of a task that was revoked by other means.
"""

from __future__ import annotations

import logging
from typing import Any

from celery import Celery, signals
from celery.worker import control
from kombu.utils.functional import maybe_list

from worker.errors import STORE_FAULTS, InvalidJobIdError, redis_reply
from worker.queue.results import apply_effects, job_of
from worker.record.store import Store

logger = logging.getLogger(__name__)


def install(app: Celery, store: Store) -> None:
    """Make this worker's revokes cancel jobs."""

    def cancel(celery_task_id: str) -> None:
        try:
            effects = store.cancel(job_of(celery_task_id))
            if effects is not None:
                apply_effects(app, effects)
        except InvalidJobIdError:
            logger.info("revoked, but not a job of ours: %r", celery_task_id)
        except STORE_FAULTS as error:
            logger.warning("cannot reach Redis to cancel %s: %s", celery_task_id, redis_reply(error)[1])

    # The same name takes the place of Celery's own command in the worker's table.
    @control.control_command(name="revoke", variadic="task_id", signature="[id1 [id2 [... [idN]]]]")
    def revoke(
        state: Any,
        task_id: str | list[str],
        terminate: bool = False,
        signal: str | None = None,
        **kwargs: Any,
    ) -> Any:
        """Revoke tasks by id, and cancel the jobs they belong to."""
        for each in maybe_list(task_id) or []:
            cancel(each)
        return control.revoke(state, task_id, terminate=terminate, signal=signal, **kwargs)

    @signals.task_revoked.connect(weak=False)
    def on_revoked(request: Any, expired: bool = False, **_: Any) -> None:
        if not expired:
            cancel(request.id)
