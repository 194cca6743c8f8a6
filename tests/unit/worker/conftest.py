"""The tests of the record run on a redis-server of their own.

Their scripts are the real ones but for the clock, which is a key that the test sets: no test waits for a lease.
"""

from __future__ import annotations

from collections import deque

import pytest
import redis
from support.processes import RedisServer
from support.record_inspection import Snapshot, violations
from support.uploads import write_payload

from worker.record.store import Store
from worker.record.values import NewJob, WorkerInfo

CLOCK_KEY = "test:clock"
READ_CLOCK = 'call("TIME")'


class ClockedRedis(redis.Redis):
    """A client whose scripts read the time from a key."""

    def register_script(self, script):
        assert script.count(READ_CLOCK) == 1, "scripts read the clock in one place"
        return super().register_script(script.replace(READ_CLOCK, f'call("LRANGE", "{CLOCK_KEY}", 0, 1)'))


class Clock:
    """The time of the scripts, in whole milliseconds; moves only when told."""

    def __init__(self, client):
        self._client = client
        self._now = 1_700_000_000_000
        self.advance(0)

    def advance(self, seconds: float) -> None:
        self._now += round(seconds * 1000)
        with self._client.pipeline(transaction=True) as pipeline:
            pipeline.delete(CLOCK_KEY)
            pipeline.rpush(CLOCK_KEY, self._now // 1000, self._now % 1000 * 1000)
            pipeline.execute()

    def set(self, seconds: float) -> None:
        """Go to this time, or back."""
        self._now = round(seconds * 1000)
        self.advance(0)

    def time(self) -> float:
        return self._now / 1000


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis")).start()
    yield server
    server.stop()


@pytest.fixture
def connect(redis_server):
    """Make clients of one empty server; of the clocked kind, unless a test needs the server's own time."""
    clients = []

    def make(*, clocked=True):
        kind = ClockedRedis if clocked else redis.Redis
        clients.append(kind(unix_socket_path=str(redis_server.socket)))
        return clients[-1]

    make().flushall()
    yield make
    for client in clients:
        client.close()


@pytest.fixture
def client(connect):
    return connect()


@pytest.fixture
def clock(client):
    return Clock(client)


@pytest.fixture
def store(client, clock):
    """A store with a lease of 10 s; after the test, all that must always hold is checked."""
    yield Store(client, lease=10)
    assert violations(Snapshot(client)) == []


@pytest.fixture
def job():
    """Make a NewJob; what a test does not say is plain."""

    def make(job_id="job", **fields):
        plain = {
            "owner": "ann",
            "total": 1,
            "digest": "d",
            "backend": "qasm_simulator",
            "manifest": b"{}",
            "payload_bytes": 0,
            "result_bytes": 0,
        }
        return NewJob(**{"id": job_id, "expires": 3600, "job_timeout": 600} | plain | fields)

    return make


@pytest.fixture
def submit(store, job):
    """Upload a payload of one byte a shard and SUBMIT; returns the Effects."""

    def run(job_id="job", *, on=store, **fields):
        new = job(job_id, **fields)
        size = write_payload(on, job_id, [b"x"] * min(new.total, 20))
        return on.submit(job(job_id, **{"payload_bytes": size} | fields))

    return run


@pytest.fixture
def worker():
    """Make a WorkerInfo."""

    def make(name="w1", slots=2, lanes=("basicaer",)):
        return WorkerInfo(name=name, slots=slots, lanes=lanes, memory=1 << 30, wire=1, versions={"numpy": "2"})

    return make


class Queue:
    """Stands for Celery's queue and one worker: what is handed out is run in order."""

    def __init__(self, store):
        self.shard_ids = deque()
        self._store = store

    def take(self, effects):
        self.shard_ids.extend(handed.shard_id for handed in effects.handed_out)
        return effects

    def run(self, times=1):
        """Run shards, with what each COMPLETE hands out; return whose they were."""
        order = []
        for _ in range(times):
            shard_id = self.claim()
            self.complete(shard_id)
            order.append(shard_id.job_id)
        return order

    def claim(self):
        """Take the next message, and claim what it says."""
        shard_id = self.shard_ids.popleft()
        assert self._store.claim(shard_id, "token").granted
        return shard_id

    def complete(self, shard_id):
        """Complete a shard that was claimed, and take what that hands out."""
        self.take(self._store.complete(shard_id, "token", b"part"))


@pytest.fixture
def queue(store):
    return Queue(store)
