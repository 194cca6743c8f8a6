"""Readings over many jobs at once."""

from __future__ import annotations

from worker.errors import RecordDamagedError
from worker.record import overview


def test_records_come_in_order(store, client, submit):
    """Each job with its record; what is gone is left out, what is damaged is an error, and the others are read."""
    for number in range(4):
        submit(f"job-{number}")
    client.hset("basicaer:1:job:job-1", "state", "?")
    client.unlink("basicaer:1:about:job-3")
    client.rpush("basicaer:1:about:job-3", "no string")
    found = dict(overview.records(store, ["job-2", "gone", "job-1", "job-3", "job-0"]))
    assert list(found) == ["job-2", "job-1", "job-3", "job-0"]
    assert found["job-2"] == store.read("job-2")
    assert all(isinstance(found[each], RecordDamagedError) for each in ("job-1", "job-3"))
    client.flushall()  # what is damaged is not what this is about


def test_owners_and_ids(store, submit):
    """All who have jobs, with the bytes that they weigh; their ids by how these begin."""
    submit("one-1")
    submit("one-2")
    submit("one-3", owner="bob")
    assert overview.owners(store) == {"ann": store.budget("ann")[0], "bob": store.budget("bob")[0]}
    assert overview.ids_that_begin(store, "one-", ["ann"]) == ["one-1", "one-2"]
    assert overview.ids_that_begin(store, "one-3", ["ann", "bob"]) == ["one-3"]
    assert overview.ids_that_begin(store, "two", ["ann", "bob", "nobody"]) == []
