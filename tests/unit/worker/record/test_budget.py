"""What jobs leave behind, for how long, and whom it counts for."""

from __future__ import annotations

import pickle

import msgspec
import pytest
from support.processes import eventually
from support.record_inspection import RECORD_BYTES, Snapshot
from support.uploads import write_payload

from simulator.sizes import size
from worker.errors import DuplicateJobError, PayloadMissingError, QuotaExceededError
from worker.record import blobs, keys
from worker.record.limits import USUAL_QUOTA
from worker.record.listing import JobFilter
from worker.record.store import Store
from worker.record.values import Effects, ShardId

SHARD_ID = ShardId("job", 0)
DAY = 86400


def used(client, owner="ann"):
    return int(Snapshot(client).data.get("used", {}).get(owner.encode(), 0))


def listed(store, owner="ann"):
    return [each.id for each in store.find(owner)]


def finish(store, job_id="job", part=b"part"):
    store.claim(ShardId(job_id, 0), "t")
    return store.complete(ShardId(job_id, 0), "t", part)


@pytest.mark.rule(36)
def test_a_job_over_the_quota_is_refused_with_bytes_and_cure(client, clock, submit):
    """Over an owner's quota SUBMIT says what was asked, used and allowed; nothing is kept."""
    quota = 100 + 2 * RECORD_BYTES
    store = Store(client)
    client.set(keys.QUOTA, quota)
    submit("first", on=store, payload_bytes=10, result_bytes=60)
    asked, before = RECORD_BYTES + 31, RECORD_BYTES + 70
    uses = f"'ann' may use {size(quota)} in all, and uses {size(before, up=True)}: delete"
    message = f"{size(asked, up=True)} of.*{uses}"
    with pytest.raises(QuotaExceededError, match=message) as refused:
        submit("second", on=store, payload_bytes=1, result_bytes=30)
    assert (refused.value.asked, refused.value.used, refused.value.limit) == (asked, before, quota)
    assert str(pickle.loads(pickle.dumps(refused.value))) == str(refused.value)
    assert store.read("second") is None
    assert Snapshot(client).names("upload") == []
    submit("third", on=store, payload_bytes=1, result_bytes=29)


@pytest.mark.rule(36)
def test_a_job_that_is_more_than_the_quota_is_not_told_to_delete_others(client, clock, submit):
    """Where no room would be enough, the cure is a smaller job or a larger quota."""
    store = Store(client)
    client.set(keys.QUOTA, 2 * RECORD_BYTES)
    with pytest.raises(QuotaExceededError, match="BASICAER_STORE_QUOTA") as refused:
        submit("large", on=store, result_bytes=2 * RECORD_BYTES)
    assert "delete" not in str(refused.value)
    assert "uses" not in str(refused.value)


@pytest.mark.rule(36)
def test_the_quota_is_what_workers_say(store, client, clock, submit, worker):
    """The quota of all clients is the last that a worker was started with, and else 4 GiB."""
    with pytest.raises(QuotaExceededError) as refused:
        submit("large", result_bytes=4 << 30)
    assert refused.value.limit == USUAL_QUOTA == store.budget("ann")[1]
    store.feed(msgspec.structs.replace(worker("w1"), quota=5 << 30))
    store.feed(worker("w2"))
    submit("large", result_bytes=4 << 30)
    assert store.budget("ann") == (used(client), 5 << 30)
    store.feed(msgspec.structs.replace(worker("w3"), quota=0))
    submit("larger", result_bytes=1 << 40)


@pytest.mark.rule(38)
def test_what_was_lost_does_not_count_for_ever(client, clock, submit):
    """Bytes of a job whose record was lost are not held against its owner's next job."""
    store = Store(client)
    client.set(keys.QUOTA, 100 + 2 * RECORD_BYTES)
    submit("first", on=store, result_bytes=90)
    client.delete(keys.key("job", "first"))
    submit("second", on=store, result_bytes=90)
    assert used(client) == 91 + RECORD_BYTES
    client.flushall()


