"""Do work on unknown input in a process of its own, where it may hang, panic or eat memory, and harms nothing.

The process is forked, so that it begins with all that is imported here: a new one would take a second for that.
"""

from __future__ import annotations

import contextlib
import faulthandler
import gc
import os
import resource
import signal
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NoReturn

#: Seconds that the work has to say where it was when its time was over.
_GRACE = 5
#: The parser of OpenQASM 3 takes some 10 calls for a pair of parentheses.
_RECURSION = 20_000
#: More than one needs, and fewer than would let a file that includes itself go on for long.
_OPEN_FILES = 1024


@dataclass(frozen=True)
class Bounds:
    """What work may take."""

    #: Of the wall clock.
    seconds: float
    #: Bytes, beyond what the process has when it begins.
    memory: int


class TimeIsOverError(BaseException):
    """Raised in the work itself, where it is when its time is over; no handler of `Exception` stops it."""


class NoResultError(Exception):
    """The work returned no result; the text says what became of it."""


def confined(work: Callable[[], bytes], bounds: Bounds) -> bytes:
    """Return what the work returns; raises `NoResultError` if it ends otherwise, `TimeoutError` if it does not.

    Work should catch all, `MemoryError` and `TimeIsOverError` too, and return what they were. What it
    prints is dropped.
    """
    receiver, sender = Pipe(duplex=False)
    with warnings.catch_warnings():
        # Python 3.12 warns of forks beside other threads, as NumPy has them: this child waits for none of them.
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        _work(work, sender, bounds)
    sender.close()
    try:
        with receiver:
            if not receiver.poll(bounds.seconds + _GRACE):
                raise TimeoutError
            return receiver.recv_bytes()
    except EOFError:
        raise NoResultError(_end(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))) from None
    finally:
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def stop_clock() -> None:
    """Raise `TimeIsOverError` no more: the work is done, and is about to return."""
    signal.setitimer(signal.ITIMER_REAL, 0)


def _work(work: Callable[[], bytes], sender: Connection, bounds: Bounds) -> NoReturn:
    try:
        _confine(bounds)
        sender.send_bytes(work())
    finally:
        # Nothing of what the parent has still to do, or would do at its exit, is this process's.
        os._exit(0)


def _confine(bounds: Bounds) -> None:
    # Ctrl-C is for the parent, which ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    faulthandler.disable()
    warnings.simplefilter("ignore")
    gc.freeze()
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(null, stream)
    # A test may have put others in their places.
    sys.stdout = sys.stderr = os.fdopen(null, "w", encoding="utf-8")
    # Where the machine itself runs out of memory, this process is the one to go.
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000", encoding="ascii")
    _limit(resource.RLIMIT_CORE, 0)
    _limit(resource.RLIMIT_NOFILE, _OPEN_FILES)
    # If the parent is gone.
    _limit(resource.RLIMIT_CPU, int(bounds.seconds) + 2 * _GRACE)
    with contextlib.suppress(OSError):
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
        _limit(resource.RLIMIT_AS, pages * resource.getpagesize() + bounds.memory)
    sys.setrecursionlimit(_RECURSION)
    signal.signal(signal.SIGALRM, _stop)
    # Again and again: where Python is about to free an object, what the handler raises is lost.
    signal.setitimer(signal.ITIMER_REAL, bounds.seconds, 1)


def _limit(kind: int, most: int) -> None:
    hard = resource.getrlimit(kind)[1]
    # macOS refuses some of them.
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _stop(_signal: int, _frame: Any) -> NoReturn:
    raise TimeIsOverError


def _end(code: int) -> str:
    if code == -signal.SIGKILL:
        return "was killed: the machine has too little memory for it"
    if code < 0:
        return f"ended by {signal.Signals(-code).name}: it is too large, or nested too deeply"
    return "ended without a result"
