"""A Celery app of the facts' own: the settings that the project leans on, and tasks that leave marks in Redis."""

from __future__ import annotations

import os
import time

import numpy as np
from celery import Celery, signals
from celery.worker import control
from kombu.entity import Queue

URL = os.environ["FACTS_URL"]
app = Celery("facts", broker=URL, backend=URL, set_as_current=False)
app.conf.update(
    task_default_queue="facts",
    task_queues=[Queue("facts")],
    task_acks_late=False,
    worker_disable_prefetch="FACTS_PREFETCH" not in os.environ,
    worker_prefetch_multiplier=1,
    accept_content=["json"],
    broker_connection_retry_on_startup=True,
)


def mark(name: str) -> None:
    """Note that something happened, and in which process."""
    app.backend.client.rpush(f"mark:{name}", os.getpid())


@app.task
def note(name: str) -> str:
    """Leave a mark."""
    mark(name)
    return name


@app.task
def hold(name: str, seconds: float = 30) -> str:
    """Leave a mark, and run until a key says that it is enough."""
    mark(name)
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not app.backend.client.exists("enough"):
        time.sleep(0.02)
    mark(f"{name}:ended")
    return name


@app.task
def compute(name: str, additions: int) -> str:
    """Leave a mark, and spend the whole time in one call of NumPy, which takes no memory."""
    mark(name)
    np.add.reduce(np.broadcast_to(1.0, additions))
    mark(f"{name}:ended")
    return name


@control.control_command(name="revoke", variadic="task_id", signature="[id1 [id2 [... [idN]]]]")
def revoke(state, task_id, **options):
    """Take the place of Celery's own command, and call it."""
    mark("our revoke")
    return control.revoke(state, task_id, **options)


@signals.task_revoked.connect(weak=False)
def _revoked(**_):
    mark("task_revoked")


@signals.worker_ready.connect(weak=False)
def _ready(**_):
    mark("worker_ready")


@signals.worker_shutting_down.connect(weak=False)
def _shutting_down(**_):
    mark("worker_shutting_down")


@signals.worker_shutdown.connect(weak=False)
def _shutdown(**_):
    mark("worker_shutdown")
