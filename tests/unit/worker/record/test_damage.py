"""One damaged or missing key of a busy record harms the jobs that it belonged to and nobody else.

Each key in turn is deleted, given another type, or filled with junk; then clients and workers go on.
"""

from __future__ import annotations

import contextlib

import pytest
from support.record_inspection import Snapshot, violations
from support.uploads import write_payload

from worker.errors import RecordDamagedError
from worker.record import blobs
from worker.record.keys import PREFIX
from worker.record.listing import JobFilter
from worker.record.store import Store
from worker.record.values import Effects, NewJob, ShardId, WorkerInfo

pytestmark = pytest.mark.rule(38)

LEASE = 10
NODE = WorkerInfo(name="w1", slots=3, lanes=("basicaer",), memory=1 << 30, wire=1, versions={})
OWNERS = ("ann", "bob")
JUNK = b"\xffjunk"
HOLD = "t/w1"


class Site:
    """A store with clients and one worker, which runs what it is handed."""

    def __init__(self, client, clock):
        self.client, self.clock = client, clock
        self.store = Store(client, lease=LEASE)
        self.shard_ids: list[ShardId] = []
        self.log: list[str] = []
        self.owners: dict[str, str] = {}

    def take(self, effects: Effects | None) -> None:
        if effects is not None:
            self.shard_ids += [handed.shard_id for handed in effects.handed_out]
            self.log += effects.repairs

    def submit(self, job_id: str, owner: str, total: int = 1, **fields) -> None:
        size = write_payload(self.store, job_id, [b"x"] * total)
        plain = {"digest": "d", "backend": "any", "manifest": b"{}", "expires": 3600, "job_timeout": 600}
        new = NewJob(id=job_id, owner=owner, total=total, payload_bytes=size, result_bytes=5, **plain | fields)
        self.take(self.store.submit(new))
        self.owners[job_id] = owner

    def claim(self, shard_id: ShardId) -> bool:
        return self.store.claim(shard_id, HOLD).granted

    def complete(self, shard_id: ShardId, **how) -> None:
        self.take(self.store.complete(shard_id, HOLD, b"part", **how))

    def work(self, leases: int = 4) -> None:
        """Run what is handed out, for so many leases."""
        for _ in range(2 * leases):
            self.clock.advance(LEASE / 2)
            self.take(self.store.feed(NODE))
            while self.shard_ids:
                shard_id = self.shard_ids.pop(0)
                if self.claim(shard_id):
                    self.store.beat(shard_id, HOLD, 0.5)
                    self.complete(shard_id)

    def state(self, job_id: str) -> str | None:
        with contextlib.suppress(RecordDamagedError):
            record = self.store.read(job_id)
            return record and record.state
        return "damaged"


def _end_some(site: Site) -> None:
    """Jobs that ended in each way, and one that was deleted."""
    for owner in OWNERS:
        site.submit(f"{owner}-done", owner, tags=("x",))
        site.submit(f"{owner}-bad", owner)
        site.submit(f"{owner}-cancelled", owner, tags=("x", "y"))
        site.take(site.store.cancel(f"{owner}-cancelled"))
    while site.shard_ids:
        shard_id = site.shard_ids.pop(0)
        if site.claim(shard_id):
            bad = shard_id.job_id.endswith("-bad")
            site.complete(shard_id, bad=bad, error=("E", "text", "trace") if bad else None)
    site.submit("gone", "ann")
    site.take(site.store.cancel("gone"))
    site.store.delete("gone")


def busy(client, clock) -> Site:
    """Jobs of two owners: in every state, with shards in every place."""
    site = Site(client, clock)
    site.take(site.store.feed(NODE))
    _end_some(site)
    for owner in OWNERS:
        site.submit(f"{owner}-runs", owner, total=5, tags=("x",))
    for number in range(7):
        shard_id = _claimed(site)
        if number < 2:
            site.take(site.store.release(shard_id, HOLD, reason="given back"))
        elif shard_id.shard:
            site.complete(shard_id)
    # What is held so far lapses, and waits again.
    for _ in range(6):
        clock.advance(LEASE / 4)
        site.take(site.store.feed(NODE))
    for owner in OWNERS:
        site.submit(f"{owner}-waits", owner, total=2)
        site.submit(f"{owner}-waits-too", owner, priority=3)
    for _ in range(3):
        _claimed(site)
    site.take(site.store.feed(NODE))
    write_payload(site.store, "uploaded", [b"x"])
    site.store.client.set(f"{PREFIX}quota", 10**9)
    client.rpush(f"{PREFIX}dropped", "a line")
    assert violations(Snapshot(client)) == []
    return site


def _claimed(site: Site) -> ShardId:
    """Claim the next shard that is to be had."""
    while True:
        site.take(site.store.feed(NODE))
        shard_id = site.shard_ids.pop(0)
        if site.claim(shard_id):
            return shard_id


