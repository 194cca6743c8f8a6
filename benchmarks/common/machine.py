"""The machine and the versions that figures belong to, and the number of threads that all contenders get."""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

_PACKAGES = ("numpy", "qiskit", "qiskit-aer", "qulacs", "mqt.bench")
#: Cores that others may use in a measurement that is not called disturbed.
_DISTURBING = 0.1


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def give_threads(threads: int) -> None:
    """Start this program again where the environment does not say the number of threads.

    OpenMP and OpenBLAS read it once, when they are loaded. BLAS gets one: its threads only slow small matrices
    down, and no contender's own threads are BLAS's.
    """
    wanted = {
        "OMP_NUM_THREADS": str(threads),
        "QULACS_NUM_THREADS": str(threads),
        "OPENBLAS_NUM_THREADS": "1",
    }
    if any(os.environ.get(name) != value for name, value in wanted.items()):
        os.environ.update(wanted)
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606 (itself, with its arguments)


def _busy_seconds() -> float | None:
    """Return the seconds that all cores together have worked since boot, as Linux says."""
    try:
        numbers = [
            int(text) for text in Path("/proc/stat").read_text(encoding="ascii").split("\n", 1)[0].split()[1:]
        ]
    except OSError:
        return None
    user, nice, system, _, _, irq, softirq, *_ = numbers
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


class Watch:
    """What other processes do from now on. Aer's threads wait for each other, so they slow it down most of all.

    ``own_seconds`` tells what this program, with the processes that it started, has worked.
    """

    def __init__(self, own_seconds: Callable[[], float] = time.process_time) -> None:
        self._own_seconds = own_seconds
        self._begin = time.perf_counter()
        self._everyone = _busy_seconds()
        self._own = own_seconds()

    def others(self) -> float | None:
        """Return how many cores others used on average; None where the system does not say."""
        now = _busy_seconds()
        if now is None or self._everyone is None:
            return None
        theirs = (now - self._everyone) - (self._own_seconds() - self._own)
        return max(0.0, theirs) / (time.perf_counter() - self._begin)


def disturbance(others: float | None) -> str:
    """Return what to say of a measurement during which others used so many cores; nothing if it is no matter."""
    return f"others used {others:.1f} cores" if others is not None and others > _DISTURBING else ""


def description(threads: int) -> dict[str, str | int]:
    """Return what a reader of the figures has to know."""
    return {
        "cpu": _cpu(),
        "cores": cores(),
        "threads": threads,
        "Python": platform.python_version(),
        **{package: _version(package) for package in _PACKAGES},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _cpu() -> str:
    """Return the model's name; Linux has it in a file only."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
