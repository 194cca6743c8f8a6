"""FEED repairs whatever was lost: messages, workers, time."""

from __future__ import annotations

import time

import pytest
from support.processes import eventually
from support.record_inspection import Snapshot
from support.uploads import write_payload

from worker.record import blobs
from worker.record.store import Store
from worker.record.values import Ended, ShardId

SHARD_ID = ShardId("job", 0)
LAPSED = "the lease lapsed 3 times: the worker's node died or stopped, or could not reach Redis"


def tick(store, clock, seconds):
    """Let time pass with a FEED at every tick; return what they handed out and ended, by the time of each."""
    handed, ended = [], []
    for number in range(1, round(seconds / store.tick) + 1):
        clock.advance(store.tick)
        effects = store.feed()
        handed += [(number * store.tick, each.shard_id) for each in effects.handed_out]
        ended += [(number * store.tick, each) for each in effects.ended]
    return handed, ended


@pytest.mark.rule(34)
@pytest.mark.slow
def test_a_lost_message_is_sent_again_with_doubling(store, clock, submit):
    """What nobody claims is sent again after one lease, then two, four ... and at most 64 later."""
    submit()
    times = [at for at, shard_id in tick(store, clock, 2000)[0] if shard_id == SHARD_ID]
    waits = [later - earlier for earlier, later in zip([0, *times], times, strict=False)]
    assert waits == [10, 20, 40, 80, 160, 320, 640, 640]


def test_the_doubling_begins_anew_when_a_shard_is_claimed(store, clock, submit):
    """How often a shard was sent again is forgotten once it is held."""
    submit()
    tick(store, clock, 35)
    store.claim(SHARD_ID, "t")
    (handed,) = store.release(SHARD_ID, "t").handed_out
    assert handed.shard_id == SHARD_ID
    assert [at for at, _ in tick(store, clock, 31)[0]] == [10, 30]


@pytest.mark.rule(8)
def test_a_message_of_a_cancelled_job_is_never_sent_again(store, client, clock, submit):
    """FEED drops what a cancelled job has in `sent`, at once, and others get its room."""
    submit("gone", total=10)
    submit("other", owner="bob", total=10)
    store.cancel("gone")
    assert not store.claim(ShardId("gone", 0), "t").granted
    assert {handed.job_id for handed in store.feed().handed_out} == {"other"}
    assert tick(store, clock, 9)[0] == []
    assert {shard_id.job_id for _, shard_id in tick(store, clock, 30)[0]} == {"other"}
    assert all(member.startswith(b"other/") for member in Snapshot(client).data["sent:basicaer"])


@pytest.mark.rule(34)
def test_a_dead_worker_costs_a_lease_and_a_tick(store, clock, submit):
    """A shard whose holder fell silent is sent again when its lease has ended, and counts one lapse."""
    submit()
    store.feed()
    store.claim(SHARD_ID, "dead")
    assert tick(store, clock, 20)[0] == [(10, SHARD_ID), (20, SHARD_ID)]
    assert store.read("job").lapses == 1
    assert store.claim(SHARD_ID, "alive").granted
    assert store.complete(SHARD_ID, "dead", b"zombie") is None
    assert store.complete(SHARD_ID, "alive", b"part").ended[0].state == "DONE"
    assert dict(blobs.read_parts(store, "job")) == {0: b"part"}


@pytest.mark.parametrize("renew", ["claim", "beat", "put"])
def test_a_lease_is_renewed(store, clock, submit, renew):
    """CLAIM by the holder, BEAT and PUT each renew the lease."""
    submit()
    store.claim(SHARD_ID, "t")
    for _ in range(5):
        assert tick(store, clock, 9) == ([], [])
        getattr(store, renew)(SHARD_ID, "t", *((0, b"chunk") if renew == "put" else ()))
    assert store.read("job").lapses == 0


