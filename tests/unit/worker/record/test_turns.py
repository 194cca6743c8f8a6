"""What `fill` hands out: a window of shards, owners in turn, a job's priority before its age."""

from __future__ import annotations

import collections

import msgspec
import pytest
from support.record_inspection import Snapshot

from worker.record.store import Store
from worker.record.values import ShardId


def sent(client):
    return len(Snapshot(client).data.get("sent:basicaer", {}))


def test_a_large_job_is_not_published_at_once(store, client, submit):
    """Of 10,000 shards only the window, 2 before any worker is known, goes to Celery."""
    assert [handed.shard_id for handed in submit(total=10_000).handed_out] == [
        ShardId("job", 0),
        ShardId("job", 1),
    ]
    assert store.feed().handed_out == ()
    assert sent(client) == 2
    store.cancel("job")


def test_each_shard_is_sent_once_in_order(store, submit, queue):
    """COMPLETE sends the next shard, until the last one ends the job."""
    queue.take(submit(total=20))
    seen = []
    while queue.shard_ids:
        seen.append(queue.shard_ids[0].shard)
        queue.run()
    assert seen == list(range(20))
    assert store.read("job").state == "DONE"


def test_the_window_is_the_slots_of_live_workers(store, client, clock, submit, worker):
    """The window follows the slots of the workers that are up, and never falls under 2."""
    submit(total=50)
    assert (store.window(), sent(client)) == (2, 2)
    store.feed(worker("w1", slots=1))
    assert store.window() == 2
    assert len(store.feed(worker("w2", slots=4)).handed_out) == 3
    assert (store.window(), sent(client)) == (5, 5)
    store.unregister("w2")
    assert store.window() == 2
    assert store.feed(worker("w1", slots=1)).handed_out == ()
    assert sent(client) == 5  # what was sent stays sent
    clock.advance(store.lease)
    store.feed(worker("w3", slots=6))
    assert (store.window(), sent(client)) == (6, 6)


def test_a_wide_window_is_filled_over_several_ticks(store, submit, worker):
    """A FEED hands out 100 shards at most, the next one goes on."""
    submit(total=500)
    assert [len(store.feed(worker(slots=250)).handed_out) for _ in range(4)] == [100, 100, 48, 0]
    store.cancel("job")


def test_a_worker_that_is_silent_for_a_lease_is_gone(store, client, clock, worker):
    """A worker is up for a lease after its FEED, not longer; another's FEED clears it away, and its own stop."""
    store.feed(worker("w1"))
    clock.advance(store.lease - 0.001)
    assert [info.name for info in store.workers()] == ["w1"]
    clock.advance(0.001)
    assert store.workers() == []
    store.feed(worker("w2"))
    assert [info.name for info in store.workers()] == ["w2"]
    data = Snapshot(client).data
    assert set(data["workers:info"]) == set(data["workers:load"]) == set(data["workers"]) == {b"w2"}
    store.unregister("w2")
    store.unregister("w2")
    assert store.workers() == []


def test_a_worker_that_changed_is_known_as_it_is(store, client, worker):
    """A worker that comes back with other slots and queues counts as what it is now."""
    store.feed(worker("w1", slots=8, lanes=("basicaer", "basicaer.0")))
    store.feed(worker("w1", slots=3))
    assert store.window() == 3
    assert [(info.name, info.slots, info.lanes) for info in store.workers()] == [("w1", 3, ("basicaer",))]
    assert "slots:basicaer.0" not in Snapshot(client).data


def test_workers_are_listed_as_they_are_now(store, clock, worker):
    """Each worker's load and last sign of life are told with what it is, by name."""
    busy = msgspec.structs.replace(worker("w2"), busy=1, blas="b 1", cores=4)
    store.feed(busy)
    first = clock.time()
    clock.advance(2)
    store.feed(worker("w1"))
    store.feed(msgspec.structs.replace(worker("w1"), busy=2))
    one, two = store.workers()
    assert one == msgspec.structs.replace(worker("w1"), busy=2, heard=clock.time())
    assert two == msgspec.structs.replace(busy, heard=first)
    assert repr(two) == "<WorkerInfo 'w2': 1 of 2 slots busy, 4 cores, 1 GiB, 0 qubits>"
    # Who asks may have another lease than the workers have.
    asked = type(store)(store.client, lease=4 * store.lease)
    assert asked.workers() == store.workers()


def test_a_worker_that_misses_ticks_is_silent_before_it_is_gone(store, clock, worker):
    """By its own lease, whatever that of who asks; one tick more, and it is not."""
    slow = type(store)(store.client, lease=4 * store.lease)
    store.feed(worker("w1"))
    slow.feed(worker("w2"))

    def silent():
        return {info.name: info.silent for info in store.workers()}

    clock.advance(3 * store.tick)
    assert silent() == {"w1": False, "w2": False}
    clock.advance(store.tick)
    assert silent() == {"w1": True, "w2": False}
    assert slow.workers() == store.workers()
    store.feed(worker("w1"))
    assert silent()["w1"] is False
    clock.advance(store.lease)
    assert silent() == {"w2": True}


def test_queues_do_not_mix(store, client, submit, worker):
    """A queue has its own window and its own shards: an old worker never gets a newer job."""
    newer = Store(client, queue="basicaer.2", lease=10)
    submit("old", total=5)
    submit("new", total=5, on=newer)
    assert {handed.job_id for handed in store.feed(worker("w1", slots=5)).handed_out} == {"old"}
    assert newer.window() == 2
    both = worker("w2", slots=5, lanes=("basicaer", "basicaer.2"))
    assert {handed.job_id for handed in newer.feed(both).handed_out} == {"new"}
    # A job knows its queue, whoever claims it.
    assert store.claim(ShardId("new", 0), "t").granted


