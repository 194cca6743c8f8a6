"""Invariant 2: a message decides nothing; doubled, shuffled, late or about nothing, it changes nothing."""

from __future__ import annotations

import random

import pytest
from support.faults.farm import Farm, lasting
from support.faults.servers import ONE_AND_TWO
from support.processes import eventually

from worker.settings import QUEUE, TASK


@pytest.fixture
def send(farm):
    """Send a message about a shard, as anybody could."""

    def publish(job_id, shard, task_id=None):
        farm.plain.send_task(TASK, args=(job_id, shard), task_id=task_id, queue=QUEUE)

    return publish


@pytest.mark.rule(34)
@pytest.mark.parametrize("farm", ONE_AND_TWO, indirect=True)
def test_every_message_doubled_and_shuffled(farm: Farm, send):
    """Messages come early, twice, in any order, and again while shards run: the counts are the same."""
    jobs = [farm.run(*[lasting(0.1)] * 4) for _ in range(4)] + [farm.run(lasting(0.1)) for _ in range(4)]
    messages = [
        (job.job_id(), shard, farm.task(job, shard)) for job in jobs for shard in range(farm.record(job).total)
    ]
    assert len(messages) == 20
    order = random.Random(5)

    for _ in range(2):
        for message in order.sample(messages * 2, 2 * len(messages)):
            send(*message)
        farm.check_done(jobs[0])

    for job in jobs:
        farm.check_done(job, lapses=[0])
    for message in order.sample(messages, len(messages)):
        send(*message)
    farm.check_done(farm.run(lasting()))
    farm.settle()
    for job in jobs:
        farm.check_done(job, lapses=[0])


@pytest.mark.rule(36)
def test_messages_about_nothing(farm: Farm, send):
    """Unknown jobs, shards that no job has, jobs that were cancelled or deleted: nothing happens."""
    done, cancelled, deleted = (farm.run(lasting(0.1)) for _ in range(3))
    for job in (done, deleted):
        farm.check_done(job)
    cancelled_first = cancelled.cancel()
    deleted.delete()
    running = farm.run(lasting(1), lasting(1))
    farm.runner(running)

    for job_id in (done.job_id(), cancelled.job_id(), deleted.job_id(), running.job_id(), "never-was"):
        for shard in (-1, 0, 1, 2, 10**9):
            send(job_id, shard, f"{job_id}/{shard}")
            send(job_id, shard)

    farm.check_done(running, lapses=[0])
    farm.check_done(done)
    assert not cancelled_first or farm.record(cancelled).state == "CANCELLED"
    assert farm.store.read(deleted.job_id()) is farm.store.read("never-was") is None
    assert all(worker.process.poll() is None for worker in farm.workers)


@pytest.mark.rule(34)
@pytest.mark.parametrize("farm", [2], indirect=True)
def test_messages_while_a_shard_is_held(farm: Farm, send):
    """A message that comes to a second worker while the first runs the shard starts nothing."""
    job = farm.run(lasting(2))
    farm.runner(job)
    for _ in range(5):
        send(job.job_id(), 0, job.job_id())

    received = f"Task worker.run_shard[{job.job_id()}] received"
    eventually(lambda: farm.logged(received) == 6, what="the second worker to take them")
    assert farm.held(job)
    farm.check_done(job, lapses=[0])
    farm.settle()
    farm.check_done(job, lapses=[0])
