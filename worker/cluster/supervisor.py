"""The process that owns Redis and workers of an embedded cluster: ``python -m worker.cluster.supervisor FOLDER``.

It detaches itself; the command ends with code 0 once Redis answers, or with the reason on stderr and code 1. It
needs no Qiskit and no Celery, and redis-py only to count unfinished jobs.

- Redis is started at once, and ready before any client goes on; its data, its password and so its URL stay in the
  folder. Worker nodes are started when a client asks for workers. Either is started again if it dies.
- It ends when nobody has needed the cluster for ``--linger`` seconds (`worker.cluster.demand` tells), or at
  SIGTERM. The workers end first, warm, then Redis, with its data on disk.
- ``--private`` is the cluster of one program: it ends with its clients at once, and its folder is removed.
- If the supervisor itself dies, its guard (`worker.cluster.guard`) ends what it has left.

`worker.cluster.folder` lists the files and locks by which all of them find each other.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import NoReturn, TextIO

from worker.cluster.child import Child
from worker.cluster.demand import Demand
from worker.cluster.folder import ClusterFolder, FolderError
from worker.cluster.guard import Guard
from worker.cluster.locks import LockTimeoutError, lock
from worker.cluster.redis_server import (
    RedisServerError,
    ServerVersion,
    await_redis,
    configuration,
    find_redis_server,
    start_redis,
)

logger = logging.getLogger("supervisor")

_READY = "ready"
#: Seconds that the guard of the supervisor before may take to clean up.
_CLEANUP = 8.0
#: Seconds between two looks at locks and children.
_POLL = 0.2
#: Seconds that Redis has to answer at its start.
_REDIS_START = 10.0
#: Seconds that workers have for a warm end, and Redis to write its data, before SIGKILL.
_PATIENCE = 10.0
#: Bytes of the log, and again of the one before it.
_LOG_LIMIT = 1 << 20
#: Variables that Celery's command line would take for options: these workers are ours.
_CELERY_VARIABLES = {"APP", "BROKER_URL", "RESULT_BACKEND", "LOADER", "CONFIG_MODULE"}


class _NotAloneError(Exception):
    """The folder has a supervisor."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Start a supervisor in the background and wait until it is ready."""
    orders = _parse(arguments)
    read, write = os.pipe()
    if os.fork() == 0:
        os.close(read)
        _run_detached(orders, os.fdopen(write, "w", encoding="utf-8"))
    os.close(write)
    with os.fdopen(read, encoding="utf-8") as report:
        text = report.read()
    if text == _READY:
        return 0
    sys.stderr.write(text or "the supervisor was killed at its start")
    return 1


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m worker.cluster.supervisor")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--nodes", type=int, default=1, help="worker nodes")
    parser.add_argument("--concurrency", type=int, default=1, help="processes of each node")
    parser.add_argument("--linger", type=float, default=0.0, help="seconds to stay when nobody needs it")
    parser.add_argument("--private", action="store_true", help="end with the clients, and remove the folder")
    parser.add_argument("--redis-server", type=Path, help="the binary; default: the first that is found")
    return parser.parse_args(arguments)


def _run_detached(orders: argparse.Namespace, report: TextIO) -> NoReturn:
    """Be the supervisor, in a session and a process group of its own."""
    code = 1
    try:
        os.setsid()
        os.umask(0o077)
        folder = ClusterFolder.of(orders.folder)
        # No module of the user's lies here to shadow one of ours.
        os.chdir(folder.path)
        _write_to_log(folder)
        supervisor = _Supervisor(folder, orders)
        _tell(report, _READY)
        supervisor.run()
        supervisor.stop()
        code = 0
    except _NotAloneError:
        # Another was started at the same time; the client will find that one.
        _tell(report, _READY)
    except (FolderError, LockTimeoutError, RedisServerError) as error:
        logger.error("%s", error)  # noqa: TRY400 (an answer to the user, not a defect)
        _tell(report, str(error))
    except Exception as error:
        logger.exception("the supervisor failed")
        _tell(report, f"the supervisor of the embedded cluster failed: {type(error).__name__}: {error}")
    finally:
        os._exit(code)