@pytest.mark.rule(35)
def test_the_third_death_is_an_error(store, client, clock, submit):
    """A shard whose workers died three times becomes an error part, the others go on."""
    submit(total=2)
    other = ShardId("job", 1)
    ended = []
    for death in range(3):
        assert store.claim(SHARD_ID, f"dead-{death}").granted
        if death == 0:
            store.claim(other, "t")
            store.complete(other, "t", b"part")
        store.put(SHARD_ID, f"dead-{death}", 0, b"orphan")
        ended += tick(store, clock, 10)[1]
    assert ended == [
        (10, Ended("job", "ERROR", 2, "WorkerLostError", LAPSED)),
    ]
    assert dict(blobs.read_parts(store, "job")) == {
        0: blobs.LapsePart(LAPSED),
        1: b"part",
    }
    record = store.read("job")
    assert (record.done, record.bad, record.lapses) == (2, 1, 3)
    assert store.complete(SHARD_ID, "dead-2", b"zombie") is None


@pytest.mark.rule(35)
@pytest.mark.parametrize("seen", range(4))
def test_deaths_that_were_seen(store, clock, submit, seen):
    """What a third lapse says tells the deaths that a node saw from leases that just ran out."""
    submit()
    for death in range(3):
        assert store.claim(SHARD_ID, f"dead-{death}").granted
        assert not store.died(SHARD_ID, "another", "not this")
        if death < seen:
            # The same however often it is seen.
            assert [store.died(SHARD_ID, f"dead-{death}", "process 7 died") for _ in range(2)] == [death + 1] * 2
        tick(store, clock, 10)
    lapsed = f"the lease lapsed {3 - seen} times: the worker's node died or stopped, or could not reach Redis"
    died = f"worker died {seen} times while running it"
    assert store.read("job").error_text == {0: lapsed, 3: died}.get(seen, f"{died}, and {lapsed}")


@pytest.mark.rule(34)
def test_failures_are_counted_apart(store, clock, submit):
    """Three errors that are not the circuit's end a shard, with the last one's text; none is a lapse."""
    submit(total=2)
    store.feed()
    error = ("KeyError", "'slot'", "Traceback ...")
    for number in range(3):
        assert store.fail(SHARD_ID, "another", b"bad", error) is None
        assert store.claim(SHARD_ID, str(number)).granted
        store.put(SHARD_ID, str(number), 0, b"orphan")
        if number == 1:
            # Neither a lapse nor a release is a failure.
            tick(store, clock, 10)
            assert store.claim(SHARD_ID, "released").granted
            store.release(SHARD_ID, "released")
            assert store.claim(SHARD_ID, str(number)).granted
        assert store.read("job").state == "RUNNING"
        assert store.fail(SHARD_ID, str(number), b"bad", error) is not None
    record = store.read("job")
    assert (record.done, record.bad, record.lapses, record.error_type) == (1, 1, 1, "KeyError")
    assert (record.error_text, record.traceback) == ("'slot'", "Traceback ...")
    assert dict(blobs.read_parts(store, "job")) == {0: b"bad"}
    texts = [line.text for line in store.log("job") if line.word in {"released", "error"}]
    assert texts == ["KeyError: 'slot'", "", "KeyError: 'slot'", "KeyError: 'slot'"]


def test_a_release_is_not_a_death(store, clock, submit):
    """RELEASE may happen any number of times."""
    submit()
    for number in range(10):
        assert store.claim(SHARD_ID, str(number)).granted
        store.release(SHARD_ID, str(number))
    assert store.read("job").lapses == 0


def test_a_release_with_a_delay_waits(store, clock, submit):
    """A shard that was released with a delay is sent again when that is over, not at once, and it is no lapse."""
    submit()
    store.claim(SHARD_ID, "t")
    assert store.release(SHARD_ID, "t", delay=3).handed_out == ()
    assert tick(store, clock, 9)[0] == [(3, SHARD_ID)]
    assert store.read("job").lapses == 0


