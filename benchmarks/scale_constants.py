"""Measure what Redis spends on each step of a job: one step at a time, on a Redis that does nothing else."""

from __future__ import annotations

import itertools
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Any

from kombu import Consumer, Queue

from benchmarks.scale_model import Constants, Cost
from benchmarks.scale_recut import Recut
from benchmarks.scale_site import Site, wait_until
from jobs.job import BasicAerJob
from simulator import wire
from simulator.shards import Outcome, Part
from worker.celery_app import make_app
from worker.feed import carry_out
from worker.record import Effects, Handed, WorkerInfo
from worker.settings import QUEUE, Settings
from worker.store import Store

#: Calls that a cost is the mean of; jobs, and shards of a job, that memory is the mean over.
_CALLS = 1000
#: Nodes of the fleet that FEED is measured with, and shards in ``sent``.
_NODES, _IN_SENT = 200, 100
#: Blocking pops, each of which takes a tenth of a second.
_POLLS = 50
#: What the one real worker runs: shards of so many seconds.
_SHARDS, _SHARD_SECONDS = 100, 0.05
_TOKEN = "token"  # noqa: S105 (of a shard)
_PATIENCE = 60


def usage(site: Site) -> Cost:
    """Return what Redis has spent since it started: seconds of its one thread, and bytes of its lines."""
    found = site.client.info()
    seconds = found["used_cpu_user_main_thread"] + found["used_cpu_sys_main_thread"]
    return Cost(seconds, found["total_net_input_bytes"], found["total_net_output_bytes"])


def used_memory(site: Site) -> int:
    """Return the bytes of Redis's data."""
    return int(site.client.info("memory")["used_memory"])


def measured(site: Site) -> Constants:
    """Return the constants, from a site without workers, which is empty again in the end."""
    settings = Settings.from_env(site.url)
    store, app = site.store, make_app(settings)
    with site.provider() as provider:
        recut = Recut.of(provider, _CALLS, shots=round(1e3 * _SHARD_SECONDS))
        backend = provider.get_backend()
        site.client.flushdb()
        whole, part = len(recut.shards[0]), bytes(wire.encode(_part(recut)))

        def submit(size: int) -> tuple[str, list[Handed]]:
            job_id, effects = recut.submit(store, size, settings)
            return job_id, list(effects.handed)

        def run(handed: Iterable[Handed]) -> None:
            """Claim and complete, one after the other, and what is handed out meanwhile."""
            waiting = list(handed)
            while waiting:
                door = waiting.pop().door
                store.claim(door, _TOKEN)
                effects = store.complete(door, _TOKEN, part)
                waiting += effects.handed if effects else ()

        # Two jobs fill the window, and a thousand wait.
        _window(store, 2)
        in_window = [submit(1)[1][0] for _ in range(2)]
        empty = used_memory(site)
        ids: list[str] = []
        submit_cost = _each(site, lambda _: ids.append(submit(1)[0]))
        queued_job = (used_memory(site) - empty) / _CALLS - whole
        both_last = _once(site, lambda: run(in_window), _CALLS + 2)
        final_job = (used_memory(site) - empty) / _CALLS - whole
        read = _each(site, lambda call: BasicAerJob.of(backend, ids[call]).result(timeout=_PATIENCE))

        # A job of a thousand shards, two at a time.
        empty = used_memory(site)
        handed: list[Handed] = []
        shards_cost = _once(site, lambda: handed.extend(submit(_CALLS)[1]), _CALLS)
        queued_shard = (used_memory(site) - empty) / _CALLS - whole
        both = _once(site, lambda: run(handed), _CALLS)
        final_shard = (used_memory(site) - empty) / _CALLS - whole

        # And another, all at once, for each step by itself.
        _window(store, _CALLS)
        handed = submit(_CALLS)[1]
        claim = _each(site, lambda call: store.claim(handed[call].door, _TOKEN))
        look = _each(site, lambda call: store.look(handed[call].door))
        beat = _each(site, lambda call: store.beat(handed[call].door, _TOKEN))
        run(handed)

        tick, tick_node, tick_sent = _ticks(site, store, lambda: submit(_IN_SENT))
        messages = _messages(site, app)
        announce = _each(
            site,
            lambda _: app.backend.store_result(str(uuid.uuid4()), {"pid": 1, "hostname": "w1@host"}, "STARTED"),
        )
        poll = _polls(site)
        site.client.flushdb()
        worker = _worker(site, recut, settings)
    return Constants(
        submit=submit_cost,
        submit_shard=shards_cost,
        claim=claim,
        complete=both - claim,
        complete_last=both_last - claim,
        look=look,
        beat=beat,
        message=messages,
        announce=announce,
        read=read,
        tick=tick,
        tick_node=tick_node,
        tick_sent=tick_sent,
        poll=poll,
        queued_job=queued_job,
        queued_shard=queued_shard,
        final_job=final_job,
        final_shard=final_shard,
        worker=worker,
    )


