"""What a plain Celery client sees and does, with nothing of ours but the URL and an id."""

from __future__ import annotations

import subprocess
import sys
import time

import psutil
import pytest
from celery import Celery
from celery.result import AsyncResult
from qiskit.providers import JobStatus
from support.circuits import bell, dividing_by_zero, endless
from support.patience import deadline
from support.processes import ROOT, Worker, control_of, eventually
from support.uploads import write_payload

from simulator.shards.wire import WIRE_VERSION
from worker.queue.transport import Channel
from worker.record.values import NewJob


@pytest.fixture(scope="module")
def plain(server):
    """A Celery app that somebody else wrote."""
    app = Celery("plain", broker=server.url, backend=server.url, set_as_current=False)
    yield app
    app.close()


def many(circuits=4):
    """Circuits that are cut into more than one shard: each is estimated to take a shard's time."""
    from qiskit import QuantumCircuit

    wide = []
    for index in range(circuits):
        circuit = QuantumCircuit(18, 1, name=f"wide{index}")
        circuit.t(0)  # without it, stabilizers would take no time
        for _ in range(30):
            circuit.h(range(18))
        for targets in (range(1, 18), range(17, 0, -1)):
            circuit.cx(0, targets)
        circuit.measure(0, 0)
        wide.append(circuit)
    return wide


class TestOutcome:
    @pytest.mark.rule(1)
    def test_success(self, provider, plain):
        """A job of one task is SUCCESS, with a small summary."""
        job = provider.get_backend().run(bell())
        job.result()

        summary = AsyncResult(job.job_id(), app=plain).get(timeout=deadline(10))
        assert (summary["experiments"], summary["failed"]) == (1, 0)

    @pytest.mark.rule(1, 6)
    def test_failure(self, provider, plain):
        """A failed job is FAILURE with the error's type and text."""
        job = provider.get_backend().run(dividing_by_zero())
        job.wait_for_final_state(timeout=deadline(20))

        result = AsyncResult(job.job_id(), app=plain)
        with pytest.raises(Exception, match="zero") as raised:
            result.get(timeout=deadline(10))
        assert type(raised.value).__name__ == "ProgramRuntimeError"
        assert result.state == "FAILURE"

    @pytest.mark.rule(1)
    def test_job_of_many_tasks(self, provider, plain):
        """A job of many tasks has its outcome under its own id, good or bad."""
        good = provider.get_backend().run(many(), shots=10)
        bad = provider.get_backend().run([*many(), dividing_by_zero()], shots=10)
        good.wait_for_final_state(timeout=deadline(60))
        bad.wait_for_final_state(timeout=deadline(60))

        with provider.connection.reaching() as connection:
            assert connection.store.read(good.job_id()).total > 1
        assert AsyncResult(good.job_id(), app=plain).get(timeout=deadline(10))["shards"] > 1
        eventually(lambda: AsyncResult(bad.job_id(), app=plain).state == "FAILURE", what="FAILURE")

    @pytest.mark.rule(1)
    def test_cancelled(self, provider, plain):
        """A cancelled job is REVOKED, and stays so."""
        job = provider.get_backend().run(endless())
        eventually(job.running, what="RUNNING")
        job.cancel()

        eventually(lambda: AsyncResult(job.job_id(), app=plain).state == "REVOKED", what="REVOKED")
        provider.get_backend().run(bell()).result(timeout=deadline(20))
        assert AsyncResult(job.job_id(), app=plain).state == "REVOKED"

    @pytest.mark.rule(1)
    def test_is_known_as_long_as_the_result(self, provider, plain):
        """Whatever the end, Celery forgets a job no sooner than its result can no longer be fetched."""
        good = provider.get_backend().run(bell())
        bad = provider.get_backend().run(dividing_by_zero())
        cut = provider.get_backend().run(endless())
        eventually(cut.running, what="RUNNING")
        cut.cancel()
        for job in (good, bad, cut):
            job.wait_for_final_state(timeout=deadline(30))
            eventually(lambda job=job: AsyncResult(job.job_id(), app=plain).ready(), what="Celery's state")
            with provider.connection.reaching() as connection:
                life = connection.client.ttl(f"celery-task-meta-{job.job_id()}")
            assert life >= provider.settings.result_ttl - 60


