"""What a worker node does beside its runs: it ticks, keeps their leases, and says what it is.

All of it is done in the parent process of the pool, on threads of its own: Celery's event loop may be waiting for
Redis to come back.
"""

from __future__ import annotations

import importlib.util
import logging
import random
import threading
import time
from collections.abc import Callable
from typing import Any

import click
from celery import Celery, concurrency
from celery.concurrency.prefork import TaskPool
from celery.utils.functional import maybe_list
from msgspec.structs import replace
from threadpoolctl import threadpool_limits

from simulator.kernels.threads import thread_count, use_threads
from simulator.sizes import size
from worker.errors import STORE_FAULTS, redis_reply
from worker.logs import warn_of_root
from worker.outage import outage
from worker.queue.results import apply_effects
from worker.record.store import Store
from worker.record.values import WorkerInfo
from worker.runtime.admission import Admission
from worker.runtime.capabilities import describe
from worker.runtime.heartbeat import Heartbeat
from worker.runtime.runs import RunTable
from worker.settings import QUEUE, Settings

logger = logging.getLogger(__name__)

#: Seconds that a node which stops waits for its threads: each may be waiting for Redis.
_LONGEST_STOP = 5.0


class PeriodicThread(threading.Thread):
    """Does its work after every interval, with jitter, until `stop`; whatever the work raises, it goes on."""

    def __init__(self, name: str, interval: float, work: Callable[[], None]) -> None:
        super().__init__(name=f"basicaer-{name}", daemon=True)
        self._interval = interval
        self._work = work
        self._stopped = threading.Event()

    def run(self) -> None:
        """Work until stopped."""
        # Jitter keeps the nodes of a cluster from ticking in step.
        while not self._stopped.wait(self._interval * random.uniform(0.75, 1.25)):  # noqa: S311 (no secret)
            self.work()

    def work(self) -> None:
        """Do the work once."""
        try:
            self._work()
            outage.over(self.name)
        except STORE_FAULTS as error:
            outage.begin(self.name, redis_reply(error)[1])
        except Exception:
            # The jobs of others depend on it: it must outlive a defect.
            logger.exception("%s failed", self.name)

    def stop(self) -> None:
        """Begin nothing more; `join` waits for the end of what is being done."""
        self._stopped.set()


class Node:
    """The threads of a node that is up. ``consumer`` is Celery's, with its pool."""

    def __init__(self, app: Celery, store: Store, runs: RunTable, info: WorkerInfo, consumer: Any) -> None:
        self._app = app
        self._store = store
        self._info = info
        self._consumer = consumer
        self._heartbeat = Heartbeat(store, runs, interval=store.tick)
        self._compared_names = False
        self._threads = [
            PeriodicThread("tick", store.tick, self._feed),
            PeriodicThread("heartbeat", store.tick, self._heartbeat.beat),
        ]
        for thread in self._threads:
            # At once, before the first message is taken: whose job is done finds the worker on the register.
            thread.work()
            thread.start()

    def num_alive(self) -> int:
        """Return how many of its runs have a process."""
        return self._heartbeat.num_alive()

    def num_slots(self) -> int:
        """Return how many runs it takes at once now: ``--autoscale`` and ``pool_grow`` change it."""
        return _num_slots(self._consumer.pool, self._info.slots)

    def _feed(self) -> None:
        """FEED, and say what this node has now."""
        tasks = self._consumer.task_consumer
        reads = tasks is None or tasks.consuming_from(QUEUE)
        now = replace(
            self._info,
            slots=self.num_slots(),
            busy=self.num_alive(),
            lanes=self._info.lanes if reads else (),
        )
        apply_effects(self._app, self._store.feed(now))
        if not self._compared_names:
            # On the register first: of two nodes that start together, one at least finds the other.
            _warn_of_same_name(now, self._store)
            self._compared_names = True

    def stop(self) -> None:
        """End the threads, and take the node off the register, which no tick may put it on again."""
        deadline = time.monotonic() + _LONGEST_STOP
        for thread in self._threads:
            thread.stop()
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        try:
            self._store.unregister(self._info.node)
        except STORE_FAULTS:
            logger.info("cannot reach Redis to unregister; the entry lapses by itself")


