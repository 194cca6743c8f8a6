"""``basicaer jobs``: which jobs there are, whose, and how far."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

import click

from jobs.cli.commands.common import open_provider
from jobs.cli.commands.times import moment, moment_text
from jobs.cli.exits import exit_codes
from jobs.cli.options import example, json_option, url_option
from jobs.cli.output.job_cells import job_cells
from jobs.cli.output.tables import Column, print_columns
from jobs.cli.output.terminal import say, stdout
from jobs.follow.ids import short_ids

if TYPE_CHECKING:
    from jobs.follow.summary import JobSummary

STATUSES = ("QUEUED", "RUNNING", "DONE", "ERROR", "CANCELLED")
_COLUMNS = (
    Column("JOB"),
    Column("STATUS"),
    Column("CIRCUIT", 1, least=8),
    Column("QUBITS", 2, right=True),
    Column("SHOTS", 3, right=True),
    Column("CREATED", 5),
    Column("TOOK", 4, right=True),
    Column("OWNER", 1, least=6),
    Column("BACKEND", 7),
    Column("TAGS", 6, least=6),
)


@click.command("jobs", epilog=example("basicaer jobs --status error --since 7d"))
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="How many at most.")
@click.option("--status", type=click.Choice(STATUSES, case_sensitive=False), help="Only those in this state.")
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="Only those with this tag, or these.")
@click.option("--since", callback=moment, metavar="TIME", help="Only those since: 2h, 7d ago, or a date.")
@click.option("--owner", metavar="NAME", help="Those of this owner.  [default: your own]")
@click.option("--all", "everybody", is_flag=True, help="Those of all owners.")
@json_option
@url_option
def list_jobs(
    limit: int,
    status: str | None,
    tags: tuple[str, ...],
    since: float | None,
    owner: str | None,
    everybody: bool,
    as_json: bool,
    url: str | None,
) -> None:
    """List your jobs, newest first. What is shown of an id is enough for every command."""
    if everybody and owner is not None:
        raise click.UsageError("--all are the jobs of all owners: leave --owner out, or --all")
    with exit_codes(), open_provider(url) as provider:
        from jobs.follow.summary import find_summaries
        from worker.record.listing import JobFilter

        wanted = JobFilter(
            states=frozenset([status.upper()] if status else []),
            tags=tags,
            after=-math.inf if since is None else since,
        )
        of = None if everybody else [owner or provider.settings.owner]
        found = find_summaries(provider.connection, wanted, of=of, limit=limit)
        if as_json:
            click.echo(json.dumps([job.as_data() for job in found]))
        elif found:
            print_jobs(found, owners=of is None)
        else:
            say("No jobs.")


def print_jobs(found: Sequence[JobSummary], *, owners: bool) -> None:
    """Print jobs as a table: on a terminal with short ids, elsewhere with whole ones; ``owners``: say whose."""
    console, now = stdout(), time.time()
    short = short_ids(job.id for job in found) if console.is_terminal else {job.id: job.id for job in found}
    columns = [column for column in _COLUMNS if owners or column.title != "OWNER"]
    rows = []
    for job in found:
        cells = job_cells(job, short[job.id], now)
        cells["CREATED"] = moment_text(job.created, now) if console.is_terminal else _whole(job.created)
        rows.append([cells[column.title] for column in columns])
    print_columns(console, columns, rows)


def _whole(seconds: float | None) -> str:
    return "?" if seconds is None else datetime.fromtimestamp(seconds).astimezone().strftime("%Y-%m-%d %H:%M")
