"""Which of an owner's jobs to find, and what is found: `worker.record.store.Store.find` looks for them.

An index answers where there is one: ages for times and for the order, a list for each tag, the unfinished jobs
where they are few. What is left is looked at by the server, a thousand jobs a call.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, kw_only=True)
class JobFilter:
    """Which jobs to find; what is not said is any."""

    #: Record states; none: any state.
    states: frozenset[str] = frozenset()
    #: "": any backend.
    backend: str = ""
    #: All of these.
    tags: tuple[str, ...] = ()
    #: Unix seconds of the SUBMIT: at or after this, at or before that.
    after: float = -math.inf
    before: float = math.inf
    newest_first: bool = True

    @property
    def milliseconds(self) -> tuple[int | str, int | str]:
        """The first and the last millisecond of a SUBMIT that count; "": any."""
        # By way of microseconds, which a datetime has: a time that a job was said to have finds that job.
        first = "" if math.isinf(self.after) else math.ceil(round(1e6 * self.after) / 1000)
        last = "" if math.isinf(self.before) else math.floor(round(1e6 * self.before) / 1000)
        return first, last


ANY_JOB = JobFilter()


class ListedJob(NamedTuple):
    """A job that was found."""

    id: str
    backend: str


class Page(NamedTuple):
    """What one call found."""

    jobs: tuple[ListedJob, ...]
    #: Where the next call goes on; None: there is no more.
    cursor: str | None
    #: Of the jobs to skip, how many are left.
    skip: int
