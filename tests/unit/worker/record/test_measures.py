"""What an operator measures of the record: queues by owner, ages, runs, and counters that count nothing twice."""

from __future__ import annotations

import pytest
from msgspec.structs import replace
from support.uploads import submit_with

from worker.record import limits
from worker.record.measures import Memory, Waiting, measure
from worker.record.values import ShardId, WorkerInfo


@pytest.fixture
def up(store):
    """A worker with one slot, so that two shards are sent ahead."""
    info = WorkerInfo(name="w", slots=1, lanes=(store.queue,), memory=1 << 30, wire=1, versions={})
    store.feed(info)
    return info


def submitted(store, job, job_id, total, **fields):
    submit_with(store, job(job_id, total=total, **fields), [b"x"] * total)


def test_an_empty_record(store):
    """Nothing waits, runs or was counted."""
    found = measure(store)
    assert (found.waiting, found.running, found.sent, found.unfinished) == ({}, {}, 0, 0)
    assert (found.workers, found.used, found.counters) == ([], {}, {})
    assert found.quota == limits.USUAL_QUOTA


def test_waiting_jobs_by_owner_and_age(store, job, clock, up):
    """Each owner's jobs that wait, and since when the oldest does, whatever goes first and what is sent."""
    submitted(store, job, "old", 3)
    clock.advance(100)
    submitted(store, job, "urgent", 1, priority=9)
    submitted(store, job, "other", 1, owner="bob")
    clock.advance(20)
    found = measure(store, clock.time())
    assert found.waiting == {"ann": Waiting(2, pytest.approx(120)), "bob": Waiting(1, pytest.approx(20))}
    assert (found.unfinished, found.sent) == (3, 2)


def test_what_runs_is_no_longer_waiting(store, job, up):
    """A claimed shard runs for its owner, and its job waits only while it has others."""
    submitted(store, job, "one", 1)
    assert measure(store).waiting["ann"].jobs == 1
    assert store.claim(ShardId("one", 0), "t/w").granted
    found = measure(store)
    assert found.waiting == {} and found.running == {"ann": 1}


def test_what_is_counted(store, job, clock, up):
    """Jobs by state, errors by type, seconds and shards by owner, widths, lost runs and repeated messages."""
    for job_id, width in (("done", 5), ("bad", 5), ("cancelled", 20)):
        submitted(store, job, job_id, 1, num_qubits=width)
    store.claim(ShardId("done", 0), "t/w")
    assert store.complete(ShardId("done", 0), "t/w", b"part", seconds=1.5) is not None
    # A repeat of the same COMPLETE is none.
    assert store.complete(ShardId("done", 0), "t/w", b"part", seconds=1.5) is None
    store.claim(ShardId("bad", 0), "u/w")
    store.complete(ShardId("bad", 0), "u/w", b"part", bad=True, error=("NoGood", "text", ""), seconds=0.25)
    store.cancel("cancelled")
    store.cancel("cancelled")
    assert measure(store).counters == {
        "qubits:5": 2, "qubits:20": 1, "shards:ann": 2, "micros:ann": 1_750_000,
        "ended:DONE": 1, "ended:ERROR": 1, "ended:CANCELLED": 1, "error:NoGood": 1,
    }  # fmt: skip

    submitted(store, job, "lost", 1)
    store.claim(ShardId("lost", 0), "v/w")
    # Twice, as a FEED after silence is no time in which a lease could be renewed.
    for _ in range(12):
        clock.advance(2)
        store.feed(replace(up, busy=1))
    assert measure(store).counters["lapses"] == 1
    for _ in range(12):
        clock.advance(2)
        store.feed(up)
    assert measure(store).counters["resends"] >= 1


def test_submitting_the_same_job_again_counts_once(store, job, up):
    """A repeat of SUBMIT changes nothing."""
    for _ in range(2):
        submitted(store, job, "same", 1, num_qubits=3)
    assert measure(store).counters == {"qubits:3": 1}


def test_memory_of_redis(store):
    """What Redis holds, and its limit."""
    memory = measure(store).memory
    assert memory == Memory() or (memory.used > 0 and memory.limit >= 0)
