"""`BasicAerJob` over a real Redis and real workers."""

from __future__ import annotations

import time

import pytest
from qiskit.exceptions import QiskitError
from qiskit.providers import JobError, JobStatus, JobV1
from support.circuits import bell, dividing_by_zero, endless
from support.patience import deadline
from support.processes import running

from jobs import (
    BasicAerJob,
    JobCancelledError,
    JobNotFoundError,
)


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