@pytest.mark.parametrize("shards", [10, 10_000])
def test_another_owner_has_the_next_turn(store, submit, queue, shards):
    """After any number of shards of one owner, another's job of one shard is next in turn."""
    queue.take(submit("large", owner="ann", total=shards))
    queue.run(5)
    queue.take(submit("small", owner="bob"))
    # Two of ann's are on their way already; then it is bob's turn.
    assert queue.run(4) == ["large", "large", "small", "large"]
    store.cancel("large")


@pytest.mark.parametrize("slots", [1, 2, 5])
@pytest.mark.parametrize("ticks", [0, 3])
def test_another_owner_waits_for_two_shards_at_most(store, submit, queue, worker, slots, ticks):
    """However long the shards of one owner are, another's job starts when each slot has ended two of them at most.

    A slot that ends a shard takes the next message; ticks in between, as long shards have, send nothing ahead.
    """
    queue.take(store.feed(worker(slots=slots)))
    queue.take(submit("large", owner="ann", total=10_000))

    def tick():
        for _ in range(ticks):
            queue.take(store.feed(worker(slots=slots)))

    tick()
    running = collections.deque(queue.claim() for _ in range(slots))
    for _ in range(3 * slots):
        tick()
        queue.complete(running.popleft())
        running.append(queue.claim())
    tick()
    queue.take(submit("small", owner="bob"))
    ended = 0
    while running[-1].job_id == "large":
        tick()
        queue.complete(running.popleft())
        running.append(queue.claim())
        ended += 1
    # The slots run alike: that many ends are the rest of one shard's time, and one whole shard's.
    assert ended <= slots + 1
    store.cancel("large")


def test_owners_take_turns(submit, queue):
    """Shards of several owners alternate, whoever came first and however much each has."""
    for owner, total in (("ann", 30), ("bob", 3), ("eve", 3)):
        queue.take(submit(owner, owner=owner, total=total))
    assert queue.run(11) == ["ann", "ann", "bob", "eve", "ann", "bob", "eve", "ann", "bob", "eve", "ann"]


def test_many_short_jobs_do_not_starve_a_long_one(submit, queue):
    """An owner who submits a new job after each that ended gets every other turn, not all of them."""
    queue.take(submit("long", owner="ann", total=100))
    order = []
    for number in range(20):
        queue.take(submit(f"short-{number}", owner="bob"))
        order += queue.run()
    assert 9 <= order.count("long") <= 12


def test_an_owner_who_was_away_goes_before_those_who_were_served(submit, queue):
    """Who comes back is behind those who wait without having been served, in front of the others."""
    queue.take(submit("long", owner="ann", total=100))
    queue.run(3)
    for owner in ("bob", "eve"):
        queue.take(submit(owner, owner=owner))
    assert queue.run(5) == ["long", "long", "bob", "eve", "long"]


def test_priority_goes_before_age(submit, queue):
    """Of one owner's jobs the highest priority, 9, is sent first, and of equal ones the oldest."""
    queue.take(submit("first", total=2))
    for name, priority in (("second", 0), ("high", 5), ("third", 0), ("highest", 9), ("also-high", 5)):
        queue.take(submit(name, priority=priority))
    assert queue.run(7) == ["first", "first", "highest", "high", "also-high", "second", "third"]


def test_priority_gains_nothing_over_other_owners(submit, queue):
    """Owners take turns whatever the priorities of their jobs are: they order an owner's own jobs only."""
    queue.take(submit("urgent", owner="ann", total=20, priority=9))
    queue.take(submit("patient", owner="bob", total=3))
    assert queue.run(8) == ["urgent", "urgent", "patient", "urgent", "patient", "urgent", "patient", "urgent"]


def test_what_comes_back_goes_before_what_never_went(store, submit):
    """A released shard is sent again before the job's next one, and the job keeps its place in line."""
    submit("older", total=3)
    submit("newer", total=3)
    store.claim(ShardId("older", 0), "t")
    assert [handed.shard_id for handed in store.release(ShardId("older", 0), "t").handed_out] == [
        ShardId("older", 0)
    ]


def test_what_came_back_first_goes_first(store, submit, worker):
    """Released shards wait in the order of their release."""
    submit(total=6)
    store.feed(worker(slots=3))
    for shard in (2, 0, 1):
        store.claim(ShardId("job", shard), "t")
    store.feed(worker(slots=3))
    for shard in (2, 0, 1):
        assert store.release(ShardId("job", shard), "t").handed_out == ()
    store.claim(ShardId("job", 3), "t")
    assert [handed.shard for handed in store.feed(worker(slots=5)).handed_out] == [2, 0, 1]


def test_memory_does_not_grow_with_queued_shards(store, client, clock, submit):
    """The store is O(jobs + in flight): a job of 100,000 shards takes as many entries as one of 20."""
    entries = []
    for total in (20, 100_000):
        submit(total=total)
        store.claim(ShardId("job", 0), "t")
        entries.append(Snapshot(client).entries())
        client.flushdb()
        clock.advance(0)
    assert entries[0] == entries[1]


@pytest.mark.slow
def test_cancel_takes_as_long_for_ten_thousand_shards(store, client, submit):
    """CANCEL runs as many commands for 10,000 shards, some of them in flight, as for four."""
    calls = []
    for total in (4, 10_000):
        job_id = f"of-{total}"
        submit(job_id, total=total)
        store.claim(ShardId(job_id, 0), "t")
        store.release(ShardId(job_id, 0), "t")
        client.config_resetstat()
        store.cancel(job_id)
        calls.append(sum(stats["calls"] for stats in client.info("commandstats").values()))
        store.feed()
    assert calls[0] == calls[1]
