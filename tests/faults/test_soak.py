"""Hundreds of seeded jobs under random kills, stops, restarts and cancels: nothing is lost, nothing is changed.

``--soak-minutes`` says how long it takes; `make soak MINUTES=60` is the same test. A failure names its seed.
"""

from __future__ import annotations

import random
import shutil
import signal
import tempfile
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest
from qiskit import QuantumCircuit
from qiskit.providers import JobStatus
from support.patience import deadline
from support.processes import RedisServer, Worker, environment, eventually
from support.record_inspection import Snapshot, violations

from jobs import BasicAerJob, BasicAerProvider, lower
from simulator import run
from simulator.rng import experiment_seed
from worker.record.keys import PREFIX

LEASE = 1.5
NODES = 3
SHOTS = 300
#: Seconds between two jobs, and the part of them after which a job is cancelled.
PACE, CANCELS = 0.15, 0.2
#: What is not final by then was lost.
PATIENCE = 90.0


def circuit(steps: int) -> QuantumCircuit:
    """A measured circuit that takes about ``steps`` / 10 ms."""
    made = QuantumCircuit(3, 3, name=f"steps{steps}")
    made.h(0)
    with made.for_loop(range(steps)):
        made.cx(0, 1)
        made.ry(0.3, 2)
        made.cx(1, 2)
    made.measure(range(3), range(3))
    return made


CIRCUITS = [circuit(steps) for steps in (1, 20, 400, 2000)]
PROGRAMS = [lower(each) for each in CIRCUITS]


@dataclass
class Submitted:
    """A job, what it was made of, and whether a cancel took effect."""

    job: BasicAerJob
    choice: list[int]
    seed: int
    cancelled: bool = False


@dataclass
class Farm:
    """A Redis that forgets nothing, and worker nodes that come and go."""

    folder: Path
    chance: random.Random
    server: RedisServer = field(init=False)
    nodes: list[Worker] = field(default_factory=list)
    stopped: list[tuple[float, int]] = field(default_factory=list)
    faults: Counter[str] = field(default_factory=Counter)
    _names: int = 0

    def __post_init__(self) -> None:
        # everysec may lose the last second, which is documented, and not what is tested here.
        self.server = RedisServer(self.folder, "--appendfsync", "always").start()
        for _ in range(NODES):
            self.add()

    def add(self) -> None:
        self._names += 1
        self.nodes.append(Worker(self.server.url, self.folder, name=f"n{self._names}", BASICAER_LEASE=str(LEASE)))

    def fault(self) -> None:
        """Do one random thing to one random node, or to Redis; a node that is gone gets a successor."""
        faults = {
            self._kill_child: 5,
            self._kill_node: 3,
            self._stop: 3,
            self._stop_child: 2,
            self._end: 2,
            self._kill_redis: 1,
            self._lose_keys: 1,
        }
        chosen = self.chance.choices([*faults], weights=[*faults.values()])[0]
        node = self.chance.choice(self.nodes)
        self.faults[chosen.__name__.strip("_")] += 1
        # A process may have ended since it was looked up.
        with suppress(psutil.NoSuchProcess):
            chosen(node)
        for gone in [each for each in self.nodes if each.process.poll() is not None]:
            self.nodes.remove(gone)
            self.add()

    def _kill_child(self, node: Worker) -> None:
        for child in psutil.Process(node.process.pid).children():
            child.kill()

    def _kill_node(self, node: Worker) -> None:
        node.stop(signal.SIGKILL)

    def _end(self, node: Worker) -> None:
        node.process.send_signal(signal.SIGTERM)

    def _stop(self, node: Worker) -> None:
        """Stop it for up to two leases; it wakes as a zombie."""
        self._suspend(node.process.pid, *(child.pid for child in psutil.Process(node.process.pid).children()))

    def _stop_child(self, node: Worker) -> None:
        """Stop the child alone, whose parent kills it once its lease is another's."""
        self._suspend(*(child.pid for child in psutil.Process(node.process.pid).children()))

    def _lose_keys(self, _: Worker) -> None:
        """Lose what says where shards are: their jobs' records tell."""
        with self.server.client() as client:
            client.delete(f"{PREFIX}{self.chance.choice(['held', 'sent:basicaer', 'turn:basicaer'])}")

    def _suspend(self, *processes: int) -> None:
        for process in processes:
            psutil.Process(process).suspend()
        wakes = time.monotonic() + self.chance.uniform(0.2, 2 * LEASE)
        self.stopped += [(wakes, process) for process in processes]

    def _kill_redis(self, _: Worker) -> None:
        self.server.stop(signal.SIGKILL)
        self.server.start()

    def wake(self, *, everything: bool = False) -> None:
        """Continue what has been stopped for long enough."""
        due = [process for wakes, process in self.stopped if everything or wakes <= time.monotonic()]
        self.stopped = [(wakes, process) for wakes, process in self.stopped if process not in due]
        for process in due:
            if psutil.pid_exists(process):
                psutil.Process(process).resume()

    def close(self) -> None:
        self.wake(everything=True)
        for node in self.nodes:
            node.stop(signal.SIGKILL)
        self.server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def expected(submitted: Submitted) -> list[dict[str, int]]:
    """Counts of a quiet run, computed here, by no worker."""
    return [
        run(PROGRAMS[which], seed=experiment_seed(submitted.seed, index), shots=SHOTS).counts or {}
        for index, which in enumerate(submitted.choice)
    ]


