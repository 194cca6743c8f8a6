"""A real Redis and two real worker nodes, shared by the integration tests; and a Redis without workers."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.processes import RedisServer, Worker

from jobs import BasicAerProvider


def _folder() -> Path:
    # Short: a unix socket's path has at most 104 bytes.
    return Path(tempfile.mkdtemp(prefix="basicaer-test-"))


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """A folder for a server of the test's own."""
    folder = _folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def pushed_only(monkeypatch) -> None:
    """Who waits hears of the end, or never: it does not look by itself."""
    monkeypatch.setattr("jobs.follow.waiting.READ_AGAIN", 3600.0)


@pytest.fixture(scope="session")
def server() -> Iterator[RedisServer]:
    server = RedisServer(_folder()).start()
    yield server
    server.stop()
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture(scope="session")
def workers(server: RedisServer) -> Iterator[list[Worker]]:
    nodes = [Worker(server.url, server.folder, name=name) for name in ("w1", "w2")]
    for node in nodes:
        node.ready()
    yield nodes
    for node in nodes:
        node.stop()


@pytest.fixture(scope="session")
def provider(server: RedisServer, workers: list[Worker]) -> Iterator[BasicAerProvider]:
    """A provider with two workers."""
    provider = BasicAerProvider(server.url)
    yield provider
    provider.close()


@pytest.fixture(scope="session")
def quiet_server() -> Iterator[RedisServer]:
    """A Redis that has no worker."""
    server = RedisServer(_folder()).start()
    yield server
    server.stop()
    shutil.rmtree(server.folder, ignore_errors=True)


@pytest.fixture
def quiet(quiet_server: RedisServer) -> Iterator[BasicAerProvider]:
    """A provider without workers, its Redis empty."""
    with quiet_server.client() as client:
        client.flushall()
    provider = BasicAerProvider(quiet_server.url)
    yield provider
    provider.close()
