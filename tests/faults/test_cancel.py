"""A cancel holds wherever the job is, at once and for good, and frees what the job had."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable

import numpy as np
import pytest
from qiskit import QuantumCircuit
from support.faults.farm import Farm, Part, lasting
from support.faults.servers import ONE_AND_TWO
from support.patience import deadline
from support.processes import control_of, eventually
from support.secured import Flower
from support.uploads import write_payload

from jobs import BasicAerError, JobCancelledError, JobNotFoundError
from worker.record.values import NewJob

pytestmark = pytest.mark.rule(8, 9)

one_and_two = pytest.mark.parametrize("farm", ONE_AND_TWO, indirect=True)

#: Seconds in which a run between kernels stops, and its slot takes the next job; and what a busy machine adds.
STOPS, TAKES_NEXT, NOISE = 0.1, 0.5, 0.4
NEVER_WAS = "a-job-that-never-was"


def check_cancelled(farm: Farm, job) -> None:
    """The job is CANCELLED, for Celery too, and nothing of its circuits is left."""
    with pytest.raises(JobCancelledError):
        job.result(timeout=deadline(10))
    assert job.cancel() is False
    farm.check_state(job, "CANCELLED", "REVOKED")


@pytest.mark.parametrize("farm", [0], indirect=True)
def test_without_a_worker(farm: Farm):
    """A cancel while no worker is up holds when one comes, although Celery forgets such a revoke."""
    job, other = farm.run(lasting()), farm.run(lasting())

    assert job.cancel() is True
    check_cancelled(farm, job)
    farm.hire()

    farm.check_done(other)
    farm.settle()
    assert farm.record(job).started is None
    check_cancelled(farm, job)


def test_everywhere_and_then_a_restart_of_everything(farm: Farm):
    """Cancelled while held, sent and waiting: each stays so through the end of all workers, and of Redis."""
    held = farm.run(lasting(60))
    farm.runner(held)
    large = farm.run(*[lasting(60)] * 50)
    waiting = farm.run(lasting(60))
    assert farm.store.shard_counts(held.job_id()).leased == 1
    assert farm.store.shard_counts(large.job_id()).sent == 2
    assert farm.store.shard_counts(waiting.job_id()).waiting == 1

    for job in (waiting, large, held):
        assert job.cancel() is True
    after = farm.run(lasting())
    farm.check_done(after)
    farm.restart()

    farm.check_done(farm.run(lasting()))
    farm.check_done(after)
    farm.settle()
    for job in (held, large, waiting):
        check_cancelled(farm, job)
    assert farm.record(large).started is farm.record(waiting).started is None


@one_and_two
def test_sent(farm: Farm):
    """A job whose message a worker has in hand, but has not read, never starts."""
    for worker in farm.workers:
        worker.process.send_signal(signal.SIGSTOP)
    job = farm.run(lasting(60))
    assert farm.store.shard_counts(job.job_id()).sent == 1
    assert job.cancel() is True
    for worker in farm.workers:
        worker.process.send_signal(signal.SIGCONT)

    farm.check_done(farm.run(lasting()))
    farm.settle()
    check_cancelled(farm, job)
    assert farm.record(job).started is None


def test_between_kernels(farm: Farm):
    """A run stops within 100 ms, and its slot takes the next job within 500 ms: the best of three tries."""
    stops, takes = [], []
    for _ in range(3):
        job, following = farm.run(lasting(60)), farm.run(lasting())
        farm.runner(job)

        assert job.cancel() is True
        start = time.monotonic()
        eventually(lambda job=job: not farm.held(job), what="the stop")
        stops.append(time.monotonic() - start)

        farm.check_done(following)
        takes.append(farm.record(following).started - farm.record(job).ended)
        check_cancelled(farm, job)
    assert min(stops) < deadline(STOPS + NOISE / 4)
    assert min(takes) < deadline(TAKES_NEXT)
    assert max(takes) < deadline(TAKES_NEXT + NOISE)


def test_in_wide_kernels(farm: Farm):
    """A wide dense gate is cut where it can be asked: it stops like any other run, and nothing is killed."""
    matrix = np.linalg.qr(np.random.default_rng(1).normal(size=(1 << 9, 1 << 9)))[0]
    circuit = QuantumCircuit(22, 1)
    circuit.h(range(22))
    for first in (0, 6, 12) * 3:
        circuit.unitary(matrix, range(first, first + 9))
    circuit.measure(0, 0)
    job = farm.run(circuit)
    runner = farm.runner(job)

    assert job.cancel() is True
    eventually(lambda: not farm.held(job), within=1, what="the stop")
    after = farm.run(lasting(0.2))
    assert farm.runner(after).child == runner.child
    farm.check_done(after)
    check_cancelled(farm, job)


@one_and_two
def test_in_a_kernel_that_does_not_answer(farm: Farm):
    """A run that has not answered for 2 s is killed by its node, whose slot comes back."""
    job = farm.run(lasting(60))
    runner = farm.runner(job)
    Part.CHILD.send(runner, signal.SIGSTOP)

    assert job.cancel() is True
    start = time.monotonic()
    eventually(lambda: not runner.child_lives(), within=10, what="the kill")
    assert 1.5 < time.monotonic() - start < deadline(4)

    farm.settle()
    for following in [farm.run(lasting(0.1)) for _ in range(4)]:
        farm.check_done(following)
    check_cancelled(farm, job)
    assert runner.worker.process.poll() is None


def test_just_before_completion(farm: Farm):
    """Whichever comes first holds, and `cancel` said which: CANCELLED, or DONE with its counts; for good."""
    won, lost, moment = [], [], 0.05
    while len(won) + len(lost) < 24:
        job = farm.run(lasting(0.05))
        start = time.monotonic()
        eventually(lambda start=start, moment=moment: time.monotonic() - start > moment)
        # The moment moves to and fro about the end of a run.
        if job.cancel():
            won.append(job)
            moment *= 1.2
        else:
            lost.append(job)
            moment /= 1.2
    farm.settle()
    farm.restart()

    for job in won:
        check_cancelled(farm, job)
    for job in lost:
        farm.check_done(job)
    assert won
    assert lost


@pytest.mark.parametrize("farm", [0], indirect=True)
def test_takes_the_same_for_any_number_of_shards(farm: Farm):
    """CANCEL of 10,000 shards makes Redis do what that of ten does."""
    manifest = farm.run_not(lasting())._submission.job.manifest
    done = []
    # The first also loads the script.
    for total in (1, 10, 10_000):
        job_id = f"of-{total}"
        size = write_payload(farm.store, job_id, [b"a shard"] * total)
        new = NewJob(
            id=job_id, owner=farm.owner, total=total, digest="d", manifest=manifest, payload_bytes=size,
            result_bytes=0, expires=60, job_timeout=60, backend="qasm_simulator",
        )  # fmt: skip
        farm.store.submit(new)
        before = _calls(farm)
        assert farm.store.cancel(job_id).ended
        done.append(_calls(farm) - before)
    assert done[1] == done[2]


def _calls(farm: Farm) -> Counter[str]:
    """How often Redis was asked for each of its commands."""
    stats = farm.client.info("commandstats")
    return Counter({name: each["calls"] for name, each in stats.items() if name != "cmdstat_info"})


def _plainly(farm: Farm, tasks: list[str]) -> None:
    control = control_of(farm.plain, *farm.workers)
    for task in tasks:
        control.revoke(task)


def _with_a_signal(farm: Farm, tasks: list[str]) -> None:
    control = control_of(farm.plain, *farm.workers)
    for task in tasks:
        control.revoke(task, terminate=True, signal="SIGKILL")


def _by_command(farm: Farm, tasks: list[str]) -> None:
    command = [sys.executable, "-m", "celery", "-b", farm.redis.url, "control", "revoke", *tasks]
    subprocess.run(command, check=True, capture_output=True)


def _by_flower(farm: Farm, tasks: list[str]) -> None:
    pytest.importorskip("flower")
    flower = Flower(farm.redis.url, farm.redis.folder)
    try:
        eventually(lambda: flower.api("/api/workers?refresh=1"), within=30, what="Flower's workers")
        for task in tasks:
            assert flower.api(f"/api/task/revoke/{task}?terminate=true", method="POST")
    finally:
        flower.stop()


@pytest.mark.parametrize("revoke", [_plainly, _with_a_signal, _by_command, _by_flower])
def test_a_revoke_from_outside(farm: Farm, revoke: Callable[[Farm, list[str]], None]):
    """A revoke of a waiting, sent or held shard by others is a cancellation; a final job stays as it is."""
    final = farm.run(lasting())
    farm.check_done(final)
    held = farm.run(lasting(60), lasting(60))
    farm.runner(held)
    large = farm.run(*[lasting(60)] * 10)
    waiting = farm.run(lasting(60))
    assert farm.store.shard_counts(large.job_id()).sent + farm.store.shard_counts(held.job_id()).sent == 2
    assert farm.store.shard_counts(waiting.job_id()).waiting == 1

    revoke(farm, [final.job_id(), waiting.job_id(), f"{large.job_id()}/0", f"{held.job_id()}/0", NEVER_WAS])

    for job in (waiting, large, held):
        eventually(lambda job=job: farm.record(job).final, what="the cancellation")
    farm.settle()
    following = farm.run(lasting())
    farm.check_done(following)
    for job in (waiting, large, held):
        check_cancelled(farm, job)
    farm.check_done(final)
    # Celery takes a revoke for a task of any id; the record knows better, and our Flower asks it first.
    assert farm.plain.AsyncResult(NEVER_WAS).state == ("PENDING" if revoke is _by_flower else "REVOKED")
    with pytest.raises(JobNotFoundError):
        farm.backend.provider.job(NEVER_WAS)


@one_and_two
def test_an_id_is_used_once(farm: Farm):
    """The id of a job that was cancelled is refused to another; once deleted, to any."""
    job = farm.run(lasting(60))
    farm.runner(job)
    assert job.cancel() is True
    farm.settle()

    def use_again(circuit: QuantumCircuit) -> None:
        farm.backend.create_job(circuit, job_id=job.job_id(), seed_simulator=1).submit()

    with pytest.raises(BasicAerError, match="is there already"):
        use_again(lasting(1))
    check_cancelled(farm, job)
    job.delete()
    with pytest.raises(BasicAerError, match="was deleted less than 4 h ago"):
        use_again(lasting(1))
    farm.check_done(farm.run(lasting()))
    assert farm.store.read(job.job_id()) is None