@pytest.mark.rule(34)
def test_silence_is_not_death(store, clock, submit):
    """If no FEED ran for half a lease, none lapses for one more lease: Redis may have been down."""
    submit()
    store.feed()
    store.claim(SHARD_ID, "t")
    clock.advance(60)
    store.feed()
    assert tick(store, clock, 9) == ([], [])
    assert store.beat(SHARD_ID, "t")
    assert tick(store, clock, 9) == ([], [])
    assert store.beat(SHARD_ID, "t")
    assert store.read("job").lapses == 0
    # It fell silent for good: then it is dead.
    assert tick(store, clock, 10)[0] == [(10, SHARD_ID)]


def test_the_grace_after_a_silence_is_one_lease(store, clock, submit):
    """What is still silent one lease after the silence ended has lapsed."""
    submit()
    store.feed()
    store.claim(SHARD_ID, "t")
    clock.advance(60)
    assert store.feed().handed_out == ()
    assert tick(store, clock, 10)[0] == [(10, SHARD_ID)]


def test_a_short_silence_changes_nothing(store, clock, submit):
    """A FEED that is late by less than half a lease brings no grace."""
    submit()
    store.feed()
    store.claim(SHARD_ID, "t")
    for _ in range(2):
        clock.advance(5)
        effects = store.feed()
    assert [handed.shard_id for handed in effects.handed_out] == [SHARD_ID]


@pytest.mark.rule(5)
def test_a_job_that_nobody_begins_expires(store, clock, submit):
    """A job that no worker began within `expires` ends as ERROR and says why."""
    submit(total=3, expires=30)
    assert tick(store, clock, 29)[1] == []
    ((at, ended),) = tick(store, clock, 5)[1]
    assert (at, ended.state, ended.error_type) == (1, "ERROR", "JobDeadlineError")
    assert ended.error_text == (
        "no worker began the job within the 30 s that `expires` allows: start workers, or allow more"
    )
    assert store.read("job").error_text == ended.error_text
    assert not store.claim(SHARD_ID, "t").granted


@pytest.mark.rule(30)
def test_a_job_may_take_job_timeout_from_its_first_claim(store, clock, submit):
    """`job_timeout` begins at the first CLAIM, in place of `expires`, and ends what runs on for ever."""
    submit(total=3, expires=30, job_timeout=0.5 * 60)
    tick(store, clock, 25)
    store.claim(SHARD_ID, "t")
    for _ in range(29):
        assert tick(store, clock, 1)[1] == []
        assert store.beat(SHARD_ID, "t")
    store.claim(ShardId("job", 1), "t")  # a later CLAIM does not put it off
    ((_, ended),) = tick(store, clock, 1)[1]
    assert (ended.state, ended.error_type) == ("ERROR", "JobDeadlineError")
    assert ended.error_text == (
        "the job was not done within the 30 s that `job_timeout` allows: allow more, or ask for less"
    )
    assert not store.beat(SHARD_ID, "t")
    assert store.complete(SHARD_ID, "t", b"too late") is None
    assert store.read("job").state == "ERROR"


@pytest.mark.slow
def test_a_deadline_speaks_louder_than_a_bad_part(store, clock, submit):
    """A job that ended at its deadline says so, whatever failed before."""
    submit(total=2)
    store.claim(SHARD_ID, "t")
    store.complete(SHARD_ID, "t", b"bad", bad=True, error=("ValueError", "text", "trace"))
    ended = tick(store, clock, 600)[1]
    assert [each.error_type for _, each in ended] == ["JobDeadlineError"]


def test_a_feed_does_a_hundred_things_at_most(store, client, clock, submit):
    """However many jobs are late, one FEED ends 100, and the next ones go on until all are ended."""
    for number in range(130):
        submit(f"job-{number}", expires=1)
    clock.advance(1)
    assert len(store.feed().ended) == 100
    # Nothing else was done: the messages of jobs that ended are still there.
    assert set(Snapshot(client).data["sent:basicaer"]) == {b"job-0/0", b"job-1/0"}
    assert [len(store.feed().ended) for _ in range(2)] == [30, 0]
    assert store.unfinished() == 0


