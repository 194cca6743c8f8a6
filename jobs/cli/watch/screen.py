"""The screen of a cluster: a `Snapshot` as lines of text. Nothing is read here, and nothing is decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from jobs.cli.output.job_cells import job_cells
from jobs.cli.output.tables import Column, columns_of, plain
from jobs.cli.watch.snapshot import Snapshot
from jobs.follow.ids import short_ids
from jobs.follow.summary import JobSummary
from jobs.follow.workers import heard
from simulator.sizes import size
from worker.record.nodes import display_names

_JOBS = (
    Column("JOB"),
    Column("STATUS"),
    Column("CIRCUIT", 1, least=8),
    Column("QUBITS", 4, right=True),
    Column("SHOTS", 5, right=True),
    Column("OWNER", 2, least=6),
    Column("PROGRESS", 1),
    Column("TOOK", 3, right=True),
)
_WORKERS = (
    Column("WORKER", least=12),
    Column("BUSY", right=True),
    Column("MEMORY", 3, right=True),
    Column("HEARD", 2, right=True),
    Column("RUNS", 1, least=10),
)
#: Cells of a bar of progress.
_BAR = 10
#: Lines of workers at most, on a screen of so many lines that there is room for jobs, too.
_SHARE = 3
#: At the end of a line that was cut.
_CUT = "..."
KEYS = "up/down choose   Enter open   c cancel   f filter   q end"


@dataclass(frozen=True)
class View:
    """What somebody chose to see."""

    #: Whose jobs, and which: in words.
    filter: str = "all"
    #: The id of the job that is marked.
    chosen: str | None = None
    #: A word at the foot, in place of the keys.
    message: str = ""


def overview_lines(
    snapshot: Snapshot,
    jobs: Sequence[JobSummary],
    view: View,
    *,
    where: str,
    rate: float,
    size_of: tuple[int, int],
) -> list[Text]:
    """Return the lines of the screen, as many and as wide as it has at most: ``size_of`` is (columns, lines)."""
    columns, lines = size_of
    workers = _workers(snapshot, columns)
    workers = [*workers[: max(2, lines // _SHARE)]]
    head = [*_head(snapshot, view, where, rate), Text()]
    room = max(1, lines - len(head) - len(workers) - 3)
    table = [Text("No jobs.", style="dim")]
    if jobs:
        position = next((index for index, job in enumerate(jobs) if job.id == view.chosen), 0)
        first = min(max(0, position - room + 1), max(0, len(jobs) - room))
        short = short_ids(job.id for job in jobs)
        table = job_lines(jobs[first : first + room], short, snapshot.time, columns)
        if view.chosen is not None:
            table[1 + position - first].stylize("reverse")
    foot = Text(view.message or KEYS, style="bold" if view.message else "dim")
    body = [*head, *table]
    gap = max(1, lines - len(body) - len(workers) - 1)
    shown = [*body, *[Text()] * gap, *workers, foot]
    for line in shown:
        fit(line, columns)
    return shown[:lines]


def fit(line: Text, columns: int) -> None:
    """Cut a line that is longer than a screen is wide, and show that it was cut."""
    if line.cell_len > columns:
        line.truncate(max(0, columns - len(_CUT)))
        line.append(_CUT)


def job_lines(jobs: Sequence[JobSummary], shown: Mapping[str, str], now: float, width: int | None) -> list[Text]:
    """Return a header, and a line for each job, whose id is ``shown``; ``width`` None: nothing is cut."""
    rows = []
    for job in jobs:
        cells = job_cells(job, shown[job.id], now)
        cells["PROGRESS"] = bar(job.progress) if job.status == "RUNNING" else ""
        rows.append([cells[column.title] for column in _JOBS])
    return list(columns_of(_JOBS, rows, width=width).split("\n"))


def plain_lines(snapshot: Snapshot, *, where: str) -> list[str]:
    """Return all of it as plain text, for what is no terminal."""
    whole = {job.id: job.id for job in snapshot.jobs}
    lines = [
        *_head(snapshot, View(), where, None),
        Text(),
        *job_lines(snapshot.jobs, whole, snapshot.time, None),
        Text(),
    ]
    return [line.plain for line in [*lines, *_workers(snapshot, None)]]


def bar(fraction: float) -> str:
    """Return ten cells and a percentage."""
    done = round(max(0.0, min(1.0, fraction)) * _BAR)
    return f"{'#' * done}{'.' * (_BAR - done)} {fraction:4.0%}"


def _head(snapshot: Snapshot, view: View, where: str, rate: float | None) -> list[Text]:
    slots = sum(each.slots for each in snapshot.workers)
    busy = sum(each.busy for each in snapshot.workers)
    workers = _many(len(snapshot.workers), "worker")
    speed = "" if rate is None else f", {rate:.1f} s simulated a second"
    queue = snapshot.queue
    behind = f"{_many(queue.jobs, 'job')} of {_many(queue.owners, 'owner')} in line behind"
    handed_out = f"{_many(queue.sent, 'shard')} handed out"
    unfinished = _many(snapshot.unfinished, "job")
    shown = "" if view.filter == "all" else f"   shown: {view.filter}"
    return [
        Text(f"{workers}, {busy} of {slots} slots busy{speed}   {plain(where)}", style="bold"),
        Text(f"{unfinished} not ended, {handed_out}, {behind if queue.jobs else 'none in line'}{shown}"),
    ]


def _many(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _workers(snapshot: Snapshot, width: int | None) -> list[Text]:
    if not snapshot.workers:
        return [Text("No worker is up.", style="yellow")]
    names = display_names([each.node for each in snapshot.workers])
    ids = {job for shards in snapshot.running.values() for job, _ in shards}
    short = short_ids(ids) if width is not None else {job: job for job in ids}
    rows = [
        [
            names[each.node],
            f"{each.busy}/{each.slots}",
            size(each.memory),
            heard(each, snapshot.time),
            ", ".join(f"{short[job]}/{shard}" for job, shard in snapshot.running.get(each.node, ())),
        ]
        for each in snapshot.workers
    ]
    return list(columns_of(_WORKERS, rows, width=width).split("\n"))
