"""Find an owner's jobs: by state, backend, tags and time, in the order of their SUBMITs.

An index answers where there is one: ages for times and for the order, a list for each tag, the unfinished jobs
where they are few. What is left is looked at by the server, a thousand jobs a call.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from worker.record.store import Store


@dataclass(frozen=True, kw_only=True)
class Wanted:
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


class Listed(NamedTuple):
    """A job that was found."""

    id: str
    backend: str


class Page(NamedTuple):
    """What one call found."""

    jobs: tuple[Listed, ...]
    #: Where the next call goes on; None: there is no more.
    place: str | None
    #: Of the jobs to skip, how many are left.
    skip: int


def find(
    store: Store, owner: str, wanted: Wanted = Wanted(), *, skip: int = 0, limit: int | None = None
) -> Iterator[Listed]:
    """Yield an owner's jobs that are wanted, but not the first ``skip``, and ``limit`` at most (None: all)."""
    place: str | None = ""
    left = math.inf if limit is None else limit
    while place is not None and left > 0:
        page = store.page(owner, wanted, place=place, skip=skip, most=left)
        yield from page.jobs
        place, skip = page.place, page.skip
        left -= len(page.jobs)


def milliseconds(wanted: Wanted) -> tuple[int | str, int | str]:
    """Return the first and the last millisecond that count; "": any."""
    # By way of microseconds, which a datetime has: a time that a job was said to have finds that job.
    first = "" if math.isinf(wanted.after) else math.ceil(round(1e6 * wanted.after) / 1000)
    last = "" if math.isinf(wanted.before) else math.floor(round(1e6 * wanted.before) / 1000)
    return first, last
