"""``basicaer workers``: who is up, what each has, and what they differ in."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import click

from jobs.cli.exits import exit_codes
from jobs.cli.options import json_option, url_option
from jobs.cli.terminal import print_table, say, stdout
from simulator.sizes import size
from worker.record.nodes import display_names

if TYPE_CHECKING:
    from worker.record.values import WorkerInfo

_COLUMNS = ["WORKER", "BUSY", "CORES", "MEMORY", "QUBITS", "HEARD", "COMPUTES WITH"]


@click.command("workers")
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
            now, names = time.time(), display_names([each.node for each in found])
            print_table(stdout(), _COLUMNS, [[names[each.node], *row(each, now)[1:]] for each in found])
            if mixed := differences(found):
                say(f"They differ in {', '.join(mixed)}: the same seed may give other counts on another of them.")
        else:
            say("No worker is up.")


def as_data(info: WorkerInfo) -> dict[str, Any]:
    """Return a worker as plain data."""
    heard = datetime.fromtimestamp(info.heard, timezone.utc).isoformat()
    return {name: getattr(info, name) for name in info.__struct_fields__} | {"heard": heard}


def row(info: WorkerInfo, now: float) -> list[str]:
    """Return a worker's line of the table; ``now`` in Unix seconds."""
    versions = ", ".join(f"{name} {number}" for name, number in info.versions.items())
    return [
        info.name,
        f"{info.busy}/{info.slots}",
        f"{info.cores or '?'}",
        size(info.memory),
        f"{info.qubits or '?'}",
        f"{max(0.0, now - info.heard):.0f} s ago",
        ", ".join(filter(None, [versions, info.blas, info.cpu, f"wire {info.wire}"])),
    ]


def differences(found: Sequence[WorkerInfo]) -> list[str]:
    """Return by what their counts may differ in the last bits, where some do: contract 32 is for equal ones."""
    aspects: dict[str, set[str | None]] = {
        "version": {info.versions.get("basicaer-celery") for info in found},
        "NumPy": {info.versions.get("numpy") for info in found},
        "BLAS": {info.blas for info in found},
        "CPU": {info.cpu for info in found},
    }
    return [name for name, values in aspects.items() if len(values) > 1]
