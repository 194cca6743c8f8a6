"""The commands about jobs, as a script sees them: stdout, stderr and the exit code."""

import json
import math
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from qiskit import QuantumCircuit
from qiskit.circuit.classical import expr, types
from support.command_line import BASICAER, basicaer, command_lines_with, no_settings  # noqa: F401 (a fixture)
from support.patience import deadline
from support.processes import ROOT, RedisServer, eventually, started

from jobs import BasicAerProvider, LocalCluster
from jobs.cli import main

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_settings")]  # slow: starts processes
BELL = 'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg q[2];\ncreg c[2];\nh q[0];\ncx q[0],q[1];\nmeasure q -> c;\n'
#: Of its qubits none is done with before all of them were in use.
WIDE = (
    'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg a[1];\nqreg q[999];\ncreg c[999];\nh a;\n'
    "cx a[0],q;\ncx a[0],q;\nmeasure q -> c;\n"
)
NOWHERE = "redis://:s3cret@127.0.0.1:1/0"


@pytest.fixture(scope="module")
def url():
    with LocalCluster(workers=1) as cluster:
        eventually(lambda: "1 up" in basicaer("doctor", url=cluster.url).stdout, what="the worker")
        yield cluster.url


@pytest.fixture(scope="module")
def idle_url():
    """A Redis without workers."""
    server = RedisServer(Path(tempfile.mkdtemp(prefix="basicaer-test-"))).start()
    yield server.url
    server.stop()
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture
def bell(tmp_path):
    path = tmp_path / "bell.qasm"
    path.write_text(BELL)
    return str(path)


def submitted(url, bell):
    done = basicaer("run", bell, "--no-wait", url=url)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


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


def _flat(rows):
    return [pair for row in rows for pair in (row if isinstance(row[0], list) else [row])]


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
    assert basicaer("logs", job_id[:3], url=url).exit_code == 4


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


@pytest.mark.rule(6)
def test_a_job_that_failed_ends_with_1(url):
    """The error's type and text are on stderr, the exit code is 1, and there is no traceback."""
    circuit = QuantumCircuit(1, 1)
    zero = circuit.add_var("zero", expr.lift(0, types.Uint(8)))
    circuit.store(zero, expr.div(expr.lift(1, types.Uint(8)), zero))
    circuit.measure(0, 0)
    job_id = BasicAerProvider(url).get_backend("qasm_simulator").run(circuit).job_id()
    done = basicaer("result", job_id, url=url)
    assert done.exit_code == 1
    assert "division by zero" in done.stderr
    assert "Traceback" not in done.output
    assert done.stdout == ""
    assert "division by zero" in json.loads(basicaer("status", job_id, "--json", url=url).stdout)["error"]


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


@pytest.mark.rule(13)
@pytest.mark.parametrize("command", ["status", "result", "logs", "cancel"])
def test_an_unknown_id_ends_with_4(idle_url, command):
    """No job with this id: said with the id and the address, exit code 4."""
    done = basicaer(command, "no-such-job", url=idle_url)
    assert done.exit_code == 4
    assert "no-such-job" in done.stderr


@pytest.mark.parametrize(
    ("text", "options", "reason"),
    [
        ("// nothing\n", [], r"circuit\.qasm:1:1: nothing is in it"),
        (BELL.replace("h q", "rx q"), [], r"circuit\.qasm:5:1: 'rx' takes 1 parameter, but got 0"),
        (BELL.replace("cx q", "cy2 q"), [], r"circuit\.qasm:6:1: 'cy2' is not defined"),
        (WIDE, [], r"1000 is greater than maximum \(\d+\)"),
        (BELL, ["--shots", "-1"], "-1"),
        (BELL, ["--seed", "x"], "'x'"),
        (BELL, ["--backend", "unitary_simulator"], 'instruction "measure"'),
        (BELL, ["--backend", "aer_simulator"], "aer_simulator"),
        ("OPENQASM 3.0;\ninput float theta;\nqubit q;\nU(theta, 0, 0) q;\n", [], "theta"),
    ],
)
def test_bad_input_ends_with_2(url, tmp_path, text, options, reason):
    """A file or option that cannot be used is refused by name, without a traceback; nothing is submitted."""
    path = tmp_path / "circuit.qasm"
    path.write_text(text)
    before = basicaer("jobs", "--limit", "1", "--json", url=url).stdout
    done = basicaer("run", str(path), *options, url=url)
    assert done.exit_code == 2
    assert re.search(reason, done.stderr)
    assert "Traceback" not in done.output
    assert basicaer("jobs", "--limit", "1", "--json", url=url).stdout == before


