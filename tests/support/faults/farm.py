"""What the tests of process faults stand on: a site with workers that can be struck, and jobs that last.

A job lasts as long as a test needs, and its seeded counts do not depend on that: so a quiet run, in this process
and without Redis, says what each job must give, whatever happened to it.
"""

from __future__ import annotations

import contextlib
import enum
import functools
import os
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

import psutil
from celery import Celery
from qiskit import QuantumCircuit
from qiskit.circuit.classical import expr, types
from support.faults.servers import Site
from support.patience import deadline
from support.processes import Worker, eventually
from support.record_inspection import Snapshot, violations

from jobs import BasicAerJob
from jobs.lowering import lower
from simulator import run, run_shard
from simulator.shards import wire
from simulator.shards.part import merge
from worker.record import keys
from worker.record.values import HandedOut, Record

SEED = 2024
SHOTS = 1000
#: Rounds after which a lasting circuit is estimated to take ten minutes, and one to take seconds.
LONG, SHORT = 10**7, 10**5


def lasting(seconds: float = 0, *, rounds: int = LONG) -> QuantumCircuit:
    """A circuit that takes some seconds, and is estimated to go all its rounds; its counts depend on neither."""
    return _counting(1 + round(seconds * _rounds_a_second()) if seconds else 1, rounds)


def _counting(enough: int, rounds: int) -> QuantumCircuit:
    """Go round until it is enough, a few checkpoints each time; then measure what that did not touch."""
    circuit = QuantumCircuit(6, 6, name="lasting")
    count = circuit.add_var("count", expr.lift(0, types.Uint(32)))
    with circuit.for_loop(range(rounds)):
        circuit.store(count, expr.add(count, expr.lift(1, types.Uint(32))))
        circuit.z(5)
        with circuit.if_test(expr.greater_equal(count, expr.lift(enough, types.Uint(32)))):
            circuit.break_loop()
    for qubit in range(5):
        circuit.rx(0.4 + 0.3 * qubit, qubit)
    circuit.cx(0, 1)
    circuit.cx(2, 3)
    circuit.measure(range(6), range(6))
    return circuit


@functools.cache
def _rounds_a_second() -> float:
    """How fast a core of this machine goes, by the time that this thread had it: others use it, too."""
    program = lower(_counting(2000, LONG))
    times = []
    for _ in range(5):
        start = time.thread_time()
        run(program, seed=0, shots=1)
        times.append(time.thread_time() - start)
    return 2000 / min(times)


class Part(enum.Enum):
    """What of a worker node a signal goes to."""

    CHILD = "child"
    PARENT = "parent"
    GROUP = "group"

    def __str__(self) -> str:
        return self.value

    def send(self, runner: Runner, sig: signal.Signals) -> None:
        """Signal this part of the node."""
        parent = runner.worker.process.pid
        call, pid = {
            Part.CHILD: (os.kill, runner.child),
            Part.PARENT: (os.kill, parent),
            Part.GROUP: (os.killpg, parent),
        }[self]
        call(pid, sig)


class Runner(NamedTuple):
    """Who runs a shard: the node, and the pid of the pool's child."""

    worker: Worker
    child: int

    def child_lives(self) -> bool:
        """Whether the child still runs, or could."""
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self.child).status() != psutil.STATUS_ZOMBIE
        return False


