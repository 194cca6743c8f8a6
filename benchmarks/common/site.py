"""A Redis on loopback, with worker nodes, of a benchmark's own; and what their processes take of the cores."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any

import psutil
import redis

from jobs import BasicAerProvider
from worker.cluster.redis_server import find_redis_server, start_redis
from worker.record.store import Store
from worker.settings import Settings

_ROOT = Path(__file__).parents[2]
#: Seconds that Redis, or all workers together, may take to come up.
_START = 120.0


def wait_until(true: Callable[[], object], what: str, seconds: float = _START) -> None:
    """Return when it is true; `TimeoutError` names what was waited for."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:g} s")
        time.sleep(0.02)


class Site:
    """Redis as an embedded cluster runs it (append-only file, every second), but on TCP; for a ``with`` block.

    Nothing of it outlives the block: not its data, nor the workers that were hired.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._redis: subprocess.Popen[bytes] | None = None
        self._nodes: list[subprocess.Popen[bytes]] = []
        self.url = ""

    def __enter__(self) -> Site:  # noqa: PYI034 (Self came with Python 3.11)
        with ExitStack() as stack:
            self._folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="basicaer-bench-")))
            self._log = stack.enter_context((self._folder / "log").open("ab"))
            port, password = _free_port(), secrets.token_urlsafe(16)
            self.url = f"redis://:{password}@127.0.0.1:{port}/0"
            config = (
                f'port {port}\nbind 127.0.0.1\nrequirepass {password}\nlogfile ""\n'
                'appendonly yes\nappendfsync everysec\nsave ""\nmaxmemory-policy noeviction\n'
            )
            self._redis = start_redis(find_redis_server(), self._folder, config, log=self._log.fileno())
            stack.callback(_end, [self._redis])
            stack.callback(self.dismiss)
            self.client = stack.enter_context(redis.Redis.from_url(self.url))
            wait_until(self._answers, "Redis")
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self._stack.close()

    @property
    def store(self) -> Store:
        """The record."""
        return Store.of(self.client, Settings.from_env(self.url))

    @contextlib.contextmanager
    def provider(self) -> Iterator[BasicAerProvider]:
        """Yield a client of this Redis."""
        provider = BasicAerProvider(self.url)
        try:
            yield provider
        finally:
            provider.close()

    def hire(self, nodes: int = 1, *, slots: int = 1, app: str = "worker", **environment: str) -> None:
        """Start worker nodes, and return when the record knows them: not for an ``app`` that is not ours."""
        number = len(self._nodes)
        self._nodes += [self._start_node(f"n{number + node}", slots, app, environment) for node in range(nodes)]
        if app != NOOP:
            wait_until(lambda: self._up() == nodes, f"{nodes} nodes of {app}; see {self._folder}/log")

    def dismiss(self) -> None:
        """End all the nodes, as an operator would."""
        _end(self._nodes)
        self._nodes.clear()

    def processes(self) -> dict[str, list[psutil.Process]]:
        """Return what runs here, by what it is: Redis, the nodes' parents, and their pools' children."""
        parents = [psutil.Process(node.pid) for node in self._nodes]
        return {
            "Redis": [psutil.Process(self._redis.pid)] if self._redis else [],
            "node": parents,
            "slot": [child for parent in parents for child in parent.children(recursive=True)],
        }

    def _up(self) -> int:
        for node in self._nodes:
            if node.poll() is not None:
                text = (self._folder / "log").read_text(encoding="utf-8", errors="replace")
                raise RuntimeError(f"a node ended at its start: {text[-2000:]}")
        return len(self.store.workers())

    def _answers(self) -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(self.client.ping())
        return False

    def _start_node(self, name: str, slots: int, app: str, environment: dict[str, str]) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-m", "celery", "-A", app, "worker", "--pool=prefork", "-O", "fair"]
        command += ["--loglevel=ERROR", f"--hostname={name}@%h", f"--concurrency={slots}"]
        if app != NOOP:
            command += ["--without-mingle", "--without-gossip"]
        return subprocess.Popen(
            command,
            cwd=_ROOT,
            env=os.environ | {"BASICAER_URL": self.url} | environment,
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )


#: The bare Celery app.
NOOP = "benchmarks.common.noop"


def family_seconds() -> float:
    """Return what this process and all that it started have worked."""
    own = psutil.Process()
    return sum(map(_seconds, [own, *own.children(recursive=True)]))


class Meter:
    """What client, Redis, the nodes' parents and their slots have worked in the runs that it was put around."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._spent: Counter[str] = Counter()
        self.runs = 0

    def around(self, run: Callable[[], Any]) -> Callable[[], Any]:
        """Return the same run, metered."""

        def metered() -> Any:
            before = self._worked()
            outcome = run()
            self._spent.update({kind: now - before[kind] for kind, now in self._worked().items()})
            self.runs += 1
            return outcome

        return metered

    def text(self, share: float) -> str:
        """Return milliseconds of each, for one of so many shares of a run."""
        each = {kind: 1e3 * seconds / self.runs / share for kind, seconds in self._spent.items()}
        return ", ".join(f"{kind} {ms:.2f}" for kind, ms in {**each, "together": sum(each.values())}.items())

    def _worked(self) -> dict[str, float]:
        processes = {kind: sum(map(_seconds, members)) for kind, members in self._site.processes().items()}
        return {"client": time.process_time(), **processes}


def end_at_sigterm() -> None:
    """Let SIGTERM end this program as Ctrl-C does: its servers and workers end with it."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))


def _seconds(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.NoSuchProcess):
        times = process.cpu_times()
        return float(times.user + times.system)
    return 0.0


def _end(processes: list[Any]) -> None:
    """SIGTERM, and SIGKILL for what has not gone 20 s later."""
    for process in processes:
        process.terminate()
    deadline = time.monotonic() + 20
    for process in processes:
        try:
            process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(5)


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return int(listening.getsockname()[1])