def _write_to_log(folder: ClusterFolder) -> None:
    """Let this process, and those it starts, write to the cluster's log."""
    log = os.open(folder.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for opened, standard in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(opened, standard)
    os.close(log)
    os.close(nothing)
    logging.basicConfig(level=logging.INFO, format="[%(asctime)s: %(levelname)s/supervisor] %(message)s")


def _tell(report: TextIO, text: str) -> None:
    """Answer the command, which waits for one answer; it may have gone."""
    if not report.closed:
        with suppress(OSError), report:
            report.write(text)


class _Supervisor:
    """The cluster while it lives: once made, Redis answers."""

    def __init__(self, folder: ClusterFolder, orders: argparse.Namespace) -> None:
        self._folder = folder
        self._orders = orders
        self._stopping = False
        for signum in (signal.SIGTERM, signal.SIGINT):
            signal.signal(signum, self._on_signal)
        self._alone = _lock_alone(folder)
        guarded = _lock_after_cleanup(folder.guard_lock)
        # What an earlier supervisor left, if its guard was killed with it.
        folder.end_processes()
        self._family = _lock_after_cleanup(folder.family_lock)
        _write(self._family, str(os.getpid()))
        self._guard = Guard(folder, guarded, remove_folder=orders.private)
        self._demand = Demand(folder, linger=orders.linger, private=orders.private)
        self._nodes = [
            Child(name, partial(self._start_node, name))
            for name in (f"worker{number}" for number in range(1, orders.nodes + 1))
        ]
        self._redis = self._start_redis()

    def run(self) -> None:
        """Keep Redis and the workers up until nobody needs them, or a signal comes."""
        while not self._stopping and not self._redis.keeps_failing:
            self._guard.keep()
            self._redis.keep()
            if self._demand.workers():
                for node in self._nodes:
                    node.keep()
            if self._demand.is_over(can_work=not all(node.keeps_failing for node in self._nodes)):
                return
            self._cap_log()
            time.sleep(_POLL)

    def stop(self) -> None:
        """End the workers, then Redis; of a private cluster, all at once."""
        if self._orders.private:
            # Nothing of it is worth waiting for. This process is of the group, too: the guard does the rest.
            os.killpg(0, signal.SIGKILL)
        for children in (self._nodes, [self._redis]):
            deadline = time.monotonic() + _PATIENCE
            for child in children:
                child.terminate()
            for child in children:
                child.wait(deadline)
        logger.info("ended")

    def _on_signal(self, *_: object) -> None:
        self._stopping = True

    def _start_redis(self) -> Child:
        """Return Redis when it answers."""
        folder, version_file = self._folder, self._folder.redis_version
        written_by = None
        with suppress(FileNotFoundError):
            written_by = ServerVersion.parse(version_file.read_text(encoding="ascii"))
        binary = find_redis_server(self._orders.redis_server, written_by)
        config = configuration(folder.socket, folder.password())
        start = partial(start_redis, binary, folder.path, config, log=2, inherit=(self._family,))
        redis = Child("redis", start)
        redis.keep()
        try:
            await_redis(folder.socket, folder.password(), redis.ended, _REDIS_START)
        except RedisServerError as error:
            raise RedisServerError(f"{error}: {folder.log} ends with:\n{folder.log_tail()}") from error
        version_file.write_text(str(binary.version), encoding="ascii")
        return redis

    def _start_node(self, name: str) -> subprocess.Popen[bytes]:
        environment = {
            variable: value
            for variable, value in os.environ.items()
            if variable not in _CELERY_VARIABLES and not variable.startswith("CELERY_")
        }
        if self._orders.private:
            # What Celery's pool leaves when it is killed goes with the folder.
            environment["TMPDIR"] = str(self._folder.path)
        command = [
            sys.executable,
            "-m",
            "celery",
            "-A",
            "worker",
            "worker",
            "--pool=prefork",
            "--loglevel=WARNING",
        ]
        command += [f"--hostname={name}@%h", f"--concurrency={self._orders.concurrency}"]
        # Mingling waits a second for neighbours, and gossip talks to them: the record says what they would.
        command += ["--without-mingle", "--without-gossip"]
        return subprocess.Popen(
            command,
            env={**environment, "BASICAER_URL": self._folder.url()},
            stdin=subprocess.DEVNULL,
            pass_fds=(self._family,),
        )

    def _cap_log(self) -> None:
        if os.fstat(2).st_size > _LOG_LIMIT:
            # Redis and the workers have it open to append: it is emptied, not replaced.
            self._folder.log.with_suffix(".log.1").write_bytes(self._folder.log.read_bytes())
            os.truncate(self._folder.log, 0)


def _lock_alone(folder: ClusterFolder) -> int:
    # Not at once: a client that looks whether the lock is held, holds it for a moment.
    try:
        held = lock(folder.supervisor_lock, time.monotonic() + 1.0)
    except LockTimeoutError as error:
        raise _NotAloneError from error
    _write(held, f"process {os.getpid()} on {os.uname().nodename}")
    return held


def _lock_after_cleanup(path: Path) -> int:
    return lock(path, time.monotonic() + _CLEANUP)


def _write(descriptor: int, text: str) -> None:
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, text.encode(), 0)


if __name__ == "__main__":
    sys.exit(main())
