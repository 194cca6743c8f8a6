"""What the tests of the command line share: a cluster of one worker, a Redis without workers, and a file."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from support.command_line import BELL, basicaer
from support.processes import RedisServer, eventually

from jobs import LocalCluster


@pytest.fixture(scope="session")
def url():
    """A cluster of one worker."""
    with LocalCluster(workers=1) as cluster:
        eventually(lambda: "1 up" in basicaer("doctor", url=cluster.url).stdout, what="the worker")
        yield cluster.url


@pytest.fixture(scope="session")
def idle_url():
    """A Redis without workers."""
    server = RedisServer(Path(tempfile.mkdtemp(prefix="basicaer-test-"))).start()
    yield server.url
    server.stop()
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture
def no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take all BASICAER_ variables out of the environment."""
    for name in [name for name in os.environ if name.startswith("BASICAER_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def bell(tmp_path):
    """A file with a Bell pair."""
    path = tmp_path / "bell.qasm"
    path.write_text(BELL)
    return str(path)