def test_the_budget_is_each_owners_own(client, clock, submit):
    """One owner's jobs leave another's budget alone, and quota 0 is no quota."""
    store = Store(client)
    client.set(keys.QUOTA, 100 + RECORD_BYTES)
    submit("first", on=store, result_bytes=99)
    submit("other", on=store, owner="bob", result_bytes=99)
    client.set(keys.QUOTA, 0)
    submit("large", on=store, result_bytes=10**12)
    assert used(client) == 10**12 + 101 + 2 * RECORD_BYTES
    assert used(client, "bob") == 100 + RECORD_BYTES


def test_the_end_corrects_the_estimate(store, client, submit):
    """From its end on a job counts for the bytes that it has in the store."""
    submit(result_bytes=10**6)
    assert used(client) == RECORD_BYTES + 1 + 10**6
    finish(store, part=b"12345")
    assert used(client) == RECORD_BYTES + 1 + 5


@pytest.mark.rule(16)
def test_cancel_gives_back_what_it_removes(store, client, submit):
    """CANCEL gives back the payload and the estimate; parts and records that are there still count."""
    submit(total=3, result_bytes=100)
    finish(store, part=b"12345")
    store.cancel("job")
    assert used(client) == RECORD_BYTES + 5
    submit("other", result_bytes=100)
    store.cancel("other")
    assert used(client) == 2 * RECORD_BYTES + 5


@pytest.mark.rule(14)
def test_delete_gives_back_all(store, client, submit):
    """DELETE leaves nothing but a tombstone of 4 h, which keeps the id taken."""
    submit()
    finish(store)
    assert store.delete("job")
    snapshot = Snapshot(client)
    assert set(snapshot.data) <= {"tombstone:job", "clock", "fed", "mended", "counters", "turn:basicaer"}
    assert 4 * 3600 - 60 < snapshot.ttl["tombstone:job"] / 1000 <= 4 * 3600
    assert store.read("job") is None
    with pytest.raises(DuplicateJobError, match="deleted less than 4 h ago"):
        submit(digest="another")


def test_a_deleted_jobs_shards_do_not_come_back(store, client, submit):
    """DELETE also clears what the job still had in flight: the id may be used again one day."""
    submit(total=4)
    store.claim(SHARD_ID, "t")
    store.feed()
    store.cancel("job")
    store.delete("job")
    assert not {"held", "sent:basicaer"} & set(Snapshot(client).data)


def test_an_expired_result_gives_back_its_bytes(client, clock, submit):
    """Once the result TTL has passed, FEED or the next SUBMIT gives its bytes back; with the record, all."""
    store = Store(client)
    client.set(keys.QUOTA, 100 + 2 * RECORD_BYTES)
    submit("first", on=store, result_bytes=90)
    finish(store, "first", b"x" * 90)
    clock.advance(7 * DAY - 1)
    with pytest.raises(QuotaExceededError):
        submit("second", on=store, result_bytes=90)
    clock.advance(1)
    submit("second", on=store, result_bytes=90)
    store.cancel("second")
    assert used(client) == 2 * RECORD_BYTES
    client.unlink(*(f"basicaer:1:{kind}:first" for kind in ("job", "about", "log", "payload", "parts")))
    clock.advance(14 * DAY)
    store.feed()
    assert used(client) == RECORD_BYTES


