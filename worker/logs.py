"""What a worker's log looks like: our lines at the default level, few of Celery's, and JSON where it is asked for.

Celery warns by default, so that a worker which does all its work would say nothing; and it says more than once,
with tracebacks, what is no news: that Redis is away, that a process was killed.
"""

from __future__ import annotations

import json
import logging
import os
import warnings
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

from billiard.exceptions import Terminated, WorkerLostError
from celery import signals
from celery.apps import worker as celery_worker
from celery.platforms import SecurityWarning
from celery.worker.consumer import consumer

from worker.outage import outage

#: What a request ends with whose process was killed.
_LOST = (WorkerLostError, Terminated)
#: A function that returns which shard the process with this id runs; None: none.
ShardOf = Callable[[int], str | None]


class JsonFormatter(logging.Formatter):
    """One JSON object a line; ``fields`` of a record are fields of it."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        said: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, timezone.utc).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "process": record.process,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
        }
        if record.exc_info:
            said["traceback"] = self.formatException(record.exc_info)
        return json.dumps(said, ensure_ascii=False, default=str)


def install(*, as_json: bool, shard_of: ShardOf) -> None:
    """Set up this worker's log as soon as Celery has set up its own."""
    # Celery warns of root because of pickle, which is not accepted here; `warn_of_root` says what remains.
    warnings.simplefilter("ignore", SecurityWarning)
    logging.getLogger(consumer.__name__).addFilter(_once_an_outage)
    logging.getLogger("celery.worker.request").addFilter(_no_lost_worker)
    logging.getLogger("multiprocessing").addFilter(lambda record: _name_shard(record, shard_of))

    @signals.after_setup_logger.connect(weak=False)
    def on_logger(logger: logging.Logger, loglevel: int, **_: Any) -> None:
        if loglevel <= logging.WARNING:
            logging.getLogger("worker").setLevel(min(loglevel, logging.INFO))
        if as_json:
            _use_json(logger)

    if as_json:

        @signals.after_setup_task_logger.connect(weak=False)
        def on_task_logger(logger: logging.Logger, **_: Any) -> None:
            _use_json(logger)

        @signals.celeryd_init.connect(weak=False)
        def on_init(instance: Any, **_: Any) -> None:
            # No banner; and what Celery prints at a shutdown, `worker.node` logs.
            instance.quiet = True
            celery_worker.safe_say = lambda *_, **__: None


def _use_json(logger: logging.Logger) -> None:
    for each in (logger, logging.getLogger("multiprocessing")):
        for handler in each.handlers:
            handler.setFormatter(JsonFormatter())


def warn_of_root(logger: logging.Logger) -> None:
    """Say so where a worker has all rights on its machine."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        logger.warning("this worker runs as root, which it does not need: any user will do")


def _once_an_outage(record: logging.LogRecord) -> bool:
    """Whether to log a record of Celery's consumer: not that its connection is lost, which makes an outage."""
    said = record.args if isinstance(record.args, tuple) else ()
    if record.msg == consumer.CONNECTION_ERROR or consumer.CONNECTION_RETRY in said[:1]:
        outage.begin("queue", record.getMessage().partition("\n")[0])
        return False
    return True


def _no_lost_worker(record: logging.LogRecord) -> bool:
    """Whether to log a record of a request: not, with a traceback, that its process was killed."""
    return not (isinstance(record.args, tuple) and isinstance(next(iter(record.args), None), _LOST))


def _name_shard(record: logging.LogRecord, shard_of: ShardOf) -> bool:
    """Add what a process that was killed ran, to the line that says so."""
    if isinstance(record.args, tuple) and str(record.msg).startswith("Process %r pid:%r exited with"):
        _, pid, _ = record.args
        shard = shard_of(pid) if isinstance(pid, int) else None
        if shard is not None:
            record.msg, record.args = f"{record.msg}, while it ran %s", (*record.args, shard)
    return True
