"""The loop of `basicaer watch`: look, draw, take a key."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from qiskit.exceptions import QiskitError
from rich.console import Console
from rich.live import Live
from rich.text import Text

from jobs.cli.watch.job_page import JobPage
from jobs.cli.watch.keyboard import keyboard
from jobs.cli.watch.screen import View, fit, overview_lines
from jobs.cli.watch.snapshot import Rate, Snapshot, read_snapshot
from jobs.follow.ids import short_id
from jobs.follow.summary import JobSummary

if TYPE_CHECKING:
    from jobs.job import BasicAerJob
    from jobs.provider import BasicAerProvider

#: Seconds of a look.
_INTERVAL = 1.0
_FILTERS = ("all", "unfinished", "failed", "mine")
#: On the page of a job: until it has ended, and then.
_PAGE_KEYS, _PAGE_KEYS_ENDED = "up/down scroll   c cancel   q back", "up/down scroll   q back"
#: Lines that a key moves a page.
_STEP = 3


def watch_jobs(provider: BasicAerProvider, jobs: Sequence[BasicAerJob], console: Console) -> None:
    """Show the page of one job until it has ended, or of several the cluster, until somebody ends it."""
    App(provider, console, JobPage(jobs[0]) if len(jobs) == 1 else None).run(_INTERVAL)


class App:
    """What is shown, and what keys do to it."""

    def __init__(self, provider: BasicAerProvider, console: Console, page: JobPage | None = None) -> None:
        self._provider = provider
        self._console = console
        self._view = View()
        self._rate = Rate()
        self._snapshot: Snapshot | None = None
        self._speed = 0.0
        self._page = page
        #: Whether it ends with the page of a job, and when that job ends.
        self._one_job = page is not None
        self._scrolled = 0
        self._asked: str | None = None
        #: Whether the last look failed.
        self._away = False
        self.ended = False

    def run(self, interval: float) -> None:
        """Show it until somebody ends it; ``interval``: seconds between two looks."""
        with keyboard() as key, Live(console=self._console, screen=True, auto_refresh=False) as live:
            while not self.ended:
                self._look()
                looked = time.monotonic()
                live.update(self._drawn(), refresh=True)
                while not self.ended and (left := looked + interval - time.monotonic()) > 0:
                    if pressed := key(left):
                        self._press(pressed)
                        live.update(self._drawn(), refresh=True)

    def _look(self) -> None:
        """Read what is shown; a Redis that is away is said at the foot, and asked again."""
        try:
            if self._page is None:
                self._snapshot = read_snapshot(self._provider.connection)
                self._speed = self._rate.see(self._snapshot)
            elif self._one_job and self._page.summary().ended is not None:
                self.ended = True
        except QiskitError as error:
            self._away = True
            self._say(str(error.message))
        else:
            if self._away:
                self._away = False
                self._say("")

    def _drawn(self) -> Text:
        columns, lines = self._console.size
        try:
            shown = self._lines(columns, lines)
        except QiskitError as error:
            shown = [Text(str(error.message))]
        return Text("\n").join(shown[:lines])

    def _lines(self, columns: int, lines: int) -> list[Text]:
        if self._page is not None:
            page = self._page.lines(time.time(), columns)
            self._scrolled = max(0, min(self._scrolled, len(page) - lines + 1))
            shown = page[self._scrolled : self._scrolled + lines - 1]
            for line in shown:
                fit(line, columns)
            keys = _PAGE_KEYS_ENDED if self._page.ended else _PAGE_KEYS
            foot = Text(self._view.message or keys, style="bold" if self._view.message else "dim")
            return [*shown, *[Text()] * (lines - 1 - len(shown)), foot]
        if self._snapshot is None:
            return [Text(self._view.message or "Looking ...")]
        jobs = self._jobs()
        if jobs and self._view.chosen not in {job.id for job in jobs}:
            self._view = replace(self._view, chosen=jobs[0].id)
        return overview_lines(
            self._snapshot,
            jobs,
            self._view,
            where=self._provider.address,
            rate=self._speed,
            size_of=(columns, lines),
        )

    def _jobs(self) -> list[JobSummary]:
        """Return the jobs that the filter leaves."""
        wanted: Callable[[JobSummary], bool] = {
            "all": lambda _: True,
            "unfinished": lambda job: job.ended is None,
            "failed": lambda job: job.status == "ERROR",
            "mine": lambda job: job.owner == self._provider.settings.owner,
        }[self._view.filter]
        return [] if self._snapshot is None else [job for job in self._snapshot.jobs if wanted(job)]

    def _press(self, key: str) -> None:
        chosen = self._page.job.job_id() if self._page is not None else self._view.chosen
        asked, self._asked = self._asked, None
        self._say("")
        if asked is not None:
            if key == "y":
                self._cancel(asked)
        elif key == "c" and chosen is not None and not (self._page is not None and self._page.ended):
            self._asked = chosen
            self._say(f"Cancel {short_id(chosen)}? y: yes, any other key: no")
        elif self._page is not None:
            self._press_on_page(key)
        elif key in {"q", "escape"}:
            self.ended = True
        elif key == "f":
            following = _FILTERS[(_FILTERS.index(self._view.filter) + 1) % len(_FILTERS)]
            self._view = replace(self._view, filter=following)
        elif key in {"up", "down"}:
            self._choose(1 if key == "down" else -1)
        elif key == "enter" and chosen is not None:
            try:
                self._page, self._scrolled = JobPage(self._provider.job(chosen)), 0
            except QiskitError as error:
                self._say(str(error.message))

    def _press_on_page(self, key: str) -> None:
        if key in {"up", "down"}:
            self._scrolled += _STEP if key == "down" else -_STEP
        elif key in {"q", "escape"}:
            if self._one_job:
                self.ended = True
            self._page = None
            self._look()

    def _choose(self, step: int) -> None:
        ids = [job.id for job in self._jobs()]
        if ids:
            now = ids.index(self._view.chosen) if self._view.chosen in ids else 0
            self._view = replace(self._view, chosen=ids[max(0, min(len(ids) - 1, now + step))])

    def _cancel(self, job_id: str) -> None:
        try:
            took_effect = self._provider.job(job_id).cancel()
        except QiskitError as error:
            self._say(str(error.message))
        else:
            self._say(f"{short_id(job_id)} is cancelled." if took_effect else f"{short_id(job_id)} had ended.")
        self._look()

    def _say(self, message: str) -> None:
        self._view = replace(self._view, message=message)
