"""Keys of a terminal, one at a time, without Enter."""

from __future__ import annotations

import os
import select
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: What a terminal sends for a key -> its name.
_NAMES = {
    b"\x1b[A": "up",
    b"\x1bOA": "up",
    b"\x1b[B": "down",
    b"\x1bOB": "down",
    b"\r": "enter",
    b"\n": "enter",
    b"\x1b": "escape",
}
_ALIKE = {"k": "up", "j": "down"}


@contextmanager
def keyboard() -> Iterator[Callable[[float], str]]:
    """Give a function that waits for a key, so many seconds at most, and returns its name; "" where none came.

    Ctrl-C stays what it is.
    """
    file = sys.stdin.fileno()
    before = termios.tcgetattr(file)
    tty.setcbreak(file)
    try:
        yield lambda seconds: _key(file, seconds)
    finally:
        termios.tcsetattr(file, termios.TCSADRAIN, before)


def _key(file: int, seconds: float) -> str:
    if not select.select([file], [], [], max(0.0, seconds))[0]:
        return ""
    sent = os.read(file, 1)
    if not sent:
        return "q"  # nobody is there any more
    # What follows an Escape at once belongs to it.
    while sent.startswith(b"\x1b") and len(sent) < 3 and select.select([file], [], [], 0.02)[0]:  # noqa: PLR2004
        sent += os.read(file, 1)
    name = _NAMES.get(sent) or sent.decode(errors="replace")
    return _ALIKE.get(name, name)
