"""What several commands about jobs do: open a provider, wait for a job, show its result, say how to come back."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jobs.cli.exits import ExitCode, give_up
from jobs.cli.terminal import say, stderr, stdout
from jobs.follow.ids import short_id
from jobs.follow.progress_bar import progress_bar

if TYPE_CHECKING:
    from jobs.job import BasicAerJob
    from jobs.provider import BasicAerProvider

#: Seconds between two looks at the progress that a bar shows; the end itself is pushed.
_LOOK = 0.5


@contextmanager
def open_provider(url: str | None, *, as_operator: bool = False) -> Iterator[BasicAerProvider]:
    """Give a provider to this block, and close it."""
    from jobs.provider import BasicAerProvider

    provider = BasicAerProvider(url, as_operator=as_operator)
    try:
        yield provider
    finally:
        provider.close()


@contextmanager
def left_running(job: BasicAerJob, url: str | None) -> Iterator[None]:
    """Have Ctrl-C in this block leave the job running, and print how to come back to it."""
    try:
        yield
    except KeyboardInterrupt:
        if job.async_result is not None:
            say(f"Job {job.job_id()} goes on.", f"Come back with: {come_back(job, url)}")
        raise SystemExit(ExitCode.INTERRUPTED) from None


def come_back(job: BasicAerJob, url: str | None) -> str:
    """Return the command that shows a job's result."""
    # The address without its password: what is printed may end in a log.
    shown = short_id(job.job_id()) if stderr().is_terminal else job.job_id()
    return f"basicaer result {shown}" + (f" --url {job.backend().provider.address}" if url else "")


def wait(job: BasicAerJob) -> None:
    """Wait until the job is final, with a bar that shows its state and progress, and is gone at the end."""
    with progress_bar(job.job_id(), transient=True) as show:
        job.wait_for_final_state(wait=_LOOK, callback=lambda _, now, __: show(now.name, job.progress()))


def note_idle(provider: BasicAerProvider) -> None:
    """Warn where a job would wait because no worker is up."""
    with provider.connection.reaching() as connection:
        if not connection.store.workers():
            say("No worker is up: the job waits until one is.")


def show_result(job: BasicAerJob, as_json: bool) -> None:
    """Print the result of a final job; one that failed ends the command."""
    from jobs.cli.report import as_data, print_result

    error = job.error_message()
    if error is not None:
        give_up(f"job {job.job_id()} failed: {error}", ExitCode.JOB_FAILED)
    outcome = job.result()
    if as_json:
        click.echo(json.dumps(summary(job) | as_data(outcome)))
    else:
        print_result(stdout(), outcome)


def show_file(path: Path, as_json: bool) -> None:
    """Print the result that was exported to a file; that of a job which failed ends the command."""
    from jobs.cli.report import as_data, print_result
    from jobs.results.files import load_file

    about, outcome = load_file(path)
    if as_json:
        click.echo(json.dumps(about | as_data(outcome)))
    else:
        print_result(stdout(), outcome)
    if not outcome.success:
        give_up(f"job {outcome.job_id} ended so: {outcome.status}", ExitCode.JOB_FAILED)


def summary(job: BasicAerJob) -> dict[str, Any]:
    """Return what a script is told of a job; a revoke that only Celery knows of counts."""
    from jobs.follow.recorded import RecordedJob
    from jobs.follow.summary import JobSummary

    return JobSummary.of(RecordedJob(job.backend().provider.connection, job.job_id()).look()).as_data()
