"""What a person sees: bars, tables, a spinner. Results go to stdout, whatever is said beside them to stderr.

Nothing here decides anything: every function takes plain values. Colours and spinners appear only where the
terminal shows them; a pipe, ``NO_COLOR`` and ``TERM=dumb`` are honoured by Rich.
"""

from __future__ import annotations

import math
import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

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
#: Columns of the longest bar, at least: however wide the states are.
_SHORTEST_BAR = 8
#: Columns of the longest bar, at most: a longer one would end too far from its state.
_LONGEST_BAR = 48
_EIGHTHS = " ▏▎▍▌▋▊▉█"
#: The last column of a table is never narrower than this.
_NARROWEST = 20
#: A text is wrapped to no less than this.
_NARROWEST_TEXT = 40
#: Between a state, its bar, and its figures.
_GAP = "  "


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


def bars(
    rows: Sequence[tuple[str, float, str]], *, width: int, ascii_only: bool = False
) -> list[tuple[str, str, str]]:
    """Lay out (state, weight, figures) as aligned (state, bar, figures) of at most ``width`` columns together.

    The heaviest row has the longest bar. States too wide for the line are shown in hex.
    """
    if not rows:
        return []
    states = [state for state, _, _ in rows]
    figures = max(len(text) for _, _, text in rows)
    room = width - 2 * len(_GAP) - figures
    if max(map(len, states)) > room - _SHORTEST_BAR:
        states = [hex(int(state.replace(" ", ""), 2)) for state in states]
    margin = max(map(len, states))
    longest = min(max(room - margin, _SHORTEST_BAR), _LONGEST_BAR)
    heaviest = max(weight for _, weight, _ in rows)
    return [
        (state.rjust(margin), _bar(weight / heaviest, longest, ascii_only), text.rjust(figures))
        for state, (_, weight, text) in zip(states, rows, strict=True)
    ]


def _bar(fraction: float, width: int, ascii_only: bool) -> str:
    """Return a bar padded to ``width`` columns; any weight but 0 shows at least a sliver."""
    if ascii_only:
        return ("#" * math.ceil(fraction * width)).ljust(width)
    full, eighths = divmod(math.ceil(fraction * width * 8), 8)
    return ("█" * full + _EIGHTHS[eighths].strip()).ljust(width)


def print_bars(console: Console, rows: Sequence[tuple[str, float, str]]) -> None:
    """Print `bars`, as wide as the terminal, indented by two columns."""
    ascii_only = not console.encoding.lower().startswith("utf")
    for state, bar, figures in bars(rows, width=console.width - 2, ascii_only=ascii_only):
        text = Text.assemble("  ", (state, "bold"), _GAP, (bar, "cyan"), _GAP, figures)
        console.print(text, no_wrap=True, crop=False, overflow="ignore")


def print_table(console: Console, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under column names, the last column wrapped to the terminal's width."""
    console.print(table(columns, rows, width=console.width), soft_wrap=True)


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, width: int) -> Text:
    """Return rows under column names, aligned; a status or a check's outcome has its colour.

    Only the last column is wrapped: an id must stay whole, so that it can be copied.
    """
    widths = [max(map(len, cells)) for cells in zip(columns, *rows, strict=True)]
    margin = sum(widths[:-1]) + len(_GAP) * len(widths[:-1])
    lines = []
    for index, row in enumerate([columns, *rows]):
        line = Text()
        for cell, cell_width in zip(row[:-1], widths[:-1], strict=True):
            line.append(cell.ljust(cell_width) + _GAP, style="bold" if index == 0 else STYLES.get(cell, ""))
        last = textwrap.wrap(row[-1], max(width - margin, _NARROWEST), break_on_hyphens=False) or [""]
        line.append(("\n" + " " * margin).join(last), style="bold" if index == 0 else "")
        line.rstrip()
        lines.append(line)
    return Text("\n").join(lines)


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


@contextmanager
def live_table(columns: Sequence[str]) -> Iterator[Callable[[Sequence[Sequence[str]]], None]]:
    """Show a table on stderr that changes in place; yields a function that takes its rows.

    Off a terminal only the last state is printed, at the end.
    """
    console = stderr()
    shown = Text()

    def show(rows: Sequence[Sequence[str]]) -> None:
        nonlocal shown
        shown = table(columns, rows, width=console.width)
        live.update(shown)

    with Live(console=console, auto_refresh=console.is_terminal, refresh_per_second=8, transient=True) as live:
        yield show
    console.print(shown, soft_wrap=True)
