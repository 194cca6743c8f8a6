"""``basicaer``: the group of all commands."""

from __future__ import annotations

import json

import click

from jobs.cli import commands, processes
from jobs.cli.completion import completion
from jobs.cli.exits import HELP, ExitCode, exit_codes
from jobs.cli.options import debug_option, demo_url_option, example, json_option, url_option
from jobs.cli.output.tables import print_table
from jobs.cli.output.terminal import stdout
from jobs.cli.workers import workers


class _InOrder(click.Group):
    """Lists commands in the order in which a newcomer needs them."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of `add_command`."""
        del ctx
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command; ``-h`` by itself asks for help, also where short options are forwarded to Celery."""
        name, command, rest = super().resolve_command(ctx, args)
        return name, command, ["--help"] if rest == ["-h"] else rest


@click.group(cls=_InOrder, epilog=HELP, context_settings={"help_option_names": ["-h", "--help"]})
@debug_option
@click.version_option(package_name="basicaer-celery", prog_name="basicaer")
def main() -> None:
    """Run quantum circuits as Celery jobs: submit, walk away, come back by job id."""


@click.command(epilog=example("basicaer demo"))
@demo_url_option
def demo(url: str | None) -> None:
    """Run five circuits on two workers, and check them."""
    with exit_codes():
        from jobs.cli.demo import run_demo

        raise SystemExit(run_demo(url))


@click.command(epilog=example("basicaer doctor --url redis://10.0.0.1:6379/0"))
@json_option
@url_option
def doctor(url: str | None, as_json: bool) -> None:
    """Look at what is installed, reachable and up; starts nothing."""
    from jobs.cli.doctor import as_data, examine

    checks = examine(url)
    if as_json:
        click.echo(json.dumps(as_data(checks)))
    else:
        print_table(stdout(), ["CHECK", "", "FOUND"], [[each.name, each.outcome, each.found] for each in checks])
    if any(each.outcome == "missing" for each in checks):
        raise SystemExit(ExitCode.UNREACHABLE)


for command in (
    demo,
    commands.run,
    commands.list_jobs,
    commands.status,
    commands.result,
    commands.partial,
    commands.logs,
    commands.cancel,
    commands.export,
    commands.import_job,
    commands.delete,
    commands.usage,
    commands.watch,
    processes.up,
    processes.worker,
    workers,
    processes.flower,
    processes.metrics,
    processes.redis,
    doctor,
    completion,
):
    # What is forwarded to Celery, Flower and Redis may have an option of this name.
    if command not in {processes.worker, processes.flower, processes.redis}:
        command = debug_option(command)  # noqa: PLW2901 (the same command)
    main.add_command(command)
