"""The commands that are processes, or keep them: worker, flower, metrics, redis, up. None imports Qiskit early."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import sys
import threading
from pathlib import Path
from typing import Any

import click

from jobs.cli.exits import ExitCode, exit_codes, give_up
from jobs.cli.forwarded import check_worker, flower_options
from jobs.cli.options import example, node_url_option
from jobs.cli.output.terminal import say
from jobs.cli.shadows import shadows
from worker.cluster.redis_server import RedisServerError, find_redis_server
from worker.settings import MEMORY_FORM, MOST_SLOTS, Settings, SettingsError, parse_memory

#: Without -h: it would be found in the midst of Celery's own short options, as in -nNAME@%h.
_PASSED_ON: dict[str, Any] = {"ignore_unknown_options": True, "help_option_names": ["--help"]}


def _memory(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    """Check a size, and leave it as it was given."""
    if value is not None:
        try:
            parse_memory(value)
        except ValueError:
            raise click.BadParameter(
                f"{value!r} is no size for it: give {MEMORY_FORM}", context, parameter
            ) from None
    return value


@click.command(context_settings=_PASSED_ON, short_help="Become a Celery worker.")
@click.option(
    # Nor with -c, for the same reason; Celery knows it.
    "--concurrency",
    type=click.IntRange(1, MOST_SLOTS),
    help="Circuits to run at once, a process each.  [default: BASICAER_CONCURRENCY, or the CPUs]",
)
@click.option(
    "--max-memory",
    metavar="SIZE",
    callback=_memory,
    help="What the runs may take together, as in 2GiB.  [default: BASICAER_MEMORY, or what the machine has]",
)
@node_url_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[CELERY OPTIONS]...")
def worker(concurrency: int | None, max_memory: str | None, url: str | None, arguments: tuple[str, ...]) -> None:
    """Become a Celery worker: `celery -A worker worker -O fair`, and whatever options follow.

    An example: basicaer worker --url redis://10.0.0.1:6379/0 --concurrency 4 --max-memory 8GiB --loglevel INFO
    """
    given = {
        "BASICAER_CONCURRENCY": None if concurrency is None else str(concurrency),
        "BASICAER_MEMORY": max_memory,
    }
    os.environ.update({name: value for name, value in given.items() if value is not None})
    check_worker(arguments, _settings(url))
    _become_celery(url, "worker", "-O", "fair", *arguments)


@click.command(
    context_settings=_PASSED_ON, options_metavar="[--url URL]", short_help="Start Flower, Celery's monitor."
)
@node_url_option
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[FLOWER OPTIONS]...")
def flower(url: str | None, arguments: tuple[str, ...]) -> None:
    """Start Flower, Celery's monitor, with whatever options follow; `basicaer flower -- --help` lists them.

    Tasks have readable names, and Terminate cancels a job. It listens on 127.0.0.1 unless --address says
    otherwise, and asks for a password: FLOWER_BASIC_AUTH=USER:PASSWORD, or one that is made and printed here.

    An example: basicaer flower --url redis://10.0.0.1:6379/0 --port 5555
    """
    if importlib.util.find_spec("flower") is None:
        give_up('Flower is not installed: python -m pip install "basicaer-celery[flower]"', ExitCode.UNREACHABLE)
    settings = _settings(url)
    if "--help" in arguments:
        _become_celery(url, "flower", *arguments)
    given = flower_options(arguments)
    from jobs.flower import serve

    serve(settings, given, say)


@click.command(short_help="Answer Prometheus about the cluster.")
@node_url_option
@click.option("--address", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=click.IntRange(0, 65535), default=9808, show_default=True, help="The port; 0: any.")
def metrics(url: str | None, address: str, port: int) -> None:
    """Answer Prometheus about queues, workers, errors and memory, at /metrics. One for a cluster is enough.

    There is no password, and owners are named: mind who reaches the address.

    An example: basicaer metrics --url redis://10.0.0.1:6379/0
    """
    if importlib.util.find_spec("prometheus_client") is None:
        text = 'prometheus-client is not installed: python -m pip install "basicaer-celery[metrics]"'
        give_up(text, ExitCode.UNREACHABLE)
    settings = _settings(url)
    from jobs.metrics import serve

    try:
        serve(settings, address, port, say)
    except OSError as error:
        give_up(f"cannot listen on {address} port {port}: {error}", ExitCode.USAGE)
    except KeyboardInterrupt:
        say("Ended.")


@click.command(context_settings=_PASSED_ON, short_help="Become the Redis server that was found.")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[SERVER OPTIONS]...")
def redis(arguments: tuple[str, ...]) -> None:
    """Become the Redis-compatible server that the embedded cluster would run, with whatever options follow.

    An example: basicaer redis --port 6380 --appendonly yes --maxmemory-policy noeviction
    """
    try:
        server = str(find_redis_server(_settings(None).redis_server).path)
    except RedisServerError as error:
        give_up(str(error), ExitCode.UNREACHABLE)
    os.execv(server, [server, *arguments])  # noqa: S606 (no shell is wanted)


def _settings(url: str | None) -> Settings:
    try:
        return Settings.from_env(url)
    except SettingsError as error:
        give_up(str(error), ExitCode.USAGE)


def _become_celery(url: str | None, *arguments: str) -> None:
    hiding = shadows(Path.cwd())
    if hiding:
        give_up(
            f"{hiding[0]} hides a package of the same name that Celery must import: start in another folder",
            ExitCode.USAGE,
        )
    beside = Path(sys.executable).with_name("celery")
    celery = str(beside) if beside.exists() else shutil.which("celery")
    if celery is None:
        give_up(f"no celery command beside {sys.executable} or on PATH: is it installed?", ExitCode.UNREACHABLE)
    if url is not None:
        os.environ["BASICAER_URL"] = url
    os.execvp(celery, ["celery", "-A", "worker", *arguments])  # noqa: S606 (no shell is wanted)


@click.command(
    short_help="Keep a Redis and workers running until Ctrl-C.", epilog=example("basicaer up --workers 4")
)
@click.option("--workers", type=click.IntRange(min=1), default=2, show_default=True, help="How many to start.")
def up(workers: int) -> None:
    """Keep a Redis and workers of their own running until Ctrl-C; prints the URL to use them by.

    Nothing of them stays: jobs that have not ended by then are lost.
    """
    with exit_codes():
        from jobs.cluster import LocalCluster

        # A service manager's SIGTERM ends it as Ctrl-C does.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
        try:
            with LocalCluster(workers=workers) as cluster:
                click.echo(cluster.url)
                say("Use this URL in another terminal as BASICAER_URL. Ctrl-C ends the cluster.")
                threading.Event().wait()
        except KeyboardInterrupt:
            say("Ended.")
