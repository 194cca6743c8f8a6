"""Payloads and parts in chunks: what goes in comes out, and nothing is left behind."""

from __future__ import annotations

import contextlib
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.record_inspection import Snapshot
from support.uploads import submit_with, write_payload

from worker.errors import DuplicateJobError, PayloadMissingError, QuotaExceededError, ResultMissingError
from worker.record import blobs, chunks, keys
from worker.record.blobs import LapsePart, Upload
from worker.record.values import ShardId

MB = 1 << 20
SHARD_ID = ShardId("job", 0)
#: Around every border: of a whole part, of one chunk, of two.
SIZES = [0, 1, MB, MB + 1, 8 * MB, 8 * MB + 1, 17 * MB]


def blob(size):
    """Bytes that begin and end as nothing else does."""
    pattern = os.urandom(1 << 16)
    return b"B" * min(size, 1) + (pattern * (size // len(pattern) + 1))[: max(size - 1, 0)]


@given(st.binary(max_size=20), st.integers(0, 8))
def test_a_field_is_what_it_says(data, most):
    """A whole blob, a header and a lapse are never taken for one another, whatever the bytes."""
    field = chunks.header(data, most)
    assert chunks.lapse_text(field) is None
    if chunks.count(field):
        assert b"".join(chunks.cut(data)) == data
        assert chunks.count(field) == len(list(chunks.cut(data)))
    else:
        assert field == data


@given(st.text())
def test_a_lapse_is_known_by_its_first_bytes(text):
    """A part that Lua made is recognised without msgpack."""
    field = b"\0!" + text.encode()
    assert chunks.lapse_text(field) == text
    assert chunks.count(field) == 0


@pytest.mark.parametrize("size", SIZES)
def test_a_payload_comes_out_as_it_went_in(store, client, job, size):
    """Shards of any size, from an iterator, are read one by one."""
    shards = [b"first", blob(size), b"\0#1 looks like a header", b"last"]
    written = write_payload(store, "job", iter(shards))
    fields = client.hgetall("basicaer:1:upload:job")
    assert written == sum(map(len, shards))
    assert max(map(len, fields.values())) <= 8 * MB
    store.submit(job(total=4, payload_bytes=written))
    for number, shard in enumerate(shards):
        assert blobs.read_shard(store, ShardId("job", number)) == shard


def test_a_second_upload_takes_the_place_of_the_first(store, client):
    """What an upload that broke off left under the id is not mixed with the next one."""
    write_payload(store, "job", [b"a"] * 5)
    write_payload(store, "job", [b"b"] * 2)
    assert client.hgetall("basicaer:1:upload:job") == {b"0": b"b", b"1": b"b"}


def test_a_payload_that_comes_along_is_not_mixed_with_an_upload(store, client, job):
    """What an upload that broke off left under the id goes when SUBMIT brings the payload itself."""
    write_payload(store, "job", [b"left behind"] * 5)
    submit_with(store, job(), [b"small"])
    assert client.hgetall("basicaer:1:payload:job") == {b"0": b"small"}


def test_two_clients_under_one_id_do_not_mix(store, client, job):
    """Of two that submit under one id at the same time one is taken, with its own shards and no others."""
    contents = {name: [name.encode() * 20_000] * 150 for name in "ab"}
    for number in range(5):
        start = threading.Barrier(2)

        def submit(name, number=number, start=start):
            start.wait()
            with contextlib.suppress(DuplicateJobError):
                submit_with(store, job(f"job-{number}", total=150, digest=name), contents[name])
                return name

        with ThreadPoolExecutor(2) as both:
            (taken,) = filter(None, both.map(submit, "ab"))
        shards = [bytes(blobs.read_shard(store, ShardId(f"job-{number}", n))) for n in range(150)]
        assert shards == contents[taken]
    assert not list(client.scan_iter("basicaer:1:upload:*"))


def test_ten_thousand_small_shards_go_in_few_commands(store, client):
    """Small shards are written many at a time, and each is its own field."""
    assert write_payload(store, "job", (b"%d" % n for n in range(10_000))) == 38_890
    assert client.hlen("basicaer:1:upload:job") == 10_000


@pytest.mark.parametrize("shards", [[b"a", b"b"], [b"x"] * 200, [bytes(2 << 20), b"b"]])
def test_a_payload_goes_along_or_before(store, client, job, shards):
    """Small payloads travel with SUBMIT, larger ones are uploaded before; either way each shard is there."""
    submit_with(store, job(total=len(shards)), shards)

    assert [bytes(blobs.read_shard(store, ShardId("job", n))) for n in range(len(shards))] == shards
    assert client.ttl("basicaer:1:payload:job") == -1
    assert not client.exists("basicaer:1:upload:job")


@pytest.mark.parametrize("size", [10, 2 << 20])
def test_what_was_refused_can_be_submitted_again(store, job, size):
    """A job that its owner's quota refused, small or large, goes as it is once there is room."""
    upload = Upload()
    upload.add(bytes(size))
    store.client.set(keys.QUOTA, 1)
    with pytest.raises(QuotaExceededError):
        upload.submit(store, job())
    store.client.delete(keys.QUOTA)
    upload.submit(store, job())
    assert blobs.read_shard(store, SHARD_ID) == bytes(size)


def test_a_claim_brings_the_shard(store, job):
    """CLAIM brings a small shard, and of a large one the header, from which it is read."""
    large = bytes(9 << 20)
    submit_with(store, job(total=2), [b"small", large])

    for shard, data in enumerate((b"small", large)):
        shard_id = ShardId("job", shard)
        field = store.claim(shard_id, "mine").field
        assert (field == data) == (shard == 0)
        assert blobs.read_shard(store, shard_id, field) == data


def test_a_payload_that_is_gone_is_a_clear_error(store, submit):
    """The programs of a cancelled job are gone at once, and reading them says so."""
    submit()
    assert blobs.read_shard(store, SHARD_ID) == b"x"
    store.cancel("job")
    with pytest.raises(PayloadMissingError, match="job/0 is gone: the job was cancelled"):
        blobs.read_shard(store, SHARD_ID)


def put_and_complete(store, shard_id, token, data):
    assert blobs.put_part(store, shard_id, token, data)
    return store.complete(shard_id, token, blobs.header(data))


@pytest.mark.parametrize("size", SIZES)
def test_a_part_comes_out_as_it_went_in(store, client, submit, size):
    """A part of any size is read whole; more than 1 MB lies in chunks of at most 8 MB."""
    submit(total=2)
    data = blob(size)
    for shard, part in ((0, bytearray(data)), (1, b"\0!looks like a lapse")):
        store.claim(ShardId("job", shard), "t")
        put_and_complete(store, ShardId("job", shard), "t", part)
    fields = client.hgetall("basicaer:1:parts:job")
    assert max(map(len, fields.values())) <= 8 * MB
    assert dict(blobs.read_parts(store, "job")) == {0: data, 1: b"\0!looks like a lapse"}


@pytest.mark.rule(16)
def test_parts_that_are_in_can_be_read_before_the_end(store, submit, queue):
    """The parts that are there are read in order, whatever is missing between them."""
    queue.take(submit(total=100))
    queue.run(40)
    store.claim(queue.shard_ids[1], "t")
    store.complete(queue.shard_ids[1], "t", b"ahead")
    assert list(blobs.read_parts(store, "job")) == [(n, b"part") for n in range(40)] + [(41, b"ahead")]
    store.cancel("job")
    assert len(list(blobs.read_parts(store, "job"))) == 41
    assert list(blobs.read_parts(store, "unknown")) == []


@pytest.mark.rule(34)
def test_chunks_of_a_loser_do_not_survive(store, client, clock, submit):
    """What a holder PUT goes with its hold: by RELEASE, by a lapse, or under the winner's header."""
    submit(total=2)
    store.claim(SHARD_ID, "released")
    blobs.put_part(store, SHARD_ID, "released", blob(17 * MB))
    store.release(SHARD_ID, "released")
    assert "parts:job" not in Snapshot(client).data
    store.claim(SHARD_ID, "dead")
    blobs.put_part(store, SHARD_ID, "dead", blob(17 * MB))
    for _ in range(10):
        clock.advance(1)
        store.feed()
    assert "parts:job" not in Snapshot(client).data
    store.claim(SHARD_ID, "winner")
    assert not blobs.put_part(store, SHARD_ID, "dead", blob(17 * MB))
    data = blob(9 * MB)
    blobs.put_part(store, SHARD_ID, "winner", blob(17 * MB))  # a try that was cut off
    put_and_complete(store, SHARD_ID, "winner", data)
    assert sorted(client.hkeys("basicaer:1:parts:job")) == [b"0", b"0.0", b"0.1"]
    assert dict(blobs.read_parts(store, "job")) == {0: data}


def test_chunks_of_a_job_that_ended_go_with_its_holder(store, client, submit):
    """A holder that comes too late reveals nothing, and leaves no chunk."""
    submit()
    store.claim(SHARD_ID, "t")
    data = blob(9 * MB)
    blobs.put_part(store, SHARD_ID, "t", data)
    store.cancel("job")
    assert store.complete(SHARD_ID, "t", blobs.header(data)) is None
    assert "parts:job" not in Snapshot(client).data


def test_a_result_that_goes_while_it_is_read_is_a_clear_error(store, client, submit):
    """A reader is told that the result went, rather than given a part of it."""
    submit()
    store.claim(SHARD_ID, "t")
    put_and_complete(store, SHARD_ID, "t", blob(9 * MB))
    client.hdel("basicaer:1:parts:job", "0.1")
    with pytest.raises(ResultMissingError, match="part 0 of job job went while it was read"):
        list(blobs.read_parts(store, "job"))
    store.delete("job")


@pytest.mark.rule(35)
def test_a_lapse_is_read_as_one(store, clock, submit):
    """The part of a shard that lost three leases reads as a LapsePart."""
    submit()
    store.feed()
    for death in range(3):
        store.claim(SHARD_ID, str(death))
        for _ in range(10):
            clock.advance(1)
            store.feed()
    ((shard, part),) = blobs.read_parts(store, "job")
    assert (shard, type(part)) == (0, LapsePart)
    assert part.text.startswith("the lease lapsed 3 times: ")
