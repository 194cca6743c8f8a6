"""What several commands about jobs do: open a provider, wait for a job, show its result, say how to come back."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jobs.cli.exits import ExitCode, give_up
from jobs.cli.output.terminal import say, spinner, stderr, stdout
from jobs.follow.ids import short_id
from jobs.follow.progress_bar import progress_bar

if TYPE_CHECKING:
    from qiskit.result import Result

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
def left_running(jobs: Sequence[BasicAerJob], url: str | None) -> Iterator[None]:
    """Have Ctrl-C in this block leave the jobs running, and print how to come back to them."""
    try:
        yield
    except KeyboardInterrupt:
        for job in jobs:
            if job.async_result is not None and not job.in_final_state():
                say(f"Job {job.job_id()} goes on.", f"Come back with: {come_back(job, url)}")
        raise SystemExit(ExitCode.INTERRUPTED) from None


def come_back(job: BasicAerJob, url: str | None) -> str:
    """Return the command that shows a job's result."""
    # The address without its password: what is printed may end in a log.
    shown = short_id(job.job_id()) if stderr().is_terminal else job.job_id()
    return f"basicaer result {shown}" + (f" --url {job.backend().provider.address}" if url else "")


def wait_for(provider: BasicAerProvider, jobs: Sequence[BasicAerJob]) -> None:
    """Wait until all are final, with a bar that is gone at the end: of one its progress, of many how many."""
    if len(jobs) == 1:
        (job,) = jobs
        with progress_bar(job.job_id(), transient=True) as show:
            job.wait_for_final_state(wait=_LOOK, callback=lambda *_: show(_state(provider, job), job.progress()))
        return
    with spinner("waiting") as label:
        for index, job in enumerate(jobs):
            head = f"{index} of {len(jobs)} jobs have ended; {short_id(job.job_id())}"

            def tell(_: str, __: Any, job: BasicAerJob, head: str = head) -> None:
                label(f"{head} {_state(provider, job)}")

            job.wait_for_final_state(wait=_LOOK, callback=tell)


def _state(provider: BasicAerProvider, job: BasicAerJob) -> str:
    """Return a job's state, and what it waits for."""
    state = str(job.status().name)
    if state != "QUEUED":
        return state
    if not provider.workers():
        return "QUEUED until a worker is up"
    before = job.queue_position()
    return f"QUEUED, {before} before it" if before else state


def note_idle(provider: BasicAerProvider) -> None:
    """Warn where a job would wait because no worker is up."""
    with provider.connection.reaching() as connection:
        if not connection.store.workers():
            say("No worker is up: the job waits until one is.")


def conclude(jobs: Sequence[BasicAerJob], *, as_json: bool, plot: Path | None = None) -> None:
    """Print the results of final jobs, and draw them; one that has failed ends the command when all are shown."""
    from jobs.cli.output.report import as_data, print_result

    told, results, failed = [], [], []
    for job in jobs:
        error = job.error_message()
        if error is not None:
            failed.append(f"job {job.job_id()} failed: {error}")
            told.append(summary(job))
            continue
        results.append(job.result())
        told.append(summary(job) | as_data(results[-1]) if as_json else {})
        if not as_json:
            print_result(stdout(), results[-1])
    if as_json and len(jobs) > 1:
        click.echo(json.dumps(told))
    elif as_json and not failed:
        click.echo(json.dumps(told[0]))
    if plot is not None and results:
        draw(plot, results)
    for line in failed[:-1]:
        say(line)
    if failed:
        give_up(failed[-1], ExitCode.JOB_FAILED)


def draw(path: Path, results: Sequence[Result]) -> None:
    """Draw results into a file, and say so."""
    from jobs.cli.commands.plot import plot

    plot(path, results)
    say(f"Drawn: {path}")


def show_file(path: Path, *, as_json: bool, plot: Path | None = None) -> None:
    """Print the result that was exported to a file; that of a job which failed ends the command."""
    from jobs.cli.output.report import as_data, print_result
    from jobs.results.files import load_file

    about, outcome = load_file(path)
    if as_json:
        click.echo(json.dumps(about | as_data(outcome)))
    else:
        print_result(stdout(), outcome)
    if plot is not None:
        draw(plot, [outcome])
    if not outcome.success:
        give_up(f"job {outcome.job_id} ended so: {outcome.status}", ExitCode.JOB_FAILED)


def summary(job: BasicAerJob) -> dict[str, Any]:
    """Return what a script is told of a job; a revoke that only Celery knows of counts."""
    from jobs.follow.recorded import RecordedJob
    from jobs.follow.summary import JobSummary

    return JobSummary.of(RecordedJob(job.backend().provider.connection, job.job_id()).look()).as_data()