class TestRevoke:
    @pytest.mark.rule(5)
    @pytest.mark.parametrize("terminate", [False, True])
    def test_running(self, provider, plain, terminate):
        """Revoking a running task from outside cancels the job."""
        job = provider.get_backend().run(endless())
        eventually(job.running, what="RUNNING")

        AsyncResult(job.job_id(), app=plain).revoke(terminate=terminate)

        eventually(job.cancelled, what="CANCELLED")
        assert provider.get_backend().run(bell()).result(timeout=deadline(30)).success
        assert job.status() is JobStatus.CANCELLED

    @pytest.mark.rule(5)
    def test_running_job_of_many_tasks(self, provider, plain):
        """A revoke of the job's id, or of one of its tasks, cancels the whole job."""
        for suffix in ("", "/0"):
            jobs = [provider.get_backend().run([endless(), *many()], shots=10)]
            eventually(jobs[0].running, what="RUNNING")
            plain.control.revoke(jobs[0].job_id() + suffix)
            eventually(jobs[0].cancelled, what="CANCELLED")

    @pytest.mark.rule(5)
    def test_queued(self, provider, plain):
        """Revoking a queued task cancels the job, which never runs."""
        blocking = [provider.get_backend().run(endless()) for _ in range(2)]
        for job in blocking:
            eventually(job.running, what="RUNNING")
        queued = [provider.get_backend().run(bell()) for _ in range(6)]

        plain.control.revoke([job.job_id() for job in queued])

        for job in queued:
            eventually(job.cancelled, what="CANCELLED")
        for job in blocking:
            job.cancel()
        assert provider.get_backend().run(bell()).result(timeout=deadline(20)).success
        assert all(list(job.timestamps()) == ["created", "finished"] for job in queued)

    @pytest.mark.rule(5)
    def test_celery_control(self, provider, server):
        """``celery control revoke`` cancels."""
        job = provider.get_backend().run(endless())
        eventually(job.running, what="RUNNING")

        command = [sys.executable, "-m", "celery", "-b", server.url, "control", "revoke", job.job_id()]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=deadline(60), check=False)

        assert done.returncode == 0, done.stderr
        eventually(job.cancelled, what="CANCELLED")

    def test_noticed_by_a_client(self, quiet, quiet_server):
        """Invariant 14: where only Celery's backend knows of the revoke, status() carries it to the record."""
        app = Celery("plain", broker=quiet_server.url, backend=quiet_server.url, set_as_current=False)
        job = quiet.get_backend().run(bell())

        app.backend.mark_as_revoked(job.job_id(), "by hand")

        assert job.status() is JobStatus.CANCELLED
        app.close()


class TestMessages:
    def test_a_doubled_message(self, provider, plain):
        """Invariant 2: a message that comes again changes nothing, not even Celery's state."""
        job = provider.get_backend().run(dividing_by_zero())
        job.wait_for_final_state(timeout=deadline(20))
        before = job.timestamps()
        eventually(lambda: AsyncResult(job.job_id(), app=plain).state == "FAILURE", what="FAILURE")

        for _ in range(3):
            plain.send_task("worker.run_shard", args=(job.job_id(), 0), task_id=job.job_id(), queue="basicaer")
        provider.get_backend().run(bell()).result(timeout=deadline(20))

        eventually(lambda: AsyncResult(job.job_id(), app=plain).state == "FAILURE", what="FAILURE again")
        assert job.timestamps() == before

    @pytest.mark.rule(36)
    def test_foreign_messages(self, provider, plain, workers):
        """Unknown tasks, unknown jobs and malformed arguments leave the worker alive."""
        for arguments in (("no-such-job", 0), ("bad/id", 0), (None, None), ("x", "y"), ()):
            plain.send_task("worker.run_shard", args=arguments, queue="basicaer")
        plain.send_task("os.system", args=("true",), queue="basicaer")
        plain.send_task("worker.run_shard", args=({1, 2},), queue="basicaer", serializer="pickle")

        assert provider.get_backend().run(bell()).result(timeout=deadline(20)).success
        assert all(worker.process.poll() is None for worker in workers)

    @pytest.mark.rule(36)
    def test_a_payload_that_is_not_ours(self, provider):
        """A payload that does not decode ends as ERROR, with a clear text."""
        with provider.connection.reaching() as connection:
            job_id = f"garbage-{time.time_ns()}"
            size = write_payload(connection.store, job_id, [b"\x80\x04pickle?"])
            template = provider.get_backend().create_job(bell())
            connection.store.submit(
                NewJob(
                    id=job_id, owner="someone", total=1, digest="d", payload_bytes=size, result_bytes=0,
                    manifest=template._submission.job.manifest, expires=60, job_timeout=60,
                    backend="qasm_simulator",
                )
            )  # fmt: skip
        job = provider.job(job_id)
        job.wait_for_final_state(timeout=deadline(20))
        assert job.status() is JobStatus.ERROR
        assert job.error_message().startswith("WireError: not a BasicAer message")


