"""The commands that become, or keep, other processes; and the doctor, who looks at them."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import redis
from command_line import BASICAER, basicaer, no_settings  # noqa: F401 (a fixture)

from jobs import BasicAerProvider
from jobs.cli.shadows import shadows
from worker.settings import Settings

pytestmark = pytest.mark.usefixtures("no_settings")


def report(*arguments):
    done = basicaer("doctor", "--json", *arguments)
    checks = json.loads(done.stdout)
    return done.exit_code, {name: [each for each in checks if each["name"] == name] for name in _names(checks)}


def _names(checks):
    return {check["name"] for check in checks}


@pytest.mark.parametrize(("command", "celery_says"), [("worker", "--concurrency"), ("flower", "monitoring")])
def test_the_process_becomes_celery_without_qiskit(tmp_path, command, celery_says):
    """`basicaer worker` execs Celery with the options that follow, and never imports Qiskit."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", BASICAER, command, "--", "--help"],
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert celery_says in done.stdout, done.stdout + done.stderr[-2000:]
    assert "jobs.cli" in done.stderr
    assert "qiskit" not in done.stderr


def test_flower_without_the_extra_says_how_to_get_it():
    """One line with the install command, and exit code 3."""
    code = "import sys; sys.modules['flower'] = None; from jobs.cli import main; main(['flower'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 3
    assert 'pip install "basicaer-celery[flower]"' in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_client_without_qiskit_is_told():
    """On a worker's machine, where Qiskit is not installed, a client's command names what is missing."""
    code = "import sys; sys.modules['qiskit'] = None; from jobs.cli import main; main(['jobs'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 3
    assert "qiskit is not installed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["jobs.py", "worker.py", "simulator.py", "worker/__init__.py"])
def test_files_that_hide_ours_are_found(tmp_path, monkeypatch, name):
    """A user's file of our package's name stops `basicaer worker`, and the doctor names it."""
    hiding = tmp_path / name
    hiding.parent.mkdir(exist_ok=True)
    hiding.touch()
    monkeypatch.chdir(tmp_path)
    done = basicaer("worker")
    assert done.exit_code == 2
    assert str(tmp_path / Path(name).parts[0]) in done.stderr
    assert Path(name).parts[0] in report("--url", "redis://127.0.0.1:1")[1]["this folder"][0]["found"]


def test_our_own_tree_hides_nothing(tmp_path):
    """A clone's folders are our packages, and a folder without __init__.py loses to an installed package."""
    (tmp_path / "jobs").mkdir()
    assert shadows(tmp_path) == []
    assert shadows(Path(__file__).parents[2]) == []


def test_the_doctor_finds_what_is_missing(monkeypatch):
    """An unreachable Redis ends the report with 3, without its password; a misspelt setting is named."""
    monkeypatch.setenv("BASICAER_LEESE", "3")
    code, checks = report("--url", "redis://me:s3cret@127.0.0.1:1/0")
    assert code == 3
    assert [check["outcome"] for check in checks["cluster"]] == ["missing"]
    assert "redis://127.0.0.1:1/0" in checks["cluster"][0]["found"]
    assert "s3cret" not in json.dumps(checks)
    assert [check for check in checks["settings"] if "BASICAER_LEESE" in check["found"]]


def test_the_doctor_reports_a_setting_that_cannot_be_used(monkeypatch):
    """A setting of a wrong form is a finding, with the variable and what it takes; not a crash."""
    monkeypatch.setenv("BASICAER_LEASE", "soon")
    code, checks = report()
    assert code == 3
    assert "BASICAER_LEASE" in checks["settings"][-1]["found"]


def test_the_doctor_starts_nothing(monkeypatch, tmp_path):
    """Looking for an embedded cluster makes none, and writes no file."""
    monkeypatch.setenv("BASICAER_STATE_DIR", str(tmp_path / "state"))
    code, checks = report()
    assert code == 0
    assert "not running" in checks["cluster"][0]["found"]
    assert not (tmp_path / "state").exists()


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_up_keeps_a_cluster_until_it_is_told_to_end(bell_circuit, end):
    """`basicaer up` prints a URL that jobs run at; Ctrl-C ends its Redis and its workers."""
    command = [BASICAER, "up", "--workers", "1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as cluster:
        url = cluster.stdout.readline().strip()
        provider = BasicAerProvider(url)
        counts = provider.get_backend("qasm_simulator").run(bell_circuit, shots=10).result(timeout=30).get_counts()
        assert sum(counts.values()) == 10
        code, checks = report("--url", url)
        assert code == 0
        assert "1 up" in checks["workers"][0]["found"]
        provider.close()
        cluster.send_signal(end)
        _, err = cluster.communicate(timeout=30)
    assert cluster.returncode == 0
    assert "Traceback" not in err
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(Settings(url=url).store_url).ping()


@pytest.fixture
def bell_circuit():
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit
