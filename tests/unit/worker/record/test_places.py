"""Every script, before and after, for a shard in every place and a job in every state."""

from __future__ import annotations

import pytest
from support.record_inspection import Snapshot, violations

from worker.record import keys
from worker.record.values import Claim, Ended, ShardCounts, ShardId

SHARD_ID = ShardId("job", 0)
MINE, OTHER = "mine", "other"


def _held(store, submit, token=MINE):
    submit(total=4)
    assert store.claim(SHARD_ID, token).granted
    store.feed()  # the window is full again: what is released must wait


def _waiting(store, submit):
    _held(store, submit)
    store.release(SHARD_ID, MINE)


def _done(store, submit):
    _held(store, submit)
    store.complete(SHARD_ID, MINE, b"part")


def _last_done(store, submit, **complete):
    submit()
    store.claim(SHARD_ID, MINE)
    store.complete(SHARD_ID, MINE, b"part", **complete)


def _cancelled(arrange):
    def run(store, submit):
        arrange(store, submit)
        assert store.cancel("job") is not None

    return run


def _deleted(store, submit):
    _last_done(store, submit)
    assert store.delete("job")


#: Situation -> how to bring shard 0 there. The store's window is 2, the job has 4 shards where it goes on.
SITUATIONS = {
    "unknown": lambda store, submit: None,
    "waiting": _waiting,
    "sent": lambda store, submit: submit(total=4),
    "held, mine": _held,
    "held, another's": lambda store, submit: _held(store, submit, OTHER),
    "done": _done,
    "job done": _last_done,
    "job bad": lambda store, submit: _last_done(store, submit, bad=True, error=("E", "text", "trace")),
    "cancelled, was waiting": _cancelled(_waiting),
    "cancelled, was sent": _cancelled(lambda store, submit: submit(total=4)),
    "cancelled, was held": _cancelled(_held),
    "cancelled, was done": _cancelled(_done),
    "deleted": _deleted,
}
#: Situation -> the job's state, and the place where shard 0 is found.
BEFORE = {
    "unknown": (None, []),
    "waiting": ("RUNNING", ["waiting"]),
    "sent": ("QUEUED", ["sent"]),
    "held, mine": ("RUNNING", ["held"]),
    "held, another's": ("RUNNING", ["held"]),
    "done": ("RUNNING", ["done"]),
    "job done": ("DONE", ["done"]),
    "job bad": ("ERROR", ["done"]),
    "cancelled, was waiting": ("CANCELLED", []),
    "cancelled, was sent": ("CANCELLED", ["sent"]),
    "cancelled, was held": ("CANCELLED", ["held"]),
    "cancelled, was done": ("CANCELLED", ["done"]),
    "deleted": (None, []),
}
SCRIPTS = {
    "CLAIM": lambda store: store.claim(SHARD_ID, MINE),
    "BEAT": lambda store: store.beat(SHARD_ID, MINE, 0.5),
    "PUT": lambda store: store.put(SHARD_ID, MINE, 0, b"chunk"),
    "COMPLETE": lambda store: store.complete(SHARD_ID, MINE, b"a part") is not None,
    "RELEASE": lambda store: store.release(SHARD_ID, MINE) is not None,
    "FAIL": lambda store: store.fail(SHARD_ID, MINE, b"bad", ("E", "text", "")) is not None,
    "DIED": lambda store: store.died(SHARD_ID, MINE, "process 7 died"),
    "CANCEL": lambda store: store.cancel("job") is not None,
    "DELETE": lambda store: store.delete("job"),
    "ANNOTATE": lambda store: store.annotate("job", b"tags", ("tag",)),
}
REFUSALS = {"CLAIM": None, "BEAT": False, "PUT": False, "COMPLETE": False, "RELEASE": False, "FAIL": False,
            "DIED": False, "CANCEL": False, "DELETE": False, "ANNOTATE": False}  # fmt: skip
#: (script, situation) -> (reply, the job's state after, shard 0's place after). Others refuse and change nothing.
AFTER = {
    ("CLAIM", "sent"): (Claim(True, "RUNNING", b"x", "ann", 1), "RUNNING", ["held"]),
    ("CLAIM", "held, mine"): (Claim(True, "RUNNING", b"x", "ann", 1), "RUNNING", ["held"]),
    # Refused, but the message of a final job is out of the way.
    ("CLAIM", "cancelled, was sent"): (Claim(False, "CANCELLED"), "CANCELLED", []),
    ("BEAT", "held, mine"): (True, "RUNNING", ["held"]),
    ("PUT", "held, mine"): (True, "RUNNING", ["held"]),
    ("COMPLETE", "held, mine"): (True, "RUNNING", ["done"]),
    # Nothing is written, but the lease is out of the way.
    ("COMPLETE", "cancelled, was held"): (False, "CANCELLED", []),
    ("RELEASE", "held, mine"): (True, "RUNNING", ["waiting"]),
    ("RELEASE", "cancelled, was held"): (True, "CANCELLED", []),
    ("FAIL", "held, mine"): (True, "RUNNING", ["waiting"]),
    ("FAIL", "cancelled, was held"): (True, "CANCELLED", []),
    ("DIED", "held, mine"): (True, "RUNNING", ["held"]),
    ("CANCEL", "waiting"): (True, "CANCELLED", []),
    ("CANCEL", "sent"): (True, "CANCELLED", ["sent"]),
    ("CANCEL", "held, mine"): (True, "CANCELLED", ["held"]),
    ("CANCEL", "held, another's"): (True, "CANCELLED", ["held"]),
    ("CANCEL", "done"): (True, "CANCELLED", ["done"]),
    **{
        ("DELETE", situation): (True, None, [])
        for situation, (state, _) in BEFORE.items()
        if state in {"DONE", "ERROR", "CANCELLED"}
    },
    **{
        ("ANNOTATE", situation): (True, state, place)
        for situation, (state, place) in BEFORE.items()
        if state is not None
    },
}


