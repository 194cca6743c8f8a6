"""The one task: claim a shard, run it, complete it. And when a node begins and ends what `worker.node` does.

Everything that decides is a script of the store; everything that computes is in `simulator`.
"""

from __future__ import annotations

import logging
import os
import sys
import time
import traceback
import uuid
from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar

from billiard import current_process
from celery import Task, signals, states
from celery.exceptions import Ignore

from simulator import Part
from simulator.cutting import expected_seconds
from simulator.errors import SimulatorError, StoppedError, WireError
from simulator.execution import run_shard as simulate_shard
from simulator.kernels.buffers import keep_what_is_freed
from simulator.kernels.threads import thread_count, use_threads
from simulator.monitor import Monitor
from simulator.shards import wire
from simulator.sizes import size
from simulator.weight import part_weight
from worker import app, node
from worker.errors import STORE_FAULTS, PartTooLargeError, PayloadMissingError, ShardFailedError, passes
from worker.queue import revocation
from worker.queue.publish import apply_effects, remote_error, store_outcome, success_result
from worker.record import blobs
from worker.record.connection import connect
from worker.record.nodes import new_instance, node_id
from worker.record.store import Store
from worker.record.values import Doorbell, Effects, Ended
from worker.runtime.admission import Admission, NoRoomError
from worker.runtime.capabilities import describe
from worker.runtime.checkpoint import Checkpoint
from worker.runtime.drain import Drain
from worker.runtime.runs import Running, Runs
from worker.settings import TASK, Settings

T = TypeVar("T")
#: Type, text and traceback.
Error: TypeAlias = tuple[str, str, str]
Data: TypeAlias = bytearray | memoryview
logger = logging.getLogger(__name__)

#: Seconds until a shard is handed out again for which there was no room, or which met an unforeseen error.
_RETRY_DELAY = 1.0

settings = Settings.from_env()
# A worker ends jobs of all owners: one that is revoked through Celery is cancelled by an operator.
store = Store.of(connect(settings), settings, operator=True)
# All of this is shared with the pool's children, and so is done here, before the fork.
keep_what_is_freed()
admission = Admission(settings.memory)
drain = Drain()
runs = Runs()
instance = new_instance()
revocation.install(app, store)


@app.task(
    name=TASK, bind=True, throws=(SimulatorError, ShardFailedError), Request="worker.queue.request:ShardRequest"
)
def run_shard(self: Task, job_id: str, shard: int) -> dict[str, Any]:
    """Run one shard of a job; the message is a doorbell, the record decides.

    Returns a summary for Celery and Flower. Raises the job's error where this task is the whole job and it
    failed. Raises `Ignore` where the shard cannot be claimed, was given back or was taken over: the record brings
    it back, and Celery is told nothing that might turn out wrong.
    """
    # The token is random, and says whose it is.
    doorbell, slot = Doorbell(job_id, shard), current_process().index
    token = f"{uuid.uuid4().hex}/{node_id(self.request.hostname, instance)}"
    try:
        if (lost := runs.left_behind(slot)) is not None:
            # The node's parent looks a tick later, and would not see it any more.
            store.died(lost.doorbell, lost.token, f"process {lost.pid} died")
        claim = store.claim(doorbell, token)
        if not claim.granted:
            # It took room in the window that the next shards can have.
            apply_effects(app, store.feed())
            _settle(self, job_id)
            raise Ignore
    except STORE_FAULTS as fault:
        logger.warning("%s cannot be claimed, and will be handed out again: %s", doorbell, fault)
        raise Ignore from None
    with runs.running(slot, doorbell, token) as running:
        checkpoint = Checkpoint(store, doorbell, token, on_lasting=lambda: _announce(self), drain=drain)
        try:
            part, error = _run(doorbell, claim.field, slot, checkpoint, running.report)
            data, error = _encoded(part, error, checkpoint)
            effects = _complete(self, doorbell, token, part, data, error, running)
        except Exception as stopped:  # noqa: BLE001 (whatever it is, the shard is given back)
            try:
                given_back = _give_back(doorbell, token, stopped, running)
            except STORE_FAULTS:
                logger.exception("%s cannot be given back: its lease will run out", doorbell)
                raise Ignore from None
            _settle(self, job_id)
            _conclude(self, given_back or Effects())
            raise Ignore from None
    if effects is None:
        logger.warning("%s is done or taken over: what was computed here changes nothing", doorbell)
        _settle(self, job_id)
        raise Ignore
    _conclude(self, effects)
    # COMPLETE has told Celery.
    self.request.ignore_result = True
    return _summary(part)


def _give_back(doorbell: Doorbell, token: str, stopped: Exception, running: Running) -> Effects | None:
    """RELEASE a shard that was not run to its end, or FAIL it by an error that nobody foresaw."""
    if isinstance(stopped, StoppedError):
        logger.info("%s: %s", doorbell, stopped)
        delay = _RETRY_DELAY if isinstance(stopped, NoRoomError) else 0.0
        return _answered(
            doorbell, running, lambda: store.release(doorbell, token, delay=delay, reason=str(stopped))
        )
    if isinstance(stopped, STORE_FAULTS) and passes(stopped):
        logger.warning("%s is given back, as Redis does not do its part: %s", doorbell, stopped)
        return _answered(
            doorbell, running, lambda: store.release(doorbell, token, delay=_RETRY_DELAY, reason=str(stopped))
        )
    # Not by `traceback.format_exc`: the error may have been met while another was handled.
    trace = "".join(traceback.format_exception(stopped))
    logger.error("%s met an error that is not its circuit's:\n%s", doorbell, trace)
    error = (type(stopped).__name__, str(stopped), trace)
    return _answered(
        doorbell,
        running,
        lambda: store.fail(doorbell, token, bytes(wire.encode(Part())), error, delay=_RETRY_DELAY),
    )


