"""Who waits is told at once, whoever else waits, leaves, or is interrupted."""

from __future__ import annotations

import asyncio
import multiprocessing
import signal
import threading
import time

import pytest
from qiskit.providers import JobTimeoutError
from support.circuits import bell
from support.patience import deadline
from support.processes import eventually

from jobs import JobCancelledError
from jobs.connection.events import JobEvents
from worker.record import keys

pytestmark = pytest.mark.rule(12)

#: Far less than a wait that is not told takes.
AT_ONCE = 2.0


@pytest.fixture
def events(quiet_server):
    """Events on a connection of the test's own."""
    with quiet_server.client() as client:
        events = JobEvents(client)
        yield events
        events.close()


@pytest.fixture
def publish(quiet_server):
    """Announce a job's state, as scripts do; returns how many connections heard it."""
    with quiet_server.client() as client:
        yield lambda job_id, state: client.publish(keys.key("events", job_id), f"{state} 0 1")


class Waiter(threading.Thread):
    """A thread that watches a job until its end is announced; then it has a time."""

    def __init__(self, events, job_id, **options):
        super().__init__(daemon=True)
        self.events, self.job_id, self.options = events, job_id, options
        self.watch = self.ended = self.error = None
        self.missed = self.changed = 0
        self.start()

    def run(self):
        with self.events.watch(self.job_id, **self.options) as self.watch:
            watch = self.watch
            while not watch.ended:
                watch.wait(30)
                self.missed += watch.missed
                self.changed += watch.changed
                watch.missed = watch.changed = False
            self.ended = time.monotonic()


def test_many_wait_and_leave(events, publish):
    """Whoever waits may leave: the others still hear at once, to the last one."""
    waiters = [Waiter(events, f"job-{number % 5}") for number in range(10)]
    # The second of a job's two may find the subscription standing; then it has missed nothing.
    eventually(lambda: all(any(each.missed for each in waiters[n::5]) for n in range(5)), what="subscriptions")
    eventually(lambda: all(each.watch for each in waiters), what="all waiters")
    for number in range(5):
        assert publish(f"job-{number}", "DONE") == 1
        announced = time.monotonic()
        for waiter in waiters[number::5]:
            waiter.join(deadline(AT_ONCE))
            assert waiter.ended - announced < deadline(AT_ONCE)
        assert [waiter.is_alive() for waiter in waiters].count(True) == 10 - 2 * (number + 1)


def test_only_what_is_wanted(events, publish):
    """A waiter for the end is not woken by shards; one for every change is."""
    patient, eager = Waiter(events, "job"), Waiter(events, "job", every=True)
    eventually(lambda: patient.missed or eager.missed, what="the subscription")
    eventually(lambda: patient.watch and eager.watch, what="both waiters")
    for _ in range(3):
        publish("job", "RUNNING")
    eventually(lambda: eager.changed, what="a change")
    publish("job", "CANCELLED")
    for waiter in (patient, eager):
        waiter.join(deadline(AT_ONCE))
    assert patient.changed == 0
    assert patient.ended and eager.ended


def test_threads_and_loops_together(events, publish):
    """Those who wait on an event loop hear beside a thread that waits, and after it has gone."""
    thread = Waiter(events, "first")
    eventually(lambda: thread.missed, what="the subscription")

    async def run():
        loop, woken = asyncio.get_running_loop(), asyncio.Event()

        def wake():
            loop.call_soon_threadsafe(woken.set)

        with events.watch("second", wake) as second, events.watch("third", wake) as third:
            await asyncio.to_thread(eventually, lambda: second.missed and third.missed, what="subscriptions")
            for watch, job_id in ((second, "second"), (third, "third")):
                woken.clear()
                publish(job_id, "DONE")
                await asyncio.wait_for(woken.wait(), deadline(AT_ONCE))
                assert watch.ended
                if thread.is_alive():
                    publish("first", "DONE")
                    await asyncio.to_thread(thread.join, deadline(AT_ONCE))
                    assert thread.ended

    asyncio.run(run())


def test_an_interrupted_waiter(events, publish):
    """Ctrl-C in a thread that waits leaves no other without news."""
    other = Waiter(events, "other")
    with events.watch("mine") as watch:
        watch.wait(deadline(AT_ONCE))
        assert watch.missed
        interrupt = threading.Timer(0.2, signal.pthread_kill, (threading.main_thread().ident, signal.SIGINT))
        interrupt.start()
        with pytest.raises(KeyboardInterrupt):
            watch.wait(30)
    eventually(lambda: other.missed, what="the other's subscription")
    assert publish("other", "DONE") == 1
    other.join(deadline(AT_ONCE))
    assert other.ended


