"""Whole jobs in files, put into another Redis."""

from __future__ import annotations

import json
import zipfile

import numpy as np
import pytest
from qiskit import QuantumCircuit
from support.circuits import bell, dividing_by_zero
from support.command_line import basicaer
from support.faults.farm import lasting
from support.patience import deadline
from support.record_inspection import Snapshot, violations

from jobs import BasicAerError, BasicAerEstimator, BasicAerSampler
from jobs.results.archive import load_job
from worker.record import keys
from worker.record.measures import measure
from worker.record.store import Store

pytestmark = pytest.mark.rule(13, 43)


def moved(provider, quiet, job, folder):
    """Export a job, import it into another Redis, and find it there."""
    file = str(folder / f"{job.job_id()}.job")
    done = basicaer("export", job.job_id(), file, url=provider.settings.url)
    assert done.exit_code == 0, done.output
    done = basicaer("import", file, url=quiet.settings.url)
    assert (done.exit_code, done.stdout.strip()) == (0, job.job_id()), done.output
    return quiet.job(job.job_id())


def checked(server):
    """What must always hold in the record does."""
    with server.client() as client:
        assert violations(Snapshot(client)) == []
        assert not [key for key in client.scan_iter() if b":turn:" in key or b":upload:" in key]


def wide():
    """A state of 4 MiB."""
    circuit = QuantumCircuit(18, name="wide")
    for _ in range(8):
        circuit.ry(0.3, range(18))
        circuit.cz(range(17), range(1, 18))
    circuit.measure_all()
    return circuit


def test_a_job_is_the_same_in_another_redis(provider, quiet, quiet_server, tmp_path):
    """Counts, memory, circuits, options and tags are; Celery knows it, and nobody runs it."""
    backend = provider.get_backend()
    job = backend.run([bell(), lasting(), lasting()], shots=500, memory=True, seed_simulator=7, job_tags=["kept"])
    result = job.result(timeout=deadline(30))
    there = moved(provider, quiet, job, tmp_path)
    assert there.done() and there.progress().total == job.progress().total > 1
    found = there.result()
    for index in range(3):
        assert found.get_memory(index) == result.get_memory(index)
        assert found.results[index].to_dict() == result.results[index].to_dict()
    # Variables of circuits that are rebuilt are new each time.
    assert there.circuits()[0] == job.circuits()[0] and there.options() == job.options()
    assert there.tags == ["kept"] and quiet.jobs(job_tags=["kept"]) == [there]
    assert there.async_result.state == "SUCCESS"
    with quiet_server.client() as client:
        # The result and the rest expire as any other's, and count for its owner.
        assert client.pttl(keys.key("parts", job.job_id())) > 0
        assert int(client.hget(keys.USED, quiet.settings.owner)) > 0
    checked(quiet_server)
    there.delete()
    checked(quiet_server)


def test_states_are_the_same_bit_for_bit(provider, quiet, tmp_path):
    """Also where a part is so large that it lies in chunks."""
    job = provider.get_backend("statevector_simulator").run(wide().remove_final_measurements(inplace=False))
    state = job.result(timeout=deadline(30)).get_statevector().data
    assert state.nbytes > 1 << 20
    there = moved(provider, quiet, job, tmp_path)
    assert np.array_equal(there.result().get_statevector().data, state)


def test_a_job_that_failed_keeps_its_error(provider, quiet, quiet_server, tmp_path):
    """It is ERROR there, by the same error, and what had succeeded is there."""
    job = provider.get_backend().run([bell(), dividing_by_zero(), lasting()])
    job.wait_for_final_state(timeout=deadline(30))
    there = moved(provider, quiet, job, tmp_path)
    assert (there.status(), there.error_message()) == (job.status(), job.error_message())
    assert there.result(partial=True).get_counts(0) == job.result(partial=True).get_counts(0)
    checked(quiet_server)