def _answered(doorbell: Doorbell, running: Running, ask: Callable[[], T]) -> T:
    """Ask the store until it has answered: a repeat with the same token is harmless."""
    pause, said = 0.05, False
    while True:
        running.deliver()
        try:
            return ask()
        except STORE_FAULTS as fault:
            if not passes(fault):
                raise
            if not said:
                logger.warning("Redis does not take the end of %s, will try until it does: %s", doorbell, fault)
            said = True
            time.sleep(pause)
            pause = min(2 * pause, 2.0)


def _announce(task: Task) -> None:
    """Write STARTED, with this worker's name, for those who look through Celery."""
    try:
        task.update_state(state=states.STARTED, meta={"pid": os.getpid(), "hostname": task.request.hostname})
    except STORE_FAULTS as error:
        logger.info("cannot tell Celery that %s has started: %s", task.request.id, error)


def _widest() -> int:
    """Return the memory of the widest worker that is up; while Redis does not say, there may be any."""
    try:
        return max((worker.memory for worker in store.workers()), default=0)
    except STORE_FAULTS:
        return sys.maxsize


def _run(
    doorbell: Doorbell, field: bytes | None, slot: int, checkpoint: Checkpoint, report: Callable[[float], None]
) -> tuple[Part, Error | None]:
    """Return the part, and the first error in it."""
    try:
        shard = wire.decode_shard(blobs.read_shard(store, doorbell, field))
    except (WireError, PayloadMissingError) as error:
        return Part(), (type(error).__name__, str(error), traceback.format_exc())
    checkpoint.expect(lambda: expected_seconds(shard))
    try:
        part = simulate_shard(
            shard,
            Monitor(checkpoint, report),
            admit=lambda required: admission.admit(slot, required, _widest),
        )
    finally:
        admission.leave(slot)
    failure = next(part.failures(), None)
    return part, (failure.type, failure.text, failure.traceback) if failure else None


def _encoded(part: Part, error: Error | None, checkpoint: Checkpoint) -> tuple[Data, Error | None]:
    """Return a part's bytes and its error; where it weighs more than a result may, an empty part's, and that."""
    num_bytes = part_weight(part)
    if num_bytes <= settings.max_result_bytes:
        return wire.encode_part(part, checkpoint), error
    reason = (
        f"the result has {size(num_bytes, up=True)}; BASICAER_MAX_RESULT_BYTES allows "
        f"{size(settings.max_result_bytes)}: use fewer circuits, qubits or shots at once, or raise the limit"
    )
    return wire.encode(Part()), (PartTooLargeError.__name__, reason, "")


def _complete(
    task: Task, doorbell: Doorbell, token: str, part: Part, data: Data, error: Error | None, running: Running
) -> Effects | None:
    """COMPLETE, tried until the store has answered: a repeat with the same token is harmless."""
    # Where this task is the whole job, and failed, it ends with the job's error.
    failed = error is not None and task.request.id == doorbell.job_id
    celery_result = None if failed else success_result(task, _summary(part))

    def deliver() -> Effects | None:
        if not blobs.put_part(store, doorbell, token, data):
            return None
        return store.complete(
            doorbell,
            token,
            blobs.header(data),
            bad=error is not None,
            error=error,
            seconds=_simulated(part),
            celery_result=celery_result,
        )

    return _answered(doorbell, running, deliver)


def _conclude(task: Task, effects: Effects) -> None:
    """Carry out what COMPLETE decided; raise the job's error where this task is the whole job."""
    mine = next((ended for ended in effects.ended if ended.job_id == task.request.id), None)
    others = tuple(ended for ended in effects.ended if ended is not mine)
    try:
        apply_effects(app, Effects(effects.handed_out, others))
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
    try:
        record = store.read(job_id)
        if record is None or not record.final:
            return
        store_outcome(app, Ended(job_id, record.state, record.total, record.error_type, record.error_text))
    except STORE_FAULTS as error:
        logger.warning("cannot tell Celery what became of %s: %s", job_id, error)
        return
    if record.state == "CANCELLED":
        task.send_event("task-revoked", terminated=False, signum=None, expired=False)


@signals.celeryd_init.connect
def _refuse(options: dict[str, Any], conf: Any, **_: object) -> None:
    """Refuse to start with options that would let every job fail."""
    node.refuse(options, conf)


@signals.celeryd_after_setup.connect
def _set_up(instance: Any, **_: object) -> None:
    """Give each slot its share of the cores, and leave no task but ours; the children, forked later, have both."""
    for name in [name for name in app.tasks if name.startswith("celery.")]:
        # Celery's own, such as celery.map, would run whatever a message asks for.
        app.tasks.unregister(name)
    use_threads(settings.threads or max(1, thread_count() // instance.concurrency))


@signals.worker_ready.connect
def _start(sender: Any, **_: Any) -> None:
    """Begin to tick and to keep leases, in the worker's parent process."""
    info = describe(
        sender.hostname,
        slots=sender.controller.concurrency,
        memory=admission.capacity,
        instance=instance,
        quota=settings.store_quota,
    )
    sender.controller.node = node.Node(app, store, runs, info, sender)


@signals.worker_shutting_down.connect
def _begin_drain(**_: Any) -> None:
    """Let short runs end and hand long ones back; in the worker's parent, at SIGTERM."""
    drain.begin()


@signals.worker_shutdown.connect
def _stop(sender: Any, **_: Any) -> None:
    started = getattr(sender, "node", None)
    if started is not None:
        started.stop()
