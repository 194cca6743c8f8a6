"""A process that waits for the end of its supervisor, however that comes, and cleans up.

The kernel tells it: it reads from a pipe whose other end only the supervisor has. So a supervisor that is killed
leaves neither Redis nor workers behind, on any POSIX system, and no child needs code of its own for that. It
holds ``guard.lock`` with the supervisor, and for longer: no new supervisor begins before it is done.
"""

from __future__ import annotations

import os
import shutil
import signal
from contextlib import suppress
from typing import NoReturn

from worker.cluster.folder import ClusterFolder


class Guard:
    """The guard's process, and the end of the pipe by which it sees that its supervisor lives."""

    def __init__(self, folder: ClusterFolder, guard_lock: int, *, remove_folder: bool) -> None:
        self._folder = folder
        self._lock = guard_lock
        self._remove_folder = remove_folder
        self._alive = -1
        self._pid = -1
        self.keep()

    def keep(self) -> None:
        """Start the guard, unless it is there."""
        if self._pid > 0:
            ended, _ = os.waitpid(self._pid, os.WNOHANG)
            if not ended:
                return
            os.close(self._alive)
        supervisor_is_gone, self._alive = os.pipe()
        self._pid = os.fork()
        if self._pid == 0:
            self._watch(supervisor_is_gone)
        os.close(supervisor_is_gone)

    def _watch(self, supervisor_is_gone: int) -> NoReturn:
        try:
            # Out of the group that it may have to kill, and deaf to what is meant for the supervisor.
            os.setpgid(0, 0)
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            # The supervisor's other descriptors are locks, the pipe's far end, and connections: not the guard's.
            keep = {0, 1, 2, supervisor_is_gone, self._lock}
            for name in os.listdir("/dev/fd"):  # noqa: PTH208 (numbers, not paths)
                if int(name) not in keep:
                    with suppress(OSError):
                        os.close(int(name))
            while os.read(supervisor_is_gone, 1):
                pass
            self._folder.end_processes()
            self._folder.socket.unlink(missing_ok=True)
            if self._folder.socket.parent != self._folder.path:
                self._folder.socket.parent.rmdir()
            if self._remove_folder:
                shutil.rmtree(self._folder.path)
        finally:
            os._exit(0)