def test_jobs_of_primitives_move_too(provider, quiet, tmp_path):
    """A sampler's and an estimator's result is the same `PrimitiveResult`."""
    sampled = BasicAerSampler(provider, seed=3).run([bell()], shots=100)
    estimated = BasicAerEstimator(provider).run([(bell().remove_final_measurements(inplace=False), ["ZZ", "XX"])])
    for job in (sampled, estimated):
        job.result(timeout=deadline(30))
    one = moved(provider, quiet, sampled, tmp_path).result()[0].join_data()
    assert one.get_counts() == sampled.result()[0].join_data().get_counts()
    other = moved(provider, quiet, estimated, tmp_path).result()[0].data.evs
    assert np.array_equal(other, estimated.result()[0].data.evs)


@pytest.fixture
def file(provider, tmp_path):
    """A job in a file."""
    job = provider.get_backend().run(bell(), job_id=f"archived-{tmp_path.name}")
    job.result(timeout=deadline(30))
    path = tmp_path / "bell.job"
    assert basicaer("export", job.job_id(), str(path), url=provider.settings.url).exit_code == 0
    return path


def test_an_id_that_is_there_is_refused(quiet, quiet_server, file):
    """Whatever it names; another id can be given. A quota holds as for any other job."""
    url = quiet.settings.url
    assert basicaer("import", str(file), url=url).exit_code == 0
    with quiet_server.client() as client:
        assert measure(Store(client)).counters["imported"] == 1
    again = basicaer("import", str(file), url=url)
    job_id = f"archived-{file.parent.name}"
    said = f"job {job_id} is there already, DONE: import this one under another id, with --job-id ANOTHER"
    assert (again.exit_code, said in " ".join(again.stderr.split())) == (2, True), again.stderr
    quiet.job(job_id).delete()
    gone = basicaer("import", str(file), url=url)
    assert "was deleted less than 4 h ago: use another id, with --job-id ANOTHER" in " ".join(gone.stderr.split())
    assert basicaer("import", str(file), "--job-id", "another", url=url).stdout == "another\n"
    assert quiet.job("another").result().get_counts()
    with quiet_server.client() as client:
        client.set(keys.QUOTA, 2000)
    full = basicaer("import", str(file), "--job-id", "third", url=url)
    assert (full.exit_code, "may use" in full.stderr) == (2, True)
    checked(quiet_server)


def damaged(path, name, change):
    """Write the archive anew, one of its members changed."""
    with zipfile.ZipFile(path) as archive:
        members = {each: archive.read(each) for each in archive.namelist()}
    members[name] = change(members[name])
    with zipfile.ZipFile(path, "w") as archive:
        for each, data in members.items():
            archive.writestr(each, data)


@pytest.mark.rule(36)
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("parts/0", lambda data: data + b"x"),
        ("shards/0", lambda data: b""),
        ("job.json", lambda data: b"{}"),
        ("job.json", lambda data: json.dumps(json.loads(data) | {"shards": []}).encode()),
        ("job.json", lambda data: json.dumps(json.loads(data) | {"id": "a b"}).encode()),
        ("job.json", lambda data: json.dumps(json.loads(data) | {"manifest": "junk"}).encode()),
    ],
)
def test_a_damaged_file_stores_nothing(quiet, quiet_server, file, name, change):
    """It is named in one line, with exit code 2, or 4 for an id that can be none."""
    damaged(file, name, change)
    done = basicaer("import", str(file), url=quiet.settings.url)
    assert done.exit_code in {2, 4} and done.stderr.count("\n") == 1, done.output
    with quiet_server.client() as client:
        assert not list(client.scan_iter(f"{keys.PREFIX}job:*")) and not list(
            client.scan_iter(f"{keys.PREFIX}upload:*")
        )


@pytest.mark.rule(36)
def test_a_file_that_is_no_archive_is_refused(quiet, tmp_path):
    """By its name."""
    (tmp_path / "a.job").write_bytes(b"PK")
    for path in (tmp_path / "a.job", tmp_path / "none.job"):
        with pytest.raises(BasicAerError, match=path.name):
            load_job(path, quiet.connection)


def test_what_has_not_run_to_its_end_is_no_whole_job(quiet, tmp_path):
    """A job that waits, or was cancelled, is refused with exit code 1."""
    job = quiet.get_backend().run(bell())
    for _ in range(2):
        done = basicaer("export", job.job_id(), str(tmp_path / "a.job"), url=quiet.settings.url)
        assert (done.exit_code, "once all of it has run" in done.stderr) == (1, True)
        job.cancel()
    assert not list(tmp_path.iterdir())
