"""The one task: claim a shard, run it, complete it. And what a worker node does beside: tick and listen.

Everything that decides is a script of the store; everything that computes is in `simulator`.
"""

from __future__ import annotations

import logging
import os
import time
import traceback
import uuid
from typing import Any

from billiard import current_process
from celery import Task, signals, states
from celery.exceptions import Ignore
from celery.worker.state import active_requests
from msgspec.structs import replace

from simulator import Part, wire
from simulator.buffers import keep_what_is_freed
from simulator.cutting import expected_seconds
from simulator.errors import StoppedError, WireError
from simulator.execution import run_shard as simulate_shard
from simulator.threads import thread_count, use_threads
from worker import app, blobs, revocation
from worker.admission import Admission, NoRoomError
from worker.capabilities import describe
from worker.checkpoint import Checkpoint
from worker.connection import connect
from worker.drain import Drain
from worker.errors import PartTooLargeError, PayloadMissingError
from worker.feed import STORE_FAULTS, Ticker, carry_out, job_of, remote_error, store_outcome, told_of_success
from worker.record import Doorbell, Effects, Ended
from worker.settings import TASK, Settings
from worker.store import Store
from worker.watchdog import Watchdog

logger = logging.getLogger(__name__)

#: Seconds until a shard for which there was no room is handed out again.
_ROOM_RETRY = 1.0

settings = Settings.from_env()
store = Store.of(connect(settings), settings)
# All of this is shared with the pool's children, and so is done here, before the fork.
keep_what_is_freed()
admission = Admission(settings.memory)
drain = Drain()
revocation.install(app, store)


@app.task(name=TASK, bind=True, throws=(Exception,), Request="worker.request:ShardRequest")
def run_shard(self: Task, job_id: str, shard: int) -> dict[str, Any]:
    """Run one shard of a job; the message is a doorbell, the record decides.

    Returns a summary for Celery and Flower. Raises the job's error where this task is the whole job and it
    failed, and `Ignore` where the shard was not to be had or was taken away, or Redis is: the record brings the
    shard back, and Celery is told nothing that might turn out wrong.
    """
    # The token is random, and says whose it is.
    door, token = Doorbell(job_id, shard), f"{uuid.uuid4().hex}/{self.request.hostname}"
    try:
        claim = store.claim(door, token)
        if not claim.granted:
            # It took room in the window that the next shards can have.
            carry_out(app, store.feed())
            _settle(self, job_id)
            raise Ignore
        checkpoint = Checkpoint(store, door, token, on_lasting=lambda: _announce(self), drain=drain)
        try:
            part, error = _run(door, claim.field, checkpoint)
            effects = _complete(self, door, token, part, error, checkpoint)
        except StoppedError as stopped:
            logger.info("%s/%d: %s", job_id, shard, stopped)
            delay = _ROOM_RETRY if isinstance(stopped, NoRoomError) else 0.0
            carry_out(app, store.release(door, token, delay=delay, reason=str(stopped)) or Effects())
            _settle(self, job_id)
            raise Ignore from None
        if effects is None:
            logger.warning("%s/%d is done or taken over: what was computed here changes nothing", job_id, shard)
            _settle(self, job_id)
            raise Ignore
    except STORE_FAULTS as fault:
        logger.warning("%s/%d is given up here, and will be handed out again: %s", job_id, shard, fault)
        raise Ignore from None
    _conclude(self, effects)
    # COMPLETE has told Celery.
    self.request.ignore_result = True
    return _summary(part)


def _announce(task: Task) -> None:
    """Write STARTED, with this worker's name, for those who look through Celery."""
    try:
        task.update_state(state=states.STARTED, meta={"pid": os.getpid(), "hostname": task.request.hostname})
    except STORE_FAULTS as error:
        logger.info("cannot tell Celery that %s has started: %s", task.request.id, error)


def _widest() -> int:
    """Return the memory of the widest worker that is up."""
    return max((worker.memory for worker in store.workers()), default=0)


