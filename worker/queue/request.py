"""A worker's parent process stores no outcome of a task with Celery: whoever ends the job in the record does."""

from __future__ import annotations

from celery.worker.request import Request


class ShardRequest(Request):
    """A request whose child's death, hard time limit, or revoke writes no Celery state.

    Celery's parent would store FAILURE or REVOKED under the job's id. But a death is a lapse, after which the
    shard runs again; and `worker.queue.revocation` carries a revoke to the record. Who ends a job stores its
    outcome.
    """

    @property
    def store_errors(self) -> bool:
        """What Celery asks before it stores an outcome from the parent process."""
        return False
