"""The figures of docs/scale.md: the constants as a table, and what follows from what that table says.

A figure stands between two comments, ``<!-- name -->`` and ``<!-- /name -->``. Constants are rounded before
anything is computed, so that a reader of the table comes to the same figures.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields
from types import MappingProxyType

from benchmarks.redis_model.model import (
    FULL,
    Constants,
    Cost,
    Fleet,
    kept_rate,
    most_slots,
    rate,
    shard_costs,
    traffic,
)

_SLOTS_PER_NODE = 8
_SHARD_SECONDS = (0.05, 0.5, 2.0)
_DAY, _WEEK = 86400, 7 * 86400
#: Seconds of a run that takes next to nothing.
_TINY = 0.0005

_MEANING = {
    "idle": "what Redis does by itself",
    "submit": "SUBMIT of a job of one shard",
    "submit_shard": "each shard of a job of many, with its upload",
    "claim": "CLAIM",
    "complete": "COMPLETE, with the next shard handed out",
    "complete_last": "COMPLETE of a job's last shard, which ends the job",
    "look": "a look of a run's checkpoint, 20 a second",
    "beat": "BEAT, every fifth of a lease",
    "message": "one message: published, taken, acknowledged",
    "announce": "STARTED for Celery, of runs beyond 50 ms",
    "read": "the result, read by its client",
    "tick": "FEED of a node, ten times a lease",
    "tick_node": "FEED, for each other node",
    "tick_sent": "FEED, for each shard in `sent`, of at most 100",
    "node": "what else a node does in a second without work",
    "queued_job": "memory of a queued job of one shard, beside the shard",
    "queued_shard": "memory of a queued shard of a job of many, beside the shard",
    "final_job": "memory of a job that is final, with its part",
    "final_shard": "memory of a shard that is done, with its part",
    "told": "memory of what Celery keeps of a task, for a day",
    "worker": "a worker's time beside the run",
}


_MICRO = 1e-6
#: The constants that are no costs -> how they are written, and the unit in which they are.
_NUMBERS: Mapping[str, tuple[str, float]] = MappingProxyType(
    {
        "idle": ("{:.0f} a second", _MICRO),
        "worker": ("{:.2f} ms", 1e-3),
        **dict.fromkeys(("queued_job", "queued_shard", "final_job", "final_shard", "told"), ("{:.0f} B", 1.0)),
    }
)
#: Before it, its beginning, itself, its end, and behind it.
_PARTS_OF_A_PLACE = 5


def rounded(constants: Constants) -> Constants:
    """Return what the table shows."""
    return read_table(constants_table(constants))


def read_table(text: str) -> Constants:
    """Return the constants in a document; KeyError or ValueError where one is missing or cannot be read."""
    found: dict[str, Cost | float] = {}
    for name, *cells in re.findall(
        r"^\| `(\w+)` \| [^|]* \| ([^|]*) \| ([^|]*) \| ([^|]*) \|$", text, re.MULTILINE
    ):
        if name in _NUMBERS:
            _, unit = _NUMBERS[name]
            found[name] = float(cells[0].split()[0]) * unit
        else:
            found[name] = Cost(float(cells[0]) * _MICRO, float(cells[1]), float(cells[2]))
    return Constants(**{each.name: found[each.name] for each in fields(Constants)})  # type: ignore[arg-type]


def replaced(document: str, figures: Mapping[str, str]) -> str:
    """Return a document with these figures in their places; ValueError names one that has none."""
    for name, text in figures.items():
        parts = re.split(rf"(<!-- /?{name} -->\n)", document)
        if len(parts) != _PARTS_OF_A_PLACE:
            raise ValueError(
                f"no place for {name}, or more than one: <!-- {name} --> and <!-- /{name} --> make it"
            )
        parts[2] = text.rstrip("\n") + "\n"
        document = "".join(parts)
    return document


def constants_table(constants: Constants) -> str:
    """Return the constants as a table of Markdown."""
    lines = ["| constant | | Redis us | bytes in | bytes out |", "|---|---|---|---|---|"]
    for each in fields(constants):
        value = getattr(constants, each.name)
        cells = _cost_cells(value) if isinstance(value, Cost) else f"{_number(each.name, value)} |  | "
        lines.append(f"| `{each.name}` | {_MEANING[each.name]} | {cells} |")
    return "\n".join(lines)


def _number(name: str, value: float) -> str:
    text, unit = _NUMBERS[name]
    return text.format(value / unit)


def _cost_cells(cost: Cost) -> str:
    # What is next to nothing may have been measured as less.
    return f"{max(0.0, cost.seconds / _MICRO):.1f} | {round(cost.received)} | {round(cost.sent)}"


def limits_table(constants: Constants) -> str:
    """Return how large a fleet one Redis serves."""
    lines = [
        "| a shard runs | shards a job | slots | nodes | shards/s | Redis in / out MB/s | what Redis does |",
        "|---|---|---|---|---|---|---|",
    ]
    for shard in _SHARD_SECONDS:
        for per_job in (1, 1000):
            fleet = most_slots(constants, shard, slots_per_node=_SLOTS_PER_NODE, shards_per_job=per_job)
            costs = traffic(constants, fleet)
            whole = costs.pop("all")
            ordered = sorted(costs.items(), key=lambda item: -item[1].seconds)
            parts = ", ".join(f"{name} {cost.seconds / whole.seconds:.0%}" for name, cost in ordered)
            lines.append(
                f"| {shard:g} s | {per_job:,} | {fleet.slots:,} | {fleet.nodes} | {rate(constants, fleet):,.0f} | "
                f"{whole.received / 1e6:.1f} / {whole.sent / 1e6:.1f} | {parts} |"
            )
    return "\n".join(lines)


def sizes(constants: Constants) -> str:
    """Return what one Redis does at most, and what its memory holds."""
    job, shard = (
        sum(shard_costs(constants, Fleet(1, 1, _TINY, per_job)).values(), Cost()).seconds for per_job in (1, 1000)
    )
    gib = float(1 << 30)
    per_job, per_shard = f"{1e6 * job:.0f} us", f"{1e6 * shard:.0f} us"
    most_jobs, most_shards = f"{FULL / job:,.0f}", f"{FULL / shard:,.0f}"
    jobs, shards = f"{gib / constants.queued_job:,.0f}", f"{gib / constants.queued_shard:,.0f}"
    week, day = kept_rate(constants, gib, _WEEK), kept_rate(constants, gib, _DAY)
    return f"""\
- One Redis does {most_jobs} jobs of one tiny circuit a second, {per_job} each, or {most_shards} shards of large
  jobs, {per_shard} each.
- 1 GiB holds {jobs} queued jobs of one shard, or {shards} queued shards of large jobs, beside the shards
  themselves.
- 1 GiB holds the results of {week:.2f} jobs of one tiny circuit a second where they are kept for a week, of
  {day:.1f} where they are kept for a day.
"""
