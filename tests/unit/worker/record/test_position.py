"""How many jobs are served before one: by the record's own order."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, Phase, given
from hypothesis import strategies as st
from support.examples import examples
from support.patience import deadline
from support.uploads import write_payload

from worker.record.store import Store
from worker.record.values import ShardId


@pytest.mark.rule(16)
def test_jobs_of_one_owner(store, submit):
    """0 is the next to be served; a job that runs, is final or unknown has no position."""
    for name in "abcde":
        submit(name)
    assert [store.position(name) for name in "abcde"] == [0, 1, 2, 3, 4]
    store.claim(ShardId("a", 0), "t")
    store.cancel("c")
    assert [store.position(name) for name in ("b", "d", "e")] == [0, 1, 2]
    assert [store.position(name) for name in ("a", "c", "x")] == [None] * 3


def test_priority_goes_first(store, submit):
    """A job of a higher priority takes the place of those that were not sent yet."""
    for name in "abcd":
        submit(name)
    submit("urgent", priority=9)
    assert [store.position(name) for name in ("a", "b", "urgent", "c", "d")] == [0, 1, 2, 3, 4]


def test_owners_take_turns(store, submit):
    """Another owner's first job goes before an owner's second."""
    for name in ("a1", "a2", "a3", "a4", "a5"):
        submit(name, owner="ann")
    for name in ("b1", "b2"):
        submit(name, owner="bob")
    assert [store.position(name) for name in ("a1", "a2", "b1", "a3", "b2", "a4", "a5")] == list(range(7))


def test_a_large_job_counts_once(store, submit):
    """However many shards a job has, in whatever place, it is one job before the next."""
    submit("large", total=10_000)
    submit("small")
    submit("other", owner="bob")
    store.claim(ShardId("large", 0), "t")
    assert [store.position(name) for name in ("large", "other", "small")] == [None, 1, 2]
    store.cancel("large")


@examples(60, phases=(Phase.generate,), suppress_health_check=list(HealthCheck))
@given(
    jobs=st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 2)), min_size=1, max_size=12),
    served=st.integers(0, 4),
    more=st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 2)), max_size=5),
)
def test_it_is_the_order_in_which_jobs_begin(client, clock, jobs, served, more):
    """Jobs of one shard begin in the order of their positions, whatever owners, priorities and turns were."""
    from worker.record.values import NewJob

    client.flushall()
    clock.advance(0)
    store = Store(client, lease=10)
    shard_ids, count = [], 0

    def submit(owner, priority):
        nonlocal count
        # Ties of the same millisecond are broken by the id.
        clock.advance(0.001)
        write_payload(store, f"j{count}", [b"x"])
        new = NewJob(id=f"j{count}", owner=owner, total=1, digest="d", manifest=b"{}", payload_bytes=1,
                     result_bytes=0, expires=3600, job_timeout=60, priority=priority, backend="any")  # fmt: skip
        count += 1
        shard_ids.extend(each.shard_id for each in store.submit(new).handed_out)

    def serve():
        shard_id = shard_ids.pop(0)
        clock.advance(0.001)
        assert store.claim(shard_id, "t").granted
        shard_ids.extend(each.shard_id for each in store.complete(shard_id, "t", b"part").handed_out)
        return shard_id.job_id

    for owner, priority in jobs:
        submit(owner, priority)
    for _ in range(min(served, len(jobs))):
        serve()
    for owner, priority in more:
        submit(owner, priority)
    positions = {f"j{number}": store.position(f"j{number}") for number in range(count)}
    order = []
    while shard_ids:
        order.append(serve())
    assert {name: index for name, index in positions.items() if index is not None} == {
        name: index for index, name in enumerate(order)
    }


@pytest.mark.slow
def test_it_is_quick_behind_many_jobs(store, client, submit):
    """It runs as many commands behind 3,000 jobs as behind 30."""
    calls = []
    for count in (30, 3000):
        for number in range(count):
            submit(f"j{count}-{number}")
        client.config_resetstat()
        begun = time.perf_counter()
        position = store.position(f"j{count}-{count - 1}")
        assert time.perf_counter() - begun < deadline(0.5)
        calls.append(sum(stats["calls"] for stats in client.info("commandstats").values()))
        assert position >= count - 1
    assert calls[0] == calls[1]
    client.flushall()
