"""Counts and probabilities as horizontal bars."""

from __future__ import annotations

import math
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

#: Columns of the longest bar, at least: however wide the states are.
_SHORTEST_BAR = 8
#: Columns of the longest bar, at most: a longer one would end too far from its state.
_LONGEST_BAR = 48
_EIGHTHS = " ▏▎▍▌▋▊▉█"
#: Between a state, its bar, and its figures.
_GAP = "  "


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
