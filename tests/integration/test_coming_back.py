"""A job is found again, listed, deleted and copied: by id, from any process."""

from __future__ import annotations

import datetime
import pickle
import re

import pytest
from qiskit.providers import JobError, JobStatus
from support.circuits import bell
from support.processes import RedisServer, elsewhere, eventually

from jobs import (
    BasicAerError,
    BasicAerProvider,
    JobNotFoundError,
    UnreachableError,
)


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

        def seen() -> bool:
            # On a busy machine, all of a few jobs may have ended before the client comes to delete one.
            job = provider.get_backend().run(bell(), shots=10)

            def deleted(job=job) -> bool:
                try:
                    job.delete()
                except JobError as error:
                    refused.append(str(error))
                    return False
                return True

            eventually(deleted, within=30, what="the job's end")
            return len(refused) > 0

        for _ in range(20):
            seen()
        eventually(seen, within=30, what="a delete before the end")
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
