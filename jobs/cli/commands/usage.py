"""``basicaer usage``: what each owner's jobs took and store, day by day."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import click

from jobs.cli.commands.common import open_provider
from jobs.cli.commands.times import moment
from jobs.cli.exits import exit_codes
from jobs.cli.options import example, json_option, url_option
from jobs.cli.output.tables import Column, print_columns
from jobs.cli.output.terminal import say, stdout
from jobs.follow.durations import duration
from simulator.sizes import size

if TYPE_CHECKING:
    from worker.record.store import Store

_COLUMNS = (
    Column("DAY"),
    Column("OWNER", least=8),
    Column("JOBS", right=True),
    Column("FAILED", 1, right=True),
    Column("SIMULATED", right=True),
    Column("STORED", right=True),
)
_WEEK = 7 * 86400.0


@dataclass
class DayUsage:
    """The jobs that one owner submitted on one day, as far as their records are there."""

    #: In this zone, as YYYY-MM-DD.
    day: str
    owner: str
    jobs: int = 0
    #: Of these, those in ERROR.
    failed: int = 0
    #: That their simulations took, on all workers together.
    seconds: float = 0.0
    #: What those that have ended take in the store.
    bytes: int = 0


@click.command(epilog=example("basicaer usage --since 30d"), short_help="Seconds and bytes by owner and day.")
@click.option("--since", callback=moment, metavar="TIME", help="Jobs since: 30d ago, or a date.  [default: 7d]")
@click.option("--owner", metavar="NAME", help="Only of this owner.  [default: of all]")
@json_option
@url_option
def usage(since: float | None, owner: str | None, as_json: bool, url: str | None) -> None:
    """Show by owner and day how many jobs there were, what they simulated, and what they store.

    Of jobs whose records are there: a deleted or expired job counts for nothing.
    """
    with exit_codes(), open_provider(url) as provider, provider.connection.reaching() as session:
        from worker.record import overview

        store = session.store
        owners = {owner: store.budget(owner)[0]} if owner else overview.owners(store)
        after = time.time() - _WEEK if since is None else since
        days = [day for each in owners for day in _days(store, each, after)]
        days.sort(key=lambda day: (day.day, day.owner))
        limit = store.budget("")[1]
        if as_json:
            totals = [{"owner": name, "bytes": used, "limit": limit or None} for name, used in owners.items()]
            click.echo(json.dumps({"days": [asdict(day) for day in days], "owners": totals}))
            return
        _print(days)
        for name, used in owners.items():
            say(f"{name}: {size(used)} of {size(limit) if limit else 'any number of bytes'} in use")


def _print(days: Iterable[DayUsage]) -> None:
    rows = [
        [each.day, each.owner, str(each.jobs), str(each.failed), duration(each.seconds), size(each.bytes)]
        for each in days
    ]
    if rows:
        print_columns(stdout(), _COLUMNS, rows)
    else:
        say("No jobs.")


def _days(store: Store, owner: str, after: float) -> Iterable[DayUsage]:
    from worker.record import overview
    from worker.record.listing import JobFilter
    from worker.record.values import Record

    days: dict[str, DayUsage] = {}
    ids = [job.id for job in store.find(owner, JobFilter(after=after))]
    stored = overview.stored_bytes(store, owner, ids)
    for job_id, record in overview.records(store, ids):
        if isinstance(record, Record):
            day = datetime.fromtimestamp(record.created).astimezone().date().isoformat()
            total = days.setdefault(day, DayUsage(day, owner))
            total.jobs += 1
            total.failed += record.state == "ERROR"
            total.seconds += math.fsum(record.usage.values())
            total.bytes += stored.get(job_id, 0)
    return days.values()
