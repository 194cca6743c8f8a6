"""Waiting for a job's end, cancelling it, and what becomes of both when Redis is away."""

from __future__ import annotations

import threading
import time

import pytest
from qiskit import QuantumCircuit
from qiskit.providers import JobStatus, JobTimeoutError
from support.circuits import bell, dividing_by_zero, endless
from support.patience import deadline
from support.processes import RedisServer, Worker, elsewhere, running

from jobs import (
    BasicAerProvider,
    JobCancelledError,
    UnreachableError,
)


class TestCancel:
    @pytest.mark.rule(8)
    def test_with_no_worker(self, quiet, quiet_server, tmp_path):
        """Cancelled with no worker up, a job never runs; its neighbours do."""
        job, other = quiet.get_backend().run(bell()), quiet.get_backend().run(bell())
        assert job.cancel() is True

        worker = Worker(quiet_server.url, tmp_path).ready()
        try:
            assert other.result(timeout=deadline(20)).success
            assert job.status() is JobStatus.CANCELLED
            assert job.timestamps().keys() == {"created", "finished"}
        finally:
            worker.stop()

    @pytest.mark.rule(8)
    def test_final_job(self, provider):
        """Cancelling a finished job is False and keeps its result."""
        job = provider.get_backend().run(bell())
        job.result()

        assert job.cancel() is False
        assert job.status() is JobStatus.DONE
        assert job.result().success

    @pytest.mark.rule(8)
    def test_from_another_process(self, provider, server):
        """Any client that knows the id can cancel."""
        job = running(provider.get_backend().run(endless()))

        assert elsewhere(server.url, "print(provider.job(sys.argv[1]).cancel())", job.job_id()) == "True"
        assert job.status() is JobStatus.CANCELLED

    @pytest.mark.rule(10)
    def test_a_waiter_is_woken(self, provider, pushed_only):
        """Result() of a job that is cancelled meanwhile raises at once."""
        job = running(provider.get_backend().run(endless()))
        raised = []

        def wait():
            with pytest.raises(JobCancelledError):
                job.result(timeout=deadline(20))
            raised.append(True)

        waiter = threading.Thread(target=wait)
        waiter.start()
        job.cancel()
        waiter.join(deadline(30))

        assert raised


class TestWaiting:
    @pytest.mark.rule(11)
    def test_timeout_of_result(self, provider):
        """Result(timeout) raises; the job goes on."""
        job = provider.get_backend().run(endless())

        with pytest.raises(JobTimeoutError):
            job.result(timeout=0.3)
        assert not job.in_final_state()
        job.cancel()

    @pytest.mark.rule(11)
    def test_result_from_threads(self, provider):
        """Result() any number of times, from several threads."""
        job = provider.get_backend().run(bell(), shots=1000, seed_simulator=3)
        counts = []
        threads = [threading.Thread(target=lambda: counts.append(job.result().get_counts())) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(deadline(20))

        assert len(counts) == 5
        assert all(each == counts[0] for each in counts)

    @pytest.mark.rule(12)
    def test_wait_notices_the_end_at_once(self, provider, pushed_only):
        """Not quantised to `wait`; no callback with a final status."""
        job = provider.get_backend().run(bell())
        seen = []

        job.wait_for_final_state(
            timeout=deadline(10), wait=3600, callback=lambda *arguments: seen.append(arguments)
        )

        assert all(status in {JobStatus.QUEUED, JobStatus.RUNNING} for _, status, _ in seen)
        job.wait_for_final_state(callback=lambda *_: pytest.fail("called for a final job"))

    @pytest.mark.rule(12)
    def test_callbacks(self, provider):
        """Callback(job_id, status, job) every `wait` seconds; its exception propagates."""
        job = running(provider.get_backend().run(endless()))
        seen = []

        def callback(job_id, status, handle):
            seen.append((job_id, status, handle))
            if len(seen) == 3:
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            job.wait_for_final_state(wait=0.1, callback=callback)
        assert seen == [(job.job_id(), JobStatus.RUNNING, job)] * 3
        with pytest.raises(JobTimeoutError, match=f"Timeout while waiting for job {job.job_id()}."):
            job.wait_for_final_state(timeout=0.2)
        job.cancel()
        job.wait_for_final_state()

    @pytest.mark.rule(12)
    def test_wait_returns_on_error(self, provider):
        """ERROR ends the wait, it does not raise."""
        job = provider.get_backend().run(dividing_by_zero())
        job.wait_for_final_state(timeout=deadline(20))
        assert job.status() is JobStatus.ERROR


class TestFaults:
    @pytest.mark.rule(18)
    def test_nobody_listens(self):
        """Redis down at run(): one clear error within 5 s, without the password."""
        provider = BasicAerProvider("redis://:s3cret@127.0.0.1:1/0")
        start = time.monotonic()

        with pytest.raises(UnreachableError, match=r"redis://127\.0\.0\.1:1/0") as raised:
            provider.get_backend().run(bell())

        assert time.monotonic() - start < deadline(5)
        assert "s3cret" not in str(raised.value)

    @pytest.mark.rule(18)
    def test_redis_restarts_while_waiting(self, short_folder, tmp_path):
        """Lost while waiting: reconnect and go on."""
        server = RedisServer(short_folder).start()
        provider = BasicAerProvider(server.url)
        job = provider.get_backend().run(bell(), seed_simulator=1)
        results = []
        waiter = threading.Thread(target=lambda: results.append(job.result(timeout=deadline(40))))
        waiter.start()
        server.stop()
        server.start()
        worker = Worker(server.url, tmp_path).ready()
        try:
            waiter.join(deadline(40))
            assert results[0].success
        finally:
            worker.stop()
            provider.close()
            server.stop()

    @pytest.mark.rule(22)
    def test_large_circuit_list(self, provider):
        """1,000 circuits come back in input order."""
        circuits = []
        for index in range(1000):
            circuit = QuantumCircuit(10, 10, name=f"c{index}")
            for bit in range(10):
                if index >> bit & 1:
                    circuit.x(bit)
            circuit.measure(range(10), range(10))
            circuits.append(circuit)

        result = provider.get_backend().run(circuits, shots=5).result(timeout=deadline(60))

        assert [int(next(iter(counts)), 2) for counts in result.get_counts()] == list(range(1000))
