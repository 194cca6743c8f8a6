"""The one task: claim a shard, run it, complete it. Its signals say when a node begins and ends (`worker.node`).

Everything that decides is a script of the store; everything that computes is in `simulator`.
"""

from __future__ import annotations

import logging
import uuid
from typing import Any

from billiard import current_process
from celery import Task, signals
from celery.exceptions import Ignore

from simulator.errors import SimulatorError
from simulator.kernels.buffers import keep_what_is_freed
from worker import app, logs, node
from worker.errors import STORE_FAULTS, ShardFailedError, redis_reply
from worker.outage import outage
from worker.queue import revocation
from worker.queue.results import apply_effects, remote_error, report_started, restore_outcome, success_result
from worker.record.connection import connect
from worker.record.nodes import new_instance, node_id
from worker.record.store import Store
from worker.record.values import Effects, ShardId
from worker.runtime.admission import Admission
from worker.runtime.checkpoint import RunCheckpoint
from worker.runtime.delivery import Delivery
from worker.runtime.drain import Drain
from worker.runtime.run_log import log_death, log_run
from worker.runtime.runs import RunTable
from worker.runtime.shard_run import ShardRunner
from worker.settings import TASK, Settings

logger = logging.getLogger(__name__)

settings = Settings.from_env()
# A worker ends jobs of all owners: one that is revoked through Celery is cancelled by an operator.
store = Store.of(connect(settings), settings, operator=True)
# All of this is shared with the pool's children, and so is done here, before the fork.
keep_what_is_freed()
runner = ShardRunner(store, Admission(settings.memory), settings.max_result_bytes)
drain = Drain()
runs = RunTable()
instance = new_instance()
revocation.install(app, store)
outage.share()
logs.install(as_json=settings.log == "json", shard_of=runs.shard_of)


@app.task(
    name=TASK, bind=True, throws=(SimulatorError, ShardFailedError), Request="worker.queue.request:ShardRequest"
)
def run_shard(self: Task, job_id: str, shard: int) -> dict[str, Any]:
    """Run one shard of a job; the message only names it, the record decides.

    Returns a summary for Celery and Flower. Raises the job's error where this task is the whole job and it
    failed. Raises `Ignore` if the shard cannot be claimed, was given back or was taken over: the record brings it
    back, and Celery stores nothing that might turn out wrong.
    """
    # The token is random, and says whose it is.
    shard_id, slot = ShardId(job_id, shard), current_process().index
    token = f"{uuid.uuid4().hex}/{node_id(self.request.hostname, instance)}"
    try:
        if (orphan := runs.orphan(slot)) is not None:
            # The node's parent looks a tick later, and would not see it any more.
            reason = f"process {orphan.pid} died"
            log_death(orphan.shard_id, reason, store.died(orphan.shard_id, orphan.token, reason))
        claim = store.claim(shard_id, token)
        if not claim.granted:
            # It took room in the window that the next shards can have.
            apply_effects(app, store.feed())
            restore_outcome(self, store, job_id)
            raise Ignore
    except STORE_FAULTS as fault:
        logger.log(
            outage.level, "%s cannot be claimed, and will be handed out again: %s", shard_id, redis_reply(fault)[1]
        )
        raise Ignore from None
    with runs.running(slot, shard_id, token) as running:
        delivery = Delivery(store, shard_id, token, running)
        checkpoint = RunCheckpoint(store, shard_id, token, on_started=lambda: report_started(self), drain=drain)
        try:
            output = runner.run(shard_id, claim.field, slot=slot, checkpoint=checkpoint, report=running.report)
            # Where this task is the whole job, and failed, it ends with the job's error.
            failed = output.error is not None and self.request.id == job_id
            effects = delivery.complete(output, None if failed else success_result(self, output.summary))
            if effects is not None:
                running.finish(output.seconds, failed=output.error is not None)
        except Exception as stopped:  # noqa: BLE001 (whatever it is, the shard is given back)
            try:
                effects = delivery.give_back(stopped)
            except STORE_FAULTS:
                logger.exception("%s cannot be given back: its lease will run out", shard_id)
                raise Ignore from None
            restore_outcome(self, store, job_id)
            _conclude(self, effects or Effects())
            raise Ignore from None
    if effects is None:
        logger.warning("%s is done or taken over: what was computed here changes nothing", shard_id)
        restore_outcome(self, store, job_id)
        raise Ignore
    log_run(self.request.id, claim, output)
    _conclude(self, effects)
    # COMPLETE has written this task's result.
    self.request.ignore_result = True
    return output.summary


def _conclude(task: Task, effects: Effects) -> None:
    """Tell Celery how jobs ended; raise the job's error where this task is the whole job."""
    mine = next((ended for ended in effects.ended if ended.job_id == task.request.id), None)
    others = tuple(ended for ended in effects.ended if ended is not mine)
    try:
        apply_effects(app, Effects(ended=others))
    except STORE_FAULTS as fault:
        logger.log(
            outage.level,
            "Celery does not show yet how a job ended, a tick will tell it: %s",
            redis_reply(fault)[1],
        )
    if mine is not None and mine.state == "ERROR":
        raise remote_error(mine)


@signals.celeryd_init.connect
def _check_options(options: dict[str, Any], conf: Any, **_: object) -> None:
    node.check_options(options, conf, settings)


@signals.celeryd_after_setup.connect
def _prepare(instance: Any, **_: object) -> None:
    node.prepare(app, instance.concurrency, settings.threads)


@signals.worker_ready.connect
def _start(sender: Any, **_: Any) -> None:
    sender.controller.node = node.start(sender, store, runs, runner.admission, instance, settings)


@signals.worker_shutting_down.connect
def _begin_drain(**_: Any) -> None:
    # In the worker's parent, at SIGTERM.
    drain.begin()
    logger.info("shuts down: short runs end, long ones are handed back")


@signals.worker_shutdown.connect
def _stop(sender: Any, **_: Any) -> None:
    if (started := getattr(sender, "node", None)) is not None:
        started.stop()
