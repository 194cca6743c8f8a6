"""Processes that tests started and did not end: each has a variable in its environment that says whose it is."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Iterable, Iterator

import psutil
from support.patience import deadline
from support.processes import ROOT

#: Names the run of the suite; what pytest-xdist starts inherits it.
_RUN = "TESTS_RUN"
#: Names the run, and which of its processes started it: ``<pid>-<random>/<worker> <folder of this clone>``.
_STARTED_BY = "TESTS_STARTED_BY"
#: What Python, and loky in its place, starts for itself; it ends with the interpreter.
_PYTHONS_OWN = "resource_tracker"


def sign() -> None:
    """Mark all that this process starts from now on."""
    run = os.environ.setdefault(_RUN, f"{os.getpid()}-{secrets.token_hex(4)}")
    os.environ[_STARTED_BY] = f"{run}/{os.environ.get('PYTEST_XDIST_WORKER', 'main')} {ROOT}"


def of_this_process(seconds: float) -> list[psutil.Process]:
    """Return what this process started and still runs after so many seconds in which it may end."""
    mine = os.environ[_STARTED_BY]
    return _after(seconds, lambda: [*_marked(lambda mark: mark == mine), *_forked()])


def of_this_run(seconds: float) -> list[psutil.Process]:
    """The same of all processes of this run, also of those that broke off."""
    run = os.environ[_RUN]
    return _after(seconds, lambda: list(_marked(lambda mark: mark.startswith(f"{run}/"))))


def of_runs_that_are_gone() -> list[psutil.Process]:
    """Return what earlier runs in this clone left behind: those whose own process is gone."""
    return list(
        _marked(lambda mark: mark.endswith(f" {ROOT}") and not psutil.pid_exists(int(mark.partition("-")[0])))
    )


def _after(seconds: float, find: Callable[[], list[psutil.Process]]) -> list[psutil.Process]:
    begin = time.monotonic()
    while (left := find()) and time.monotonic() - begin < deadline(seconds):
        time.sleep(0.1)
    return left


def _marked(wanted: Callable[[str], bool]) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        # What is gone, or somebody else's, or waits to be reaped, has no environment to be read.
        with contextlib.suppress(psutil.Error):
            if wanted(process.environ().get(_STARTED_BY, "")) and _counts(process):
                yield process


def _forked() -> Iterator[psutil.Process]:
    """Yield children that were forked only: those show the environment that this process once began with."""
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if _STARTED_BY not in process.environ() and _counts(process):
                yield process


def _counts(process: psutil.Process) -> bool:
    return process.status() != psutil.STATUS_ZOMBIE and _PYTHONS_OWN not in " ".join(process.cmdline())


def end(left: Iterable[psutil.Process]) -> list[str]:
    """End these processes; returns a line about each."""
    named = []
    for process in left:
        try:
            line = f"{process.pid}: {' '.join(process.cmdline())}"
            process.kill()
        except psutil.NoSuchProcess:
            continue
        named.append(line)
    return named