def test_a_missing_file_ends_with_2(url):
    """The file is named."""
    done = basicaer("run", "not-there.qasm", url=url)
    assert (done.exit_code, done.stderr) == (2, "Error: not-there.qasm: No such file or directory\n")


@pytest.mark.rule(18)
@pytest.mark.parametrize("arguments", [["jobs"], ["status", "x"], ["run", "{bell}"]])
def test_an_unreachable_redis_ends_with_3(bell, arguments):
    """The address is named without its password."""
    done = basicaer(*(argument.format(bell=bell) for argument in arguments), url=NOWHERE)
    assert done.exit_code == 3
    assert "127.0.0.1:1" in done.stderr
    assert "s3cret" not in done.output


def test_a_bad_url_ends_with_2():
    """A scheme that is not Redis's is refused, without the password."""
    done = basicaer("jobs", url="amqp://me:s3cret@host/0")
    assert done.exit_code == 2
    assert "amqp" in done.stderr
    assert "s3cret" not in done.output


def test_no_redis_server_ends_with_3(bell, monkeypatch, tmp_path):
    """Where there is no Redis to run, the message says what to install."""
    monkeypatch.setenv("BASICAER_REDIS_SERVER", str(tmp_path / "nothing"))
    monkeypatch.setenv("BASICAER_STATE_DIR", str(tmp_path / "state"))
    done = basicaer("run", bell)
    assert done.exit_code == 3
    assert "apt install redis-server" in done.stderr
    assert "Traceback" not in done.output


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


@pytest.mark.parametrize("command", sorted(main.commands))
def test_every_help_has_an_example(command):
    """`-h` and `--help` are the same, and end with a line that can be typed."""
    told, same = (basicaer(command, each) for each in ("--help", "-h"))
    assert (told.exit_code, told.stdout) == (0, same.stdout)
    assert f"basicaer {command}" in told.stdout.partition("example:")[2]


@pytest.mark.parametrize("arguments", [["--debug", "run", "{bad}"], ["run", "{bad}", "--debug"]])
def test_debug_shows_the_traceback(tmp_path, arguments):
    """Before the command or behind it; without it an error is one line."""
    bad = tmp_path / "bad.qasm"
    bad.write_text("// nothing\n")
    done = subprocess.run(
        [BASICAER, *(each.format(bad=bad) for each in arguments)],
        capture_output=True, text=True, timeout=deadline(60), check=False, cwd=ROOT,
    )  # fmt: skip
    assert "Traceback (most recent call last)" in done.stderr
    assert "UnreadableCircuitError" in done.stderr
    assert "Traceback" not in basicaer("run", str(bad)).output


def test_a_shell_completes():
    """What `basicaer completion bash` prints asks for commands, and for options of a command."""
    assert "_BASICAER_COMPLETE=bash_complete" in basicaer("completion", "bash").stdout
    for words, expected in (("basicaer st", "status"), ("basicaer jobs --sin", "--since")):
        env = os.environ | {"_BASICAER_COMPLETE": "bash_complete", "COMP_WORDS": words}
        env |= {"COMP_CWORD": str(len(words.split()) - 1)}
        done = subprocess.run(
            [BASICAER], env=env, capture_output=True, text=True, timeout=deadline(60), check=True, cwd=ROOT
        )
        assert done.stdout.split(",")[1].strip() == expected


def test_help_lists_the_exit_codes():
    """`basicaer --help` says what each exit code means."""
    text = basicaer("--help").stdout
    assert re.findall(r"^    (\d+) ", text, re.MULTILINE) == ["0", "1", "2", "3", "4", "130"]


def test_nothing_but_the_result_goes_into_a_pipe(url, bell):
    """`basicaer run | cat` prints no colours, no spinner, and no more than the result."""
    done = subprocess.run(
        [BASICAER, "run", bell, "--url", url], capture_output=True, timeout=deadline(60), check=True, cwd=ROOT
    )
    assert b"\x1b" not in done.stdout + done.stderr
    assert done.stderr == b""
