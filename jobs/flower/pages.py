"""What Flower answers otherwise here: a job has a page, a revoke cancels it, metrics ask for the password."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from celery import Celery, states
from flower.api.control import ControlHandler
from flower.utils.tasks import get_task_by_id
from flower.views.monitor import Metrics
from flower.views.tasks import TaskView
from tornado import web

from jobs.flower.captions import caption_of
from worker.errors import STORE_FAULTS, InvalidJobIdError, redis_reply
from worker.queue.results import apply_effects, job_of
from worker.record.store import Store
from worker.record.values import FINAL_STATES, Record

#: Shards of a job whose pages its own page links to, at most.
_MOST_LINKS = 1000
#: Seconds that a worker has to answer a revoke.
_PATIENCE = 2.0
#: The record's states as Flower knows them, and the field that holds the time of each.
_STATES = {
    "QUEUED": (states.RECEIVED, "received"),
    "RUNNING": (states.STARTED, "started"),
    "DONE": (states.SUCCESS, "succeeded"),
    "ERROR": (states.FAILURE, "failed"),
    "CANCELLED": (states.REVOKED, "revoked"),
}


def job_as_task(record: Record, known_tasks: Any) -> SimpleNamespace:
    """Return a job as Flower's page shows a task, with links to those of its shards that are ``known_tasks``."""
    caption = caption_of(record)
    state, when = _STATES[record.state]
    shards = (f"{record.id}/{number}" for number in range(min(record.total, _MOST_LINKS)))
    fields: dict[str, Any] = {
        "uuid": record.id,
        "name": caption.name,
        "state": state,
        "args": "",
        "kwargs": caption.kwargs,
        "result": f"{record.done} of {record.total} shards are done",
        "progress": f"{record.progress:.0%}",
        "received": record.created,
        "started": record.started,
        "exception": f"{record.error_type}: {record.error_text}" if record.error_type else None,
        "traceback": record.traceback or None,
        "lost_runs": record.lapses or None,
        "children": [SimpleNamespace(id=each) for each in shards if each in known_tasks] or None,
    }
    if record.ended is not None:
        fields |= {when: record.ended, "runtime": record.ended - (record.started or record.ended)}
    return SimpleNamespace(**fields, _fields=tuple(fields))


class JobView(TaskView):
    """The page of a task or, where Flower has heard of no task of that id, of the job."""

    def initialize(self, store: Store) -> None:
        """Take what the job is read from."""
        self._store = store

    @web.authenticated
    async def get(self, task_id: str) -> None:
        """Show the page."""
        events = self.application.events
        if (task := get_task_by_id(events, task_id)) is not None:
            task = self.format_task((task_id, task))[1]
        else:
            try:
                record = await self.application.io_loop.run_in_executor(None, self._store.read, task_id)
            except InvalidJobIdError:
                record = None
            except STORE_FAULTS as fault:
                raise web.HTTPError(
                    503, f"Redis does not say what {task_id} is: {redis_reply(fault)[1]}"
                ) from fault
            if record is None:
                raise web.HTTPError(404, f"No job or task {task_id!r}")
            task = job_as_task(record, events.state.tasks)
        self.render("task.html", task=task, read_only=self.application.options.read_only)


def cancel_job(app: Celery, store: Store, task_id: str) -> str:
    """Cancel the job that a task belongs to; return what to say of it.

    The workers cancel it, as at any revoke; where none answers, it is cancelled here. No process is ended: a
    run stops by itself, or is killed by its node. Raises what the store raises.
    """
    job_id = job_of(task_id)
    before = store.state(job_id)
    if before is None:
        return f"No job {job_id}"
    if before in FINAL_STATES:
        return f"Job {job_id} was {before} already"
    # Any one worker's answer is enough.
    app.control.revoke(task_id, reply=True, limit=1, timeout=_PATIENCE)
    if store.state(job_id) not in FINAL_STATES and (effects := store.cancel(job_id)):
        apply_effects(app, effects)
    return f"Cancelled job {job_id}"


class CancelJob(ControlHandler):
    """What Flower's buttons Terminate and Revoke ask for."""

    def initialize(self, store: Store) -> None:
        """Take what holds the jobs."""
        self._store = store

    @web.authenticated
    async def post(self, task_id: str) -> None:
        """Cancel the job that the task belongs to."""
        if self.application.options.read_only:
            raise web.HTTPError(403, "Read only mode is enabled")
        try:
            message = await self.application.io_loop.run_in_executor(
                None, cancel_job, self.capp, self._store, task_id
            )
        except InvalidJobIdError as error:
            raise web.HTTPError(400, str(error)) from error
        except STORE_FAULTS as fault:
            text = f"no worker has answered, and Redis does not cancel {task_id} here: {redis_reply(fault)[1]}"
            raise web.HTTPError(503, text) from fault
        self.write({"message": message})


class PrivateMetrics(Metrics):
    """Flower's metrics, for who has the password: they name workers."""

    @web.authenticated
    async def get(self) -> None:
        """Answer Prometheus."""
        await super().get()
