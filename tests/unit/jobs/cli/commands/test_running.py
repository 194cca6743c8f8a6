"""`basicaer run`: of one file or several, to counts, amplitudes and pictures."""

import functools
import json
import math
import re
import signal
import subprocess

import numpy as np
import pytest
from support.command_line import BASICAER, BELL, basicaer
from support.patience import deadline
from support.processes import ROOT, eventually, started

from jobs import BasicAerProvider, simulators
from jobs.cli.commands.running import BACKENDS

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_settings")]  # slow: starts processes


def test_run_shows_a_histogram(url, bell):
    """The counts are on stdout with shots and seed, the exit code is 0, and off a terminal stderr is empty."""
    done = basicaer("run", bell, "--shots", "1000", "--seed", "5", url=url)
    assert done.exit_code == 0, done.output
    head, *lines = done.stdout.splitlines()
    assert head.startswith("bell on qasm_simulator: 1000 shots, seed 5, ")
    found = [re.fullmatch(r"  (\d\d)  █+.? *  (\d+) +\d+\.\d%", line) for line in lines]
    assert {match[1] for match in found} == {"00", "11"}
    assert sum(int(match[2]) for match in found) == 1000
    assert done.stderr == ""


@pytest.mark.rule(32)
def test_json_is_all_there_is_on_stdout(url, bell):
    """`--json` prints one JSON document, and the same seed gives the same counts."""
    first, second = (json.loads(basicaer("run", bell, "--seed", "7", "--json", url=url).stdout) for _ in range(2))
    assert first["status"] == "DONE"
    assert first["results"][0]["counts"] == second["results"][0]["counts"]
    assert sum(first["results"][0]["counts"].values()) == 1024
    assert first["results"][0]["seed_simulator"] == 7
    assert first["job_id"] != second["job_id"]


@pytest.mark.parametrize(
    ("backend", "key", "shape"), [("statevector_simulator", "statevector", 2), ("unitary_simulator", "unitary", 4)]
)
def test_amplitudes_are_pairs_in_json(url, tmp_path, backend, key, shape):
    """A statevector or unitary is printed as [real, imaginary] pairs; for a person as a table."""
    path = tmp_path / "phase.qasm"
    path.write_text('OPENQASM 3.0;\ninclude "stdgates.inc";\nqubit[1] q;\nh q[0];\ns q[0];\n')
    done = basicaer("run", str(path), "--backend", backend, "--json", url=url)
    values = [pair for row in [json.loads(done.stdout)["results"][0][key]] for pair in _flat(row)]
    assert len(values) == shape
    assert [round(part, 9) for part in values[-1 if shape == 2 else 2]] == [0, 0.707106781]
    assert "0.7071i" in basicaer("run", str(path), "--backend", backend, url=url).stdout


def test_there_are_the_backends_that_a_provider_has():
    """Each by its name, in its order."""
    assert [each.NAME for each in simulators.BACKENDS] == list(BACKENDS)


def test_a_density_matrix_and_a_method(url, bell):
    """`--backend` and `--method` are those of `run()`, refusals too."""
    run = functools.partial(basicaer, "run", bell, "--json", url=url)
    done = json.loads(run("--backend", "density_matrix_simulator").stdout)["results"][0]
    assert done["saved"]["density_matrix"][0][0] == pytest.approx([0.5, 0])
    told = json.loads(run("--method", "stabilizer").stdout)
    assert told["results"][0]["metadata"]["method"] == "stabilizer"
    for method, shown in (("stabilizer", ", stabilizer, "), ("statevector", " shots, seed 3, 0.")):
        first, *_ = basicaer("run", bell, "--seed", "3", "--method", method, url=url).stdout.splitlines()
        assert shown in first
    refused = run("--method", "stabilizer", "--backend", "density_matrix_simulator")
    assert (refused.exit_code, "density_matrix" in refused.stderr) == (2, True)


def _flat(rows):
    return [pair for row in rows for pair in (row if isinstance(row[0], list) else [row])]


def test_ctrl_c_leaves_the_job_alone(idle_url, bell):
    """Ctrl-C while waiting: exit code 130, the job's id, how to come back; the job stays QUEUED."""
    command = [BASICAER, "run", bell, "--url", idle_url]
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as waiting:
        assert "No worker is up" in waiting.stderr.readline()
        provider = BasicAerProvider(idle_url)
        job = eventually(lambda: provider.jobs(limit=1, status="QUEUED"), what="the submitted job")[0]
        waiting.send_signal(signal.SIGINT)
        out, err = waiting.communicate(timeout=deadline(20))
    assert waiting.returncode == 130, err
    assert out == ""
    assert f"basicaer result {job.job_id()} --url" in err
    assert "Traceback" not in err
    assert job.status().name == "QUEUED"
    provider.close()


