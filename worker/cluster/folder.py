"""The folder of one embedded cluster: where its files are, and which of its processes are alive.

| file | holds, or is held by |
|---|---|
| ``password`` | Redis's password, made once, so that the URL outlives every restart |
| ``appendonly*`` | Redis's data; ``redis.version`` says which server wrote it last |
| ``cluster.log`` | what supervisor, Redis and workers say; ``cluster.log.1`` is what came before |
| ``start.lock`` | a client, while it looks for a supervisor or starts one |
| ``clients.lock`` | every client, shared, while it lives; a supervisor, alone, once it has decided to end |
| ``workers.lock`` | every client that runs jobs, shared; not empty once one asked in this supervisor's life |
| ``supervisor.lock`` | the supervisor; says which process on which host |
| ``guard.lock`` | the supervisor and its guard: once it is free, nothing is left to clean up |
| ``family.lock`` | the supervisor and every process it started; says which process group they are |

The locks are those of `worker.cluster.locks`: the kernel drops a dead process's, so no process is more special
than another. Only ``family.lock`` is passed on to the programs that are started.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from worker.cluster.locks import is_held, wait_until

#: Bytes of a unix socket's path: 104 on macOS and 108 on Linux, with the closing zero.
SOCKET_PATH_LIMIT = 103


class FolderError(Exception):
    """A folder that cannot be used; names it, the reason and the cure."""


def make_private(path: Path) -> None:
    """Create a folder that only its user can enter; `FolderError` if it cannot be ours alone."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = path.stat()
        if found.st_uid != os.geteuid():
            raise FolderError(
                f"{path} belongs to user id {found.st_uid}, and this is user id {os.geteuid()}: "
                "set BASICAER_STATE_DIR to a folder of your own"
            )
        if found.st_mode & 0o077:
            path.chmod(0o700)
    except OSError as error:
        raise FolderError(
            f"cannot use {path}: {error.strerror}: set BASICAER_STATE_DIR to another folder"
        ) from error


@dataclass(frozen=True)
class ClusterFolder:
    """The files of one embedded cluster; ``path`` is absolute and without symlinks, as `of` makes it."""

    path: Path

    @classmethod
    def of(cls, path: Path) -> ClusterFolder:
        """Make the folder, and the socket's; `FolderError` if they cannot be this user's alone."""
        make_private(path)
        folder = cls(path.resolve())
        make_private(folder.socket.parent)
        return folder

    @property
    def start_lock(self) -> Path:
        """Who may start a supervisor."""
        return self.path / "start.lock"

    @property
    def clients_lock(self) -> Path:
        """Whether a client lives."""
        return self.path / "clients.lock"

    @property
    def workers_lock(self) -> Path:
        """Whether workers are wanted."""
        return self.path / "workers.lock"

    @property
    def supervisor_lock(self) -> Path:
        """Whether a supervisor is there."""
        return self.path / "supervisor.lock"

    @property
    def guard_lock(self) -> Path:
        """Whether a supervisor is there, or the guard that cleans up after it."""
        return self.path / "guard.lock"

    @property
    def family_lock(self) -> Path:
        """Whether any process that a supervisor started is there."""
        return self.path / "family.lock"

    @property
    def log(self) -> Path:
        """What all processes say."""
        return self.path / "cluster.log"

    @property
    def redis_version(self) -> Path:
        """Which server wrote the data, and its version."""
        return self.path / "redis.version"

    @property
    def socket(self) -> Path:
        """Redis's socket: in the folder, or where that path is too long, in one named by the folder's hash."""
        near = self.path / "redis.sock"
        if len(os.fsencode(near)) <= SOCKET_PATH_LIMIT:
            return near
        name = hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]
        # Not the environment's temporary folder: each client may have another, and all must meet here.
        return Path(f"/tmp/basicaer-{os.geteuid()}-{name}/redis.sock")  # noqa: S108 (made 0700, owner checked)

    def password(self) -> str:
        """Return the password; made on first use, which must be under ``start.lock``."""
        path = self.path / "password"
        with suppress(FileNotFoundError):
            return path.read_text(encoding="ascii")
        new = path.with_suffix(".new")
        with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(32))
        new.replace(path)
        return path.read_text(encoding="ascii")

    def url(self) -> str:
        """Return the URL, password included, as Celery takes it."""
        return f"redis+socket://:{self.password()}@{quote(str(self.socket))}?virtual_host=0"

    def log_tail(self, lines: int = 12) -> str:
        """Return the log's last lines, for an error message."""
        try:
            text = self.log.read_text(encoding="utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join(text.splitlines()[-lines:])

    def end_processes(self) -> None:
        """End what a supervisor that is gone left running: SIGTERM, 2 s later SIGKILL.

        While ``family.lock`` is held, a process of the group lives, so no other group can have its number.
        """
        for signum, seconds in ((signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0)):
            if not is_held(self.family_lock):
                return
            with suppress(OSError, ValueError):
                os.killpg(int(self.family_lock.read_text(encoding="ascii")), signum)
            wait_until(lambda: not is_held(self.family_lock), time.monotonic() + seconds)
