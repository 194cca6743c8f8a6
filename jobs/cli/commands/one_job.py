"""The commands about one job, by its id or the beginning of it: status, result, logs, cancel."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from jobs.cli.commands.common import conclude, left_running, note_idle, open_provider, show_file, summary, wait_for
from jobs.cli.commands.plot import check_plot
from jobs.cli.exits import ExitCode, exit_codes, give_up
from jobs.cli.finding import find_job
from jobs.cli.options import example, json_option, plot_option, url_option
from jobs.cli.output.terminal import say, stdout, wrapped


@click.command(epilog=example("basicaer status 77c699d4"))
@click.argument("job_id", metavar="ID")
@json_option
@url_option
def status(job_id: str, as_json: bool, url: str | None) -> None:
    """Show the status of the job with this ID."""
    with exit_codes(), open_provider(url) as provider:
        job = find_job(provider, job_id)
        told = summary(job)
        if as_json:
            click.echo(json.dumps(told))
        else:
            click.echo(told["status"])
            if told["error"]:
                say(told["error"])


@click.command(
    epilog=example("basicaer result 77c699d4 --json", "basicaer result bell.npz"),
    short_help="Wait, and show the result.",
)
@click.argument("job_id", metavar="ID|FILE")
@plot_option
@json_option
@url_option
def result(job_id: str, plot: Path | None, as_json: bool, url: str | None) -> None:
    """Wait for the job with this ID, and show its result; or show the result in a FILE of `basicaer export`."""
    if plot is not None:
        check_plot(plot)
    file = Path(job_id)
    if file.suffix in {".json", ".npz"} and file.is_file():
        with exit_codes():
            show_file(file, as_json=as_json, plot=plot)
        return
    if file.suffix == ".job" and file.is_file():
        give_up(
            f"{file} is a whole job: `basicaer import {file}` puts it into Redis, and prints the id to ask for",
            ExitCode.USAGE,
        )
    with exit_codes(), open_provider(url) as provider:
        job = find_job(provider, job_id)
        with left_running([job], url):
            if not job.in_final_state():
                note_idle(provider)
            wait_for(provider, [job])
        conclude([job], as_json=as_json, plot=plot)


@click.command(epilog=example("basicaer partial 77c699d4"))
@click.argument("job_id", metavar="ID")
@json_option
@url_option
def partial(job_id: str, as_json: bool, url: str | None) -> None:
    """Show what has finished so far of the job with this ID, also after a cancel."""
    with exit_codes(), open_provider(url) as provider:
        from jobs.cli.output.report import as_data, print_result
        from jobs.primitives import BasicAerPrimitiveJob

        job = find_job(provider, job_id)
        told, so_far = summary(job), job.partial_result()
        if as_json:
            click.echo(json.dumps(told | as_data(so_far)))
        else:
            print_result(stdout(), so_far)
            there = len(as_data(so_far)["results"])
            whole = "PUBs" if isinstance(job, BasicAerPrimitiveJob) else f"of {told['circuits']} circuits"
            say(f"{told['status']}: {job.progress()}, {there} {whole}")


@click.command(epilog=example("basicaer logs 77c699d4"))
@click.argument("job_id", metavar="ID")
@json_option
@url_option
def logs(job_id: str, as_json: bool, url: str | None) -> None:
    """Show what happened to the job with this ID."""
    with exit_codes(), open_provider(url) as provider:
        entries = find_job(provider, job_id).logs()
        if as_json:
            click.echo(json.dumps([asdict(entry) | {"time": entry.time.isoformat()} for entry in entries]))
        else:
            console = stdout()
            for entry in entries:
                console.print(wrapped(console, str(entry)), soft_wrap=True)


@click.command(short_help="Cancel the job with this ID.", epilog=example("basicaer cancel 77c699d4"))
@click.argument("job_id", metavar="ID")
@click.option("--as-operator", is_flag=True, help="Another owner's too, if Redis lets your user.")
@url_option
def cancel(job_id: str, as_operator: bool, url: str | None) -> None:
    """Cancel the job with this ID. A job that has ended is left as it is: exit code 1."""
    with exit_codes(), open_provider(url, as_operator=as_operator) as provider:
        job = find_job(provider, job_id)
        took_effect = job.cancel()
        click.echo(job.status().name)
        if not took_effect:
            say("Nothing to cancel: the job had ended.")
            raise SystemExit(ExitCode.JOB_FAILED)