class TestWorker:
    @pytest.mark.parametrize("command", [("celery", "-A", "worker", "worker"), ("basicaer", "worker")])
    def test_no_qiskit_and_little_memory(self, server, tmp_path, command):
        """However it was started, a worker has no Qiskit in it, and idle it stays under 80 MiB resident.

        Of pages that several processes map, such as libraries' code, each has its share: how much of a file is
        mapped at once depends on how its pages came into the system's cache.
        """
        worker = Worker(server.url, tmp_path, name=command[0], command=command).ready()
        try:
            parent = psutil.Process(worker.process.pid)
            processes = [parent, *eventually(parent.children, what="the pool")]
            for process in processes:
                # Qiskit cannot be imported without its compiled part.
                assert not [item.path for item in process.memory_maps() if "qiskit" in item.path]
                assert process.memory_full_info().pss < 80 << 20, process
        finally:
            worker.stop()

    def test_registers(self, provider, workers):
        """Part 4: workers register slots, memory and versions; a stopped one is gone."""
        with provider.connection.reaching() as connection:
            infos = {info.name: info for info in connection.store.workers()}
            assert {worker.name for worker in workers} <= set(infos)
            info = infos[workers[0].name]
            assert (info.slots, info.lanes, info.wire) == (1, ("basicaer",), WIRE_VERSION)
            assert info.memory > 1 << 28
            assert {"basicaer-celery", "numpy"} <= set(info.versions)

    @pytest.mark.rule(43)
    def test_slots_follow_the_pool(self, provider, server, plain, tmp_path):
        """`celery control pool_grow` changes what a node runs at once, and so what it says of itself."""
        worker = Worker(server.url, tmp_path, name="growing").ready()
        try:
            control_of(plain, worker).pool_grow(2, destination=[worker.name])

            def slots():
                with provider.connection.reaching() as connection:
                    return {info.name: info.slots for info in connection.store.workers()}.get(worker.name)

            eventually(lambda: slots() == 3, what="the slots of the pool that has grown")
        finally:
            worker.stop()

    def test_unregisters(self, provider, server, tmp_path):
        """A worker that is stopped takes itself off the register."""
        worker = Worker(server.url, tmp_path, name="brief").ready()

        def registered():
            with provider.connection.reaching() as connection:
                return worker.name in {info.name for info in connection.store.workers()}

        eventually(registered, what="the registration")
        worker.stop()
        eventually(lambda: not registered(), within=2, what="the deregistration")


class TestLines:
    def test_what_publishes_is_our_channel(self, provider):
        """A pooled connection, which is what publishes, is one of ours, and keeps its client."""
        with provider.connection.reaching() as connection, connection.app.producer_or_acquire() as producer:
            assert isinstance(producer.channel, Channel)
            assert producer.channel._create_client() is producer.channel._create_client()

    def test_no_message_is_kept_until_its_acknowledgement(self, provider, server):
        """The record brings back a message that is lost: Redis keeps no copy of one that was taken."""
        job = provider.get_backend().run(endless())
        eventually(job.running, what="the run")
        with server.client() as client:
            assert not client.exists("unacked", "unacked_index")
        assert job.cancel()

    def test_workers_do_not_listen_to_each_other(self, workers, server):
        """Each worker would read the heartbeats of all: none subscribes to events, however it was started."""
        assert all(worker.process.poll() is None for worker in workers)
        with server.client() as client:
            patterns = sum(int(each["psub"]) for each in client.client_list())
        # One for each worker: what `celery control` says to all.
        assert patterns == len(workers)