@pytest.mark.slow
def test_any_number_of_expired_results_is_given_back(store, client, clock, submit):
    """A FEED looks at 100 expired results at most, and not at the same ones again until the record expires."""
    for number in range(130):
        submit(f"job-{number}")
        finish(store, f"job-{number}")
        store.feed()
    clock.advance(7 * DAY)
    given_back = []
    for _ in range(3):
        before = used(client)
        store.feed()
        given_back.append((before - used(client)) // len(b"x" + b"part"))
    assert given_back == [100, 30, 0]


def test_lives_of_a_finished_job(store, client, submit):
    """Results live for the result TTL, the record twice as long; a payload as long as the result."""
    submit(total=3)
    finish(store)
    assert {Snapshot(client).ttl[f"{kind}:job"] for kind in ("job", "payload", "parts")} == {-1}
    store.feed()
    for shard in (1, 2):
        store.claim(ShardId("job", shard), "t")
        store.complete(ShardId("job", shard), "t", b"part")
    lives = {kind: Snapshot(client).ttl[f"{kind}:job"] / 1000 / DAY for kind in ("job", "payload", "parts")}
    assert lives == {"job": pytest.approx(14, abs=0.01)} | dict.fromkeys(
        ("payload", "parts"), pytest.approx(7, abs=0.01)
    )


@pytest.mark.rule(13)
def test_expired_is_told_from_unknown(client, clock, submit):
    """After the result TTL the record says "expired"; after twice as long nothing is left."""
    store = Store(client, result_ttl=0.2)
    submit(on=store)
    finish(store)
    assert client.exists(keys.key("parts", "job"))
    eventually(lambda: not client.exists(keys.key("parts", "job")))
    assert store.read("job").state == "DONE"
    assert list(blobs.read_parts(store, "job")) == []
    eventually(lambda: store.read("job") is None)
    assert Snapshot(client).data["index:ann"].keys() == {b"job"}
    assert listed(store) == []
    clock.advance(0.4)
    store.feed()
    assert set(Snapshot(client).data) <= {
        "clock",
        "fed",
        "mended",
        "counters",
        "turn:basicaer",
        "window:basicaer",
        "untold",
    }


@pytest.mark.parametrize("end", [finish, Store.cancel])
def test_an_id_whose_record_expired_may_be_used_again(store, client, clock, submit, end):
    """What was still to be trimmed of an expired job is neither taken from the new one of its name nor its own."""
    submit(tags=("old",))
    end(store, "job")
    client.unlink(*(f"basicaer:1:{kind}:job" for kind in ("job", "about", "log", "payload", "parts")))
    submit(result_bytes=100, expires=30 * DAY)
    assert list(store.find("ann", JobFilter(tags=("old",)))) == []
    clock.advance(14 * DAY)
    store.feed()
    assert listed(store) == ["job"]
    assert used(client) == RECORD_BYTES + 101


def test_a_job_without_parts_is_not_called_expired(store, client, submit):
    """A job that was cancelled before any part came has no result that could expire."""
    submit()
    store.cancel("job")
    assert not client.exists(keys.key("parts", "job"))


def test_a_job_without_payload_is_refused(store, client, job):
    """SUBMIT needs the payload, which lives an hour without it; from there it lives with the job."""
    with pytest.raises(PayloadMissingError, match="job job has no payload"):
        store.submit(job())
    write_payload(store, "job", [b"x"])
    assert 3500 < Snapshot(client).ttl["upload:job"] / 1000 <= 3600
    store.submit(job())
    assert Snapshot(client).ttl["payload:job"] == -1
    assert Snapshot(client).names("upload") == []


def test_an_id_is_one_jobs(store, client, submit):
    """Another content under a known id is refused, and leaves the job and its payload alone."""
    submit(total=2)
    before = Snapshot(client)
    with pytest.raises(DuplicateJobError, match="job job is there already, with other content"):
        submit(total=5, digest="another")
    assert submit(total=2) == Effects()
    assert Snapshot(client).data == before.data
    assert Snapshot(client).ttl["payload:job"] == -1


@pytest.mark.rule(16)
def test_tags_can_be_changed(store, client, submit):
    """ANNOTATE replaces what the record keeps for its user, also of a final job, and not its life."""
    submit(manifest=b"\x00\xff before", tags=("old",))
    assert store.read("job").manifest == b"\x00\xff before"
    assert store.annotate("job", b"after", ("new", "newer"))
    finish(store)
    assert store.annotate("job", b"later", ("newer",))
    assert store.read("job").manifest == b"later"
    assert [len(list(store.find("ann", JobFilter(tags=(tag,))))) for tag in ("old", "new", "newer")] == [0, 0, 1]
    assert Snapshot(client).ttl["about:job"] > 13 * DAY * 1000
    assert not store.annotate("unknown", b"", ())
    assert store.delete("job")
    assert not Snapshot(client).names("about") + Snapshot(client).names("tag") + Snapshot(client).names("tags")
