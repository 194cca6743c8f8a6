"""Who submits or runs may die at any line, and workers may be replaced under load: nothing is lost."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys

import pytest
from support.faults.farm import LONG, SHORT, Farm, lasting
from support.faults.servers import ONE_AND_TWO
from support.patience import deadline
from support.processes import ROOT, eventually
from support.uploads import write_payload

from jobs import BasicAerJob
from simulator import run_shard
from simulator.shards import wire
from worker.record import blobs, keys
from worker.record.values import ShardId
from worker.settings import QUEUE

one_and_two = pytest.mark.parametrize("farm", ONE_AND_TWO, indirect=True)


class Client:
    """A client that goes as far as it is told, and there dies."""

    def __init__(self, farm: Farm, *circuits, job_id: str = "left-behind") -> None:
        self.store = farm.store
        self.job_id = job_id
        self._farm = farm
        template = farm.run_not(*circuits)._submission
        self.shards = template.upload.shards
        self._new = dataclasses.replace(template.job, id=job_id, owner="ann", expires=600, job_timeout=600)

    def upload(self) -> None:
        write_payload(self.store, self.job_id, self.shards)

    def submit(self):
        """SUBMIT, and no more; returns the effects."""
        return self.store.submit(self._new)

    @property
    def job(self) -> BasicAerJob:
        return BasicAerJob.of(self._farm.backend, self.job_id)


def test_client_dies_before_submit(farm: Farm):
    """A payload without SUBMIT is no job; it goes by itself, and its id is free."""
    client = Client(farm, lasting(), lasting())
    client.upload()

    assert farm.store.read(client.job_id) is None
    assert 0 < farm.client.ttl(keys.key("upload", client.job_id)) <= blobs.UPLOAD_LIFE
    farm.check()

    again = Client(farm, lasting())
    again.upload()
    again.submit()
    farm.check_done(again.job)
    assert not farm.client.exists(keys.key("upload", client.job_id))


#: A client that is killed where `MOMENT` says, with a job of so many shards that it uploads them before SUBMIT.
KILLED = """
import os, signal
from support.faults.farm import SEED, SHOTS, lasting
from jobs import BasicAerProvider
from worker.record.store import Store

def killed(call, before, after):
    def kill(now):
        if now:
            os.kill(os.getpid(), signal.SIGKILL)
    def wrapped(*arguments, **options):
        kill(before)
        result = call(*arguments, **options)
        kill(after)
        return result
    return wrapped

Store.submit = killed(Store.submit, MOMENT == "payload", MOMENT == "submit")
backend = BasicAerProvider().get_backend()
job = backend.create_job([lasting()] * 101, seed_simulator=SEED, shots=SHOTS)
print(job.job_id(), flush=True)
job.submit()
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.rule(34)
@pytest.mark.parametrize(
    ("farm", "moment"), [(1, "payload"), (1, "submit"), (2, "submit"), (2, "submitted")], indirect=["farm"]
)
def test_client_is_killed(farm: Farm, moment: str):
    """The job of a process that was killed is DONE, and found by its id, if it was submitted."""
    variables = {
        "BASICAER_URL": farm.redis.url,
        "BASICAER_LEASE": str(farm.lease),
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "tests"))),
    }
    code = KILLED.replace("MOMENT", repr(moment))
    client = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | variables, capture_output=True, text=True, check=False
    )
    assert client.returncode == -signal.SIGKILL, client.stderr
    job_id = client.stdout.strip()

    if moment == "payload":
        assert farm.store.read(job_id) is None
        (left,) = farm.client.scan_iter(f"{keys.PREFIX}upload:*")
        assert 0 < farm.client.ttl(left) <= blobs.UPLOAD_LIFE
        farm.check_done(farm.run(lasting()))
    else:
        farm.check_done(farm.backend.provider.job(job_id), lapses=[0])


def test_submitted_twice(farm: Farm):
    """A client that does not know whether its SUBMIT arrived repeats it: one job, run once."""
    client = Client(farm, lasting(1))
    for _ in range(2):
        client.upload()
        client.submit()
    farm.runner(client.job)
    client.upload()
    assert client.submit().handed_out == ()

    farm.check_done(client.job, lapses=[0])
    farm.check()


