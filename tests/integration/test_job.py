"""`BasicAerJob` over a real Redis and real workers."""

from __future__ import annotations

import datetime
import pickle
import re
import threading
import time

import pytest
from qiskit import QuantumCircuit
from qiskit.exceptions import QiskitError
from qiskit.providers import JobError, JobStatus, JobTimeoutError, JobV1
from support.circuits import bell, dividing_by_zero, endless
from support.patience import deadline
from support.processes import RedisServer, Worker, elsewhere, eventually

from jobs import (
    BasicAerError,
    BasicAerJob,
    BasicAerProvider,
    JobCancelledError,
    JobNotFoundError,
    UnreachableError,
)


def running(job: BasicAerJob) -> BasicAerJob:
    """Wait until a worker runs the job."""
    eventually(job.running, within=15, what="RUNNING")
    return job


class TestIdentity:
    @pytest.mark.rule(1, 2)
    def test_is_a_job_v1(self, provider):
        """A JobV1 whose id is the AsyncResult's and the Result's."""
        job = provider.get_backend().run(bell())

        assert isinstance(job, JobV1)
        assert (job.version, job._async) == (1, True)
        assert job.async_result.id == job.job_id() == job.result().job_id
        assert job.backend() == provider.get_backend("qasm_simulator")

    @pytest.mark.rule(1)
    def test_made_by_hand(self, provider):
        """The constructor takes backend, id, AsyncResult and metadata."""
        first = provider.get_backend().run(bell(), seed_simulator=1)

        job = BasicAerJob(first.backend(), first.job_id(), first.async_result, colour="red")

        assert job.metadata == {"colour": "red"}
        assert job == first
        assert job.result().get_counts() == first.result().get_counts()

    @pytest.mark.rule(2)
    def test_no_backend(self):
        """A job without a backend says so."""
        with pytest.raises(QiskitError, match="does not have any backend"):
            BasicAerJob(None, "x", None).backend()

    @pytest.mark.rule(4)
    def test_not_submitted(self, provider):
        """Before submit nothing can be asked; a second submit is refused and publishes nothing."""
        job = provider.get_backend().create_job(bell())
        for call in (job.status, job.result, job.cancel):
            with pytest.raises(JobError, match="has not been submitted"):
                call()

        job.submit()
        with pytest.raises(JobError, match="already been submitted"):
            job.submit()

        assert job.result().success

    @pytest.mark.rule(4, 13)
    def test_unknown_id(self, provider):
        """An unknown id is not found, never queued."""
        with pytest.raises(JobNotFoundError, match="no-such-job"):
            provider.job("no-such-job")
        with pytest.raises(JobNotFoundError):
            provider.job("bad/id:*")
        handle = BasicAerJob.of(provider.get_backend(), "no-such-job")
        with pytest.raises(JobNotFoundError):
            handle.status()
        with pytest.raises(JobNotFoundError):
            handle.cancel()


