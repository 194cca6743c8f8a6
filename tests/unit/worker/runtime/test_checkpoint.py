"""The checkpoint: looks at most every 50 ms, and stops what is not wanted."""

from __future__ import annotations

import pytest

from simulator.errors import StoppedError
from worker.record.values import ShardId
from worker.runtime.checkpoint import LOOK_INTERVAL, RunCheckpoint


class Clock:
    """A clock that tests set."""

    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def held(store, submit):
    """A job of one shard, claimed with the token "mine"."""
    submit()
    shard_id = ShardId("job", 0)
    assert store.claim(shard_id, "mine").granted
    return shard_id


def test_silent_between_looks(store, held):
    """A call before the interval is over does not touch the store: the job is gone, and it does not notice."""
    clock = Clock()
    checkpoint = RunCheckpoint(store, held, "mine", clock=clock)
    store.cancel("job")

    clock.now += LOOK_INTERVAL * 0.9
    checkpoint()
    clock.now += LOOK_INTERVAL * 0.2
    with pytest.raises(StoppedError):
        checkpoint()


def test_another_token(store, held):
    """A run whose shard was taken over stops."""
    clock = Clock()
    checkpoint = RunCheckpoint(store, held, "other", clock=clock)
    clock.now += LOOK_INTERVAL
    with pytest.raises(StoppedError):
        checkpoint()


def test_renews_nothing(store, held, clock):
    """The lease does not depend on the checkpoint: no look renews it."""
    own = Clock()
    checkpoint = RunCheckpoint(store, held, "mine", clock=own)
    claimed = store.client.zscore("basicaer:1:held", "job/0")
    clock.advance(store.lease / 2)
    for _ in range(3):
        own.now += store.lease / 4
        checkpoint()
    assert store.client.zscore("basicaer:1:held", "job/0") == claimed


def test_unreachable_store_stops_nothing():
    """A store that is away is no reason to throw a computation away."""
    import redis

    from worker.record.store import Store

    away = Store(redis.Redis(host="127.0.0.1", port=1, retry=None))
    clock = Clock()
    checkpoint = RunCheckpoint(away, ShardId("job", 0), "mine", clock=clock)
    for _ in range(3):
        clock.now += away.lease
        checkpoint()