@pytest.mark.rule(34)
@pytest.mark.parametrize("farm", [0], indirect=True)
@pytest.mark.parametrize("nodes", [1, 2])
def test_a_worker_dies_after_a_hand_out(farm: Farm, nodes: int):
    """What COMPLETE hands out is in the queue, whatever becomes of its caller."""
    client = Client(farm, *[lasting()] * 6)
    client.upload()
    client.submit()
    for shard in range(2):
        shard_id = ShardId(client.job_id, shard)
        token = f"dying-{shard}"
        assert client.store.claim(shard_id, token).granted
        part = run_shard(wire.decode_shard(client.shards[shard]))
        assert client.store.complete(shard_id, token, wire.encode(part)).handed_out
    # The messages of the first two are there, too: they were claimed without one.
    assert farm.client.llen(QUEUE) == 4

    farm.hire(nodes)
    farm.check_done(client.job, lapses=[0])


@pytest.mark.parametrize("farm", [0], indirect=True)
def test_ender_dies_before_telling_celery(farm: Farm):
    """A worker that dies between the last COMPLETE and storing the outcome leaves a job that is DONE."""
    client = Client(farm, lasting())
    client.upload()
    client.submit()
    shard_id = ShardId(client.job_id, 0)
    assert client.store.claim(shard_id, "dying").granted
    part = run_shard(wire.decode_shard(client.shards[0]))
    assert client.store.complete(shard_id, "dying", wire.encode(part)).ended

    farm.hire()
    result = client.job.result(timeout=deadline(10))
    assert [each.data.counts for each in result.results] == farm.expected(1)
    # A worker's tick finds that Celery was told nothing, and tells it.
    eventually(lambda: farm.plain.AsyncResult(client.job_id).state == "SUCCESS", what="Celery's SUCCESS")


@one_and_two
def test_rolling_restart(farm: Farm):
    """All workers are replaced under load, one after another: nothing is lost, and no death is counted."""
    jobs = [farm.run(*[lasting(0.6, rounds=SHORT)] * 5)]
    farm.runner(jobs[0])

    for worker in list(farm.workers):
        jobs.append(farm.run(*[lasting(0.6, rounds=SHORT)] * 5))
        worker.process.send_signal(signal.SIGTERM)
        assert not farm.record(jobs[-1]).final
        farm.hire()
        worker.process.wait(deadline(20))

    for job in jobs:
        farm.check_done(job, lapses=[0])


@one_and_two
def test_long_shard_is_handed_back(farm: Farm):
    """SIGTERM: a shard with much left goes back at its checkpoint, at once; another worker runs it; no death."""
    job = farm.run(lasting(2.5, rounds=LONG))
    runner = farm.runner(job)

    runner.worker.process.send_signal(signal.SIGTERM)
    eventually(lambda: farm.logged("is handed back") == 1, within=5, what="the hand-back")
    runner.worker.process.wait(deadline(10))
    if not any(worker.process.poll() is None for worker in farm.workers):
        assert farm.record(job).state == "RUNNING"
        farm.hire()

    farm.check_done(job, lapses=[0])


@pytest.mark.parametrize("farm", [2], indirect=True)
def test_short_shard_is_finished(farm: Farm):
    """SIGTERM: a shard with little left is run to its end where it is."""
    # Of a run of 2 s a busy machine may leave more than is waited for, which is handed back.
    job = farm.run(lasting(0.6, rounds=SHORT))
    runner = farm.runner(job)

    runner.worker.process.send_signal(signal.SIGTERM)
    runner.worker.process.wait(deadline(20))

    assert farm.record(job).state == "DONE"
    farm.check_done(job, lapses=[0])
    assert farm.logged("is handed back") == 0
    assert farm.logged(f"Task worker.run_shard[{job.job_id()}] received") == 1


@one_and_two
def test_everything_restarts(farm: Farm):
    """All workers and Redis go at once, and come back: what ran runs again, what waited follows."""
    jobs = [farm.run(*[lasting(0.5)] * 4) for _ in range(2)]
    farm.runner(jobs[0])

    farm.restart(sig=signal.SIGKILL)

    for job in jobs:
        farm.check_done(job, lapses=range(3))