def test_all_that_a_feed_does_counts(store, client, clock, submit, worker):
    """Late jobs, dead and lapsed leases, messages dropped, sent again and handed out are 100 at most together."""
    wide = worker(slots=200)
    store.feed(wide)
    submit("cancelled", total=60)
    submit("going-on", owner="bob", total=600)
    store.feed(wide)
    for job_id in ("cancelled", "going-on"):
        for shard in range(30):
            assert store.claim(ShardId(job_id, shard), "dead").granted
    store.cancel("cancelled")
    clock.advance(5)
    # 30 messages of the cancelled job are dropped: 70 take their place and that of the claimed.
    assert len(store.feed(wide).handed_out) == 70
    for number in range(30):
        submit(f"late-{number}", owner="eve", expires=5)
    clock.advance(5)
    # 30 late, 30 leases of the cancelled job, 30 lapsed: room for 10 of the messages to be sent again.
    first = store.feed(wide)
    late = [ended for ended in first.ended if ended.job_id.startswith("late")]
    assert (len(late), store.read("going-on").lapses, len(first.handed_out)) == (30, 30, 10)
    # The window has room, but what is sent again is 100 already.
    sizes = [len(store.feed(worker(slots=300)).handed_out) for _ in range(6)]
    assert sizes[0] == 100
    assert max(sizes) <= 100
    assert sizes[-1] == 0
    store.cancel("going-on")


def test_what_was_held_goes_with_a_lost_worker_of_a_final_job(store, client, clock, submit):
    """Leases and chunks of a job that ended meanwhile are cleared away, by the holder or by FEED."""
    submit(total=4)
    for shard in (0, 1):
        store.claim(ShardId("job", shard), "t")
        store.put(ShardId("job", shard), "t", 0, b"chunk")
    store.cancel("job")
    assert store.release(SHARD_ID, "t").ended == ()
    tick(store, clock, 10)
    snapshot = Snapshot(client)
    assert "held" not in snapshot.data
    assert "parts:job" not in snapshot.data
    assert "sent:basicaer" not in snapshot.data


def test_the_clock_is_the_servers(connect, job):
    """With the scripts as they are, a lease runs out by Redis's own TIME."""
    store = Store(connect(clocked=False), lease=0.2)
    size = write_payload(store, "job", [b"x"])
    store.submit(job(payload_bytes=size))
    assert store.claim(SHARD_ID, "dead").granted
    assert abs(store.read("job").started - time.time()) < 60
    assert store.feed().handed_out == ()
    assert eventually(lambda: store.feed().handed_out)[0].shard_id == SHARD_ID
    assert store.read("job").lapses == 1


@pytest.mark.rule(1)
def test_celery_is_told_until_it_knows(store, client, clock, submit):
    """An end that nobody told Celery of is told again by FEED, once a lease, until Celery has it."""
    submit()
    store.cancel("job")
    assert store.feed().ended == ()

    for _ in range(2):
        clock.advance(store.lease)
        (ended,) = store.feed().ended
        assert (ended.job_id, ended.state, ended.total) == ("job", "CANCELLED", 1)
        assert store.feed().ended == ()

    client.set("celery-task-meta-job", '{"status": "STARTED", "result": null}')
    clock.advance(store.lease)
    assert len(store.feed().ended) == 1
    client.set("celery-task-meta-job", '{"status": "REVOKED", "result": null}')
    clock.advance(store.lease)
    assert store.feed().ended == ()
    assert not client.exists("basicaer:1:untold")


def test_celery_is_not_told_for_ever(store, client, clock, submit):
    """Ten leases after the end nobody tells Celery any more."""
    submit()
    store.cancel("job")
    told = 0
    for _ in range(15):
        clock.advance(store.lease)
        told += len(store.feed().ended)
    assert told == 10
    assert not client.exists("basicaer:1:untold")