def observed(store, client):
    record = store.read("job")
    return (record and record.state), Snapshot(client).places(SHARD_ID)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_a_situation_is_what_its_name_says(store, client, submit, situation):
    """Every place of a shard and every state of a job can be reached, and is one."""
    SITUATIONS[situation](store, submit)
    assert observed(store, client) == BEFORE[situation]


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("script", SCRIPTS)
def test_script_before_and_after(store, client, submit, script, situation):
    """A script acts only where its table says so; anywhere else it refuses and changes nothing at all."""
    SITUATIONS[situation](store, submit)
    state, _ = BEFORE[situation]
    before = Snapshot(client)
    reply = SCRIPTS[script](store)
    if (script, situation) in AFTER:
        expected, *after = AFTER[script, situation]
        assert reply == expected
        assert observed(store, client) == tuple(after)
    else:
        assert reply == (Claim(False, state) if script == "CLAIM" else REFUSALS[script])
        assert Snapshot(client).data == before.data
    assert violations(Snapshot(client)) == []


@pytest.mark.parametrize("situation", SITUATIONS)
@pytest.mark.parametrize("script", SCRIPTS)
def test_twice_is_once(store, client, submit, script, situation):
    """A script that is repeated, its answer having been lost, changes nothing more."""
    SITUATIONS[situation](store, submit)
    SCRIPTS[script](store)
    before = Snapshot(client)
    SCRIPTS[script](store)
    assert Snapshot(client).data == before.data


@pytest.mark.parametrize("situation", [name for name in SITUATIONS if name != "unknown"])
def test_submit_of_a_known_id(store, client, submit, situation):
    """SUBMIT of the same id and content again is a no-op in every state; after DELETE it is refused."""
    SITUATIONS[situation](store, submit)
    before = Snapshot(client)
    if situation == "deleted":
        with pytest.raises(Exception, match="deleted less than 4 h ago"):
            submit()
    else:
        assert submit().handed_out == ()
    assert Snapshot(client).data == before.data


@pytest.mark.rule(34)
@pytest.mark.parametrize("script", ["BEAT", "PUT", "COMPLETE", "RELEASE"])
def test_a_wrong_token_writes_nothing(store, client, submit, script):
    """All writes of a shard check the token: one that lost its lease to another writes nothing."""
    submit(total=4)
    store.claim(SHARD_ID, OTHER)
    before = Snapshot(client)
    assert not SCRIPTS[script](store)
    assert Snapshot(client).data == before.data


@pytest.mark.rule(5)
def test_the_life_of_a_job_of_one_shard(store, client, clock, submit):
    """QUEUED, RUNNING at the first CLAIM, DONE at the last COMPLETE, each with its time."""
    (handed,) = submit(manifest=b"{}").handed_out
    assert handed == ("job", 0, 1)
    assert handed.shard_id == SHARD_ID
    queued = store.read("job")
    assert (queued.state, queued.created, queued.started, queued.final) == ("QUEUED", clock.time(), None, False)
    clock.advance(1.5)
    store.claim(SHARD_ID, MINE)
    running = store.read("job")
    assert (running.state, running.started - running.created, running.ended) == ("RUNNING", 1.5, None)
    clock.advance(2)
    effects = store.complete(SHARD_ID, MINE, b"part")
    assert effects.ended == (Ended("job", "DONE", 1, None, None),)
    done = store.read("job")
    assert (done.state, done.ended - done.started, done.final, done.progress) == ("DONE", 2.0, True, 1.0)
    assert client.hgetall("basicaer:1:parts:job") == {b"0": b"part"}


def test_places_add_up(store, submit):
    """The places of an unfinished job's shards add up to its total; a final one's are told no more."""
    assert store.shard_counts("job") is None
    submit(total=7)
    store.claim(ShardId("job", 0), MINE)
    store.claim(ShardId("job", 1), MINE)
    store.complete(ShardId("job", 1), MINE, b"part")
    assert store.shard_counts("job") == ShardCounts(waiting=3, sent=2, leased=1, done=1)
    store.cancel("job")
    assert store.shard_counts("job") is None


