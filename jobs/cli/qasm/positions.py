"""The position in an OpenQASM 3 file at which its importer raised an error that does not name one."""

from __future__ import annotations

import traceback
from collections.abc import Iterator
from typing import Any


def position_of(error: BaseException) -> tuple[int, int] | None:
    """Return line and column, from 1, of the innermost statement, or part of one; None if none is known."""
    positions = [position for node in nodes_of(error) if (position := _position_of(node)) is not None]
    return positions[-1] if positions else None


def nodes_of(error: BaseException) -> Iterator[Any]:
    """Yield what was being read, outermost first: the importer's methods call it `node`, its parser's `ctx`."""
    for frame, _ in traceback.walk_tb(error.__traceback__):
        for name in ("ctx", "node"):
            if name in frame.f_locals:
                yield frame.f_locals[name]


def _position_of(node: Any) -> tuple[int, int] | None:
    span: Any = getattr(node, "span", None)
    start: Any = getattr(node, "start", None)
    if span is not None:
        return span.start_line, span.start_column + 1
    return (start.line, start.column + 1) if hasattr(start, "line") else None
