"""What cannot be is refused where it is made; and the scripts are one round trip."""

from __future__ import annotations

import math

import pytest
from support.record_inspection import Snapshot
from support.uploads import write_payload

from worker.errors import InvalidJobIdError
from worker.record import blobs
from worker.record.values import ShardId

BAD_IDS = ["", "a/b", "a:b", "a b", "ä", "x" * 129, "a\n", "*", None, 7, b"bytes"]
CALLS = {
    "claim": lambda store, bad: store.claim(ShardId(bad, 0), "t"),
    "look": lambda store, bad: store.look(ShardId(bad, 0)),
    "beat": lambda store, bad: store.beat(ShardId(bad, 0), "t"),
    "put": lambda store, bad: store.put(ShardId(bad, 0), "t", 0, b""),
    "complete": lambda store, bad: store.complete(ShardId(bad, 0), "t", b""),
    "release": lambda store, bad: store.release(ShardId(bad, 0), "t"),
    "cancel": lambda store, bad: store.cancel(bad),
    "delete": lambda store, bad: store.delete(bad),
    "annotate": lambda store, bad: store.annotate(bad, b"", ()),
    "read": lambda store, bad: store.read(bad),
    "places": lambda store, bad: store.shard_counts(bad),
    "write_payload": lambda store, bad: write_payload(store, bad, [b"x"]),
    "read_shard": lambda store, bad: blobs.read_shard(store, ShardId(bad, 0)),
    "read_parts": lambda store, bad: list(blobs.read_parts(store, bad)),
}


@pytest.mark.rule(36)
@pytest.mark.parametrize("bad", BAD_IDS)
def test_an_id_that_cannot_name_a_job_is_refused_at_every_door(store, client, job, bad):
    """An id reaches no key unless it is 1 to 128 letters, digits, dots, underscores, hyphens."""
    with pytest.raises(InvalidJobIdError, match="cannot name a job"):
        job(bad)
    for call in CALLS.values():
        with pytest.raises(InvalidJobIdError):
            call(store, bad)
    assert Snapshot(client).data == {}


@pytest.mark.parametrize("good", ["a", "A-1_b.c", "x" * 128, "..", "-"])
def test_an_id_may_be_any_plain_word(store, submit, good):
    """Ids of the allowed letters live a whole life."""
    submit(good)
    assert store.claim(ShardId(good, 0), "t").granted
    assert store.complete(ShardId(good, 0), "t", b"part").ended[0].job_id == good
    assert [each.id for each in store.find("ann")] == [good]
    assert store.delete(good)


@pytest.mark.parametrize("owner", ["ann@example.org", "DOMAIN\\ann", "a/b:c", "Zoë", "a b"])
def test_an_owner_may_be_any_text(store, submit, owner):
    """An owner is not an id: any text names one, and its jobs go and come back as any."""
    submit(owner=owner)
    assert [each.id for each in store.find(owner)] == ["job"]
    assert store.read("job").owner == owner
    store.cancel("job")
    assert store.delete("job")
    assert list(store.find(owner)) == []


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"total": 0}, "at least 1"),
        ({"owner": ""}, "needs an owner"),
        ({"payload_bytes": -1}, "less than 0"),
        ({"expires": 0}, "expires=0"),
        ({"expires": math.inf}, "expires=inf"),
        ({"job_timeout": math.nan}, "job_timeout=nan"),
        ({"priority": 10}, "priority=10 of job job must be a whole number from 0, the default, to 9"),
        ({"priority": -1}, "priority=-1"),
        ({"priority": 1.5}, "priority=1.5"),
        ({"priority": True}, "priority=True"),
    ],
)
def test_no_half_valid_job_exists(job, fields, message):
    """A NewJob that cannot be is refused where it is made, naming the value."""
    with pytest.raises(ValueError, match=message):
        job(**fields)


def test_a_door_that_is_not_there_is_refused(store, submit):
    """A shard outside its job, or a number that is none, is never claimed."""
    submit()
    for shard in (-1, 1, 10**20):
        assert not store.claim(ShardId("job", shard), "t").granted
    with pytest.raises((ValueError, TypeError)):
        store.claim(ShardId("job", "0x"), "t")


@pytest.mark.rule(18)
def test_scripts_survive_a_restart_of_the_server(store, client, submit):
    """A server that has forgotten its scripts is taught them again, unnoticed."""
    submit()
    client.script_flush()
    assert store.claim(ShardId("job", 0), "t").granted
