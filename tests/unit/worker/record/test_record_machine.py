"""Any calls in any order: what must always hold, holds after each; and in the end everything has ended."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from support.examples import examples
from support.record_inspection import RECORD_BYTES, Snapshot, violations
from support.uploads import write_payload

from worker.errors import DuplicateJobError, QuotaExceededError
from worker.record import blobs, chunks, keys
from worker.record.store import Store
from worker.record.values import FINAL_STATES, Effects, NewJob, ShardId, WorkerInfo

OWNERS = st.sampled_from(["ann", "bob"])
JOB_IDS = st.sampled_from(["a", "b", "c"])
SHARD_IDS = st.builds(ShardId, JOB_IDS, st.integers(0, 3))
TOKENS = st.sampled_from(["t1", "t2", "t3"])
PARTS = st.sampled_from([b"part", b"\0#1", b"\0#2", b""])
ERRORS = st.sampled_from([None, None, ("ValueError", "text", "trace")])
QUOTA = 10_000
LASTING = {"clock", "counters", "fed", "grace", "mended", "quota", "window:basicaer", "workers", "workers:info",
           "workers:load", "slots:basicaer"}  # fmt: skip


class RecordMachine(RuleBasedStateMachine):
    """Clients and workers that call anything, at any time, with any token."""

    def __init__(self, client, clock):
        super().__init__()
        client.flushall()
        clock.advance(0)
        self.client, self.clock = client, clock
        client.set(keys.QUOTA, QUOTA)
        self.store = Store(client, lease=10)
        self.states, self.parts, self.ends = {}, {}, set()

    def _note(self, effects: Effects):
        """What was handed out is in `sent`, each once; what ended is final."""
        snapshot = Snapshot(self.client)
        assert len({handed.shard_id for handed in effects.handed_out}) == len(effects.handed_out) <= 100
        for handed in effects.handed_out:
            assert snapshot.places(handed.shard_id) == ["sent"]
        for ended in effects.ended:
            assert self.store.read(ended.job_id).state == ended.state
            assert ended.state in FINAL_STATES
            self.ends.add(ended.job_id)

    def _mine(self, shard_id, token):
        """Return whether the token holds the shard, and whether its job goes on."""
        state, holder = self.store.look(shard_id)
        return holder == token, state is not None and state not in FINAL_STATES

    @rule(job_id=JOB_IDS, owner=OWNERS, total=st.integers(1, 4), digest=st.sampled_from("de"),
          size=st.sampled_from([0, 1, 6000]), priority=st.integers(0, 9),
          tags=st.sampled_from([(), ("x",), ("x", "y")]))  # fmt: skip
    def submit(self, job_id, owner, total, digest, size, priority, tags):
        payload = write_payload(self.store, job_id, [b"x"] * total)
        new = NewJob(id=job_id, owner=owner, total=total, digest=digest, manifest=b"{}", payload_bytes=payload,
                     result_bytes=size, expires=3600, job_timeout=100, backend="any", priority=priority,
                     tags=tags)  # fmt: skip
        record = self.store.read(job_id)
        snapshot = Snapshot(self.client)
        digest_there = snapshot.data.get(f"job:{job_id}", {}).get(b"digest")
        try:
            self._note(self.store.submit(new))
        except DuplicateJobError:
            assert f"tombstone:{job_id}" in snapshot.data or digest_there != digest.encode()
        except QuotaExceededError:
            assert record is None
            used = int(snapshot.data.get("used", {}).get(owner.encode(), 0))
            assert used + RECORD_BYTES + payload + size > QUOTA
        else:
            assert record is None or digest_there == digest.encode()

    @rule(name=st.sampled_from([None, "w1", "w2"]), slots=st.integers(1, 4))
    def feed(self, name, slots):
        worker = name and WorkerInfo(name=name, slots=slots, lanes=("basicaer",), memory=1, wire=1, versions={})
        in_flight = len(Snapshot(self.client).data.get("sent:basicaer", {}))
        self._note(self.store.feed(worker))
        after = len(Snapshot(self.client).data.get("sent:basicaer", {}))
        assert after <= max(self.store.window(), in_flight)

    @rule(shard_id=SHARD_IDS, token=TOKENS)
    def claim(self, shard_id, token):
        mine, unfinished = self._mine(shard_id, token)
        in_sent = Snapshot(self.client).places(shard_id) == ["sent"]
        state, _ = self.store.look(shard_id)
        claim = self.store.claim(shard_id, token)
        assert claim.granted == (unfinished and (mine or in_sent))
        assert claim.state == ("RUNNING" if claim.granted else state)

    @rule(shard_id=SHARD_IDS, token=TOKENS, progress=st.sampled_from([None, 0.5]))
    def beat(self, shard_id, token, progress):
        expected = all(self._mine(shard_id, token))
        assert self.store.beat(shard_id, token, progress) == expected

    @rule(shard_id=SHARD_IDS, token=TOKENS, index=st.integers(0, 1))
    def put(self, shard_id, token, index):
        expected = all(self._mine(shard_id, token))
        assert self.store.put(shard_id, token, index, b"chunk") == expected

    @rule(shard_id=SHARD_IDS, token=TOKENS, part=PARTS, error=ERRORS)
    def complete(self, shard_id, token, part, error):
        mine, unfinished = self._mine(shard_id, token)
        if mine and unfinished:
            for index in range(chunks.count(part)):
                self.store.put(shard_id, token, index, b"chunk")
        effects = self.store.complete(shard_id, token, part, bad=error is not None, error=error)
        assert (effects is not None) == (mine and unfinished)
        if effects is not None:
            self.parts[shard_id] = b"chunk" * chunks.count(part) or part
            self._note(effects)

    @rule(shard_id=SHARD_IDS, token=TOKENS)
    def release(self, shard_id, token):
        mine, _ = self._mine(shard_id, token)
        effects = self.store.release(shard_id, token)
        assert (effects is not None) == mine
        self._note(effects or Effects())

    @rule(shard_id=SHARD_IDS, token=TOKENS)
    def fail(self, shard_id, token):
        mine, _ = self._mine(shard_id, token)
        effects = self.store.fail(shard_id, token, b"bad", ("E", "text", ""))
        assert (effects is not None) == mine
        self.parts[shard_id] = self.parts.get(shard_id, b"bad")
        self._note(effects or Effects())

    @rule(shard_id=SHARD_IDS, token=TOKENS)
    def died(self, shard_id, token):
        expected = all(self._mine(shard_id, token))
        assert bool(self.store.died(shard_id, token, "process 7 died")) == expected

    @rule(job_id=JOB_IDS)
    def cancel(self, job_id):
        record = self.store.read(job_id)
        effects = self.store.cancel(job_id)
        assert (effects is not None) == (record is not None and not record.final)
        self._note(effects or Effects())

    @rule(job_id=JOB_IDS, tags=st.sampled_from([(), ("y",), ("y", "z")]))
    def annotate(self, job_id, tags):
        assert self.store.annotate(job_id, b"{}", tags) == (self.store.read(job_id) is not None)

    @rule(job_id=JOB_IDS, tombstone_passes=st.booleans())
    def delete(self, job_id, tombstone_passes):
        record = self.store.read(job_id)
        deleted = self.store.delete(job_id)
        assert deleted == (record is not None and record.final)
        if deleted:
            self._forget(job_id)
            if tombstone_passes:
                self.client.delete(f"basicaer:1:tombstone:{job_id}")

    @rule(job_id=JOB_IDS, wholly=st.booleans())
    def expire(self, job_id, wholly):
        """A time to live runs out: that of the result, then that of the record."""
        record = self.store.read(job_id)
        if record is None or not record.final:
            return
        self.clock.advance(7 * 86400)
        self.client.delete(*(f"basicaer:1:{kind}:{job_id}" for kind in ("parts", "payload", "log")))
        self.client.pexpire(f"basicaer:1:job:{job_id}", 7 * 86400 * 1000)
        self.client.pexpire(f"basicaer:1:about:{job_id}", 7 * 86400 * 1000)
        self.parts = {shard_id: part for shard_id, part in self.parts.items() if shard_id.job_id != job_id}
        self.feed(None, 1)
        if wholly:
            self.clock.advance(7 * 86400)
            self.client.delete(f"basicaer:1:job:{job_id}", f"basicaer:1:about:{job_id}")
            self.feed(None, 1)
            self._forget(job_id)

    @rule(seconds=st.sampled_from([0.001, 1, 4, 11, 60, 3600]))
    def time_passes(self, seconds):
        self.clock.advance(seconds)

    def _forget(self, job_id):
        self.states.pop(job_id)
        self.ends.discard(job_id)
        self.parts = {shard_id: part for shard_id, part in self.parts.items() if shard_id.job_id != job_id}

    @invariant()
    def what_must_always_hold(self):
        assert violations(Snapshot(self.client)) == []

    @invariant()
    def states_only_go_forward(self):
        for job_id in ("a", "b", "c"):
            record = self.store.read(job_id)
            if record is None:
                assert job_id not in self.states
                continue
            was = self.states.get(job_id, "QUEUED")
            assert record.state == was or was not in FINAL_STATES
            assert (was, record.state) != ("RUNNING", "QUEUED")
            assert record.final == (job_id in self.ends)
            self.states[job_id] = record.state

    @invariant()
    def parts_are_the_winners(self):
        for job_id in self.states:
            for shard, part in blobs.read_parts(self.store, job_id):
                if not isinstance(part, blobs.LapsePart):
                    assert part == self.parts[ShardId(job_id, shard)]

    def teardown(self):
        """While a worker lives every job becomes final; and once all are deleted, nothing is left."""
        for _ in range(100):
            if not self.store.unfinished():
                break
            self.clock.advance(2.5)
            self._note(self.store.feed())
            for member in Snapshot(self.client).data.get("sent:basicaer", {}):
                job_id, _, shard = member.decode().partition("/")
                shard_id = ShardId(job_id, int(shard))
                if self.store.claim(shard_id, "last").granted:
                    self._note(self.store.complete(shard_id, "last", b"last"))
                    self.parts[shard_id] = b"last"
        assert self.store.unfinished() == 0
        self.what_must_always_hold()
        self.parts_are_the_winners()
        for job_id in self.states:
            assert self.store.delete(job_id)
        for _ in range(12):
            self.clock.advance(2.5)
            self.store.feed()
        left = {name for name in Snapshot(self.client).data if not name.startswith(("tombstone:", "upload:"))}
        assert left - LASTING == set()


@pytest.mark.rule(34)
@pytest.mark.slow
def test_any_calls_in_any_order(client, clock):
    """Every shard is in exactly one place, tokens fence, ends are final and told once, nothing leaks."""
    run_state_machine_as_test(
        lambda: RecordMachine(client, clock),
        settings=examples(
            40,
            stateful_step_count=40,
            deadline=None,
            # What fails is shown as it was found: to shrink it takes minutes.
            phases=(Phase.generate,),
            # One client serves all examples; each begins with an empty server.
            suppress_health_check=list(HealthCheck),
        ),
    )
