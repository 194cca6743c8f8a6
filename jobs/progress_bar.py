"""A bar of a job's progress: on a terminal, or in a notebook. Elsewhere nothing is shown."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn

from worker.record import Record


@contextmanager
def progress_bar(job_id: str, *, transient: bool = False) -> Iterator[Callable[[Record], None]]:
    """Yield a function that shows how far a job's record is; ``transient``: nothing stays on the terminal."""
    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    if console.is_jupyter:
        yield _in_notebook(job_id)
        return
    progress = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TaskProgressColumn(),
        TextColumn("{task.fields[shards]}"),
        TimeElapsedColumn(),
        console=console,
        transient=transient,
        disable=not console.is_terminal,
    )
    with progress:
        task = progress.add_task(job_id, total=None, shards="")

        def show(record: Record) -> None:
            # Before anything is known, the bar only says that somebody waits.
            total = 1.0 if record.progress or record.final else None
            shards = _shards(record) if record.total > 1 else ""
            progress.update(
                task,
                description=f"{job_id}  {record.state}",
                total=total,
                completed=record.progress,
                shards=shards,
            )

        yield show


def _in_notebook(job_id: str) -> Callable[[Record], None]:
    """Return what shows a record as one output of the running cell, which changes in place."""
    from IPython.display import HTML, display

    begun = time.monotonic()

    def drawn(record: Record | None) -> Any:
        if record is None:
            return HTML(html.escape(job_id))
        text = f"{job_id}  {record.state}  {record.progress:.0%}  {_shards(record)}"
        value = f'value="{record.progress}"' if record.progress or record.final else ""
        return HTML(
            f"<progress {value}></progress> <code>{html.escape(text)}  {time.monotonic() - begun:.0f} s</code>"
        )

    shown = display(drawn(None), display_id=True)
    return lambda record: shown.update(drawn(record))


def _shards(record: Record) -> str:
    return f"{record.done}/{record.total} shards"