def test_precision(url, tmp_path):
    """`--precision single` runs in single precision: 0.6 and 0.8 come back rounded to complex64."""
    path = tmp_path / "turn.qasm"
    path.write_text(f'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[1];\nry({2 * math.acos(0.6)}) q[0];\n')
    for precision, digits in (("single", 1e-6), ("double", 1e-15)):
        options = ("--backend", "statevector_simulator", "--precision", precision, "--json")
        told = json.loads(basicaer("run", str(path), *options, url=url).stdout)
        ((zero, _), (one, _)) = told["results"][0]["statevector"]
        assert abs(zero - 0.6) + abs(one - 0.8) < digits
        assert (zero == float(np.float32(zero))) == (precision == "single")
    assert basicaer("run", str(path), "--precision", "half", url=url).exit_code == 2


def test_several_files_are_several_jobs(url, bell, tmp_path):
    """Files and folders, in order: each result with its name; with --json a list; one that fails is code 1."""
    folder = tmp_path / "circuits"
    folder.mkdir()
    for name in ("b", "a"):
        (folder / f"{name}.qasm").write_text(BELL)
    done = basicaer("run", str(folder), bell, "--shots", "10", url=url)
    assert done.exit_code == 0
    heads = [line for line in done.stdout.splitlines() if " on qasm_simulator: 10 shots" in line]
    assert [head.split()[0] for head in heads] == ["a", "b", "bell"]
    told = json.loads(basicaer("run", str(folder), "--seed", "3", "--json", url=url).stdout)
    assert told[0]["results"][0]["counts"] == told[1]["results"][0]["counts"]
    ids = basicaer("run", str(folder), "--no-wait", url=url).stdout.split()
    assert [json.loads(basicaer("status", each, "--json", url=url).stdout)["name"] for each in ids] == ["a", "b"]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["{folder}"], "there is no *.qasm in this folder"),
        (["{bell}", "{bell}", "--job-id", "mine"], "--job-id mine is for one job, and these are 2 files"),
        (["{bell}", "--plot", "counts.txt"], "a picture is a file named .png, .pdf, .svg, .jpg"),
        (["{bell}", "--plot", "no/counts.png"], "there is no folder"),
        (["{bell}", "--plot", "counts.png", "--no-wait"], "leave --no-wait out"),
        (["{bell}", "{folder}/bad"], "No such file"),
    ],
)
def test_what_does_not_go_together_ends_with_2(url, bell, tmp_path, options, reason):
    """It is refused before anything is submitted."""
    (tmp_path / "empty").mkdir()
    before = basicaer("jobs", "--limit", "1", "--json", url=url).stdout
    done = basicaer("run", *(each.format(bell=bell, folder=tmp_path / "empty") for each in options), url=url)
    assert (done.exit_code, done.stdout) == (2, "")
    assert reason in done.stderr
    assert basicaer("jobs", "--limit", "1", "--json", url=url).stdout == before


@pytest.mark.parametrize("backend", ["qasm_simulator", "statevector_simulator"])
def test_a_histogram_is_drawn(url, tmp_path, backend):
    """`--plot` writes a picture of counts or probabilities, of a run and of a result; stdout is as ever."""
    path = tmp_path / "one.qasm"
    path.write_text('OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[1];\ncreg c[1];\nx q[0];\nmeasure q->c;\n')
    done = basicaer("run", str(path), "--backend", backend, "--plot", str(tmp_path / "one.png"), url=url)
    assert (done.exit_code, done.stderr) == (0, f"Drawn: {tmp_path / 'one.png'}\n")
    assert (tmp_path / "one.png").read_bytes().startswith(b"\x89PNG")
    job_id = json.loads(basicaer("jobs", "--limit", "1", "--json", url=url).stdout)[0]["job_id"]
    again = basicaer("result", job_id, "--plot", str(tmp_path / "again.svg"), url=url)
    assert again.exit_code == 0
    assert "one" in (tmp_path / "again.svg").read_text()


def test_a_statevector_says_what_a_bar_is(url, tmp_path):
    """Where amplitudes and counts stand together, each says what its bars are."""
    path = tmp_path / "one.qasm"
    path.write_text('OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[1];\ncreg c[1];\nx q[0];\nmeasure q->c;\n')
    shown = basicaer("run", str(path), "--backend", "statevector_simulator", url=url).stdout.splitlines()
    assert shown[1] == "  amplitudes: a bar is a probability, |amplitude|^2"
    assert shown[3] == "  counts: a bar is how many shots gave the state"


def test_nothing_but_the_result_goes_into_a_pipe(url, bell):
    """`basicaer run | cat` prints no colours, no spinner, and no more than the result."""
    done = subprocess.run(
        [BASICAER, "run", bell, "--url", url], capture_output=True, timeout=deadline(60), check=True, cwd=ROOT
    )
    assert b"\x1b" not in done.stdout + done.stderr
    assert done.stderr == b""