class TestStates:
    @pytest.mark.rule(3, 5)
    def test_run_returns_at_once(self, quiet):
        """With no worker up, run returns and the job is QUEUED."""
        start = time.monotonic()
        job = quiet.get_backend().run(bell(), shots=10**6)

        assert time.monotonic() - start < deadline(2)
        assert job.status() is JobStatus.QUEUED
        assert not (job.running() or job.done() or job.cancelled() or job.in_final_state())

    @pytest.mark.rule(5)
    def test_done(self, provider):
        """Success is DONE."""
        job = provider.get_backend().run(bell(), shots=100)

        assert set(job.result().get_counts()) == {"00", "11"}
        assert job.status() is JobStatus.DONE
        assert job.done()
        assert job.in_final_state()
        assert job.error_message() is None

    @pytest.mark.rule(5, 8, 9)
    def test_running_then_cancelled(self, provider):
        """A running simulation is stopped for good, and its worker takes the next job."""
        job = running(provider.get_backend().run(endless()))

        assert job.cancel() is True
        assert job.status() is JobStatus.CANCELLED
        assert job.cancel() is False
        with pytest.raises(JobCancelledError):
            job.result()

        after = [provider.get_backend().run(bell()) for _ in range(4)]
        assert all(each.result(timeout=deadline(20)).success for each in after)
        assert job.status() is JobStatus.CANCELLED

    @pytest.mark.rule(6)
    def test_error(self, provider):
        """The remote error's type and text reach the user, and the record keeps the traceback."""
        job = provider.get_backend().run(dividing_by_zero())

        with pytest.raises(JobError, match=r"ProgramRuntimeError: .*zero"):
            job.result(timeout=deadline(20))
        assert job.status() is JobStatus.ERROR
        assert job.error_message().startswith("ProgramRuntimeError: ")
        with provider.connection.reaching() as connection:
            assert "Traceback" in connection.store.read(job.job_id()).traceback

    @pytest.mark.rule(7)
    def test_one_bad_circuit(self, provider):
        """The good circuits of a batch keep their data; the job is ERROR."""
        job = provider.get_backend().run([bell("a"), dividing_by_zero(), bell("b")], shots=50)

        with pytest.raises(JobError):
            job.result(timeout=deadline(20))
        result = job.result(partial=True)
        assert job.status() is JobStatus.ERROR
        assert result.success is False
        assert [each.success for each in result.results] == [True, False, True]
        assert sum(result.get_counts("a").values()) == sum(result.get_counts(2).values()) == 50
        assert result.results[1].status.startswith("ERROR: ProgramRuntimeError")

    @pytest.mark.rule(30)
    def test_endless_ends_at_its_timeout(self, provider):
        """An endless loop ends at job_timeout, as ERROR."""
        job = provider.get_backend().run(endless(), job_timeout=1.5)

        with pytest.raises(JobError, match=r"1\.5"):
            job.result(timeout=deadline(20))
        assert job.status() is JobStatus.ERROR
        assert provider.get_backend().run(bell()).result(timeout=deadline(20)).success

    @pytest.mark.rule(5)
    def test_expires_before_it_begins(self, provider):
        """A job that is not begun within `expires` ends as ERROR with the reason, and never runs."""
        blocking = [running(provider.get_backend().run(endless())) for _ in range(2)]
        job = provider.get_backend().run(bell(), expires=1)

        with pytest.raises(JobError, match=r"JobDeadlineError.*within the 1 s that `expires` allows"):
            job.result(timeout=deadline(20))
        for each in blocking:
            each.cancel()
        assert provider.get_backend().run(bell()).result(timeout=deadline(20)).success
        assert list(job.timestamps()) == ["created", "finished"]


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


