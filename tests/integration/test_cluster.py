"""The shared embedded cluster: who keeps it alive, what ends it, and what it leaves. Real processes throughout."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from support.embedded import END, LINGER, REDIS, Seen, State, answers, group_of, running, store
from support.patience import deadline
from support.processes import end, eventually

from jobs import BasicAerProvider, ClusterError, JobNotFoundError
from jobs.cluster import SharedCluster
from worker.cluster.folder import SOCKET_PATH_LIMIT, ClusterFolder
from worker.queue.app import make_app
from worker.record.connection import connect
from worker.record.store import Store
from worker.settings import Settings


@pytest.fixture
def state(monkeypatch):
    """A state folder of the test's own, where nothing runs when the test is over."""
    path = Path(tempfile.mkdtemp(prefix="basicaer-test-"))
    monkeypatch.setenv("BASICAER_STATE_DIR", str(path))
    monkeypatch.setenv("BASICAER_LINGER", str(LINGER))
    monkeypatch.delenv("BASICAER_URL", raising=False)
    yield State(path)
    for family in path.rglob("family.lock"):
        Seen(ClusterFolder(family.parent)).kill()
    shutil.rmtree(path)


@pytest.fixture
def cluster(state):
    """The shared cluster as this process sees it, not yet joined."""
    cluster = SharedCluster(Settings.from_env())
    yield cluster
    cluster.close()


def test_clients_share_one_cluster(state):
    """Part 6: two processes share one cluster, the first is not special, and SIGKILL of both ends it soon."""
    with state.client() as first, state.client() as second:
        url = first.stdout.readline().strip()
        assert second.stdout.readline().strip() == url

        end(first, signal.SIGKILL)
        with pytest.raises(subprocess.TimeoutExpired):
            second.wait(LINGER + 0.5)
        assert answers(url)

        end(second, signal.SIGKILL)
    state.seen.await_end()
    assert not state.seen.folder.socket.exists()


def test_concurrent_starts(state):
    """Part 6: of five clients that start at once one starts the cluster, and all get the same."""
    with contextlib.ExitStack() as stack:
        clients = [stack.enter_context(state.client()) for _ in range(5)]
        assert len({client.stdout.readline() for client in clients}) == 1
        assert len(state.seen.pids("worker.cluster.supervisor")) == 1
        assert len(state.seen.pids(REDIS)) == 1


def test_readonly_clients_start_no_workers(state, cluster):
    """Part 6: a read-only client starts no worker; one that asks gets them even if it ends at once."""
    cluster.join(workers=False)
    with state.client("workers") as brief:
        assert brief.stdout.readline()
    state.seen.await_workers()
    cluster.close()
    state.seen.await_end()

    cluster.join(workers=False)
    with state.client() as other:
        assert other.stdout.readline()
        with pytest.raises(subprocess.TimeoutExpired):
            other.wait(1.0)
        assert not state.seen.pids("celery")


def test_keeps_its_data(state, cluster):
    """Part 6: what was stored is there after the cluster's end and next start, at the same URL."""
    url = cluster.join(workers=False)
    with store(url) as client:
        client.set("kept", "yes")
    cluster.close()
    state.seen.await_end()

    assert cluster.join(workers=False) == url
    with store(url) as client:
        assert client.get("kept") == b"yes"


def test_supervisor_killed(state, cluster):
    """Part 6: SIGKILL of the supervisor leaves nothing running; the next call starts anew, with the data."""
    url = cluster.join(workers=True)
    with store(url) as client:
        client.set("kept", "yes")
    state.seen.await_workers()
    old = state.seen.supervisor

    os.kill(old, signal.SIGKILL)

    eventually(lambda: not group_of(old), within=END, what="the end of all its children")
    assert cluster.join(workers=True) == url
    with store(url) as client:
        assert client.get("kept") == b"yes"
    state.seen.await_workers()


def test_supervisor_and_guard_killed(state, cluster):
    """Part 6: where nobody is left to clean up, the next client does, and starts anew."""
    url = cluster.join(workers=False)
    old, redis_server = state.seen.supervisor, state.seen.pids(REDIS)
    for pid in (*state.seen.guards, old):
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not state.seen.pids("worker.cluster.supervisor"), what="the supervisor's death")
    assert state.seen.pids(REDIS) == redis_server

    assert cluster.join(workers=False) == url

    assert group_of(old) == []
    assert len(state.seen.pids(REDIS)) == 1


def test_restarts_what_dies(state, cluster):
    """Part 6: Redis, a worker node and the guard are started again when they die; Redis with its data."""
    url = cluster.join(workers=True)
    seen = state.seen
    with store(url) as client:
        client.set("kept", "yes")
    seen.await_workers()
    for what in (REDIS, "celery"):
        before = seen.pids(what)
        # The oldest is the node; its pool's processes came after it.
        os.kill(min(before), signal.SIGKILL)
        eventually(lambda what=what, before=before: seen.pids(what) - before, what=f"a new {what}")
    (guard,) = seen.guards
    os.kill(guard, signal.SIGKILL)
    eventually(lambda: seen.guards - {guard}, what="a new guard")

    eventually(lambda: answers(url), what="Redis's answer")
    with store(url) as client:
        assert client.get("kept") == b"yes"


