"""What is long, slow or silent is no death; what stops or hangs is ended, and its shard runs again."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from qiskit import QuantumCircuit
from support.faults.farm import SEED, SHOTS, Farm, Part, lasting
from support.patience import deadline
from support.processes import ROOT, control_of, eventually

from worker.record import keys
from worker.runtime.heartbeat import HUNG_LEASES
from worker.settings import QUEUE

pytestmark = pytest.mark.rule(34)

#: As `support.faults.injected` has them, which cannot be imported here: it makes a worker of its process.
TROUBLES = ("deadlock", "hold_the_interpreter", "unforeseen")

no_worker = pytest.mark.parametrize("farm", [0], indirect=True)


@pytest.fixture
def hire(farm, tmp_path):
    """Start a worker whose runs meet a fault so many times."""

    def start(times, *, seconds=0):
        return farm.hire(
            command=("celery", "-A", "worker", "worker", "-I", "support.faults.injected"),
            PYTHONPATH=str(ROOT / "tests"),
            FAULT_FOLDER=str(tmp_path),
            FAULT_TIMES=str(times),
            FAULT_SECONDS=str(seconds),
        )

    return start


def with_fault(name):
    circuit = lasting()
    circuit.global_phase = 1.0 + TROUBLES.index(name)
    return circuit


@no_worker
def test_a_deadlocked_child_is_run_again(farm: Farm, hire):
    """A child that waits for ever is killed after six leases; its shard is DONE within nine."""
    hire(1)
    job = farm.run(with_fault("deadlock"))
    job.wait_for_final_state(timeout=9 * farm.lease + deadline(10))
    farm.check_done(job, lapses=[1])
    assert "hangs: it used no CPU for" in " ".join(entry.text for entry in job.logs())
    took = farm.record(job).ended - farm.record(job).started
    assert HUNG_LEASES * farm.lease < took


@pytest.mark.long  # three times as long as the one above
@pytest.mark.rule(35)
@no_worker
def test_a_deadlock_each_time_is_an_error(farm: Farm, hire):
    """A shard whose runs hang three times is ERROR, and says that a worker died; the next job is DONE."""
    hire(3)
    job = farm.run(with_fault("deadlock"))
    job.wait_for_final_state(timeout=27 * farm.lease + deadline(20))
    assert job.error_message() == "WorkerLostError: worker died 3 times while running it"
    farm.check_done(farm.run(lasting()))
    farm.check_state(job, "ERROR", "FAILURE")


@no_worker
def test_a_call_that_holds_the_interpreter_is_no_death(farm: Farm, hire):
    """A call into C that lets no thread of its process run, for two leases, costs no lapse."""
    hire(1, seconds=int(2 * farm.lease) + 1)
    job = farm.run(with_fault("hold_the_interpreter"))
    farm.check_done(job, lapses=[0])
    assert farm.record(job).ended - farm.record(job).started > 2 * farm.lease


@no_worker
def test_a_long_way_to_the_first_kernel_is_no_death(farm: Farm):
    """A lease is renewed while a circuit is read, decoded and planned, before a kernel calls the checkpoint."""
    farm.hire(BASICAER_LEASE=str(farm.lease / 3))
    circuit = QuantumCircuit(5, 5, name="long")
    for number in range(300_000):
        circuit.rx(0.001 * number, number % 5)
        if number % 3 == 0:
            circuit.cx(number % 5, (number + 1) % 5)
    circuit.measure(range(5), range(5))
    job = farm.backend.run(circuit, seed_simulator=SEED, shots=SHOTS)
    leases: set[float] = set()

    def ended() -> bool:
        end = farm.client.zscore(keys.LEASED, f"{job.job_id()}/0")
        leases.update(() if end is None else (end,))
        return farm.record(job).final

    eventually(ended, within=60, what="its end")
    # Where the machine has other work, a lease is longer than this takes: what counts is that it is renewed.
    assert len(leases) > 2
    assert job.result(timeout=deadline(60)).results[0].data.counts == farm.quiet(circuit)[0]
    assert farm.record(job).lapses == 0


def test_a_stopped_child_frees_its_slot(farm: Farm):
    """A child that is stopped loses its lease, and then its life: the only slot runs the shard again."""
    job = farm.run(lasting(1))
    Part.CHILD.send(farm.runner(job), signal.SIGSTOP)
    farm.check_done(job, lapses=[1])


@pytest.mark.parametrize("farm", [2], indirect=True)
def test_what_ended_in_an_outage_is_not_killed(farm: Farm):
    """Runs that come to their end while Redis is down deliver it later; no process is killed for it."""
    jobs = [farm.run(lasting(2)) for _ in range(2)]
    children = [farm.runner(job).child for job in jobs]
    farm.redis.stop(signal.SIGTERM)
    # Two leases and more: the runs end meanwhile.
    eventually(lambda: all(_waits_for_redis(farm, job) for job in jobs), within=40, what="the runs' end")
    farm.redis.start()
    for job in jobs:
        farm.check_done(job, lapses=[0])
    assert farm.logged(": killed") == farm.logged("WorkerLostError") == 0
    for child in children:
        os.kill(child, 0)


def _waits_for_redis(farm: Farm, job) -> bool:
    return farm.logged(f"Redis does not take the end of {job.job_id()}/0")


@no_worker
def test_an_unforeseen_error_is_no_death(farm: Farm, hire):
    """An error that is not the circuit's gives the shard back, with its text; another try makes the job DONE."""
    hire(2)
    job = farm.run(with_fault("unforeseen"))
    farm.check_done(job, lapses=[0])
    told = [entry.text for entry in job.logs() if entry.event == "released"]
    assert told == ["KeyError: 'nobody foresaw this'"] * 2
    assert farm.logged('raise KeyError("nobody foresaw this")') == 2


