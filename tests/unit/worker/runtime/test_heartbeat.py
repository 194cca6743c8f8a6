"""The heartbeat renews the leases of processes that can run, whatever they do, and ends those that hang."""

from __future__ import annotations

import contextlib
import ctypes
import multiprocessing
import os
import signal
import threading
import time

import psutil
import pytest
import redis
from support.processes import eventually

from worker.record.values import ShardId
from worker.runtime.heartbeat import HUNG_LEASES, PATIENCE, Heartbeat
from worker.runtime.runs import RunTable

SHARD_ID = ShardId("job", 0)
TOKEN = "token/w1"  # noqa: S105 (it is no secret)
HELD = "basicaer:1:held"

# A fork of a process with threads is deprecated from Python 3.12 on; billiard's pool is one.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
]  # slow: starts processes


def sleep():
    """Wait and do nothing, deaf to what asks politely."""
    for sig in (signal.SIGINT, signal.SIGTERM):
        signal.signal(sig, signal.SIG_IGN)
    threading.Event().wait(60)


def spin():
    end = time.monotonic() + 60
    while time.monotonic() < end:
        pass


def hold_the_interpreter():
    """Call into C for a minute without letting another thread of Python run."""
    ctypes.PyDLL(None).sleep(60)


class Node:
    """A table of runs, a heartbeat with a clock of its own, and a child that has claimed a shard."""

    def __init__(self, store):
        self.store = store
        self.runs = RunTable(slots=4)
        self.now = 100.0
        self.heartbeat = Heartbeat(store, self.runs, interval=store.tick, clock=lambda: self.now)
        self.children = []

    def start(self, work, *, slot=0, delivers=False, asks=None, progress=None):
        def child():
            with self.runs.running(slot, SHARD_ID, TOKEN) as running:
                if progress is not None:
                    running.report(progress)
                if delivers:
                    running.deliver()
                while asks and asks.acquire():
                    running.deliver()
                work()

        process = multiprocessing.get_context("fork").Process(target=child)
        process.start()
        self.children.append(process)
        eventually(lambda: any(run.pid == process.pid for run in self.runs), what="the run in the table")
        return process

    def pass_time(self, seconds, *, step=1.0):
        """Beat once a step."""
        end = self.now + seconds
        while self.now < end:
            self.now += step
            self.heartbeat.beat()


@pytest.fixture
def node(store, submit):
    submit()
    assert store.claim(SHARD_ID, TOKEN).granted
    node = Node(store)
    yield node
    for process in node.children:
        process.kill()
        process.join()


def lease_end(store):
    return store.client.zscore(HELD, "job/0")


@pytest.mark.rule(34)
@pytest.mark.parametrize("work", [sleep, spin, hold_the_interpreter])
def test_the_lease_goes_on_whatever_the_process_does(node, store, clock, work):
    """A process that waits, computes or holds Python's lock keeps its lease, with no help of its own."""
    process = node.start(work, progress=0.25)
    before = lease_end(store)
    clock.advance(5)
    node.heartbeat.beat()
    assert lease_end(store) == before + 5000
    assert store.read("job").progress == 0.25
    assert process.is_alive()


@pytest.mark.rule(34)
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGSTOP])
def test_the_lease_ends_with_the_process(node, store, clock, end):
    """The lease of a process that died, or is stopped, is not renewed."""
    process = node.start(spin)
    os.kill(process.pid, end)
    wanted = {psutil.STATUS_ZOMBIE, psutil.STATUS_STOPPED}
    eventually(lambda: psutil.Process(process.pid).status() in wanted, what="its end")
    before = lease_end(store)
    clock.advance(5)
    node.pass_time(5)
    assert lease_end(store) == before
    words = [line.word for line in store.log("job")]
    assert words == ["claimed", "died"] if end is signal.SIGKILL else ["claimed"]


@pytest.mark.rule(43)
def test_a_run_that_was_killed_makes_no_slot_busy(node, store):
    """A node says how many of its slots are busy; the row of a dead process counts for none."""
    process = node.start(spin)
    node.heartbeat.beat()
    assert node.heartbeat.num_alive() == 1
    process.kill()
    process.join()
    node.heartbeat.beat()
    assert len(list(node.runs)) == 1
    assert node.heartbeat.num_alive() == 0


@pytest.mark.rule(35)
def test_a_death_is_noted_once_and_counts_as_one(node, store, clock):
    """What the third lapse says names the deaths that were seen, and the lapses where none was."""
    process = node.start(spin)
    process.kill()
    process.join()
    node.pass_time(3)
    assert [(line.word, line.text) for line in store.log("job")][1:] == [("died", f"process {process.pid} died")]
    for number in range(3):
        if number:
            assert store.claim(SHARD_ID, f"other/{number}").granted
        for _ in range(11):
            clock.advance(1)
            store.feed()
    assert store.read("job").error_text == (
        "worker died 1 times while running it, and the lease lapsed 2 times: the worker's node died or "
        "stopped, or could not reach Redis"
    )