def test_finishes_what_was_submitted(state, tmp_path):
    """Part 6: a job goes on when its client has gone, and its result is there for the next one, at any time."""
    # The user's own module of our package's name: Celery looks in the current folder first.
    (tmp_path / "worker.py").write_text("raise SystemExit('not this one')\n")
    submit = (
        "import sys; sys.path.remove('');"
        "from jobs import BasicAerProvider; from qiskit import qasm3;"
        "print(BasicAerProvider().get_backend().run(qasm3.loads(sys.argv[1]), shots=10).job_id())"
    )
    bell = 'OPENQASM 3.0; include "stdgates.inc"; qubit[2] q; bit[2] c; h q[0]; cx q[0], q[1]; c = measure q;'
    with running(submit, bell, cwd=tmp_path) as client:
        job_id = client.stdout.readline().strip()
        assert client.wait(deadline(20)) == 0
    state.seen.await_end(within=30)

    provider = BasicAerProvider()
    job = provider.job(job_id)
    assert job.done()
    assert sum(job.result().get_counts().values()) == 10
    assert not state.seen.pids("celery")
    provider.close()


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        (None, "install one of them:\n .*apt install redis-server"),
        (
            '[ "$1" = --version ] && echo Redis server v=7.0.0 || { echo out of luck; exit 1; }',
            "ended at its start.*out of luck",
        ),
    ],
    ids=["none", "dies"],
)
def test_start_failure(state, tmp_path, monkeypatch, script, expected):
    """Part 6: a cluster that cannot start is one clear error with its cause, and leaves nothing running."""
    binary = tmp_path / "redis"
    monkeypatch.setenv("BASICAER_REDIS_SERVER", str(binary))
    if script:
        binary.write_text(f"#!/bin/sh\n{script}\n")
        binary.chmod(0o755)
    with pytest.raises(ClusterError) as caught:
        SharedCluster(Settings.from_env()).join(workers=True)
    assert re.search(expected, caught.value.message, re.DOTALL)
    state.seen.await_end()


@pytest.mark.rule(13)
def test_a_job_that_the_embedded_cluster_has_not(state):
    """An unknown id is said to be not in the embedded cluster, which has no address to be at."""
    provider = BasicAerProvider()
    try:
        with pytest.raises(JobNotFoundError, match=r"^No job 'x' in the embedded cluster: it never was there"):
            provider.job("x")
    finally:
        provider.close()


def test_names_wsl_on_windows(cluster, monkeypatch):
    """Part 6: on Windows, where none of this runs, the error says what does."""
    monkeypatch.setattr("jobs.cluster.membership.sys.platform", "win32")
    with pytest.raises(ClusterError, match=r"WSL .*BASICAER_URL"):
        cluster.join(workers=False)


def test_caps_its_log(state, cluster):
    """Part 6: the log never grows for ever; what was said last is kept."""
    cluster.join(workers=False)
    log = state.seen.folder.log
    with log.open("a") as file:
        file.write("a long story\n" * 100_000)
    eventually(lambda: log.stat().st_size < 1_000_000, what="a shorter log")
    assert "a long story" in log.with_suffix(".log.1").read_text()


def test_long_state_folder(state, monkeypatch):
    """Part 6: the socket's path stays short enough for the system however long the folder's is."""
    path = state.path / ("long " * 40).strip()
    monkeypatch.setenv("BASICAER_STATE_DIR", str(path))
    cluster = SharedCluster(Settings.from_env())
    assert answers(cluster.join(workers=False))

    (found,) = path.iterdir()
    folder = ClusterFolder(found)
    assert len(os.fsencode(folder.socket)) <= SOCKET_PATH_LIMIT
    assert folder.socket.parent.stat().st_mode & 0o777 == 0o700
    cluster.close()
    Seen(folder).await_end()
    assert not folder.socket.parent.exists()


@pytest.mark.rule(37)
def test_private_to_its_user(state, cluster):
    """Only the user can read what the cluster stores; no log, repr or command line has the password."""
    url = cluster.join(workers=True)
    seen = state.seen
    settings = Settings.from_env(url)
    eventually(Store.of(connect(settings), settings).workers, within=30, what="a worker that is ready")
    for path in (seen.folder.path, *seen.folder.path.rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path
    password = seen.folder.password()
    assert password in url
    said = (
        "".join(command for _, command in group_of(seen.supervisor)) + seen.folder.log.read_text() + repr(cluster)
    )
    assert str(seen.folder.socket) in said
    assert password not in said


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_foreign_folder(state, cluster):
    """Part 6: a folder that belongs to another user is refused by name."""
    cluster._folder.mkdir()
    os.chown(cluster._folder, 12345, 12345)
    with pytest.raises(ClusterError, match=f"{cluster._folder} belongs to user id 12345"):
        cluster.join(workers=False)


def test_celery_takes_the_url(state, monkeypatch):
    """Celery's broker and result backend find socket and password in the URL, whatever characters the path has."""
    monkeypatch.setenv("BASICAER_STATE_DIR", str(state.path / "a #b?é%41"))
    cluster = SharedCluster(Settings.from_env())
    app = make_app(Settings(cluster.join(workers=False)))
    with app.connection_for_write() as connection:
        assert connection.ensure_connection(max_retries=1).default_channel.client.ping()
    assert app.backend.client.ping()
    app.close()
    cluster.close()
