"""The commands about jobs: run, jobs, status, result, logs, cancel. Each is a few lines around the provider."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from jobs.cli.exits import ExitCode, exit_codes, give_up
from jobs.cli.options import json_option, url_option
from jobs.cli.terminal import print_table, say, stdout
from jobs.follow.progress_bar import progress_bar

if TYPE_CHECKING:
    from jobs.job import BasicAerJob
    from jobs.provider import BasicAerProvider

BACKENDS = ("qasm_simulator", "statevector_simulator", "unitary_simulator")
PRECISIONS = ("double", "single")
STATUSES = ("QUEUED", "RUNNING", "DONE", "ERROR", "CANCELLED")
#: The address of a provider without a URL.
_EMBEDDED = "embedded"
#: Seconds between two looks at the progress that a bar shows; the end itself is pushed.
_LOOK = 0.5


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--shots", type=click.IntRange(min=0), help="How often to run the circuit.  [default: 1024]")
@click.option("--seed", type=click.IntRange(min=0), help="The same seed gives the same counts.")
@click.option("--backend", type=click.Choice(BACKENDS), default=BACKENDS[0], show_default=True)
@click.option("--precision", type=click.Choice(PRECISIONS), help="Of the amplitudes.  [default: double]")
@click.option("--priority", type=click.IntRange(0, 9), help="Among your own jobs; 9 goes first.  [default: 0]")
@click.option("--job-id", metavar="ID", help="An id of your own: the same run with it again is the same job.")
@click.option("--wait/--no-wait", default=True, help="Wait for the result, or print the job's id and return.")
@click.option(
    "--read-timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="How long reading FILE may take.  [default: 60]",
)
@json_option
@url_option
def run(  # noqa: PLR0913, PLR0917 (one for each option)
    file: Path,
    shots: int | None,
    seed: int | None,
    backend: str,
    precision: str | None,
    priority: int | None,
    job_id: str | None,
    wait: bool,
    read_timeout: float | None,
    as_json: bool,
    url: str | None,
) -> None:
    """Run an OpenQASM 2 or 3 FILE and show its result."""
    with exit_codes():
        from jobs.cli.qasm import READ_SECONDS, read_program

        program = read_program(file, read_timeout or READ_SECONDS)
        with _provider(url) as provider:
            options = {"shots": shots, "seed_simulator": seed, "precision": precision, "priority": priority}
            given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
            job = provider.get_backend(backend).create_job(program, job_id=job_id, **given)
            with _left_running(job, url):
                job.submit()
                # The embedded cluster's workers are on their way.
                if provider.address != _EMBEDDED:
                    _note_idle(provider)
                if wait:
                    _wait(job)
            if wait:
                _show_result(job, as_json)
            elif as_json:
                click.echo(json.dumps(_summary(job)))
            else:
                click.echo(job.job_id())
                say(f"The job goes on by itself. Its result: {_come_back(job, url)}")


@click.command("jobs")
@click.option("--limit", type=click.IntRange(min=1), default=10, show_default=True, help="How many at most.")
@click.option("--status", type=click.Choice(STATUSES, case_sensitive=False), help="Only those in this state.")
@json_option
@url_option
def list_jobs(limit: int, status: str | None, as_json: bool, url: str | None) -> None:
    """List your jobs, newest first."""
    with exit_codes(), _provider(url) as provider:
        found = list(_summaries(provider.jobs(limit=limit, status=status)))
        if as_json:
            click.echo(json.dumps(found))
        elif found:
            rows = [
                [
                    job["job_id"],
                    job["status"],
                    _local(job["created"]) if job["created"] else "?",
                    job["backend"],
                    ", ".join(job["tags"]),
                ]
                for job in found
            ]
            print_table(stdout(), ["JOB", "STATUS", "CREATED", "BACKEND", "TAGS"], rows)
        else:
            say("No jobs.")


@click.command()
@click.argument("job_id", metavar="ID")
@json_option
@url_option
def status(job_id: str, as_json: bool, url: str | None) -> None:
    """Show the status of the job with this ID."""
    with exit_codes(), _provider(url) as provider:
        job = provider.job(job_id)
        summary = _summary(job)
        if as_json:
            click.echo(json.dumps(summary))
        else:
            click.echo(summary["status"])
            if summary["error"]:
                say(summary["error"])


@click.command()
@click.argument("job_id", metavar="ID")
@json_option
@url_option
def result(job_id: str, as_json: bool, url: str | None) -> None:
    """Wait for the job with this ID, and show its result."""
    with exit_codes(), _provider(url) as provider:
        job = provider.job(job_id)
        with _left_running(job, url):
            if not job.in_final_state():
                _note_idle(provider)
            _wait(job)
        _show_result(job, as_json)


@click.command()
@click.argument("job_id", metavar="ID")
@json_option
@url_option
def logs(job_id: str, as_json: bool, url: str | None) -> None:
    """Show what happened to the job with this ID."""
    with exit_codes(), _provider(url) as provider:
        entries = provider.job(job_id).logs()
        if as_json:
            click.echo(json.dumps([asdict(entry) | {"time": entry.time.isoformat()} for entry in entries]))
        else:
            for entry in entries:
                click.echo(str(entry))


@click.command(short_help="Cancel the job with this ID.")
@click.argument("job_id", metavar="ID")
@click.option("--as-operator", is_flag=True, help="Another owner's too, if Redis lets your user.")
@url_option
def cancel(job_id: str, as_operator: bool, url: str | None) -> None:
    """Cancel the job with this ID. A job that has ended is left as it is: exit code 1."""
    with exit_codes(), _provider(url, as_operator=as_operator) as provider:
        job = provider.job(job_id)
        took_effect = job.cancel()
        click.echo(job.status().name)
        if not took_effect:
            say("Nothing to cancel: the job had ended.")
            raise SystemExit(ExitCode.JOB_FAILED)


@contextmanager
def _provider(url: str | None, *, as_operator: bool = False) -> Iterator[BasicAerProvider]:
    from jobs.provider import BasicAerProvider

    provider = BasicAerProvider(url, as_operator=as_operator)
    try:
        yield provider
    finally:
        provider.close()


@contextmanager
def _left_running(job: BasicAerJob, url: str | None) -> Iterator[None]:
    """Have Ctrl-C in this block leave the job running, and print how to come back to it."""
    try:
        yield
    except KeyboardInterrupt:
        if job.async_result is not None:
            say(f"Job {job.job_id()} goes on.", f"Come back with: {_come_back(job, url)}")
        raise SystemExit(ExitCode.INTERRUPTED) from None


def _wait(job: BasicAerJob) -> None:
    """Wait until the job is final, with a bar that shows its state and progress, and is gone at the end."""
    with progress_bar(job.job_id(), transient=True) as show:
        job.wait_for_final_state(wait=_LOOK, callback=lambda _, now, __: show(now.name, job.progress()))


def _note_idle(provider: BasicAerProvider) -> None:
    """Warn where a job would wait because no worker is up."""
    with provider.connection.reaching() as connection:
        if not connection.store.workers():
            say("No worker is up: the job waits until one is.")


def _show_result(job: BasicAerJob, as_json: bool) -> None:
    from jobs.cli.report import as_data, print_result

    error = job.error_message()
    if error is not None:
        give_up(f"job {job.job_id()} failed: {error}", ExitCode.JOB_FAILED)
    outcome = job.result()
    if as_json:
        click.echo(json.dumps(_summary(job) | as_data(outcome)))
    else:
        print_result(stdout(), outcome)


def _come_back(job: BasicAerJob, url: str | None) -> str:
    # The address without its password: what is printed may end in a log.
    return f"basicaer result {job.job_id()}" + (f" --url {job.backend().provider.address}" if url else "")


def _summary(job: BasicAerJob) -> dict[str, Any]:
    return {
        "job_id": job.job_id(),
        "status": job.status().name,
        "backend": job.backend().name,
        "created": job.creation_date.isoformat(),
        "tags": job.tags,
        "error": job.error_message(),
    }


def _summaries(jobs: list[BasicAerJob]) -> Iterator[dict[str, Any]]:
    """Yield the summary of each job; skip one that has gone, and mark one that cannot be read."""
    from qiskit.exceptions import QiskitError

    from jobs.errors import JobNotFoundError, UnreachableError

    for job in jobs:
        try:
            yield _summary(job)
        except UnreachableError:
            raise
        except JobNotFoundError:
            continue
        except QiskitError as error:
            plain = {"job_id": job.job_id(), "status": "?", "backend": job.backend().name}
            yield plain | {"created": None, "tags": [], "error": str(error.message)}


def _local(time: str) -> str:
    return datetime.fromisoformat(time).astimezone().strftime("%Y-%m-%d %H:%M")
