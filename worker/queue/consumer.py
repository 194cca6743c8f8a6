"""How a worker takes messages: one that Celery itself cannot read is dropped, and workers leave each other alone.

Whoever may publish could otherwise stop every worker in turn: Celery's consumer ends its process at an error that
it did not foresee, such as a body that is no task's, and puts the message back for the next. And each worker would
read the heartbeats of all others, which is Redis's work times the square of the workers; the record says what they
have to know of each other.
"""

from __future__ import annotations

import logging
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

from celery.exceptions import CPendingDeprecationWarning
from celery.worker.consumer import Consumer
from redis.exceptions import ResponseError

from worker.outage import outage

logger = logging.getLogger(__name__)

#: What reading a message that is none raises, beyond what Celery expects.
_UNREADABLE = (TypeError, ValueError, LookupError, AttributeError)
#: Seconds until a worker begins anew with a Redis that is there, but refuses.
_PAUSE = 2.0


class SteadyConsumer(Consumer):
    """Celery's consumer, which drops what it cannot read, and neither gossips nor mingles."""

    def __init__(self, *arguments: Any, worker_options: Mapping[str, Any] | None = None, **options: Any) -> None:
        alone = {**(worker_options or {}), "without_gossip": True, "without_mingle": True}
        super().__init__(*arguments, worker_options=alone, **options)

    def on_connection_error_after_connected(self, exc: Exception) -> None:
        """Hang up; Celery's consumer connects anew after that."""
        with warnings.catch_warnings():
            # Of a default that will change, and that is set here.
            warnings.simplefilter("ignore", CPendingDeprecationWarning)
            super().on_connection_error_after_connected(exc)
        if isinstance(exc, ResponseError):
            # It will connect at once, and be refused again.
            time.sleep(_PAUSE)

    def connect(self) -> Any:
        """Return a connection once there is one."""
        connection = super().connect()
        outage.over("queue")
        return connection

    def create_task_handler(self, *arguments: Any, **options: Any) -> Callable[[Any], None]:
        """Return what is called with each message."""
        receive = super().create_task_handler(*arguments, **options)

        def on_task_received(message: Any) -> None:
            try:
                receive(message)
            except _UNREADABLE as error:
                logger.warning("a message that is no task's is dropped: %s: %.200s", type(error).__name__, error)
                message.reject_log_error(logger, self.connection_errors)

        return on_task_received