def test_look_reads_state_and_token(store, submit):
    """The checkpoint sees who holds the shard, and the job's state."""
    assert store.look(SHARD_ID) == (None, None)
    submit(total=4)
    assert store.look(SHARD_ID) == ("QUEUED", None)
    store.claim(SHARD_ID, MINE)
    assert store.look(SHARD_ID) == ("RUNNING", MINE)


def test_progress_counts_running_shards(store, submit):
    """The progress of shards in flight adds to that of the done, and goes with a release."""
    submit(total=4)
    for shard in (0, 1):
        store.claim(ShardId("job", shard), MINE)
    store.complete(ShardId("job", 1), MINE, b"part")
    store.beat(SHARD_ID, MINE, 0.5)
    assert store.read("job").progress == pytest.approx(1.5 / 4)
    store.release(SHARD_ID, MINE)
    assert store.read("job").progress == pytest.approx(1 / 4)


def test_progress_of_a_final_job_is_what_is_done(store, submit):
    """What still ran when the job ended counts for nothing."""
    submit(total=2)
    store.claim(SHARD_ID, MINE)
    store.beat(SHARD_ID, MINE, 0.5)
    store.cancel("job")
    assert store.read("job").progress == 0


@pytest.mark.rule(16)
def test_usage_is_what_each_worker_completed(store, submit):
    """The seconds of completed shards add up by worker; a run that delivered nothing is not counted."""
    submit(total=4)
    for shard, (worker, seconds) in enumerate([("w1@a", 1.5), ("w2@b", 0.25), ("w1@a", 2.0)]):
        store.claim(ShardId("job", shard), f"token/{worker}")
        store.complete(ShardId("job", shard), f"token/{worker}", b"part", seconds=seconds)
    store.claim(ShardId("job", 3), "token/w3@c")
    store.cancel("job")
    assert store.complete(ShardId("job", 3), "token/w3@c", b"part", seconds=9) is None
    assert store.read("job").usage == {"w1@a": 3.5, "w2@b": 0.25}


@pytest.mark.rule(6, 7)
def test_the_first_bad_part_speaks_for_the_job(store, submit):
    """A bad part makes the job ERROR when all are in, never before; its error is kept."""
    submit(total=3)
    shard_ids = [ShardId("job", shard) for shard in range(3)]
    errors = {1: ("MemoryRefusedError", "too wide", "trace 1"), 2: ("ValueError", "second", "trace 2")}
    for shard_id in (shard_ids[1], shard_ids[2]):
        store.feed()
        store.claim(shard_id, MINE)
        assert store.complete(shard_id, MINE, b"bad", bad=True, error=errors[shard_id.shard]).ended == ()
    store.claim(shard_ids[0], MINE)
    assert store.complete(shard_ids[0], MINE, b"good").ended == (
        Ended("job", "ERROR", 3, "MemoryRefusedError", "too wide"),
    )
    record = store.read("job")
    assert (record.done, record.bad, record.traceback) == (3, 2, "trace 1")


def test_an_error_without_words_is_still_an_error(store, submit):
    """A part marked bad ends the job as ERROR even where nobody says why."""
    submit()
    store.claim(SHARD_ID, MINE)
    assert store.complete(SHARD_ID, MINE, b"bad", bad=True).ended[0].state == "ERROR"


@pytest.mark.rule(8, 9)
def test_cancel_is_announced_once(store, submit):
    """CANCEL tells its caller what to store, once; afterwards the job is final."""
    submit(total=3)
    assert store.cancel("job").ended == (Ended("job", "CANCELLED", 3, None, None),)
    assert store.cancel("job") is None


@pytest.mark.rule(12)
def test_every_change_is_announced_to_those_who_watch(store, client, clock, submit):
    """A job's channel has `<STATE> <done> <total>` at its start, each shard's end, and its own end."""
    channels = {keys.key("events", job_id): [] for job_id in ("done", "cancelled", "late")}
    pubsub = client.pubsub(ignore_subscribe_messages=True)
    pubsub.subscribe(*channels)
    for _ in channels:
        pubsub.get_message(timeout=5)  # the subscription stands
    submit("done", total=2)
    for shard in range(2):
        store.claim(ShardId("done", shard), MINE)
    for shard in range(2):
        store.complete(ShardId("done", shard), MINE, b"part")
    submit("cancelled")
    store.cancel("cancelled")
    submit("late", expires=1)
    clock.advance(1)
    store.feed()
    for _ in range(5):
        message = pubsub.get_message(timeout=5)
        channels[message["channel"].decode()].append(message["data"])
    pubsub.close()
    assert list(channels.values()) == [
        [b"RUNNING 0 2", b"RUNNING 1 2", b"DONE 2 2"],
        [b"CANCELLED 0 1"],
        [b"ERROR 0 1"],
    ]


def test_a_chunk_that_was_never_put_is_not_revealed(store, client, submit):
    """A header that names more chunks than there are is refused, and the shard stays held."""
    submit()
    store.claim(SHARD_ID, MINE)
    store.put(SHARD_ID, MINE, 0, b"chunk")
    with pytest.raises(Exception, match="chunk 1 of 2 was never PUT"):
        store.complete(SHARD_ID, MINE, b"\0#2")
    assert Snapshot(client).places(SHARD_ID) == ["held"]