def _run(door: Doorbell, field: bytes | None, checkpoint: Checkpoint) -> tuple[Part, tuple[str, str, str] | None]:
    """Return the part, and the first error in it as (type, text, traceback)."""
    try:
        shard = wire.decode_shard(blobs.read_shard(store, door, field))
    except (WireError, PayloadMissingError) as error:
        return Part(), (type(error).__name__, str(error), traceback.format_exc())
    checkpoint.expect(lambda: expected_seconds(shard))
    slot = current_process().index
    try:
        part = simulate_shard(
            shard,
            checkpoint=checkpoint,
            admit=lambda required: admission.admit(slot, required, _widest),
            report=checkpoint.report,
        )
    finally:
        admission.leave(slot)
    failure = next(part.failures(), None)
    return part, (failure.type, failure.text, failure.traceback) if failure else None


def _complete(
    task: Task,
    door: Doorbell,
    token: str,
    part: Part,
    error: tuple[str, str, str] | None,
    checkpoint: Checkpoint,
) -> Effects | None:
    """COMPLETE, tried until the store has answered: a repeat with the same token is harmless."""
    data: bytearray | memoryview = wire.encode_part(part, checkpoint)
    if len(data) > settings.max_result_bytes:
        reason = (
            f"the result has {len(data)} bytes; BASICAER_MAX_RESULT_BYTES allows {settings.max_result_bytes}: "
            "use fewer qubits or shots, or raise the limit"
        )
        error, data = (PartTooLargeError.__name__, reason, ""), wire.encode(Part())
    # Where this task is the whole job, and failed, it ends with the job's error.
    failed = error is not None and task.request.id == door.job_id
    told = None if failed else told_of_success(task, _summary(part))
    pause = 0.05
    while True:
        try:
            if not blobs.put_part(store, door, token, data):
                return None
            return store.complete(
                door,
                token,
                blobs.header(data),
                bad=error is not None,
                error=error,
                seconds=_simulated(part),
                told=told,
            )
        except STORE_FAULTS as lost:
            logger.warning("Redis did not take the part of %s, will try again: %s", door, lost)
            time.sleep(pause)
            pause = min(2 * pause, 2.0)


def _conclude(task: Task, effects: Effects) -> None:
    """Carry out what COMPLETE decided; raise the job's error where this task is the whole job."""
    mine = next((ended for ended in effects.ended if ended.job_id == task.request.id), None)
    others = tuple(ended for ended in effects.ended if ended is not mine)
    try:
        carry_out(app, Effects(effects.handed, others))
    except STORE_FAULTS as error:
        logger.warning("cannot publish what was handed out; a tick will: %s", error)
    if mine is not None and mine.state == "ERROR":
        raise remote_error(mine)


def _summary(part: Part) -> dict[str, Any]:
    """Return what Celery and Flower show of a shard."""
    return {
        "experiments": part.num_experiments,
        "failed": len(list(part.failures())),
        "seconds": round(_simulated(part), 6),
    }


def _simulated(part: Part) -> float:
    """Return the seconds that a part's simulations took."""
    return sum(outcome.time_taken for outcome in part.outcomes)


def _settle(task: Task, job_id: str) -> None:
    """Store a final job's outcome with Celery again, where this task may have written STARTED over it."""
    record = store.read(job_id)
    if record is None or not record.final:
        return
    ended = Ended(job_id, record.state, record.total, record.error_type, record.error_text)
    store_outcome(app, ended)
    if record.state == "CANCELLED":
        task.send_event("task-revoked", terminated=False, signum=None, expired=False)


@signals.celeryd_after_setup.connect
def _share_cores(instance: Any, **_: object) -> None:
    """Give each slot its share of the cores; the pool's children, forked later, have it from here."""
    use_threads(settings.threads or max(1, thread_count() // instance.concurrency))


@signals.worker_ready.connect
def _start_tick(sender: Any, **_: Any) -> None:
    """Begin to tick, in the worker's parent process."""
    info = describe(sender.hostname, slots=sender.controller.concurrency, memory=admission.capacity)
    watchdog = Watchdog(store, lambda: list(active_requests), job_of)
    sender.controller.ticker = Ticker(app, store, lambda: replace(info, busy=len(active_requests)), watchdog)
    sender.controller.ticker.start()


@signals.worker_shutting_down.connect
def _begin_drain(**_: Any) -> None:
    """Let short runs end and hand long ones back; in the worker's parent, at SIGTERM."""
    drain.begin()


@signals.worker_shutdown.connect
def _stop_tick(sender: Any, **_: Any) -> None:
    ticker = getattr(sender, "ticker", None)
    if ticker is not None:
        ticker.stop(sender.hostname)
