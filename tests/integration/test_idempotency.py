"""A job whose user chose its id: submitted again, from any process, it is the same job."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from qiskit import QuantumCircuit
from qiskit.providers import JobStatus
from support.command_line import basicaer
from support.patience import deadline
from support.processes import ROOT

from jobs import BasicAerError
from worker.record.keys import PREFIX

#: A user's script: it builds its circuit anew each time, and gives no seed.
SCRIPT = """
import json, sys
from qiskit import QuantumCircuit
from jobs import BasicAerProvider

for _ in range(int(sys.argv[2])):
    QuantumCircuit(1)  # another process has built other circuits before
circuit = QuantumCircuit(2)
circuit.h(0)
circuit.cx(0, 1)
circuit.measure_all()
job = BasicAerProvider(sys.argv[1]).get_backend().run(circuit, shots=1000, job_id=sys.argv[3])
result = job.result(timeout=30)
print(json.dumps([job.job_id(), result.get_counts(), result.results[0].seed_simulator]))
"""


def run_script(url: str, circuits_before: int, job_id: str):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT, url, str(circuits_before), job_id],
        cwd=ROOT, capture_output=True, text=True, timeout=deadline(60), check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def bell(angle: float = 0.0) -> QuantumCircuit:
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.rz(angle, 0)
    circuit.measure_all()
    return circuit


def test_a_script_that_is_run_again(provider, server):
    """From two processes at once, and from a third, one job comes of it, with one result; no seed was given."""
    with ThreadPoolExecutor() as both:
        one, two = both.map(lambda before: run_script(server.url, before, "from-a-script"), (0, 3))
    assert one == two == run_script(server.url, 5, "from-a-script")
    assert [job.job_id() for job in provider.jobs(limit=None)].count("from-a-script") == 1
    job = provider.job("from-a-script")
    assert [entry.event for entry in job.logs()].count("claimed") == 1


def test_other_content_is_refused(provider):
    """Under an id that is taken, another circuit or shots are an error, and the job stays as it was."""
    backend = provider.get_backend()
    job = backend.run(bell(), shots=100, job_id="taken")
    counts = job.result(timeout=deadline(30)).get_counts()
    for circuit, shots in ((bell(0.5), 100), (bell(), 101)):
        with pytest.raises(BasicAerError, match="job taken is there already, with other content: use another id"):
            backend.run(circuit, shots=shots, job_id="taken")
    again = backend.run(bell(), shots=100, job_id="taken", job_tags=["later"], priority=3)
    assert again == job
    assert (again.result(timeout=deadline(1)).get_counts(), again.tags, again.options()["priority"]) == (
        counts,
        [],
        0,
    )


def test_whatever_has_become_of_it(quiet):
    """Submitted again, a queued job is still queued once, a cancelled one cancelled; a deleted id is taken."""
    backend = quiet.get_backend()
    job = backend.run(bell(), job_id="mine")
    assert backend.run(bell(), job_id="mine").status() is JobStatus.QUEUED
    assert len(quiet.jobs()) == 1
    job.cancel()
    assert backend.run(bell(), job_id="mine").status() is JobStatus.CANCELLED
    job.delete()
    with pytest.raises(BasicAerError, match="job mine was deleted less than 4 h ago: use another id"):
        backend.run(bell(), job_id="mine")


@pytest.mark.parametrize("bad", ["", "a b", "a/b", "x" * 129, 7])
def test_an_id_that_cannot_be(quiet, quiet_server, bad):
    """An id that cannot name a job is refused with the value and what it may be, before anything is sent."""
    with pytest.raises(BasicAerError, match=r"job_id=.* cannot name a job: an id is 1 to 128 letters"):
        quiet.get_backend().run(bell(), job_id=bad)
    with quiet_server.client() as client:
        assert not list(client.scan_iter(f"{PREFIX}*"))


def test_on_the_command_line(server, provider, tmp_path):
    """`basicaer run --job-id` run twice is one job, and its result both times."""
    file = tmp_path / "bell.qasm"
    file.write_text('OPENQASM 2.0; include "qelib1.inc"; qreg q[1]; creg c[1]; h q[0]; measure q -> c;')
    told = [
        json.loads(
            basicaer("run", str(file), "--job-id", "by-hand", "--priority", "9", "--json", url=server.url).stdout
        )
        for _ in range(2)
    ]
    assert told[0]["job_id"] == "by-hand"
    assert told[0] == told[1]
    assert provider.job("by-hand").options()["priority"] == 9
    refused = basicaer("run", str(file), "--job-id", "by hand", url=server.url)
    assert refused.exit_code == 2
    assert "job_id='by hand' cannot name a job" in refused.stderr
