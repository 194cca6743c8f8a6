"""What the tests of Redis and network faults stand on: a Redis that can be hurt, workers, and providers."""

from __future__ import annotations

import contextlib
import itertools
import shutil
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.classical import expr, types
from support.circuits import bell
from support.faults.proxy import Proxy
from support.patience import deadline, setting
from support.processes import RedisServer, Worker, environment, eventually
from support.record_inspection import Snapshot, violations

from jobs import BasicAerJob, BasicAerProvider

#: The counts of `bell` and `lasting` under seed 1.
SEEDED = {"00": 515, "11": 509}
#: How many nodes a fault strikes: of two, the other may take over; a node alone has to come back, with --long.
ONE_AND_TWO = [pytest.param(1, marks=pytest.mark.long), 2]


class Site:
    """One Redis in a folder of its own, and all that was started on it; `site` ends it."""

    def __init__(self, folder: Path, lease: float, stack: ExitStack, *options: str) -> None:
        self.lease, self.connect_timeout = setting(lease), setting(2)
        self.redis = RedisServer(folder, *options)
        self.workers: list[Worker] = []
        self._client: BasicAerProvider | None = None
        self._folder = folder
        self._stack = stack
        self._names = itertools.count(1)
        stack.callback(self.redis.stop)
        self.redis.start()

    def proxy(self) -> Proxy:
        """A line of one's own to this Redis."""
        proxy = Proxy(self.redis.socket, self._folder / f"p{next(self._names)}.sock")
        self._stack.callback(proxy.close)
        return proxy

    def hire(self, count: int = 1, url: str | None = None, **options: Any) -> list[Worker]:
        """Start worker nodes with these options of `Worker`, all at once, and wait until they are up."""
        lease = {"BASICAER_LEASE": str(self.lease)}
        new = []
        for _ in range(count):
            name = f"n{next(self._names)}"
            worker = Worker(url or self.redis.url, self._folder, name=name, **(lease | options))
            self._stack.callback(worker.stop, signal.SIGKILL)
            new.append(worker)
        self.workers += new
        return [worker.ready() for worker in new]

    def provider(self, url: str | None = None, **variables: str) -> BasicAerProvider:
        """A client, with the workers' lease."""
        times = {"BASICAER_LEASE": str(self.lease), "BASICAER_CONNECT_TIMEOUT": str(self.connect_timeout)}
        with environment(**times, **variables):
            provider = BasicAerProvider(url or self.redis.url)
        self._stack.callback(provider.close)
        return provider

    def lapses(self, job) -> int:
        """How often a worker is said to have died with a shard of the job."""
        with self.redis.client() as client:
            return int(client.hget(f"basicaer:1:job:{job.job_id()}", "lapses"))

    def seeded(self, circuit: QuantumCircuit | None = None) -> BasicAerJob:
        """Submit a job under seed 1, whose counts are `SEEDED`."""
        if self._client is None:
            self._client = self.provider()
        return self._client.get_backend().run(circuit or bell(), seed_simulator=1)

    def check_untouched(self, *jobs: BasicAerJob) -> None:
        """No worker ended, none is said to have died, none showed a traceback, and the record holds together."""
        assert [worker.process.poll() for worker in self.workers] == [None] * len(self.workers)
        assert [self.lapses(job) for job in jobs] == [0] * len(jobs)
        assert self.logged("Traceback") == 0
        self.check()

    def check(self) -> None:
        """All that must always hold of the record does."""
        with self.redis.client() as client:
            assert violations(Snapshot(client)) == []

    def logged(self, text: str) -> int:
        """How often the workers' logs say it."""
        return sum(worker.log.read_text().count(text) for worker in self.workers)


@contextlib.contextmanager
def site(lease: float = 2, *options: str) -> Iterator[Site]:
    """A site, its Redis with these options, ended with all that was started on it."""
    # Short: a unix socket's path has at most 104 bytes.
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="basicaer-fault-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        yield Site(folder, lease, stack, *options)


def counts(job) -> dict[str, int]:
    """The counts of a job, once it is DONE."""
    return job.result(timeout=deadline(60)).get_counts()


def after(seconds: float) -> None:
    """Let a time pass that is itself the fault: how long it lasts."""
    threading.Event().wait(seconds)


def running(job):
    """Wait until a worker runs the job."""
    eventually(lambda: job.status().name == "RUNNING", within=20, what="RUNNING")
    return job


def lasting(steps: int) -> QuantumCircuit:
    """A circuit that counts to ``steps`` before it measures: some 10 us a step."""
    circuit = QuantumCircuit(2, 2, name="lasting")
    count = circuit.add_var("count", expr.lift(0, types.Uint(32)))
    circuit.h(0)
    circuit.cx(0, 1)
    with circuit.while_loop(expr.less(count, expr.lift(steps, types.Uint(32)))):
        circuit.store(count, expr.add(count, expr.lift(1, types.Uint(32))))
    circuit.measure([0, 1], [0, 1])
    return circuit
