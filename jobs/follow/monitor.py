"""What `job.monitor()` shows: the bar of progress, and where there is neither terminal nor notebook, lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from jobs.follow.progress import Progress
from jobs.follow.progress_bar import progress_bar

#: A line is written each time so much more of a job is done.
_STEP = 0.1


@contextmanager
def monitored(job_id: str) -> Iterator[Callable[[str, Progress], None]]:
    """Yield a function that shows a job's state and progress on stderr, or in a notebook."""
    console = Console(stderr=True)
    if console.is_jupyter or console.is_terminal:
        with progress_bar(job_id) as show:
            yield show
        return
    yield _lines(job_id)


def _lines(job_id: str) -> Callable[[str, Progress], None]:
    """Return what writes a line when the state is another, and when a tenth more is done."""
    before: tuple[str, int] | None = None

    def show(state: str, of: Progress) -> None:
        nonlocal before
        now = state, int(of.fraction / _STEP + 1e-9)
        if now != before:
            before = now
            print(f"{time.strftime('%H:%M:%S')} {job_id} {state}, {of}", file=sys.stderr, flush=True)  # noqa: T201

    return show
