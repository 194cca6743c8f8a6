"""A bar of a job's progress: on a terminal, or in a notebook. Elsewhere nothing is shown."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from jobs.follow.durations import duration
from jobs.follow.ids import short_id
from jobs.follow.progress import Progress as JobProgress

#: Columns of the bar: with a state and figures beside it, a line fits 80.
_BAR = 14
#: What must have been seen before a rest is told: seconds, and how much of the job.
_SEEN_SECONDS, _SEEN = 1.0, 0.02


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
        BarColumn(bar_width=_BAR),
        TextColumn("{task.fields[figures]}"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console, transient=transient, disable=not console.is_terminal) as progress:
        shown_id, left = short_id(job_id), TimeLeft()
        task = progress.add_task(shown_id, total=None, figures="")

        def show(state: str, of: JobProgress) -> None:
            # Before anything is known, the bar only says that somebody waits.
            known = bool(of.fraction)
            progress.update(
                task,
                description=f"{shown_id}  {state}",
                total=1.0 if known else None,
                completed=of.fraction,
                figures=f"{_figures(of)}{left.text(of.fraction)}" if known or of.total > 1 else "",
            )

        yield show


class TimeLeft:
    """How long a job still takes, by how fast it has gone since it was first seen to move."""

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None

    def seconds(self, fraction: float, now: float) -> float | None:
        """Return the seconds that are left, at a monotonic time; None: too little was seen."""
        if not 0 < fraction < 1:
            return None
        if self._first is None:
            self._first = now, fraction
        since, moved = now - self._first[0], fraction - self._first[1]
        if since < _SEEN_SECONDS or moved < _SEEN:
            return None
        return since * (1 - fraction) / moved

    def text(self, fraction: float) -> str:
        """Return ", so much left", or nothing."""
        left = self.seconds(fraction, time.monotonic())
        return "" if left is None else f", {duration(max(1.0, round(left)))} left"


def _in_notebook(job_id: str) -> Callable[[str, JobProgress], None]:
    """Return what shows progress as one output of the running cell, which changes in place.

    The output is text, too, for what shows no HTML: a notebook in a terminal, on paper, or in a diff.
    """
    from IPython.display import display

    begun, left = time.monotonic(), TimeLeft()
    shown = display(_bundle(job_id), raw=True, display_id=True)

    def show(state: str, of: JobProgress) -> None:
        value = f' value="{of.fraction}"' if of.fraction else ""
        text = f"{job_id}  {state}  {_figures(of)}{left.text(of.fraction)}  {time.monotonic() - begun:.0f} s"
        shown.update(_bundle(text, f"<progress{value}></progress> "), raw=True)

    return show


def _bundle(text: str, bar: str = "") -> dict[str, str]:
    """Return an output as text, and as HTML with a bar before it."""
    return {"text/plain": text, "text/html": f"{bar}<code>{html.escape(text)}</code>"}


def _figures(of: JobProgress) -> str:
    shards = f"{of.done}/{of.total} shards  " if of.total > 1 else ""
    return f"{shards}{of.fraction:4.0%}"