def prepare(app: Celery, num_slots: int, threads: int | None) -> None:
    """Give each slot its share of the cores, and leave no task but ours; the children, forked later, have both."""
    for name in [name for name in app.tasks if name.startswith("celery.")]:
        # Celery's own, such as celery.map, would run whatever a message asks for.
        app.tasks.unregister(name)
    use_threads(threads or max(1, thread_count() // num_slots))
    # The threads of a slot are the engine's: on small matrices, those of NumPy's BLAS would only get in their way.
    threadpool_limits(limits=1)


def start(
    consumer: Any, store: Store, runs: RunTable, admission: Admission, instance: str, settings: Settings
) -> Node:
    """Begin to tick and to keep leases; in the worker's parent process, once its pool is up."""
    info = describe(
        consumer.hostname,
        slots=consumer.pool.num_processes,
        memory=admission.capacity,
        instance=instance,
        quota=settings.store_quota,
    )
    logger.info(
        "%s is ready at %s: %d slots, %s, circuits of up to %d qubits",
        info.name, settings.address, info.slots, size(info.memory), info.qubits,
    )  # fmt: skip
    warn_of_root(logger)
    node = Node(consumer.app, store, runs, info, consumer)
    if settings.metrics is not None:
        from worker.node_metrics import NodeCollector, serve

        serve(NodeCollector(runs, node.num_alive, node.num_slots, admission, outage), *settings.metrics)
    return node


def _num_slots(pool: Any, before: int) -> int:
    """Return how many processes Celery's pool shall have now; one that has ended has none to count."""
    try:
        return int(pool.num_processes)
    except AttributeError:
        return before


def _warn_of_same_name(info: WorkerInfo, store: Store) -> None:
    """Say so where another node has this one's name: Celery's own commands cannot tell the two apart."""
    others = [each for each in store.workers() if each.name == info.name and each.node != info.node]
    if others:
        logger.warning(
            "another node named %s was heard of %.0f s ago: if it is up, give one of the two another name (-n): "
            "Celery's commands and Flower take them for one",
            info.name,
            max(0.0, time.time() - max(each.heard for each in others)),
        )


def check_options(options: dict[str, Any], conf: Any, settings: Settings) -> None:
    """End this process where a worker with these options of Celery's could not run any job of ours."""
    if settings.metrics is not None and importlib.util.find_spec("prometheus_client") is None:
        _exit(
            "BASICAER_METRICS is set, and prometheus-client is not installed: "
            'python -m pip install "basicaer-celery[metrics]"'
        )
    pool = concurrency.get_implementation(options.get("pool_cls") or options.get("pool") or conf.worker_pool)
    if not issubclass(pool, TaskPool):
        _exit(
            f"--pool {pool.__module__.rpartition('.')[2]} cannot run simulations: a run that hangs or takes too "
            "much memory is ended by ending its process. Leave --pool out, or use --pool prefork"
        )
    named, left_out = (_listed(options.get(name)) for name in ("queues", "exclude_queues"))
    if (named and QUEUE not in named) or QUEUE in left_out:
        _exit(
            f"this worker would not read the queue {QUEUE!r}, in which all jobs are: leave -Q and -X out, or use "
            f"-Q {','.join([*named, QUEUE])}"
        )


def _listed(value: Any) -> list[str]:
    """Return what an option of Celery's names, which may be a list or have commas in it."""
    return [each.strip() for part in maybe_list(value) or [] for each in part.split(",")]


def _exit(text: str) -> None:
    click.echo(f"Error: {text}", err=True)
    # Celery's signals swallow any other exception.
    raise SystemExit(2)
