"""``basicaer run``: circuits in files, as jobs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from jobs.cli.commands.common import come_back, left_running, note_idle, open_provider, show_result, summary
from jobs.cli.commands.common import wait as wait_for
from jobs.cli.exits import exit_codes
from jobs.cli.options import example, json_option, url_option
from jobs.cli.terminal import say

BACKENDS = ("qasm_simulator", "statevector_simulator", "unitary_simulator")
PRECISIONS = ("double", "single")
#: The address of a provider without a URL.
_EMBEDDED = "embedded"


@click.command(epilog=example("basicaer run bell.qasm --shots 4096 --seed 7"))
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
        with open_provider(url) as provider:
            options = {"shots": shots, "seed_simulator": seed, "precision": precision, "priority": priority}
            given: dict[str, Any] = {name: value for name, value in options.items() if value is not None}
            job = provider.get_backend(backend).create_job(program, job_id=job_id, **given)
            with left_running(job, url):
                job.submit()
                # The embedded cluster's workers are on their way.
                if provider.address != _EMBEDDED:
                    note_idle(provider)
                if wait:
                    wait_for(job)
            if wait:
                show_result(job, as_json)
            elif as_json:
                click.echo(json.dumps(summary(job)))
            else:
                click.echo(job.job_id())
                say(f"The job goes on by itself. Its result: {come_back(job, url)}")
