"""How a client belongs to an embedded cluster: by locks that it holds in the cluster's folder, by nothing else."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import sysconfig
import time
import weakref
from collections.abc import Sequence
from pathlib import Path

import worker
from jobs.errors import ClusterError

if sys.platform != "win32":  # no such locks there; `join` says so
    from worker.cluster.folder import ClusterFolder, FolderError
    from worker.cluster.locks import LockTimeoutError, await_free, is_held, lock, locked, open_lock, unlock
    from worker.cluster.redis_server import PingReply, ping

#: Seconds within which a cluster is up, or an error says why not.
START_TIMEOUT = 15.0


class Membership:
    """One client's locks in the folder at ``path``; dropped by `leave`, and by the kernel when the process ends.

    ``options`` are the supervisor's, for the case that this client starts it.
    """

    def __init__(self, path: Path, options: Sequence[str]) -> None:
        self._path = path
        self._options = options
        self._folder: ClusterFolder | None = None
        self._url = ""
        #: Whether the supervisor of now was asked for workers.
        self._asked = False
        #: The descriptor of clients.lock, and that of workers.lock, once they are held.
        self._held: list[int] = []
        self._asking: list[int] = []
        self._let_go = weakref.finalize(self, _close, self._held, self._asking)

    def join(self, *, workers: bool) -> str:
        """Return the URL of a Redis that is up; start what is not. Costs microseconds once joined."""
        if sys.platform == "win32":
            raise ClusterError(
                "the embedded cluster does not run on Windows: use WSL (wsl --install), or name a Redis that "
                "runs elsewhere in BASICAER_URL"
            )
        deadline = time.monotonic() + START_TIMEOUT
        try:
            if self._folder is None:
                folder = ClusterFolder.of(self._path)
                self._held.append(lock(folder.clients_lock, deadline, shared=True))
                self._folder = folder
            if not self._url or not is_held(self._folder.supervisor_lock):
                self._url = _up(self._folder, self._options, deadline)
                self._asked = False
            if workers and not self._asked:
                self._ask_for_workers(self._folder, deadline)
        except FolderError as error:
            raise ClusterError(f"cannot start the embedded cluster: {error}") from error
        except LockTimeoutError as error:
            raise ClusterError(
                f"the embedded cluster is busy starting or ending: {error}, for more than {START_TIMEOUT:g} s: "
                "try again"
            ) from error
        return self._url

    def leave(self) -> None:
        """Drop this client's locks; children that were forked meanwhile still hold theirs."""
        self._let_go()

    def end(self) -> None:
        """End a private cluster, whoever else holds on, and wait until nothing of it is left."""
        if self._folder is not None:
            with contextlib.suppress(FileNotFoundError):
                # Opened first: the file goes with the folder, and the lock on it tells when all is done.
                guard = open_lock(self._folder.guard_lock)
                while self._held:
                    unlock(self._held.pop())
                await_free(guard, time.monotonic() + START_TIMEOUT)
                # Nothing is left to do, unless supervisor and guard were both killed.
                self._folder.end_processes()
        self.leave()
        shutil.rmtree(self._path, ignore_errors=True)

    def _ask_for_workers(self, folder: ClusterFolder, deadline: float) -> None:
        if not self._asking:
            self._asking.append(lock(folder.workers_lock, deadline, shared=True))
        # The lock alone would not tell of a client that ends before the supervisor looks.
        os.pwrite(self._asking[0], b"1", 0)
        self._asked = True


def _close(*held: list[int]) -> None:
    for descriptors in held:
        while descriptors:
            os.close(descriptors.pop())


def _up(folder: ClusterFolder, options: Sequence[str], deadline: float) -> str:
    """Return the URL once there is a supervisor and Redis answers; start a supervisor if there is none."""
    with locked(folder.start_lock, deadline):
        password = folder.password()
        while time.monotonic() < deadline:
            if not is_held(folder.supervisor_lock):
                _launch(folder, options, deadline)
            elif ping(folder.socket, password) is PingReply.READY:
                return folder.url()
            else:
                # It is starting, or the one before is ending.
                time.sleep(0.02)
    raise ClusterError(
        f"the embedded cluster in {folder.path} did not answer within {START_TIMEOUT:g} s: try again, or end its "
        f"supervisor, {folder.supervisor_lock.read_text()}; {folder.log} ends with:\n{folder.log_tail()}"
    )


def _launch(folder: ClusterFolder, options: Sequence[str], deadline: float) -> None:
    """Start a supervisor, which detaches itself, and wait until it is ready; `ClusterError` says why it is not."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "worker.cluster.supervisor", str(folder.path), *options],
            # A module of the user's own in the current folder would shadow ours.
            cwd=folder.path,
            env=_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=max(0.0, deadline - time.monotonic()),
            # Ctrl-C in the client's terminal is not meant for it.
            start_new_session=True,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise ClusterError(
            f"the embedded cluster in {folder.path} did not start within {START_TIMEOUT:g} s: if it still reads "
            f"its data, try again; {folder.log} ends with:\n{folder.log_tail()}"
        ) from error
    if done.returncode:
        raise ClusterError(done.stderr.strip())


def _environment() -> dict[str, str]:
    """Return an environment in which the supervisor finds this package, wherever this process has it from."""
    root = str(Path(worker.__file__).resolve().parent.parent)
    environment = dict(os.environ)
    if root not in sysconfig.get_paths().values():
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (root, environment.get("PYTHONPATH"))))
    return environment