@pytest.mark.rule(9)
def test_kills_the_unwanted_after_its_patience(node, store):
    """A run whose job was cancelled has 2 s to stop by itself, less the tick that noticing may take."""
    process = node.start(sleep)
    node.heartbeat.beat()
    store.cancel("job")
    node.heartbeat.beat()
    node.now += PATIENCE - store.tick - 0.01
    node.heartbeat.beat()
    assert process.is_alive()
    node.now += 0.02
    node.heartbeat.beat()
    process.join(5)
    assert process.exitcode == -signal.SIGKILL


@pytest.mark.rule(34)
@pytest.mark.parametrize("stopped", [False, True])
def test_kills_what_was_taken_over(node, store, clock, stopped):
    """A run that lost its lease frees its slot, also where its process is stopped; its job goes on."""
    process = node.start(sleep)
    if stopped:
        os.kill(process.pid, signal.SIGSTOP)
        eventually(lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED, what="its stop")
    for _ in range(11):
        clock.advance(1)
        store.feed()
    node.pass_time(PATIENCE)
    process.join(5)
    assert process.exitcode == -signal.SIGKILL
    assert store.state("job") == "RUNNING"


def test_what_is_computed_is_not_killed(node, store):
    """A run that has its result, and only waits for Redis to take it, is left alone when its job has ended."""
    process = node.start(sleep, delivers=True)
    store.cancel("job")
    node.pass_time(10 * PATIENCE)
    assert process.is_alive()


def test_kills_what_hangs(node, store):
    """A process that waits, and used no CPU for six leases, is killed; it counts as a death."""
    process = node.start(sleep)
    node.heartbeat.beat()
    hung = HUNG_LEASES * store.lease
    node.pass_time(hung - 2)
    assert process.is_alive()
    node.pass_time(4)
    process.join(5)
    assert process.exitcode == -signal.SIGKILL
    assert store.log("job")[-1].word == "died"
    assert f"process {process.pid} hangs: it used no CPU for {hung:.0f} s: killed" in store.log("job")[-1].text


def test_what_computes_does_not_hang(node, store):
    """A process that uses CPU lives, however long its run takes."""
    process = node.start(spin)
    seen = psutil.Process(process.pid)
    for _ in range(3):
        used = seen.cpu_times().user
        eventually(lambda used=used: seen.cpu_times().user > used, what="CPU time of the child")
        node.now += HUNG_LEASES * store.lease - 1
        node.heartbeat.beat()
    assert process.is_alive()


@pytest.mark.rule(34)
def test_what_asks_redis_to_take_its_end_does_not_hang(node, store):
    """A run that a full Redis does not take asks again and again, for hardly any CPU: it lives on."""
    asks = multiprocessing.Semaphore(0)
    process = node.start(sleep, asks=asks)
    for number in range(1, 4):
        node.heartbeat.beat()
        assert store.log("job")[-1].word == "claimed"
        node.now += HUNG_LEASES * store.lease - 1
        asks.release()
        eventually(lambda number=number: next(iter(node.runs)).deliveries == number, what="one more")
    node.heartbeat.beat()
    node.now += 2
    node.heartbeat.beat()
    assert process.is_alive()


def test_an_outage_is_no_hang(node, store, monkeypatch):
    """A process may wait for a Redis that is away: the time that the heartbeat itself had no answer counts not."""
    process = node.start(sleep)
    node.heartbeat.beat()
    away = redis.Redis(host="127.0.0.1", port=1, retry=None)
    with monkeypatch.context() as patch:
        patch.setattr(node.heartbeat, "_store", type(store)(away, lease=store.lease))
        for _ in range(10):
            node.now += store.lease
            with pytest.raises(redis.ConnectionError):
                node.heartbeat.beat()
    node.pass_time(HUNG_LEASES * store.lease - 2)
    assert process.is_alive()


def test_a_process_that_had_the_slot_before(node, store):
    """A row that a dead process left counts for nobody once another process has the slot."""
    first = node.start(spin)
    first.kill()
    first.join()
    second = node.start(spin)
    assert [run.pid for run in node.runs] == [second.pid]
    before = lease_end(store)
    node.heartbeat.beat()
    assert lease_end(store) >= before
    assert [line.word for line in store.log("job")] == ["claimed"]


@pytest.mark.rule(35)
def test_a_death_that_the_next_process_finds(node):
    """A process that takes over a slot finds the run that the one before died in, and no other."""
    process = node.start(spin, slot=1)
    assert node.runs.orphan(0) is None
    process.kill()
    process.join()
    lost = node.runs.orphan(1)
    assert (lost.pid, lost.shard_id, lost.token) == (process.pid, SHARD_ID, TOKEN)
    with node.runs.running(1, SHARD_ID, "mine"):
        assert node.runs.orphan(1) is None
    assert node.runs.orphan(1) is None


def test_a_run_that_is_over_is_nobodys():
    """After the block, also by an exception, the slot has no run."""
    runs = RunTable(slots=2)
    with contextlib.suppress(ZeroDivisionError), runs.running(1, SHARD_ID, TOKEN) as running:
        running.report(0.5)
        running.report(0.25)
        (run,) = runs
        assert (run.slot, run.pid, run.shard_id, run.token, run.progress) == (1, os.getpid(), SHARD_ID, TOKEN, 0.5)
        assert runs.is_current(run)
        raise ZeroDivisionError
    assert list(runs) == []
    assert not runs.is_current(run)
