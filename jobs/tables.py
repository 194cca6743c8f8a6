"""Small tables in HTML, for notebooks: plain text in cells, everything escaped, no scripts and no styles."""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence


def html_table(title: str, rows: Iterable[Sequence[object]], columns: Sequence[str] = ()) -> str:
    """Return rows under a title; without ``columns``, the first cell of a row names what is in the others."""
    head = f"<thead>{_row(columns, len(columns))}</thead>" if columns else ""
    body = "".join(_row(row, 0 if columns else 1) for row in rows)
    return f"<table><caption>{html.escape(title)}</caption>{head}<tbody>{body}</tbody></table>"


def _row(cells: Sequence[object], num_names: int) -> str:
    tags = ["th"] * num_names + ["td"] * (len(cells) - num_names)
    return f"<tr>{''.join(map(_cell, tags, cells))}</tr>"


def _cell(tag: str, cell: object) -> str:
    return f"<{tag}>{html.escape(str(cell))}</{tag}>"
