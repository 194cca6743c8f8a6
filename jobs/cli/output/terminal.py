"""The terminal: results go to stdout, whatever is said beside them, and a spinner, to stderr.

Colours and spinners appear only where the terminal shows them; a pipe, ``NO_COLOR`` and ``TERM=dumb`` are
honoured by Rich.
"""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

#: How a status, or the outcome of a check, is coloured.
STYLES = {
    "QUEUED": "yellow",
    "RUNNING": "cyan",
    "DONE": "green",
    "ERROR": "red",
    "CANCELLED": "magenta",
    "right": "green",
    "wrong": "red",
    "ok": "green",
    "note": "yellow",
    "missing": "red",
}
#: A text is wrapped to no less than this.
_NARROWEST_TEXT = 40


def stdout() -> Console:
    """Return the console for results."""
    return Console(markup=False, highlight=False, emoji=False)


def stderr() -> Console:
    """Return the console for what is said beside a result."""
    return Console(stderr=True, markup=False, highlight=False, emoji=False)


def say(*lines: str) -> None:
    """Print lines on stderr: on a terminal wrapped between words, elsewhere as they are."""
    console = stderr()
    for line in lines:
        console.print(wrapped(console, line), soft_wrap=True)


def wrapped(console: Console, text: str, *, begins: int = 0) -> str:
    """Return a text as lines of a terminal, broken between words only; off a terminal, as it is.

    ``begins``: the columns that are taken before it.
    """
    if not console.is_terminal:
        return text
    wrapper = textwrap.TextWrapper(max(console.width, _NARROWEST_TEXT), initial_indent=" " * begins)
    wrapper.break_on_hyphens = wrapper.break_long_words = False
    return "\n".join(wrapper.fill(line) for line in text.splitlines())[begins:]


@contextmanager
def spinner(label: str) -> Iterator[Callable[[str], None]]:
    """Show on stderr, while the block runs, that something goes on; yields a function that changes the label.

    Off a terminal nothing is shown.
    """
    console = stderr()
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with progress:
        task = progress.add_task(label, total=None)
        yield lambda text: progress.update(task, description=text)
