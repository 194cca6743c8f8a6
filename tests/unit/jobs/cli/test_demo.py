"""The demo's circuits and their answers, and the demo as a command."""

import os
import subprocess

import pytest
from qiskit import transpile
from qiskit_aer import AerSimulator
from support.command_line import BASICAER, command_lines_with
from support.patience import deadline
from support.processes import ROOT

from jobs.cli import demo
from jobs.cli.exits import ExitCode
from jobs.cli.goodness import compare
from jobs.cli.qasm import read_program
from jobs.cluster import LocalCluster
from jobs.rebuilding import rebuild

pytestmark = pytest.mark.slow  # starts processes

EXAMPLES = pytest.mark.parametrize("example", demo.EXAMPLES, ids=lambda example: example.name)


def program_of(name):
    return read_program(ROOT / "examples" / f"{name}.qasm")


def aer_counts(program):
    circuit = rebuild(program)
    simulator = AerSimulator()
    return simulator.run(transpile(circuit, simulator), shots=4096, seed_simulator=5).result().get_counts()


@EXAMPLES
def test_the_known_answers_agree_with_aer(example):
    """Each example's expected distribution is the one that another simulator samples."""
    program = program_of(example.name)
    expected = example.expected(program)
    assert sum(expected.values()) == pytest.approx(1, abs=1e-9)
    assert compare(aer_counts(program), expected).fits


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("adder", "ccx a, b, c; }\n// Undoes", "}\n// Undoes"),
        ("qft", "cu1(pi/4) q[9], q[11];", ""),
        ("grover", "[1:8]", "[1:7]"),
        ("teleportation", "if (message[0]) { z pair[1]; }", ""),
        ("teleportation", "if (message[1]) { x pair[1]; }", ""),
        ("vqe", "rx(-0.4109) q;", ""),
    ],
)
def test_a_slip_in_a_circuit_is_noticed(tmp_path, name, right, wrong):
    """Counts of a circuit that is slightly wrong do not pass for the right answer."""
    text = (ROOT / "examples" / f"{name}.qasm").read_text()
    assert right in text
    path = tmp_path / f"{name}.qasm"
    path.write_text(text.replace(right, wrong))
    example = next(example for example in demo.EXAMPLES if example.name == name)
    expected = example.expected(program_of(name))
    assert not compare(aer_counts(read_program(path)), expected).fits


def test_a_wrong_answer_ends_the_demo_with_1(monkeypatch, capsys):
    """The demo says which answer is wrong, and its exit code is not 0."""
    teleportation = next(example for example in demo.EXAMPLES if example.name == "teleportation")
    adder = next(example for example in demo.EXAMPLES if example.name == "adder")
    astray = demo.Example("teleportation", "expects another circuit's answer", adder.expected)
    monkeypatch.setattr(demo, "EXAMPLES", (teleportation, astray))
    with LocalCluster(workers=1) as cluster:
        code = demo.run_demo(cluster.url)
    out = capsys.readouterr().out
    assert code == ExitCode.JOB_FAILED
    assert "1 of 2 answers are wrong" in out
    assert out.count("right: chi-squared") == 1


@pytest.mark.usefixtures("no_settings")
def test_the_demo_is_right_and_leaves_nothing(tmp_path):
    """`basicaer demo` checks five histograms, exits with 0, and leaves no process and no file."""
    env = os.environ | {"TMPDIR": str(tmp_path), "COLUMNS": "100"}
    done = subprocess.run(
        [BASICAER, "demo"],
        cwd=tmp_path,
        env=env,
        capture_output=True,
        text=True,
        timeout=deadline(100),
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("\n  right: ") == 5
    assert done.stdout.endswith("All 5 answers are right.\n")
    assert all(len(line) <= 100 for line in done.stdout.splitlines())
    assert list(tmp_path.iterdir()) == []
    assert command_lines_with(str(tmp_path)) == []
