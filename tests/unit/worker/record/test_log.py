"""A job's log: what happened to its shards, written by the scripts that did it."""

from __future__ import annotations

import pytest
from support.record_inspection import Snapshot

from worker.record.limits import LAPSE_LIMIT
from worker.record.log import LogLine, parse_log
from worker.record.values import ShardId

SHARD_ID = ShardId("job", 0)
FAILURE = ("ValueError", "no\ttabs\nplease", "trace")


@pytest.fixture
def told(store, clock):
    """The log without its times, which never go back."""

    def lines():
        log = store.log("job")
        times = [line.time for line in log]
        assert times == sorted(times)
        return [line[1:] for line in log]

    return lines


@pytest.mark.rule(16)
def test_a_shard_that_is_given_back(store, clock, submit, told):
    """A log has each attempt: who claimed it, why it was given back, and what the run took."""
    submit()
    begun = clock.time()
    store.claim(SHARD_ID, "t1/w1@a")
    clock.advance(2)
    store.release(SHARD_ID, "t1/w1@a", reason="the worker shuts down")
    store.claim(SHARD_ID, "t2/w2@b")
    store.complete(SHARD_ID, "t2/w2@b", b"part", seconds=1.25)
    assert told() == [
        ("claimed", 0, 1, "w1@a", ""),
        ("released", 0, 1, "w1@a", "the worker shuts down"),
        ("claimed", 0, 2, "w2@b", ""),
        ("finished", 0, 1_250_000, "w2@b", ""),
    ]
    assert [line.time - begun for line in store.log("job")] == [0, 2, 2, 2]


LAPSED = "the lease lapsed 3 times: the worker's node died or stopped, or could not reach Redis"


@pytest.mark.rule(35)
def test_a_shard_that_kills(store, clock, submit, told):
    """Each lapse is an entry, and the last one's error too."""
    submit()
    for number in range(LAPSE_LIMIT):
        store.feed()
        store.claim(SHARD_ID, f"{number}/w{number}")
        # In steps, or it would be silence, in which nothing lapses.
        for _ in range(11):
            clock.advance(1)
            store.feed()
    assert told() == [
        *(
            line
            for number in range(LAPSE_LIMIT)
            for line in (
                ("claimed", 0, number + 1, f"w{number}", ""),
                ("lapsed", 0, number + 1, f"w{number}", ""),
            )
        ),
        (
            "error",
            0,
            0,
            "w2",
            f"WorkerLostError: {LAPSED}",
        ),
    ]


def test_a_shard_that_fails(store, submit, told):
    """An error has its type and text, cut to 200 bytes, whatever bytes those are."""
    submit(total=2)
    store.claim(SHARD_ID, "t/w1")
    store.complete(SHARD_ID, "t/w1", b"bad", bad=True, error=FAILURE, seconds=0.5)
    shard_id = ShardId("job", 1)
    store.claim(shard_id, "t")
    store.complete(shard_id, "t", b"bad", bad=True, error=("E", "é" * 500, ""))
    (_, first, _, second) = told()
    assert first == ("error", 0, 500_000, "w1", "ValueError: no\ttabs\nplease")
    assert second[:4] == ("error", 1, 0, "")
    assert second[4] == "E: " + "é" * 98 + "�"


def test_what_is_final_is_not_added_to(store, client, submit, told):
    """A run that outlives its job adds nothing, also where the log is gone: it would have no time to live."""
    submit()
    store.claim(SHARD_ID, "t/w1")
    store.cancel("job")
    assert told() == [("claimed", 0, 1, "w1", "")]
    assert Snapshot(client).ttl["log:job"] > 0
    client.delete("basicaer:1:log:job")
    store.complete(SHARD_ID, "t/w1", b"part")
    store.release(SHARD_ID, "t/w1")
    assert told() == []


def test_a_long_log_keeps_its_ends(store, client, submit, told):
    """Of a long log 600 to 900 entries are kept, the first and the last ones; it says how many are gone."""
    submit(total=800)
    whole = []
    for shard in range(800):
        store.claim(ShardId("job", shard), "t/w1")
        store.complete(ShardId("job", shard), "t/w1", b"")
        whole += [("claimed", shard, 1, "w1", ""), ("finished", shard, 0, "w1", "")]
    log = told()
    (gap,) = [number for number, line in enumerate(log) if line[0] == "omitted"]
    assert gap == 300
    assert 601 <= len(log) <= 900
    assert log[:gap] == whole[:gap]
    assert log[gap + 1 :] == whole[gap + 1 - len(log) :]
    assert log[gap] == ("omitted", None, len(whole) - (len(log) - 1), "", "")
    assert sum(map(len, client.lrange("basicaer:1:log:job", 0, -1))) < 50_000


def test_a_line(store):
    """A line is parsed as it is written; its text may hold anything."""
    assert parse_log([b"1700000000123\terror\t7\t5\tw1@a\tE: a\tb"]) == [
        LogLine(1700000000.123, "error", 7, 5, "w1@a", "E: a\tb")
    ]
