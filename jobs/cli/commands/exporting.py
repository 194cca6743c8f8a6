"""``basicaer export`` and ``import``: a result, or a whole job, in a file, which outlives Redis."""

from __future__ import annotations

from pathlib import Path

import click

from jobs.cli.commands.common import open_provider, summary
from jobs.cli.exits import exit_codes
from jobs.cli.finding import find_job
from jobs.cli.options import example, url_option
from jobs.cli.output.terminal import say


@click.command(
    epilog=example(
        "basicaer export 77c699d4 bell.npz",
        "basicaer result bell.npz",
        "basicaer export 77c699d4 bell.job",
    ),
    short_help="Write a result, or a whole job, to a file.",
)
@click.argument("job_id", metavar="ID")
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--force", is_flag=True, help="Write over a file that is there.")
@url_option
def export(job_id: str, file: Path, force: bool, url: str | None) -> None:
    """Write the result of the ended job with this ID, and what the job was, to a FILE .json or .npz.

    Of a job that failed or was cancelled it is what had finished. `basicaer result FILE` shows it, and
    `jobs.load_result(FILE)` reads it in Python. A FILE .job has the whole job, circuits too, a sampler's or an
    estimator's as well: `basicaer import FILE` puts it into a Redis again.
    """
    with exit_codes(), open_provider(url) as provider:
        from qiskit.providers import JobError

        from jobs.follow.recorded import RecordedJob
        from jobs.primitives import BasicAerPrimitiveJob
        from jobs.results import archive
        from jobs.results.files import SUFFIXES, check_file, save_result

        check_file(file, (*SUFFIXES, archive.SUFFIX), overwrite=force)
        job = find_job(provider, job_id)
        if file.suffix == archive.SUFFIX:
            archive.save_job(file, provider.connection, RecordedJob(provider.connection, job.job_id()).look())
            say(f"{file}: the whole job")
            return
        if isinstance(job, BasicAerPrimitiveJob):
            raise JobError(
                f"job {job.job_id()} is a sampler's or an estimator's, whose result is no file of this kind: "
                f"export it to a file {archive.SUFFIX}, print it with basicaer result --json, or save the arrays "
                "of provider.job(...).result() with NumPy"
            )
        about = summary(job)
        if about["ended"] is None:
            raise JobError(f"job {job.job_id()} is {about['status']}: export it when it has ended, or cancel it")
        result = job.result() if about["status"] == "DONE" else job.partial_result()
        save_result(file, result, about)
        say(f"{file}: {len(result.results)} of {about['circuits']} circuits, {about['status']}")


@click.command(
    "import",
    epilog=example("basicaer import bell.job", "basicaer import bell.job --job-id bell-again"),
    short_help="Put an exported job into Redis again.",
)
@click.argument("file", type=click.Path(path_type=Path), metavar="FILE")
@click.option("--job-id", help="Give it another id than it had.")
@url_option
def import_job(file: Path, job_id: str | None, url: str | None) -> None:
    """Put the job in a FILE .job, which `basicaer export` wrote, into Redis, and print its id.

    It is a job of yours then that has ended: its result is kept, and counts for your quota, as any other's. An id
    that is there is refused.
    """
    with exit_codes(), open_provider(url) as provider:
        from jobs.results.archive import load_job

        click.echo(load_job(file, provider.connection, job_id=job_id))
