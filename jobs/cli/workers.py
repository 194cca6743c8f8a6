"""``basicaer workers``: who is up, what each has, and what they differ in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from jobs.cli.exits import exit_codes
from jobs.cli.options import example, json_option, url_option
from jobs.cli.output.tables import Column, print_columns
from jobs.cli.output.terminal import say, stdout, wrapped

if TYPE_CHECKING:
    from jobs.follow.workers import WorkerList
    from worker.record.values import WorkerInfo

_COLUMNS = (
    Column("WORKER", least=16),
    Column("BUSY", right=True),
    Column("CORES", 3, right=True),
    Column("MEMORY", 2, right=True),
    Column("QUBITS", 1, right=True),
    Column("HEARD", 4, right=True),
    Column("VERSION", 5),
)


@click.command("workers", epilog=example("basicaer workers --url redis://10.0.0.1:6379/0"))
@json_option
@url_option
def workers(url: str | None, as_json: bool) -> None:
    """List the workers that are up: slots, memory, widest circuit, versions."""
    with exit_codes():
        from jobs.provider import BasicAerProvider

        provider = BasicAerProvider(url)
        try:
            found = provider.workers()
        finally:
            provider.close()
        if as_json:
            click.echo(json.dumps([as_data(each) for each in found]))
        elif found:
            _print(found)
        else:
            say("No worker is up.")


def as_data(info: WorkerInfo) -> dict[str, Any]:
    """Return a worker as plain data."""
    heard = datetime.fromtimestamp(info.heard, timezone.utc).isoformat()
    return {name: getattr(info, name) for name in info.__struct_fields__} | {"heard": heard}


def _print(found: WorkerList) -> None:
    """Print a line for each worker, and once for all that are alike what they compute with."""
    console, rows = stdout(), found.table()
    versions = [each.versions.get("basicaer-celery", "?") for each in found]
    print_columns(console, _COLUMNS, [[*row[:-1], each] for row, each in zip(rows, versions, strict=True)])
    alike: dict[str, list[str]] = {}
    for name, *_, means in rows:
        alike.setdefault(means, []).append(name)
    for means, names in alike.items():
        text = f"All compute with {means}" if len(alike) == 1 else f"{', '.join(names)}: {means}"
        console.print(wrapped(console, text), style="dim", soft_wrap=True)
    if mixed := differences(found):
        say(f"They differ in {', '.join(mixed)}: the same seed may give other counts on another of them.")


def differences(found: Sequence[WorkerInfo]) -> list[str]:
    """Return by what their counts may differ in the last bits, where some do: contract 32 is for equal ones."""
    aspects: dict[str, set[str | None]] = {
        "version": {info.versions.get("basicaer-celery") for info in found},
        "NumPy": {info.versions.get("numpy") for info in found},
        "BLAS": {info.blas for info in found},
        "CPU": {info.cpu for info in found},
    }
    return [name for name, values in aspects.items() if len(values) > 1]
