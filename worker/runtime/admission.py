"""Bytes free against bytes asked: what this machine, or this container, has for a simulation."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from multiprocessing.sharedctypes import RawArray
from pathlib import Path
from typing import NamedTuple

from simulator.errors import MemoryRefusedError, StoppedError
from simulator.sizes import size
from worker.settings import MOST_SLOTS

#: The part of the memory that runs may take; the rest is for the interpreter, buffers, and neighbours.
_SHARE = 0.9
#: Bytes that any worker has: asking the system would take longer than such a run.
_UNNOTICED = 16 << 20
_CGROUPS = Path("/sys/fs/cgroup")
_MINE = Path("/proc/self/cgroup")


class Group(NamedTuple):
    """The files of a control group, of either version: its limit, what it has, and more about that."""

    limit: Path
    used: Path
    stat: Path


class NoRoomError(StoppedError):
    """The run does not fit now, but would fit later or elsewhere: its shard goes back."""


def total_memory() -> int:
    """Return the bytes of the machine, or of the lowest limit of this process's control groups."""
    machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return min([machine, *(limit for group in _my_groups() for limit in _read(group.limit))])


def available_memory() -> int:
    """Return the bytes that a new run can have now."""
    free = [_machine_available()]
    for group in _my_groups():
        # The page cache counts as used, but gives way.
        cache = _stat(group.stat, "inactive_file")
        free += [most - now + cache for most in _read(group.limit) for now in _read(group.used)]
    return max(0, min(free))


def _my_groups() -> Iterator[Group]:
    try:
        listed = _MINE.read_text(encoding="utf-8")
    except OSError:
        listed = ""
    return control_groups(listed)


def control_groups(listed: str) -> Iterator[Group]:
    """Yield the groups that limit a process's memory, from what ``/proc/<pid>/cgroup`` lists.

    Those around its own do, too: systemd and Slurm set their limits there. A container sees its own as the root,
    whatever is listed; of files that are not there, nothing is read.
    """
    within = {"": "/", "memory": "/"}
    for line in listed.splitlines():
        _, controllers, path = line.split(":", 2)
        within |= dict.fromkeys(within.keys() & set(controllers.split(",")), path)
    for folder in _and_around(_CGROUPS, within[""]):
        yield Group(folder / "memory.max", folder / "memory.current", folder / "memory.stat")
    for folder in _and_around(_CGROUPS / "memory", within["memory"]):
        yield Group(folder / "memory.limit_in_bytes", folder / "memory.usage_in_bytes", folder / "memory.stat")


def _and_around(root: Path, path: str) -> Iterator[Path]:
    inner = root / path.lstrip("/")
    yield inner
    yield from (folder for folder in inner.parents if folder.is_relative_to(root))


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

    def promised(self) -> int:
        """Return the bytes that were promised to the runs of all slots."""
        return sum(self._promises[1::2])

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
