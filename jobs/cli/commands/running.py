"""``basicaer run``: circuits in files, as jobs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from jobs.cli.commands.common import come_back, conclude, left_running, note_idle, open_provider, summary, wait_for
from jobs.cli.commands.plot import check_plot
from jobs.cli.exits import ExitCode, exit_codes, give_up
from jobs.cli.options import example, json_option, plot_option, url_option
from jobs.cli.output.terminal import say, spinner, stdout
from simulator.options import Method, Precision

if TYPE_CHECKING:
    from jobs.job import BasicAerJob
    from jobs.provider import BasicAerProvider
    from simulator.circuit.program import Program

#: Those of a provider, which a test compares: to ask one for them loads Qiskit, for a line of help.
BACKENDS = (
    "qasm_simulator",
    "statevector_simulator",
    "unitary_simulator",
    "stabilizer_simulator",
    "mps_simulator",
    "density_matrix_simulator",
)
#: The address of a provider without a URL.
_EMBEDDED = "embedded"
#: What a folder is searched for.
_CIRCUITS = "*.qasm"


@click.command(
    epilog=example(
        "basicaer run bell.qasm --shots 4096 --seed 7", "basicaer run circuits/ other.qasm --plot counts.png"
    ),
    short_help="Run OpenQASM files and show their results.",
)
@click.argument("files", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="FILE...")
@click.option("--shots", type=click.IntRange(min=0), help="How often to run each circuit.  [default: 1024]")
@click.option("--seed", type=click.IntRange(min=0), help="The same seed gives the same counts.")
@click.option("--backend", type=click.Choice(BACKENDS), default=BACKENDS[0], show_default=True)
@click.option(
    "--method", type=click.Choice(get_args(Method)), help="How to simulate counts.  [default: the backend's]"
)
@click.option("--precision", type=click.Choice(get_args(Precision)), help="Of the amplitudes.  [default: double]")
@click.option("--priority", type=click.IntRange(0, 9), help="Among your own jobs; 9 goes first.  [default: 0]")
@click.option("--job-id", metavar="ID", help="An id of your own: the same run with it again is the same job.")
@click.option("--wait/--no-wait", default=True, help="Wait for the result, or print the job's id and return.")
@click.option(
    "--read-timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="How long reading a FILE may take.  [default: 60]",
)
@click.option("--watch", "watched", is_flag=True, help="On a terminal: the page of `basicaer watch`.")
@plot_option
@json_option
@url_option
def run(  # noqa: PLR0913, PLR0917 (one for each option)
    files: tuple[Path, ...],
    backend: str,
    job_id: str | None,
    wait: bool,
    read_timeout: float | None,
    watched: bool,
    plot: Path | None,
    as_json: bool,
    url: str | None,
    **options: Any,
) -> None:
    """Run OpenQASM 2 or 3 files and show their results; of a folder, all of its *.qasm. Each file is a job."""
    with exit_codes(), ExitStack() as stack:
        paths = _circuits(files)
        if job_id is not None and len(paths) > 1:
            give_up(f"--job-id {job_id} is for one job, and these are {len(paths)} files", ExitCode.USAGE)
        if plot is not None:
            if not wait:
                give_up("--plot waits for the result: leave --no-wait out", ExitCode.USAGE)
            check_plot(plot)
        programs = list(_read(paths, read_timeout))
        provider = stack.enter_context(open_provider(url))
        jobs = _submitted(provider, programs, backend, job_id, url, _run_options(**options))
        if wait:
            with left_running(jobs, url):
                if watched and stdout().is_terminal and sys.stdin.isatty():
                    from jobs.cli.watch.app import watch_jobs

                    watch_jobs(provider, jobs, stdout())
                wait_for(provider, jobs)
            conclude(jobs, as_json=as_json, plot=plot)
        elif as_json:
            told = [summary(job) for job in jobs]
            click.echo(json.dumps(told[0] if len(told) == 1 else told))
        else:
            for job in jobs:
                click.echo(job.job_id())
            if len(jobs) == 1:
                say(f"The job goes on by itself. Its result: {come_back(jobs[0], url)}")
            else:
                say(
                    f"The {len(jobs)} jobs go on by themselves. The result of the first: {come_back(jobs[0], url)}"
                )


def _run_options(**given: Any) -> dict[str, Any]:
    """Return the options of the run that were given, by the names that `run()` has for them."""
    renamed = {"seed": "seed_simulator"}
    return {renamed.get(name, name): value for name, value in given.items() if value is not None}


def _circuits(files: Iterable[Path]) -> list[Path]:
    """Return the files, and of a folder those in it."""
    paths: list[Path] = []
    for path in files:
        found = sorted(path.glob(_CIRCUITS)) if path.is_dir() else [path]
        if not found:
            give_up(f"{path}: there is no {_CIRCUITS} in this folder", ExitCode.USAGE)
        paths += found
    return paths


def _read(paths: list[Path], timeout: float | None) -> Iterable[Program]:
    from jobs.cli.qasm import READ_SECONDS, read_program

    with spinner("reading") as label:
        for path in paths:
            label(f"reading {path.name}")
            yield read_program(path, timeout or READ_SECONDS)


def _submitted(
    provider: BasicAerProvider,
    programs: list[Program],
    backend: str,
    job_id: str | None,
    url: str | None,
    options: dict[str, Any],
) -> list[BasicAerJob]:
    """Make all jobs, and then submit them: where one cannot be made, none is submitted."""
    embedded = provider.address == _EMBEDDED
    with spinner("starting Redis and workers" if embedded else "submitting"):
        runs_on = provider.get_backend(backend)
        jobs = [runs_on.create_job(program, job_id=job_id, **options) for program in programs]
        with left_running(jobs, url):
            for job in jobs:
                job.submit()
    # The embedded cluster's workers are on their way.
    if not embedded:
        note_idle(provider)
    return jobs
