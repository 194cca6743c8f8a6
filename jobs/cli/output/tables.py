"""Tables that fit a terminal: what matters least is left out first, and no cell is broken over lines."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.live import Live
from rich.text import Text

from jobs.cli.output.terminal import STYLES, stderr

#: Between two columns.
_GAP = "  "
#: The last column of a table is never narrower than this.
_NARROWEST = 20


@dataclass(frozen=True)
class Column:
    """A column: its name, and what becomes of it where a line is too short for all."""

    title: str
    #: The columns with the highest number are left out first; those with 0 never are.
    rank: int = 0
    #: Characters that its cells may be cut to; None: they are never cut.
    least: int | None = None
    right: bool = False


def print_columns(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print rows under column names. Off a terminal nothing is left out or cut."""
    width = console.width if console.is_terminal else None
    console.print(columns_of(columns, rows, width=width), no_wrap=True, crop=False, overflow="ignore")


def columns_of(columns: Sequence[Column], rows: Sequence[Sequence[str]], *, width: int | None) -> Text:
    """Return the table, as wide as ``width`` at most where that can be; None: as wide as it is.

    A column in which nothing stands is left out, and so is what a cell has that no terminal should be sent.
    """
    cells = [[plain(cell) for cell in row] for row in rows]
    widths = {
        index: max([len(column.title), *(cell_len(row[index]) for row in cells)])
        for index, column in enumerate(columns)
        if not column.rank or any(row[index] for row in cells)
    }
    if width is not None:
        _fit(widths, columns, width)
    header = Text(_line([column.title for column in columns], widths, columns).rstrip(), style="bold")
    return Text("\n").join([header, *(_styled(row, widths, columns) for row in cells)])


def plain(text: str) -> str:
    """Return a name as a terminal may show it: one line, without what would move its cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)


def _fit(widths: dict[int, int], columns: Sequence[Column], width: int) -> None:
    """Drop columns, and then narrow those that may be, until a line fits."""

    def least(index: int) -> int:
        shortest = columns[index].least
        return widths[index] if shortest is None else min(widths[index], max(shortest, len(columns[index].title)))

    def room() -> int:
        return width - len(_GAP) * (len(widths) - 1)

    while sum(map(least, widths)) > room():
        last = max(widths, key=lambda index: columns[index].rank)
        if not columns[last].rank:
            break
        del widths[last]
    while (excess := sum(widths.values()) - room()) > 0:
        widest = max(widths, key=lambda index: (widths[index] - least(index), widths[index]))
        spare = widths[widest] - least(widest)
        if spare <= 0:
            break
        # A little each time, so that several give way alike.
        widths[widest] -= min(spare, excess, max(1, spare // 2))


def _line(cells: Sequence[str], widths: dict[int, int], columns: Sequence[Column]) -> str:
    return _GAP.join(_cell(cells[index], width, right=columns[index].right) for index, width in widths.items())


def _styled(cells: Sequence[str], widths: dict[int, int], columns: Sequence[Column]) -> Text:
    line = Text(_line(cells, widths, columns).rstrip())
    for cell in cells:
        if style := STYLES.get(cell):
            line.highlight_words([cell], style)
    return line


def _cell(text: str, width: int, *, right: bool) -> str:
    """Return a text in so many columns of a terminal, where some letters take two."""
    if (spare := width - cell_len(text)) < 0:
        return set_cell_size(text, width - 1) + "~"
    return " " * spare + text if right else text + " " * spare


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
        room = max(width - margin, _NARROWEST)
        # An address or a path that is longer stays whole: a terminal breaks it, and it can be copied.
        last = textwrap.wrap(row[-1], room, break_on_hyphens=False, break_long_words=False) or [""]
        line.append(("\n" + " " * margin).join(last), style="bold" if index == 0 else "")
        line.rstrip()
        lines.append(line)
    return Text("\n").join(lines)


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