def _once(site: Site, call: Callable[[], Any], share: int) -> Cost:
    """Return one of so many equal shares of what a call costs Redis."""
    before = usage(site)
    call()
    return (1 / share) * (usage(site) - before)


def _each(site: Site, call: Callable[[int], Any]) -> Cost:
    """Return what a call costs Redis."""
    return _once(site, lambda: [call(number) for number in range(_CALLS)], _CALLS)


def _part(recut: Recut) -> Part:
    """Return the part of a shard, as a run would give it."""
    (experiment,) = wire.decode_shard(recut.shards[0]).experiments
    outcome = Outcome(
        index=0, seed=experiment.seed, shots=1024, outline=experiment.program, counts={"0x0": 500, "0x3": 524}
    )
    return Part((outcome,))


def _node(number: int, slots: int) -> WorkerInfo:
    versions = {"basicaer-celery": "0.1.0", "numpy": "2.4.6"}
    return WorkerInfo(f"w{number}@host", slots, (QUEUE,), 16 << 30, wire.WIRE_VERSION, versions)


def _window(store: Store, slots: int) -> None:
    """Let so many shards be in ``sent`` at once: nobody ticks here, so it stays."""
    store.feed(_node(0, slots))


def _ticks(site: Site, store: Store, submit: Callable[[], Any]) -> tuple[Cost, Cost, Cost]:
    """Return what FEED costs of one node, of each further node, and of each shard in ``sent``."""
    site.client.flushdb()
    one = _each(site, lambda _: store.feed(_node(0, _IN_SENT)))
    submit()
    sent = _each(site, lambda _: store.feed(_node(0, _IN_SENT)))
    for number in range(1, _NODES):
        store.feed(_node(number, 1))
    many = _each(site, lambda _: store.feed(_node(0, _IN_SENT)))
    return one, (1 / (_NODES - 1)) * (many - sent), (1 / _IN_SENT) * (sent - one)


def _polls(site: Site) -> Cost:
    """Return what a blocking pop that finds nothing costs, beside what Redis does meanwhile by itself."""
    begin = time.perf_counter()
    busy = _once(site, lambda: [site.client.brpop(["nothing"] * 4, timeout=0.05) for _ in range(_POLLS)], _POLLS)
    seconds = time.perf_counter() - begin
    return busy - _once(site, lambda: time.sleep(seconds), _POLLS)


def _messages(site: Site, app: Any) -> Cost:
    """Return what one doorbell costs from its publishing to its acknowledgement."""
    received = itertools.count()
    taken = 0

    def take(_: Any, message: Any) -> None:
        nonlocal taken
        message.ack()
        taken = next(received) + 1

    def deliver() -> None:
        with (
            app.connection_for_read() as connection,
            Consumer(connection.channel(), [Queue(QUEUE)], callbacks=[take], accept=["json"]),
        ):
            for number in range(_CALLS):
                carry_out(app, Effects((Handed(str(uuid.uuid4()), 0, 1, 100.0),)))
                while taken <= number:
                    connection.drain_events(timeout=_PATIENCE)

    site.client.delete(QUEUE)
    return _once(site, deliver, _CALLS)


def _worker(site: Site, recut: Recut, settings: Settings) -> float:
    """Return the seconds that one worker takes a shard beside its run, on an idle machine."""
    site.hire(app="benchmarks.sleepers")
    app = make_app(settings)

    def run(size: int) -> float:
        begin = time.perf_counter()
        job_id, effects = recut.submit(site.store, size, settings)
        carry_out(app, effects)
        wait_until(lambda: site.store.state(job_id) == "DONE", f"the end of job {job_id}")
        return time.perf_counter() - begin

    run(2)
    seconds = run(_SHARDS) / _SHARDS - _SHARD_SECONDS
    site.dismiss()
    site.client.flushdb()
    return seconds
