"""A bare Celery app with one task that does nothing: the peer of our own jobs."""

import os

from celery import Celery

app = Celery("noop", broker=os.environ["BASICAER_URL"], backend=os.environ["BASICAER_URL"])
app.conf.update(task_default_queue="noop", broker_connection_retry_on_startup=True)


@app.task(name="noop")
def noop() -> None:
    """Do nothing."""
