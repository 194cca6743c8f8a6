"""A bar of a job's progress: on a terminal, or in a notebook. Elsewhere nothing is shown."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from jobs.follow.progress import Progress as JobProgress


@contextmanager
def progress_bar(job_id: str, *, transient: bool = False) -> Iterator[Callable[[str, JobProgress], None]]:
    """Yield a function that shows a job's state and progress; ``transient``: nothing stays on the terminal."""
    console = Console(stderr=True, markup=False, highlight=False, emoji=False)
    if console.is_jupyter:
        yield _in_notebook(job_id)
        return
    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[figures]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=transient, disable=not console.is_terminal) as progress:
        task = progress.add_task(job_id, total=None, figures="")

        def show(state: str, of: JobProgress) -> None:
            # Before anything is known, the bar only says that somebody waits.
            known = bool(of.fraction)
            progress.update(
                task,
                description=f"{job_id}  {state}",
                total=1.0 if known else None,
                completed=of.fraction,
                figures=_figures(of) if known or of.total > 1 else "",
            )

        yield show


def _in_notebook(job_id: str) -> Callable[[str, JobProgress], None]:
    """Return what shows progress as one output of the running cell, which changes in place."""
    from IPython.display import HTML, display

    begun = time.monotonic()
    shown = display(HTML(html.escape(job_id)), display_id=True)

    def show(state: str, of: JobProgress) -> None:
        value = f' value="{of.fraction}"' if of.fraction else ""
        text = f"{job_id}  {state}  {_figures(of)}  {time.monotonic() - begun:.0f} s"
        shown.update(HTML(f"<progress{value}></progress> <code>{html.escape(text)}</code>"))

    return show


def _figures(of: JobProgress) -> str:
    shards = f"{of.done}/{of.total} shards  " if of.total > 1 else ""
    return f"{shards}{of.fraction:4.0%}"