@no_worker
@pytest.mark.parametrize("shards", [1, 2])
def test_an_unforeseen_error_each_time_is_the_jobs_error(farm: Farm, hire, shards):
    """The third such error ends the shard with its own text and traceback; others are DONE."""
    hire(10)
    job = farm.run(with_fault("unforeseen"), *[lasting(0.5)] * (shards - 1))
    job.wait_for_final_state(timeout=deadline(20))
    assert job.error_message() == "KeyError: 'nobody foresaw this'"
    assert "in unforeseen" in farm.record(job).traceback
    assert farm.record(job).lapses == 0
    farm.check_state(job, "ERROR", "FAILURE")
    farm.check_done(farm.run(lasting()))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--pool", "solo"), "--pool solo cannot run simulations"),
        (("--pool", "threads"), "--pool threads? cannot run simulations"),
        (("-Q", "celery"), "would not read the queue 'basicaer'.*-Q celery,basicaer"),
        (("-X", "basicaer"), "would not read the queue 'basicaer'"),
    ],
    ids=["solo", "threads", "-Q", "-X"],
)
@no_worker
def test_options_that_would_fail_every_job(farm: Farm, options, says):
    """A worker that could run no job says why in one line, and exits with 2."""
    program = Path(sys.executable).parent / "celery"
    done = subprocess.run(
        [program, "-A", "worker", "worker", *options],
        cwd=ROOT,
        env=os.environ | {"BASICAER_URL": farm.redis.url},
        capture_output=True,
        text=True,
        timeout=deadline(30),
        check=False,
    )
    assert done.returncode == 2
    assert re.search(says, done.stderr)
    assert "Traceback" not in done.stderr


def test_a_worker_that_stops_reading_the_queue(farm: Farm):
    """A node has no slots for a queue that it does not read, and has them again when it does."""
    (worker,) = farm.workers
    control = control_of(farm.plain, worker)
    control.cancel_consumer(QUEUE, destination=[worker.name])
    eventually(lambda: [w.lanes for w in farm.store.workers()] == [()], what="no queue")
    assert farm.store.window() == 2
    control.add_consumer(QUEUE, destination=[worker.name])
    eventually(lambda: [w.lanes for w in farm.store.workers()] == [(QUEUE,)], what="the queue")
    farm.check_done(farm.run(lasting()))


@pytest.mark.rule(36)
def test_celerys_own_tasks_are_not_run(farm: Farm):
    """A worker has one task; a message for another, Celery's own among them, is refused."""
    inspect = control_of(farm.plain, *farm.workers).inspect(timeout=deadline(5), limit=1)
    (registered,) = inspect.registered().values()
    assert registered == ["worker.run_shard"]
    inner = farm.plain.signature("worker.run_shard")
    for name, arguments in (
        ("celery.map", (inner, [["a", 0]])),
        ("celery.starmap", (inner, [["a", 0]])),
        ("celery.chunks", (inner, [["a", 0]], 1)),
        ("celery.backend_cleanup", ()),
    ):
        farm.plain.send_task(name, args=arguments, queue=QUEUE)
    eventually(lambda: farm.logged("Received unregistered task of type") == 4, what="four refusals")
    farm.check_done(farm.run(lasting()))
