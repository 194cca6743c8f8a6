"""A control group of a test's own: its processes may take so much memory; at more, the system kills one."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path
from typing import NamedTuple

import pytest
from support.processes import eventually

_ROOT = Path("/sys/fs/cgroup")


class _Files(NamedTuple):
    """What a version of control groups calls its files."""

    root: Path
    limit: str
    used: str
    events: str


_VERSIONS = (
    _Files(_ROOT, "memory.max", "memory.current", "memory.events"),
    _Files(_ROOT / "memory", "memory.limit_in_bytes", "memory.usage_in_bytes", "memory.oom_control"),
)


class MemoryGroup:
    """A control group that limits memory; it skips the test where none can be made."""

    def __init__(self) -> None:
        made = next(filter(_make, _VERSIONS), None)
        if made is None:
            pytest.skip("no control group can limit memory here: it takes root, and a /sys/fs/cgroup to write to")
        self._files, self._folder = made, _folder(made)

    @property
    def command(self) -> tuple[str, ...]:
        """A worker node that joins the group before it begins, in a namespace from which it cannot see it."""
        celery = str(Path(sys.executable).parent / "celery")
        return (*self.join, "unshare", "--cgroup", celery, "-A", "worker", "worker")

    @property
    def join(self) -> tuple[str, ...]:
        """What goes in front of a command that is to run in the group."""
        return ("/bin/sh", "-c", 'echo $$ > "$0" && exec "$@"', str(self._folder / "cgroup.procs"))

    def used(self) -> int:
        """Bytes that the group has now."""
        return int((self._folder / self._files.used).read_text())

    def limit(self, most: int) -> None:
        """Let the group have so many bytes at most."""
        (self._folder / self._files.limit).write_text(str(most))

    def kills(self) -> int:
        """How many of the group's processes were killed for their memory."""
        lines = (self._folder / self._files.events).read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("oom_kill "))

    def close(self) -> None:
        """Remove the group, whose processes have been ended."""
        eventually(lambda: _removed(self._folder), what="the end of the control group")


def _folder(files: _Files) -> Path:
    return files.root / f"basicaer-test-{os.getpid()}"


def _make(files: _Files) -> bool:
    """Make a group; whether it limits memory."""
    folder = _folder(files)
    try:
        folder.mkdir()
    except OSError:
        return False
    return (folder / files.limit).exists() or not _removed(folder)


def _removed(folder: Path) -> bool:
    """Remove a group, if nothing is in it."""
    with contextlib.suppress(OSError):
        folder.rmdir()
    return not folder.exists()
