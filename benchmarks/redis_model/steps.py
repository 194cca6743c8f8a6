"""What Redis has spent, and what it spends on what is no job's: its own time, ticks, messages, empty pops.

A pause goes before each step, as in a fleet that leaves Redis room: it has gone to sleep, and other programs have
used its caches. In a tight loop, and so in a Redis that is full, a step costs about half as much.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

from kombu.entity import Queue
from kombu.messaging import Consumer

from benchmarks.common.site import Site
from benchmarks.redis_model.model import Cost
from simulator.shards import wire
from worker.queue.app import make_app
from worker.record.store import Store
from worker.record.values import WorkerInfo
from worker.settings import QUEUE, Settings

#: Calls that a cost is taken from, and the batches in which they are made.
CALLS = 1000
_BATCHES = 5
#: Seconds before each.
PAUSE = 0.001
#: Nodes of the fleet that FEED is measured with, and shards in ``sent``.
_NODES, _IN_SENT = 200, 100
#: Nodes that are real, but have nothing to do.
_REAL_NODES = 4
#: Seconds that an idle Redis is watched for.
_IDLE = 5.0
#: Seconds for a message that does not come.
_PATIENCE = 60


def usage(site: Site) -> Cost:
    """Return what Redis has spent since it started: seconds of its one thread, and bytes of its lines."""
    found = site.client.info()
    seconds = found["used_cpu_user_main_thread"] + found["used_cpu_sys_main_thread"]
    return Cost(seconds, found["total_net_input_bytes"], found["total_net_output_bytes"])


def used_memory(site: Site) -> int:
    """Return the bytes of Redis's data."""
    return int(site.client.info("memory")["used_memory"])


def once(site: Site, call: Callable[[], Any], share: int) -> Cost:
    """Return one of so many equal shares of what a call costs Redis."""
    first = usage(site)
    before = usage(site)
    call()
    # To ask has its cost, too.
    return (1 / share) * (usage(site) - before - (before - first))


def best(site: Site, batch: Callable[[range], Any]) -> Cost:
    """Return one call's share of what a batch costs Redis: of the batch that others disturbed least."""
    size = CALLS // _BATCHES
    costs = [once(site, partial(batch, range(start, start + size)), size) for start in range(0, CALLS, size)]
    return min(costs, key=lambda cost: cost.seconds)


def each(site: Site, call: Callable[[int], Any]) -> Cost:
    """Return what a call costs Redis, after a pause."""

    def batch(numbers: range) -> None:
        for number in numbers:
            time.sleep(PAUSE)
            call(number)

    return best(site, batch)


def idle(site: Site) -> float:
    """Return the part of its thread that Redis takes for itself."""
    before, begin = usage(site), time.perf_counter()
    time.sleep(_IDLE)
    return (usage(site) - before).seconds / (time.perf_counter() - begin)


def _node(number: int, slots: int) -> WorkerInfo:
    versions = {"basicaer-celery": "0.1.0", "numpy": "2.4.6"}
    return WorkerInfo(f"w{number}@host", slots, (QUEUE,), 16 << 30, wire.WIRE_VERSION, versions)


def window(store: Store, slots: int) -> None:
    """Let so many shards be in ``sent`` at once: nobody ticks here, so it stays."""
    store.feed(_node(0, slots))


def ticks(site: Site, submit: Callable[[int], Any]) -> dict[str, Cost]:
    """Return what FEED costs of one node, of each further node, and of each shard in ``sent``."""
    site.client.flushdb()
    store = site.store
    one = each(site, lambda _: store.feed(_node(0, _IN_SENT)))
    submit(_IN_SENT)
    sent = each(site, lambda _: store.feed(_node(0, _IN_SENT)))
    for number in range(1, _NODES):
        store.feed(_node(number, 1))
    many = each(site, lambda _: store.feed(_node(0, _IN_SENT)))
    return {
        "tick": one,
        "tick_node": (1 / (_NODES - 1)) * (many - sent),
        "tick_sent": (1 / _IN_SENT) * (sent - one),
    }


def nodes(site: Site, own: float) -> Cost:
    """Return what a node without work costs a second: ticks, empty pops, heartbeats; ``own`` is Redis's part."""
    site.hire(_REAL_NODES)
    begin = time.perf_counter()
    spent = once(site, lambda: time.sleep(_IDLE), _REAL_NODES)
    seconds = time.perf_counter() - begin
    site.dismiss()
    return (1 / seconds) * spent - Cost(own / _REAL_NODES)


def announced(site: Site) -> Cost:
    """Return what it costs to tell Celery that a task has started."""
    backend, meta = make_app(Settings.from_env(site.url)).backend, {"pid": 1, "hostname": "worker1@host"}
    return each(site, lambda _: backend.store_result(str(uuid.uuid4()), meta, "STARTED"))


def messages(site: Site, submit: Callable[[int], Any]) -> Cost:
    """Return what one message costs beside the script that hands it out: it is pushed, taken and acknowledged."""
    app = make_app(Settings.from_env(site.url))
    received: list[Any] = []

    def take(_: Any, message: Any) -> None:
        message.ack()
        received.append(message)

    submit(1)
    message = site.client.lpop(QUEUE)
    site.client.delete(QUEUE)
    with (
        app.connection_for_read() as connection,
        Consumer(connection.channel(), [Queue(QUEUE)], callbacks=[take], accept=["json"]),
    ):

        def deliver(call: int) -> None:
            site.client.lpush(QUEUE, message)
            while len(received) <= call:
                connection.drain_events(timeout=_PATIENCE)

        return each(site, deliver)
