"""A Redis and workers of one's own, for one machine: the embedded cluster, shared or private.

Both are run by `worker.cluster.supervisor`, a detached process, which says how long a cluster lives. A client only
holds locks in the cluster's folder, which the kernel drops when the client ends, however it ends.

- `SharedCluster`: one for each user, state folder and version, started by the first client and shared by all; one
  worker node with a process for each CPU. Its data stays.
- `LocalCluster`: one for a ``with`` block; nothing of it stays.

On Linux and macOS, and on Windows through WSL.
"""

from __future__ import annotations

import os
import tempfile
from importlib.metadata import version
from pathlib import Path
from types import TracebackType

from jobs.cluster.membership import Membership
from jobs.errors import ClusterError
from simulator.kernels.threads import cores
from worker.forking import Lock
from worker.settings import Settings

#: Worker nodes of a `LocalCluster`.
_MOST_WORKERS = 1000


class SharedCluster:
    """The embedded cluster of this user, as one client sees it; from several threads, too.

    Nothing is started before `join`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._membership: Membership | None = None
        self._lock = Lock()

    def __repr__(self) -> str:
        return f"<SharedCluster in {str(self._folder)!r}>"

    @property
    def _folder(self) -> Path:
        # A worker of another version might not read what lies there.
        return self._settings.state_dir / version("basicaer-celery")

    def join(self, *, workers: bool) -> str:
        """Return the URL, password included, of a Redis that is up; start the cluster, again if need be.

        ``workers``: it shall have workers, which come up meanwhile. From the first call to `close` this client
        keeps the cluster alive. Raises `ClusterError` within about 15 s.
        """
        with self._lock:
            if self._membership is None:
                options = _options(self._settings, nodes=1, concurrency=self._settings.concurrency or cores())
                self._membership = Membership(self._folder, [*options, f"--linger={self._settings.linger}"])
            return self._membership.join(workers=workers)

    def close(self) -> None:
        """Let go of the cluster; it ends when nobody needs it. A later `join` takes hold again."""
        with self._lock:
            if self._membership is not None:
                self._membership.leave()
                self._membership = None


class LocalCluster:
    """A private Redis and ``workers`` worker nodes of one process each, for a ``with`` block.

    Nodes, not processes of one node: each can be watched, stopped and killed by itself, as on several machines.
    It ends with the block, with `stop`, and within seconds of the end of the process that made it, however that
    ended; unfinished jobs end with it, and its folder is removed. A child that was forked meanwhile may use it,
    and keeps it alive if its maker dies without `stop`.

    Raises `ClusterError` if it does not start within 15 s.
    """

    def __init__(self, workers: int = 2) -> None:
        if not isinstance(workers, int) or isinstance(workers, bool) or not 1 <= workers <= _MOST_WORKERS:
            raise ValueError(f"workers must be a whole number from 1 to {_MOST_WORKERS}, not {workers!r:.80}")
        self._workers = workers
        self._membership: Membership | None = None
        self._maker = -1
        self._url = ""

    def __repr__(self) -> str:
        return f"<LocalCluster of {self._workers} workers, {'up' if self._membership else 'not started'}>"

    def __enter__(self) -> LocalCluster:  # noqa: PYI034 (Self came with Python 3.11)
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The URL, password included, for `BasicAerProvider`, `BASICAER_URL`, or any Celery app."""
        if self._membership is None:
            raise ClusterError(
                "the cluster is not started: use `with LocalCluster() as cluster:`, or call start()"
            )
        return self._url

    def start(self) -> None:
        """Start it, unless it is up: return when Redis answers; workers come up meanwhile."""
        if self._membership is not None:
            return
        options = _options(Settings.from_env(), nodes=self._workers, concurrency=1)
        membership = Membership(Path(tempfile.mkdtemp(prefix="basicaer-")), [*options, "--private"])
        try:
            self._url = membership.join(workers=True)
        except BaseException:
            membership.end()
            raise
        self._membership, self._maker = membership, os.getpid()

    def stop(self) -> None:
        """End it and remove all that it stored; in a forked child only let go of it."""
        membership, self._membership = self._membership, None
        if membership is None:
            return
        if os.getpid() == self._maker:
            membership.end()
        else:
            membership.leave()


def _options(settings: Settings, *, nodes: int, concurrency: int) -> list[str]:
    """Return what the supervisor is told about workers and Redis."""
    # The supervisor runs in another folder.
    named = [] if settings.redis_server is None else [f"--redis-server={settings.redis_server.absolute()}"]
    return [f"--nodes={nodes}", f"--concurrency={concurrency}", *named]
