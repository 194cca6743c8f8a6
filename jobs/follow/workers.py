"""The workers that are up, as their user sees them: a list that a notebook shows as a table."""

from __future__ import annotations

import time

from jobs.tables import html_table
from simulator.sizes import size
from worker.record.nodes import display_names
from worker.record.values import WorkerInfo

#: The names of what `row` returns.
COLUMNS = ("WORKER", "BUSY", "CORES", "MEMORY", "QUBITS", "HEARD", "COMPUTES WITH")


class WorkerList(list[WorkerInfo]):
    """The workers that are up, by name."""

    def table(self) -> list[list[str]]:
        """Return a line of text for each worker, with `COLUMNS`; of one name, workers are told apart."""
        now, names = time.time(), display_names([each.node for each in self])
        return [[names[each.node], *row(each, now)[1:]] for each in self]

    def _repr_html_(self) -> str:
        return html_table(f"{len(self)} workers", self.table(), COLUMNS)


def heard(info: WorkerInfo, now: float) -> str:
    """Return when a worker was last heard of, marked where it should have been heard of since."""
    return f"{max(0.0, now - info.heard):.0f} s ago" + (", silent" if info.silent else "")


def row(info: WorkerInfo, now: float) -> list[str]:
    """Return a worker's line of the table; ``now`` in Unix seconds."""
    versions = ", ".join(f"{name} {number}" for name, number in info.versions.items())
    return [
        info.name,
        f"{info.busy}/{info.slots}",
        f"{info.cores or '?'}",
        size(info.memory),
        f"{info.qubits or '?'}",
        heard(info, now),
        ", ".join(filter(None, [versions, info.blas, info.cpu, f"wire {info.wire}"])),
    ]
