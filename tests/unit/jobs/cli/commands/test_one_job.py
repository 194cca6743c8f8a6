"""The commands about a job that was submitted: it is found, listed, told of, and cancelled."""

import json
import re
import tempfile

import pytest
from click.testing import CliRunner
from qiskit import QuantumCircuit
from support.command_line import basicaer, command_lines_with, submitted
from support.patience import deadline
from support.processes import eventually

from jobs import BasicAerProvider
from jobs.cli import main

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_settings")]  # slow: starts processes


@pytest.mark.rule(13, 14)
def test_a_job_is_found_again_by_its_id(url, bell):
    """`run --no-wait` prints the id and nothing else; `result`, `status` and `jobs` find it."""
    job_id = submitted(url, bell)
    result = json.loads(basicaer("result", job_id, "--json", url=url).stdout)
    assert (result["job_id"], result["status"]) == (job_id, "DONE")
    assert basicaer("status", job_id, url=url).stdout == "DONE\n"
    assert json.loads(basicaer("status", job_id, "--json", url=url).stdout)["backend"] == "qasm_simulator"
    listed = json.loads(basicaer("jobs", "--limit", "1", "--json", url=url).stdout)
    assert [job["job_id"] for job in listed] == [job_id]
    assert job_id in basicaer("jobs", url=url).stdout
    assert basicaer("jobs", "--status", "cancelled", "--json", url=url).stdout == "[]\n"


@pytest.mark.rule(14)
def test_a_job_is_listed_with_what_it_is(url, bell, monkeypatch):
    """Name, qubits, shots, owner and seconds of each job; by owner, tag and time; and a screen of 80 columns."""
    monkeypatch.setenv("BASICAER_OWNER", "carla")
    circuit = QuantumCircuit(3, name="three")
    circuit.measure_all()
    provider = BasicAerProvider(url)
    job = provider.get_backend().run([circuit] * 2, shots=77, job_tags=["red", "green"])
    job.result(timeout=deadline(30))
    provider.close()
    monkeypatch.setenv("BASICAER_OWNER", "dora")
    mine = submitted(url, bell)

    def listed(*options):
        return json.loads(basicaer("jobs", *options, "--json", url=url).stdout)

    assert [each["job_id"] for each in listed()] == [mine]
    assert [each["job_id"] for each in listed("--all", "--limit", "2")] == [mine, job.job_id()]
    (one,) = listed("--owner", "carla")
    assert {name: one[name] for name in ("owner", "name", "circuits", "qubits", "shots", "tags")} == {
        "owner": "carla", "name": "three", "circuits": 2, "qubits": 3, "shots": 77, "tags": ["red", "green"],
    }  # fmt: skip
    assert one["created"] <= one["started"] <= one["ended"]
    assert listed("--owner", "carla", "--tag", "red", "--tag", "green", "--since", "1h") == [one]
    assert listed("--owner", "carla", "--tag", "blue") == listed("--owner", "carla", "--since", "2100-01-01") == []
    monkeypatch.setenv("FORCE_COLOR", "1")
    done = CliRunner().invoke(main, ["jobs", "--all", "--url", url], env={"COLUMNS": "80"})
    shown = re.sub("\x1b\\[[0-9;]*m", "", done.stdout).splitlines()
    assert max(map(len, shown)) <= 80
    assert shown[0].split()[:6] == ["JOB", "STATUS", "CIRCUIT", "QUBITS", "SHOTS", "CREATED"]
    (row,) = [line.split() for line in shown if job.job_id()[:8] in line]
    assert row[:6] == [job.job_id()[:8], "DONE", "three", "+1", "3", "77"]


def test_the_beginning_of_an_id_is_enough(url, bell):
    """Four letters do where no other id begins so; otherwise all that do are named, and three never do."""
    for name in ("monday-1", "monday-2"):
        assert basicaer("run", bell, "--job-id", name, url=url).exit_code == 0
    assert json.loads(basicaer("status", "monday-1", "--json", url=url).stdout)["job_id"] == "monday-1"
    several = basicaer("cancel", "mond", url=url)
    assert several.exit_code == 2
    assert "2 ids begin with mond: monday-1, monday-2." in several.stderr
    job_id = submitted(url, bell)
    assert json.loads(basicaer("result", job_id[:8], "--json", url=url).stdout)["job_id"] == job_id
    few = basicaer("logs", job_id[:3], url=url)
    assert (few.exit_code, "give 4 letters of its beginning at least" in few.stderr) == (4, True)


def test_a_whole_job_in_a_file_is_to_be_imported(tmp_path):
    """`result` of a FILE .job says so: the job is none of a Redis's yet, where its result would be looked for."""
    file = tmp_path / "bell.job"
    file.touch()
    done = basicaer("result", str(file))
    assert (done.exit_code, f"`basicaer import {file}`" in " ".join(done.stderr.split())) == (2, True)


@pytest.mark.rule(16)
def test_logs(url, bell):
    """`basicaer logs` prints a line for each thing that happened, oldest first."""
    job_id = submitted(url, bell)
    basicaer("result", job_id, url=url)
    lines = basicaer("logs", job_id, url=url).stdout.splitlines()
    assert [line.split()[2] for line in lines] == ["submitted", "claimed", "finished", "ended"]
    entries = json.loads(basicaer("logs", job_id, "--json", url=url).stdout)
    assert [entry["event"] for entry in entries] == ["submitted", "claimed", "finished", "ended"]
    assert entries[1]["worker"] in lines[1]
    assert entries[2]["seconds"] > 0


@pytest.mark.rule(8, 10)
def test_cancel_takes_effect_once(idle_url, bell):
    """A queued job is cancelled with code 0; again, or its result, is code 1."""
    job_id = submitted(idle_url, bell)
    first, again = (basicaer("cancel", job_id, url=idle_url) for _ in range(2))
    assert (first.exit_code, first.stdout) == (0, "CANCELLED\n")
    assert (again.exit_code, again.stdout) == (1, "CANCELLED\n")
    assert "Nothing to cancel" in again.stderr
    done = basicaer("result", job_id, url=idle_url)
    assert done.exit_code == 1
    assert "cancelled" in done.stderr


def test_read_only_commands_start_no_workers(monkeypatch, tmp_path):
    """With the embedded cluster, looking at jobs starts a Redis to look into, and no worker."""
    with tempfile.TemporaryDirectory(prefix="basicaer-test-") as folder:
        monkeypatch.setenv("BASICAER_STATE_DIR", folder)
        monkeypatch.setenv("BASICAER_LINGER", "1")
        provider = BasicAerProvider()
        assert provider.jobs() == []
        found = {check["name"]: check for check in json.loads(basicaer("doctor", "--json").stdout)}
        assert "embedded, running" in found["cluster"]["found"]
        assert found["workers"]["found"].startswith("none up")
        ours = command_lines_with(folder)
        assert any("worker.cluster.supervisor" in line for line in ours)
        assert not any("-A worker" in line for line in ours)
        provider.close()
        eventually(lambda: "not running" in basicaer("doctor").stdout, within=20, what="the cluster's end")
