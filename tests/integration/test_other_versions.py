"""Jobs that another version of the client submitted, to a backend that this one does not have."""

from __future__ import annotations

import json
import pickle

import pytest
from qiskit.providers import JobError
from support.circuits import bell
from support.command_line import basicaer

from jobs import BasicAerError
from worker.record import keys


@pytest.fixture
def foreign(quiet, quiet_server):
    """Three jobs of this owner, of which the middle one is of a backend that nobody knows here."""
    jobs = [quiet.get_backend().run(bell()) for _ in range(3)]
    job_id = jobs[1].job_id()
    with quiet_server.client() as client:
        client.hset(keys.key("job", job_id), "backend", "pulse_simulator")
        manifest = json.loads(client.get(keys.key("manifest", job_id)))
        client.set(keys.key("manifest", job_id), json.dumps(manifest | {"backend": "pulse_simulator"}))
    return jobs


@pytest.mark.rule(14)
def test_a_job_of_an_unknown_backend_is_listed(quiet, foreign):
    """It is listed and found like any other, has its backend's name, and can be cancelled and deleted."""
    found = quiet.jobs(limit=None)
    assert [job.job_id() for job in found] == [job.job_id() for job in reversed(foreign)]
    other = found[1]
    assert other.backend().name == "pulse_simulator"
    assert quiet.jobs(backend_name="pulse_simulator") == [other] == [quiet.job(other.job_id())]
    assert pickle.loads(pickle.dumps(other)).backend().name == "pulse_simulator"
    assert other.queue_position() == 1
    assert other.cancel()
    other.delete()
    with pytest.raises(BasicAerError, match="no backend 'pulse_simulator': upgrade basicaer-celery"):
        other.backend().run(bell())


@pytest.mark.rule(43)
def test_the_command_lists_it_and_what_it_cannot_read(quiet, quiet_server, foreign):
    """`basicaer jobs` lists jobs of an unknown backend, and those that are damaged."""
    with quiet_server.client() as client:
        client.set(keys.key("manifest", foreign[0].job_id()), "junk")
        client.hset(keys.key("job", foreign[2].job_id()), "state", "junk")
    done = basicaer("jobs", "--json", url=quiet_server.url)
    listed = json.loads(done.output)
    assert [each["job_id"] for each in listed] == [job.job_id() for job in reversed(foreign)]
    assert [each["status"] for each in listed] == ["?", "QUEUED", "?"]
    assert "damaged" in listed[0]["error"]
    table = basicaer("jobs", url=quiet_server.url)
    assert table.exit_code == 0, table.output
    assert "pulse_simulator" in table.output
    with pytest.raises(JobError, match="is damaged"):
        quiet.job(foreign[2].job_id())