@pytest.mark.rule(8, 9, 32, 34)
@pytest.mark.timeout(0)
def test_soak(request):
    """Every job ends; DONE has a quiet run's counts; only what was cancelled is CANCELLED."""
    minutes = request.config.getoption("--soak-minutes")
    seed = request.config.getoption("--soak-seed") or random.SystemRandom().getrandbits(32)
    chance = random.Random(seed)
    farm = Farm(Path(tempfile.mkdtemp(prefix="basicaer-soak-")), chance)
    jobs: list[Submitted] = []
    try:
        with environment(BASICAER_LEASE=str(LEASE)):
            provider = BasicAerProvider(farm.server.url)
        _storm(farm, provider, jobs, chance, time.monotonic() + 60 * minutes)
        farm.wake(everything=True)
        while len(farm.nodes) < NODES:
            farm.add()
        end = time.monotonic() + deadline(PATIENCE)
        for submitted in jobs:
            submitted.job.wait_for_final_state(timeout=max(1.0, end - time.monotonic()))
        outcome = Counter(_check(submitted) for submitted in jobs)
        with farm.server.client() as client:
            # What was sent for jobs that have ended is cleared by the next ticks.
            eventually(lambda: not violations(Snapshot(client)), within=20, what=str(violations(Snapshot(client))))
            assert [key for key in client.scan_iter("basicaer:1:job:*") if client.ttl(key) < 0] == []
        provider.close()
        print(f"soak: {len(jobs)} jobs, {dict(outcome)}, faults {dict(farm.faults)}")  # noqa: T201 (the figure)
    except BaseException:
        print(f"soak: --soak-seed {seed}, faults {dict(farm.faults)}")  # noqa: T201 (to repeat it)
        raise
    finally:
        farm.close()


def _storm(
    farm: Farm, provider: BasicAerProvider, jobs: list[Submitted], chance: random.Random, until: float
) -> None:
    backend = provider.get_backend()
    next_fault = time.monotonic() + 2
    pace = threading.Event()
    while time.monotonic() < until:
        choice = chance.choices(range(len(CIRCUITS)), k=chance.choice([1, 1, 2, 5]))
        seed = chance.getrandbits(40)
        job = backend.run([CIRCUITS[which] for which in choice], shots=SHOTS, seed_simulator=seed)
        jobs.append(Submitted(job, choice, seed))
        if chance.random() < CANCELS:
            victim = chance.choice(jobs[-20:])
            victim.cancelled = victim.job.cancel() or victim.cancelled
        if time.monotonic() >= next_fault:
            farm.fault()
            next_fault = time.monotonic() + chance.uniform(0.3, 2.0)
        farm.wake()
        pace.wait(PACE)


def _check(submitted: Submitted) -> str:
    status = submitted.job.status()
    if status is JobStatus.CANCELLED:
        assert submitted.cancelled, f"{submitted.job} was never cancelled"
    elif status is JobStatus.DONE:
        assert not submitted.cancelled, f"{submitted.job} was cancelled, and is DONE"
        result = submitted.job.result()
        assert [each.data.counts for each in result.results] == expected(submitted), submitted
    else:
        # Three deaths in a row can hit an innocent; nothing else may.
        assert (submitted.job.error_message() or "").startswith("WorkerLostError: "), submitted.job.error_message()
    return status.name