class TestComingBack:
    @pytest.mark.rule(13)
    def test_another_process(self, provider, server):
        """By id, from another process: the same job."""
        job = provider.get_backend().run(bell(), shots=64, seed_simulator=5, job_tags=["x"])

        code = (
            "job = provider.job(sys.argv[1]); print(job.result().get_counts(), job.tags, job.options()['shots'])"
        )
        assert elsewhere(server.url, code, job.job_id()) == f"{job.result().get_counts()} ['x'] 64"

    @pytest.mark.rule(13)
    def test_equal_handles(self, provider):
        """A retrieved job is equal, through every way to retrieve it."""
        backend = provider.get_backend()
        job = backend.run(bell())

        for again in (
            provider.job(job.job_id()),
            provider.retrieve_job(job.job_id()),
            backend.retrieve_job(job.job_id()),
        ):
            assert again == job
            assert hash(again) == hash(job)
        with pytest.raises(BasicAerError, match="qasm_simulator"):
            provider.get_backend("unitary_simulator").retrieve_job(job.job_id())

    @pytest.mark.rule(14)
    def test_listing(self, quiet):
        """Jobs() filters, orders, pages."""
        qasm, states = quiet.get_backend(), quiet.get_backend("statevector_simulator")
        before = datetime.datetime.now(datetime.timezone.utc)
        first = qasm.run(bell(), job_tags=["a", "b"])
        second = states.run(bell(), job_tags=["a"])
        third = qasm.run(bell())
        third.cancel()

        assert quiet.jobs() == [third, second, first]
        assert quiet.jobs(descending=False) == [first, second, third]
        assert quiet.jobs(limit=1, skip=1) == [second]
        assert quiet.jobs(backend_name="statevector_simulator") == [second]
        assert quiet.jobs(status=JobStatus.CANCELLED) == quiet.jobs(pending=False) == [third]
        assert quiet.jobs(status=["queued"]) == quiet.jobs(pending=True) == [second, first]
        assert quiet.jobs(job_tags=["a", "b"]) == [first]
        assert quiet.jobs(created_after=before) == [third, second, first]
        assert quiet.jobs(created_before=before) == []
        with pytest.raises(BasicAerError, match="NOPE"):
            quiet.jobs(status="NOPE")

    @pytest.mark.rule(14)
    def test_delete(self, provider):
        """Delete_job removes a final job and all that it stored."""
        job = provider.get_backend().run(bell())
        job.result()

        provider.delete_job(job.job_id())

        with pytest.raises(JobNotFoundError):
            provider.job(job.job_id())
        with provider.connection.reaching() as connection:
            left = list(connection.client.scan_iter(f"*{job.job_id()}*"))
        assert all(b"tomb" in key or b"gone" in key for key in left), left

    @pytest.mark.rule(14)
    def test_delete_beside_the_end(self, provider):
        """A delete that comes beside the end is refused as unfinished, and never as final."""
        refused: list[str] = []
        for _ in range(20):
            job = provider.get_backend().run(bell(), shots=10)

            def deleted(job=job) -> bool:
                try:
                    job.delete()
                except JobError as error:
                    refused.append(str(error))
                    return False
                return True

            eventually(deleted, within=30, what="the job's end")
        assert refused
        assert [each for each in refused if not re.search("is (QUEUED|RUNNING)", each)] == []

    @pytest.mark.rule(14)
    def test_delete_needs_a_final_job(self, quiet):
        """A job that may still run is not deleted."""
        job = quiet.get_backend().run(bell())
        with pytest.raises(JobError, match="cancel it"):
            quiet.delete_job(job.job_id())

    @pytest.mark.rule(15, 37)
    def test_pickle(self, provider, server):
        """A pickle has no password and works in a process with its own BASICAER_URL."""
        job = provider.get_backend().run(bell(), seed_simulator=5)
        job.metadata["note"] = 1
        data = pickle.dumps(job)

        code = (
            "import pickle; job = pickle.loads(bytes.fromhex(sys.argv[1]));"
            "print(job.job_id(), job.backend().name, job.metadata, job.result().get_counts())"
        )
        expected = f"{job.job_id()} qasm_simulator {{'note': 1}} {job.result().get_counts()}"
        assert elsewhere(server.url, code, data.hex()) == expected

    @pytest.mark.rule(15, 37)
    @pytest.mark.parametrize("guess", ["s3cret", "wr0ng"])
    def test_no_password_anywhere(self, short_folder, guess):
        """Neither repr nor pickle nor error shows the password, right or wrong."""
        server = RedisServer(short_folder, password="s3cret").start()  # noqa: S106 (the test is about it)
        provider = BasicAerProvider(server.url.replace("s3cret", guess))
        backend = provider.get_backend()
        shown = [repr(provider), repr(backend), provider.address]
        try:
            job = backend.run(bell())
        except UnreachableError as refused:
            assert guess == "wr0ng"
            shown.append(str(refused))
        else:
            assert guess == "s3cret"
            shown += [repr(job), pickle.dumps(job).decode("latin1")]
        finally:
            provider.close()
            server.stop()
        assert not [text for text in shown if guess in text]


class TestDescription:
    @pytest.mark.rule(16)
    def test_times_tags_options(self, provider):
        """Tags, creation date, timestamps, options."""
        job = provider.get_backend().run(bell(), shots=7, memory=True, seed_simulator=9, job_tags=["one"])
        job.result()

        times = job.timestamps()
        assert list(times) == ["created", "running", "finished"]
        assert times["created"] <= times["running"] <= times["finished"]
        assert job.creation_date == times["created"]
        assert times["created"].tzinfo is not None
        options = job.options()
        assert (options["shots"], options["memory"], options["seed_simulator"]) == (7, True, 9)
        assert job.tags == ["one"]
        assert job.update_tags(["two", "three"]) == ["two", "three"]
        assert provider.job(job.job_id()).tags == ["two", "three"]

    @pytest.mark.rule(16)
    def test_circuits(self, provider):
        """Circuits() from another handle: equal, with names, registers and metadata."""
        from support.circuits import two_registers

        circuit = two_registers()
        circuit.metadata = {"k": [1, 2]}
        job = provider.get_backend().run(circuit)

        (rebuilt,) = provider.job(job.job_id()).circuits()
        assert rebuilt == circuit
        assert (rebuilt.name, rebuilt.qregs, rebuilt.cregs) == (circuit.name, circuit.qregs, circuit.cregs)
        assert rebuilt.metadata == circuit.metadata

    @pytest.mark.rule(17)
    def test_metadata_that_is_not_json(self, provider):
        """It stays with the client that submitted; elsewhere it is None."""
        circuit = bell()
        marker = object()
        circuit.metadata = {"object": marker}
        job = provider.get_backend().run(circuit)

        assert job.result().results[0].header["metadata"]["object"] is marker
        assert provider.job(job.job_id()).result().results[0].header["metadata"] is None


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
