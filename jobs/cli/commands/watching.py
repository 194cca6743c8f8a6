"""``basicaer watch``: on a terminal its screens, elsewhere one look as plain text."""

from __future__ import annotations

import sys
import time

import click

from jobs.cli.commands.common import open_provider
from jobs.cli.exits import exit_codes
from jobs.cli.finding import find_job
from jobs.cli.options import example, url_option
from jobs.cli.output.terminal import stdout


@click.command(
    epilog=example("basicaer watch", "basicaer watch 77c699d4", "basicaer watch --once | head"),
    short_help="Watch jobs, queue and workers; cancel and open jobs.",
)
@click.argument("job_id", metavar="[ID]", required=False)
@click.option(
    "--interval", type=click.FloatRange(min=0.1), default=1.0, show_default=True, help="Seconds of a look."
)
@click.option("--once", is_flag=True, help="Print one look and end, as where the output is no terminal.")
@click.option("--as-operator", is_flag=True, help="Cancel other owners' jobs too, if Redis lets your user.")
@url_option
def watch(job_id: str | None, interval: float, once: bool, as_operator: bool, url: str | None) -> None:
    """Watch all owners' jobs, the queue and the workers, or the one job with this ID.

    Keys: up and down choose a job, Enter opens it, c cancels it, f shows all, unfinished, failed or only your own
    jobs, q goes back and ends.
    """
    console = stdout()
    with exit_codes(), open_provider(url, as_operator=as_operator) as provider:
        from jobs.cli.watch.app import App
        from jobs.cli.watch.job_page import JobPage
        from jobs.cli.watch.screen import plain_lines
        from jobs.cli.watch.snapshot import read_snapshot

        page = None if job_id is None else JobPage(find_job(provider, job_id))
        if console.is_terminal and sys.stdin.isatty() and not once:
            App(provider, console, page).run(interval)
            if page is not None and page.summary().ended is not None:
                # It stays on the screen; of a job that had ended, it is all there is to see.
                for text in page.lines(time.time(), console.width):
                    console.print(text)
        elif page is None:
            snapshot = read_snapshot(provider.connection)
            for line in plain_lines(snapshot, where=provider.address):
                click.echo(line)
        else:
            for text in page.lines(time.time(), console.width):
                click.echo(text.plain)
