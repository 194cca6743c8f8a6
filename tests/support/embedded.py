"""What tests of an embedded cluster see of it from outside: its folder, its processes, and clients in others."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import redis
from support.processes import end, eventually

from worker.cluster.folder import ClusterFolder
from worker.cluster.locks import is_held
from worker.settings import Settings

#: Seconds that a shared cluster of these tests stays when nobody needs it, and that its end may then take.
LINGER, END = 0.5, 8.0
#: What the command of its Redis holds, and that of no other of its processes: redis-server or valkey-server.
REDIS = "-server unixsocket:"

_JOIN = """
import sys
from jobs.cluster import SharedCluster
from worker.settings import Settings
cluster = SharedCluster(Settings.from_env())
print(cluster.join(workers=sys.argv[1] == "workers"), flush=True)
sys.stdin.read()
"""


def ps() -> list[tuple[int, int, int, str]]:
    """Return pid, parent, group and command of every process but those that only wait to be reaped."""
    command = ["/bin/ps", "-Awwo", "pid=,ppid=,pgid=,stat=,args="]
    listed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    rows = (line.split(None, 4) for line in listed.splitlines())
    return [(int(pid), int(ppid), int(group), args) for pid, ppid, group, stat, args in rows if stat[0] != "Z"]


def group_of(group: int) -> list[tuple[int, str]]:
    """Return pid and command of a process group's members."""
    return [(pid, command) for pid, _, its, command in ps() if its == group]


def store(url: str) -> redis.Redis:
    return redis.Redis.from_url(Settings(url).store_url)


def answers(url: str) -> bool:
    with contextlib.suppress(redis.RedisError), store(url) as client:
        return bool(client.ping())
    return False


@contextlib.contextmanager
def running(program: str, *arguments: str, cwd: Path | None = None) -> Iterator[subprocess.Popen[str]]:
    """Run a program that talks through pipes; it is killed at the end of the block."""
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=cwd, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        end(process, signal.SIGKILL)
        process.stdin.close()
        process.stdout.close()


class Seen:
    """A cluster, seen by its folder."""

    def __init__(self, folder: ClusterFolder) -> None:
        self.folder = folder

    @property
    def supervisor(self) -> int:
        """The supervisor's pid, which is its group's number too."""
        return int(self.folder.family_lock.read_text())

    @property
    def guards(self) -> set[int]:
        """The guard's pid: the one child with a group of its own."""
        return {pid for pid, parent, group, _ in ps() if parent == self.supervisor and group == pid}

    def pids(self, what: str) -> set[int]:
        return {pid for pid, command in group_of(self.supervisor) if what in command}

    def await_workers(self) -> None:
        eventually(lambda: self.pids("celery"), what="a worker")

    def is_gone(self) -> bool:
        return not any(
            map(is_held, (self.folder.supervisor_lock, self.folder.guard_lock, self.folder.family_lock))
        )

    def kill(self) -> None:
        """End what is left of it, quickly."""
        if is_held(self.folder.family_lock):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.supervisor, signal.SIGKILL)
        eventually(self.is_gone, within=END, what="the end of all its processes")

    def await_end(self, within: float = LINGER + END) -> None:
        group = self.supervisor
        eventually(self.is_gone, within=within, what="the cluster's end")
        assert group_of(group) == []


class State:
    """The state folder of one test, and clients of its shared cluster."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def seen(self) -> Seen:
        (found,) = (path for path in self.path.iterdir() if path.is_dir())
        return Seen(ClusterFolder(found))

    @contextlib.contextmanager
    def client(self, workers: str = "readonly") -> Iterator[subprocess.Popen[str]]:
        with running(_JOIN, workers) as client:
            yield client