class Farm(Site):
    """A site with a client, workers, and a Celery app that somebody else wrote."""

    def __init__(self, folder: Path, lease: float, stack: ExitStack) -> None:
        super().__init__(folder, lease, stack)
        self.client = self.redis.client()
        self.plain = Celery("plain", broker=self.redis.url, backend=self.redis.url, set_as_current=False)
        for opened in (self.client, self.plain):
            stack.callback(opened.close)
        self.backend = self.provider().get_backend()
        self._found: set[tuple[str, int]] = set()
        self._expected: dict[int, list[dict[str, int]]] = {}

    @property
    def store(self):
        """The record, as the client has it."""
        with self.backend.provider.connection.reaching() as connection:
            return connection.store

    @property
    def owner(self) -> str:
        """Whose jobs the client's are."""
        return self.backend.provider.settings.owner

    def restart(self, *, sig: signal.Signals = signal.SIGTERM) -> None:
        """End all workers with this signal, and Redis in good order; start Redis and as many workers again."""
        up = [worker for worker in self.workers if worker.process.poll() is None]
        for worker in up:
            worker.process.send_signal(sig)
        for worker in up:
            worker.stop(sig)
        self.redis.stop(signal.SIGTERM)
        self.redis.start()
        self.hire(len(up))

    def run(self, *circuits: QuantumCircuit, **options: object) -> BasicAerJob:
        """Submit a job whose counts are known."""
        return self.backend.run(list(circuits), seed_simulator=SEED, shots=SHOTS, **options)

    def run_not(self, *circuits: QuantumCircuit) -> BasicAerJob:
        """Make the same job without sending it."""
        return self.backend.create_job(list(circuits), seed_simulator=SEED, shots=SHOTS)

    def record(self, job: BasicAerJob) -> Record:
        return self.store.read(job.job_id())

    def task(self, job: BasicAerJob, shard: int = 0) -> str:
        """The Celery id of a shard's task."""
        return HandedOut(job.job_id(), shard, self.record(job).total).task_id

    def runner(self, job: BasicAerJob, shard: int = 0) -> Runner:
        """Wait until a shard runs, and find who runs it; one found before is not found again."""
        task = self.task(job, shard)

        def found() -> int | None:
            meta = self.plain.backend.get_task_meta(task, cache=False)
            pid = meta["result"]["pid"] if meta["status"] == "STARTED" else None
            return None if (task, pid) in self._found else pid

        child = eventually(found, within=20, what=f"a run of {task}")
        self._found.add((task, child))
        parent = psutil.Process(child).ppid()
        return Runner(next(worker for worker in self.workers if worker.process.pid == parent), child)

    def held(self, job: BasicAerJob, shard: int = 0) -> bool:
        """Whether some worker holds the shard."""
        return self.client.zscore(f"{keys.PREFIX}held", f"{job.job_id()}/{shard}") is not None

    def expected(self, circuits: int) -> list[dict[str, int]]:
        """The counts of so many lasting circuits, from a quiet run in this process."""
        if circuits not in self._expected:
            self._expected[circuits] = self.quiet(*[lasting()] * circuits)
        return self._expected[circuits]

    def quiet(self, *circuits: QuantumCircuit) -> list[dict[str, int]]:
        """The counts of these circuits, from a quiet run in this process."""
        shards = map(wire.decode_shard, self.run_not(*circuits)._submission.upload.shards)
        return [outcome.counts for outcome in merge(map(run_shard, shards)).outcomes]

    def check_done(self, job: BasicAerJob, *, lapses: Sequence[int] | None = None) -> None:
        """The job is DONE with exactly the counts of a quiet run, once; Celery agrees; the record is whole."""
        result = job.result(timeout=deadline(45))
        assert [each.data.counts for each in result.results] == self.expected(len(result.results))
        self.check_state(job, "DONE", "SUCCESS")
        record = self.record(job)
        parts = self.client.hkeys(keys.key("parts", job.job_id()))
        assert sorted(int(name) for name in parts if b"." not in name) == list(range(record.total))
        if lapses is not None:
            assert record.lapses in lapses

    def check_state(self, job: BasicAerJob, state: str, celery: str) -> None:
        """The job is final, a plain Celery client sees the same, and the record is whole."""
        assert self.record(job).state == state

        def agrees() -> bool:
            return self.plain.AsyncResult(job.job_id()).state == celery

        eventually(agrees, what=f"{celery} of {job.job_id()}")
        self.check()
        assert agrees()

    def settle(self) -> None:
        """Wait until the nodes that are up run nothing: zombies gave up, and lost children were noticed."""
        names = [worker.name for worker in self.workers if worker.process.poll() is None]
        inspect = self.plain.control.inspect(names, timeout=deadline(5), limit=len(names))

        def idle() -> bool:
            active = inspect.active() or {}
            return set(active) == set(names) and not any(active.values())

        eventually(idle, within=20, what="idle nodes")

    def check(self) -> None:
        """All that must always hold does, as soon as nothing is under way."""
        eventually(lambda: not violations(Snapshot(self.client)), what="a record that is whole")
