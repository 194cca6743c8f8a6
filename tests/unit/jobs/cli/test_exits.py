"""How commands end: an exit code for each kind of outcome, and one line that says why."""

import json
import re
import subprocess

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.classical import expr, types
from support.command_line import BASICAER, BELL, basicaer
from support.patience import deadline
from support.processes import ROOT

from jobs import BasicAerProvider

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_settings")]  # slow: starts processes


#: Of its qubits none is done with before all of them were in use.
WIDE = (
    'OPENQASM 2.0;\ninclude "qelib1.inc";\nqreg a[1];\nqreg q[999];\ncreg c[999];\nh a;\nt a;\n'
    "cx a[0],q;\ncx a[0],q;\nmeasure q -> c;\n"
)


NOWHERE = "redis://:s3cret@127.0.0.1:1/0"


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


def test_help_lists_the_exit_codes():
    """`basicaer --help` says what each exit code means."""
    text = basicaer("--help").stdout
    assert re.findall(r"^    (\d+) ", text, re.MULTILINE) == ["0", "1", "2", "3", "4", "130"]
