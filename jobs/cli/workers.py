"""``basicaer workers``: who is up, what each has, and what they differ in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from jobs.cli.exits import exit_codes
from jobs.cli.options import json_option, url_option
from jobs.cli.terminal import print_table, say, stdout

if TYPE_CHECKING:
    from worker.record.values import WorkerInfo


@click.command("workers")
@json_option
@url_option
def workers(url: str | None, as_json: bool) -> None:
    """List the workers that are up: slots, memory, widest circuit, versions."""
    with exit_codes():
        from jobs.follow.workers import COLUMNS
        from jobs.provider import BasicAerProvider

        provider = BasicAerProvider(url)
        try:
            found = provider.workers()
        finally:
            provider.close()
        if as_json:
            click.echo(json.dumps([as_data(each) for each in found]))
        elif found:
            print_table(stdout(), COLUMNS, found.table())
            if mixed := differences(found):
                say(f"They differ in {', '.join(mixed)}: the same seed may give other counts on another of them.")
        else:
            say("No worker is up.")


def as_data(info: WorkerInfo) -> dict[str, Any]:
    """Return a worker as plain data."""
    heard = datetime.fromtimestamp(info.heard, timezone.utc).isoformat()
    return {name: getattr(info, name) for name in info.__struct_fields__} | {"heard": heard}


def differences(found: Sequence[WorkerInfo]) -> list[str]:
    """Return by what their counts may differ in the last bits, where some do: contract 32 is for equal ones."""
    aspects: dict[str, set[str | None]] = {
        "version": {info.versions.get("basicaer-celery") for info in found},
        "NumPy": {info.versions.get("numpy") for info in found},
        "BLAS": {info.blas for info in found},
        "CPU": {info.cpu for info in found},
    }
    return [name for name, values in aspects.items() if len(values) > 1]
