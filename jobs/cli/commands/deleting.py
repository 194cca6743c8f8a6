"""``basicaer delete``: jobs that have ended, by their ids, or all that are old."""

from __future__ import annotations

import sys

import click

from jobs.cli.commands.common import open_provider
from jobs.cli.commands.listing import print_jobs
from jobs.cli.commands.times import moment
from jobs.cli.exits import exit_codes
from jobs.cli.finding import find_job
from jobs.cli.options import example, url_option
from jobs.cli.output.terminal import say


@click.command(
    epilog=example("basicaer delete 77c699d4 1921fcca", "basicaer delete --older-than 7d --dry-run"),
    short_help="Remove jobs that have ended, and their results.",
)
@click.argument("job_ids", metavar="[ID]...", nargs=-1)
@click.option(
    "--older-than", callback=moment, metavar="TIME", help="All of yours that were submitted before: 7d ago."
)
@click.option("--tag", "tags", multiple=True, metavar="TAG", help="With --older-than: only those with this tag.")
@click.option("--dry-run", is_flag=True, help="Show which it would be, and remove nothing.")
@click.option("--yes", is_flag=True, help="With --older-than: do not ask first. Off a terminal nothing is asked.")
@click.option("--as-operator", is_flag=True, help="Another owner's too, if Redis lets your user.")
@url_option
def delete(
    job_ids: tuple[str, ...],
    older_than: float | None,
    tags: tuple[str, ...],
    dry_run: bool,
    yes: bool,
    as_operator: bool,
    url: str | None,
) -> None:
    """Remove jobs that have ended, and all that they stored: those with these IDs, or all that are old.

    A job that has not ended stays, and with --older-than is passed over. `basicaer export` keeps a result.
    """
    if bool(job_ids) == (older_than is not None):
        raise click.UsageError("give the IDs of jobs, or --older-than")
    if tags and older_than is None:
        raise click.UsageError("--tag goes with --older-than")
    with exit_codes(), open_provider(url, as_operator=as_operator) as provider:
        from qiskit.providers import JobError

        from jobs.follow.recorded import RecordedJob
        from jobs.follow.summary import JobSummary, find_summaries
        from worker.record.listing import JobFilter
        from worker.record.values import FINAL_STATES

        if older_than is not None:
            wanted = JobFilter(states=FINAL_STATES, tags=tags, before=older_than)
            found = find_summaries(provider.connection, wanted, of=[provider.settings.owner], limit=None)
        else:
            ids = dict.fromkeys(find_job(provider, each).job_id() for each in job_ids)
            found = [JobSummary.of(RecordedJob(provider.connection, each).read()) for each in ids]
        # Before any is removed.
        for job in found:
            if job.status in {"QUEUED", "RUNNING"}:
                raise JobError(
                    f"job {job.id} is {job.status}: cancel it before you delete it; nothing was removed"
                )
        if found and (dry_run or (older_than is not None and not yes and sys.stdin.isatty())):
            print_jobs(found, owners=False)
            if not dry_run:
                click.confirm(f"Remove these {len(found)} jobs and their results?", abort=True, err=True)
        if not dry_run:
            for job in found:
                provider.delete_job(job.id)
        say(f"{len(found)} job{'' if len(found) == 1 else 's'} {'would be ' if dry_run else ''}removed.")