#: Kind of a key -> what it may be changed to.
GARBLED = {
    b"string": [lambda client, key: client.set(key, JUNK, keepttl=True)],
    b"list": [
        lambda client, key: (client.delete(key), client.rpush(key, JUNK, "7777777", "-1", "0.5")),
        lambda client, key: client.lpush(key, JUNK),
    ],
    b"zset": [
        lambda client, key: (client.delete(key), client.zadd(key, {JUNK: 0, "no/such": 1, "none": 2, "/": 3})),
        lambda client, key: client.zadd(key, {JUNK: 0, "ann-runs/77": 1, "ann-runs/junk": 2, "none": -(2**60)}),
    ],
    b"hash": [
        lambda client, key: client.hset(key, mapping=dict.fromkeys(client.hkeys(key), JUNK)),
        lambda client, key: client.hdel(key, JUNK, *client.hkeys(key)[::2]),
        lambda client, key: client.hdel(key, JUNK, *client.hkeys(key)[1::2]),
    ],
}


def _other_type(client, key):
    kind = client.type(key)
    client.delete(key)
    if kind == b"string":
        client.rpush(key, JUNK)
    else:
        client.set(key, JUNK)


DAMAGES = ["deleted", "another type", "garbled 0", "garbled 1", "garbled 2"]


def damage(client, key: bytes, how: str) -> bool:
    """Damage a key; False: its kind knows no such damage."""
    if how == "deleted":
        client.delete(key)
    elif how == "another type":
        _other_type(client, key)
    else:
        ways = GARBLED[client.type(key)]
        number = int(how[-1])
        if number >= len(ways):
            return False
        ways[number](client, key)
    return True


def belongs_to(name: str, owners: dict[str, str]) -> set[str]:
    """The jobs that a key is about; shared ones are about none: what they lose is in the records."""
    kind, _, rest = name.partition(":")
    of_a_job = {"job", "about", "payload", "parts", "log", "again", "lapses"}
    return {rest} & set(owners) if kind in of_a_job else set()


@pytest.mark.rule(38)
@pytest.mark.slow
@pytest.mark.parametrize("third", range(3))
@pytest.mark.parametrize("how", DAMAGES)
def test_one_damaged_key_harms_its_own_jobs_only(client, clock, how, third):
    """Whatever key is damaged, every other job ends as it would have, new ones run, nothing raises."""
    site = busy(client, clock)
    keys = sorted(client.scan_iter(f"{PREFIX}*"))
    saved = [(key, client.dump(key), max(0, client.pttl(key))) for key in keys]
    later = clock.time()
    shard_ids, before = list(site.shard_ids), {job_id: site.state(job_id) for job_id in site.owners}
    for key in keys[third::3]:
        for name in client.scan_iter(f"{PREFIX}*"):
            client.delete(name)
        for name, dump, ttl in saved:
            client.restore(name, ttl, dump)
        clock.set(later)
        site.shard_ids, site.log = list(shard_ids), []
        name = key.decode(errors="replace").removeprefix(PREFIX)
        if not damage(client, key, how):
            continue
        _go_on(site, name, before)


def _go_on(site, name, before):
    client, store = site.client, site.store
    own = belongs_to(name, before)
    # Clients look and submit, before any worker comes by.
    for owner in OWNERS:
        store.position(f"{owner}-waits")
        list(store.find(owner))
        list(store.find(owner, JobFilter(tags=("x",))))
        list(store.find(owner, JobFilter(states=frozenset({"QUEUED", "RUNNING"}))))
        site.submit(f"{owner}-new", owner)
        store.workers()
    for job_id in own:
        store.annotate(job_id, b"{}", ("z",))
    site.work()
    for owner in OWNERS:
        site.submit(f"{owner}-last", owner)
    site.work(1)
    goes_on = {"QUEUED": "DONE", "RUNNING": "DONE"}
    expected = {job_id: goes_on.get(state, state) for job_id, state in before.items()}
    expected |= {f"{owner}-{job}": "DONE" for owner in OWNERS for job in ("new", "last")}
    found = {job_id: site.state(job_id) for job_id in expected if job_id not in own}
    wrong = {
        job_id: (state, client.hgetall(f"{PREFIX}job:{job_id}"))
        for job_id, state in found.items()
        if state != expected[job_id]
    }
    assert wrong == {}, (name, site.log)
    for job_id, state in found.items():
        if state == "DONE":
            assert all(part == b"part" for _, part in blobs.read_parts(store, job_id)), name
    assert [info.name for info in store.workers()] == ["w1"], name
    assert store.window() == NODE.slots, name
    # Of its own jobs each has ended, or is gone; a client is told so.
    for job_id in own:
        assert site.state(job_id) not in {"QUEUED", "RUNNING"}, (name, site.state(job_id))
        store.cancel(job_id)
        store.delete(job_id)
    left = [client.zrange(f"{PREFIX}{place}", 0, -1) for place in ("held", "sent:basicaer", "deadline")]
    assert left == [[], [], []], name
    if name.startswith("job:") and before[name[4:]] in {"QUEUED", "RUNNING"}:
        assert any(name[4:] in line or "another type" in line for line in site.log), name
    for owner in OWNERS:
        assert {f"{owner}-new", f"{owner}-last"} <= {each.id for each in store.find(owner)}, name
