"""Bytes free against bytes asked: what this machine, or this container, has for a simulation."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from multiprocessing.sharedctypes import RawArray
from pathlib import Path

from simulator.errors import MemoryRefusedError, StoppedError
from simulator.sizes import size
from worker.settings import MOST_SLOTS

#: The part of the memory that runs may take; the rest is for the interpreter, buffers, and neighbours.
_SHARE = 0.9
#: Bytes that any worker has: asking the system would take longer than such a run.
_UNNOTICED = 16 << 20
_CGROUP = Path("/sys/fs/cgroup")
_CGROUP_1 = _CGROUP / "memory"


class NoRoomError(StoppedError):
    """The run does not fit now, but would fit later or elsewhere: its shard goes back."""


def total_memory() -> int:
    """Return the bytes of the machine, or of the container's limit where that is lower."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *_read(_CGROUP / "memory.max"), *_read(_CGROUP_1 / "memory.limit_in_bytes")])


def available_memory() -> int:
    """Return the bytes that a new run can have now."""
    free = [_machine_available()]
    for folder, limit, used in (
        (_CGROUP, "memory.max", "memory.current"),
        (_CGROUP_1, "memory.limit_in_bytes", "memory.usage_in_bytes"),
    ):
        # The page cache counts as used, but gives way.
        cache = _stat(folder / "memory.stat", "inactive_file")
        free += [most - now + cache for most in _read(folder / limit) for now in _read(folder / used)]
    return max(0, min(free))


class Admission:
    """Admits runs to a node's memory, and remembers what its slots were admitted with.

    Made in the parent, before it forks. A run that has just begun has not touched its memory yet, so part of what
    the system calls available is promised: each slot's promise, less what its process holds, is taken off.
    """

    def __init__(self, limit: int | None = None, *, slots: int = MOST_SLOTS) -> None:
        #: Bytes that the node's runs may take together.
        self.capacity = int(min(_SHARE * total_memory(), limit or math.inf))
        # By slot, (process id, bytes). No lock: a child that is killed while it holds one would block the others.
        self._promises = RawArray("q", 2 * slots)

    def admit(self, slot: int, required: int, elsewhere: Callable[[], int] = lambda: 0) -> None:
        """Promise ``required`` bytes to the run in a slot; nothing is allocated.

        ``elsewhere`` returns the capacity of the widest worker that is up. Raises `NoRoomError` if the run would
        fit when others have ended, or fits another worker, and else `MemoryRefusedError`.
        """
        if required <= _UNNOTICED:
            return
        self._promises[2 * slot : 2 * slot + 2] = [os.getpid(), required]
        others = self._others(slot)
        untouched = sum(max(0, promised - resident) for promised, resident in others)
        available = min(
            int(_SHARE * available_memory()) - untouched,
            self.capacity - sum(promised for promised, _ in others),
        )
        if required <= available:
            return
        self.leave(slot)
        text = (
            f"the simulation needs {size(required, up=True)} of memory; "
            f"this worker has {size(max(0, available))} available"
        )
        if required <= max(self.capacity, elsewhere()):
            raise NoRoomError(text)
        raise MemoryRefusedError(text)

    def leave(self, slot: int) -> None:
        """Give a slot's promise back."""
        self._promises[2 * slot : 2 * slot + 2] = [0, 0]

    def _others(self, slot: int) -> list[tuple[int, int]]:
        """Return what other slots were promised, and hold of it; a dead process has no claim."""
        promises = zip(self._promises[::2], self._promises[1::2], strict=True)
        return [
            (promised, resident)
            for other, (process, promised) in enumerate(promises)
            if process and other != slot
            for resident in _resident(process)
        ]


def _resident(process: int) -> list[int]:
    """Return the resident bytes of a process; none if it is gone."""
    try:
        pages = int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1])
    except OSError:
        return []
    return [pages * os.sysconf("SC_PAGE_SIZE")]


def _machine_available() -> int:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return total_memory()
    fields = dict(line.split(":", 1) for line in lines)
    return int(fields["MemAvailable"].split()[0]) * 1024


def _read(path: Path) -> list[int]:
    """Return the one number in a cgroup file; none where there is no such file or no limit ("max")."""
    try:
        return [int(path.read_text(encoding="ascii"))]
    except (OSError, ValueError):
        return []


def _stat(path: Path, name: str) -> int:
    try:
        lines = path.read_text(encoding="ascii").splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) for line in lines if line.split()[0] == name), 0)
