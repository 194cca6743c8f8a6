"""The private cluster of a ``with`` block: it ends with the block, and with the process that made it."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from pathlib import Path

import pytest
from support.embedded import Seen, answers, group_of, running, store
from support.processes import end, eventually

from jobs import ClusterError, LocalCluster
from worker.cluster.folder import ClusterFolder

_MAKE = """
import sys
from jobs import LocalCluster
with LocalCluster(workers=1) as cluster:
    print(cluster.url, flush=True)
    sys.stdin.read()
"""
_MAKE_AND_FORK = """
import os, sys
from jobs import LocalCluster
with LocalCluster(workers=1) as cluster:
    print(cluster.url, flush=True)
    child = os.fork()
    if child == 0:
        cluster.stop()
        os._exit(0)
    os.waitpid(child, 0)
    print("the child has ended", flush=True)
    sys.stdin.read()
"""


@pytest.fixture(autouse=True)
def temporary(tmp_path_factory, monkeypatch):
    """An empty folder for temporary files, which is empty again after each test."""
    path = Path(tempfile.mkdtemp(prefix="basicaer-test-"))
    monkeypatch.setenv("TMPDIR", str(path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield path
    # Fails if the cluster left a file.
    path.rmdir()


@pytest.mark.parametrize("workers", ["a", 0, -1, 1.5, True, None, 10**6], ids=repr)
def test_what_is_no_number_of_workers(workers):
    """A cluster of what is no number, or of none, is refused before anything is started."""
    with pytest.raises(ValueError, match=r"^workers must be a whole number from 1 to 1000, not "):
        LocalCluster(workers)


def seen(temporary: Path) -> Seen:
    (path,) = temporary.iterdir()
    return Seen(ClusterFolder(path))


def await_end(temporary: Path, group: int) -> None:
    eventually(lambda: not any(temporary.iterdir()), what="the end of the cluster's folder")
    eventually(lambda: not group_of(group), what="the end of its processes")


def test_ends_with_its_block(temporary):
    """Part 6: a `with LocalCluster()` block has the nodes that it asks for, and leaves no process and no file."""
    with LocalCluster(workers=2) as cluster:
        group = seen(temporary).supervisor
        assert cluster.url not in repr(cluster)
        with store(cluster.url) as client:
            eventually(lambda: client.zcard("basicaer:1:workers") == 2, within=30, what="two worker nodes")
    assert group_of(group) == []
    assert not any(temporary.iterdir())


def test_ends_with_an_error(temporary):
    """Part 6: the cluster also ends when its block raises; its URL is no more then, and it can start again."""
    cluster = LocalCluster(workers=1)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), cluster:
            1 / (not answers(cluster.url))
        assert not any(temporary.iterdir())
        with pytest.raises(ClusterError, match=r"is not started: use `with LocalCluster\(\)"):
            _ = cluster.url


def test_ends_with_its_maker(temporary):
    """Part 6: SIGKILL of the process that made a private cluster ends the cluster within seconds."""
    with running(_MAKE) as maker:
        assert answers(maker.stdout.readline().strip())
        group = seen(temporary).supervisor
        end(maker, signal.SIGKILL)
        await_end(temporary, group)


def test_ends_with_maker_and_supervisor(temporary):
    """Part 6: SIGKILL of maker and supervisor at once leaves nothing either."""
    with running(_MAKE) as maker:
        assert answers(maker.stdout.readline().strip())
        group = seen(temporary).supervisor
        for pid in (maker.pid, group):
            os.kill(pid, signal.SIGKILL)
        await_end(temporary, group)


def test_clusters_are_apart(temporary):
    """Part 6: two private clusters of one process share nothing."""
    with LocalCluster(workers=1) as one, LocalCluster(workers=1) as other:
        assert one.url != other.url
        with store(one.url) as client, store(other.url) as stranger:
            client.set("mine", "yes")
            assert stranger.get("mine") is None


def test_survives_its_makers_children(temporary):
    """Part 6: a forked child that ends, or stops the cluster that it inherited, does not end it."""
    with running(_MAKE_AND_FORK) as maker:
        url = maker.stdout.readline().strip()
        assert maker.stdout.readline() == "the child has ended\n"
        with pytest.raises(subprocess.TimeoutExpired):
            maker.wait(0.6)
        assert answers(url)
        group = seen(temporary).supervisor
    await_end(temporary, group)


def test_failed_start_leaves_nothing(temporary, monkeypatch):
    """Part 6: a private cluster that cannot start says why and leaves no file."""
    monkeypatch.setenv("BASICAER_REDIS_SERVER", str(temporary / "none"))
    with pytest.raises(ClusterError, match="none does not run"):
        LocalCluster().start()