def test_a_subscription_that_is_interrupted(events, publish, quiet_server, monkeypatch):
    """Ctrl-C while a subscription is sent, perhaps in its midst, has the line opened anew."""
    other = Waiter(events, "other")
    eventually(lambda: other.missed, what="the other's subscription")
    told = other.missed

    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(events._pubsub, "subscribe", interrupted)
    with pytest.raises(KeyboardInterrupt), events.watch("mine"):
        pass
    eventually(lambda: other.missed > told, what="the other told that it missed something")
    with quiet_server.client() as client:
        channels = [keys.key("events", "other").encode()]
        eventually(lambda: client.pubsub_channels() == channels, what="the other's new subscription, and no more")
    assert publish("other", "DONE") == 1
    other.join(deadline(AT_ONCE))
    assert other.ended


def test_what_nobody_watches_is_unsubscribed(events, quiet_server):
    """Subscriptions go with the jobs that were watched, and the connection when nobody has watched for long."""
    staying, leaving = Waiter(events, "staying"), Waiter(events, "leaving")
    eventually(lambda: staying.missed and leaving.missed, what="subscriptions")
    with quiet_server.client() as client:
        leaving.watch.tell(ended=True)
        channels = [keys.key("events", "staying").encode()]
        eventually(lambda: client.pubsub_channels() == channels, what="one subscription")
        staying.watch.tell(ended=True)


def test_close_ends_every_wait_on_the_connection(events, quiet_server):
    """After `close` nobody reads from the connection, and who waits goes on without."""
    waiter = Waiter(events, "job")
    eventually(lambda: waiter.missed, what="the subscription")
    events.close()
    with quiet_server.client() as client:
        eventually(lambda: client.client_list(_type="pubsub") == [], what="the connection's end")
    assert waiter.is_alive()
    begun = time.monotonic()
    with events.watch("other") as watch:
        watch.wait(0.1)
    assert 0.1 <= time.monotonic() - begun < deadline(AT_ONCE)
    waiter.events.watch("job")
    waiter.watch.tell(ended=True)
    waiter.join(deadline(AT_ONCE))


@pytest.mark.rule(12)
def test_a_job_that_is_final_is_not_watched(quiet, quiet_server):
    """Who waits for a job that has ended reads its record, and subscribes to nothing."""
    job = quiet.get_backend().run(bell())
    job.cancel()
    job.wait_for_final_state()
    with pytest.raises(JobCancelledError):
        asyncio.run(job.result_async())
    with quiet_server.client() as client:
        assert client.client_list(_type="pubsub") == []


def test_after_a_fork(quiet, quiet_server, pushed_only):
    """A child that a fork made while its parent listened listens by itself."""
    job = quiet.get_backend().run(bell())
    waiting = threading.Thread(target=job.wait_for_final_state, args=(deadline(30),), daemon=True)
    waiting.start()
    with quiet_server.client() as client:
        eventually(lambda: client.client_list(_type="pubsub"), what="the parent")
        child = multiprocessing.get_context("fork").Process(target=job.wait_for_final_state, args=(deadline(30),))
        child.start()
        eventually(lambda: len(client.client_list(_type="pubsub")) == 2, what="the child")
        job.cancel()
        child.join(deadline(AT_ONCE))
        waiting.join(deadline(AT_ONCE))
    assert child.exitcode == 0
    assert not waiting.is_alive()


@pytest.mark.rule(11)
def test_a_wait_is_as_long_as_it_says(quiet):
    """A timeout is kept, by each of several who wait."""
    job = quiet.get_backend().run(bell())
    lasted = []

    def wait():
        begun = time.monotonic()
        with pytest.raises(JobTimeoutError):
            job.result(timeout=0.3)
        lasted.append(time.monotonic() - begun)

    threads = [threading.Thread(target=wait) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(deadline(5))
    assert len(lasted) == 4
    assert all(0.3 <= each < 0.3 + deadline(0.7) for each in lasted)
    job.cancel()


def test_a_check_of_the_line_when_nobody_watches_holds_nobody_up(quiet_server, publish):
    """The reply to redis-py's own check may come behind the last subscription's end, where no one reads it."""
    with quiet_server.client(health_check_interval=1) as client:
        events = JobEvents(client)
        try:
            for number in range(2):
                waiter = Waiter(events, f"job-{number}")
                eventually(lambda waiter=waiter: waiter.missed, what="the subscription")
                publish(f"job-{number}", "DONE")
                waiter.join(deadline(AT_ONCE))
                assert waiter.ended
                # The next look ends the subscription; by then a check is due.
                eventually(lambda: not client.pubsub_channels(), what="the end of the subscription")
        finally:
            closer = threading.Thread(target=events.close, daemon=True)
            closer.start()
            closer.join(deadline(AT_ONCE))
            assert not closer.is_alive()
