"""Bytes free against bytes asked: what this machine, or this container, has for a simulation."""

from __future__ import annotations

import os
from pathlib import Path

from simulator.errors import MemoryRefusedError

#: The part of the free memory that a run may take; the rest is for the interpreter, buffers, and neighbours.
_SHARE = 0.9
_CGROUP = Path("/sys/fs/cgroup")
_CGROUP_1 = _CGROUP / "memory"


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


def admit(required: int) -> None:
    """Raise `MemoryRefusedError` if a run of ``required`` bytes does not fit; nothing is allocated."""
    available = int(available_memory() * _SHARE)
    if required > available:
        raise MemoryRefusedError(
            f"the simulation needs {required} bytes of memory; this worker has {available} available: "
            "use fewer qubits or a worker with more memory"
        )


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
