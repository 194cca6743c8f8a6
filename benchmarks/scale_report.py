"""The tables of docs/scale.md, as text: the constants, and what follows from them."""

from __future__ import annotations

from dataclasses import fields

from benchmarks.scale_model import (
    FULL,
    Constants,
    Cost,
    Fleet,
    largest_parts,
    most_slots,
    shard_cost,
    traffic,
)

_SLOTS_PER_NODE = 8
_SHARD_SECONDS = (0.05, 0.5, 2.0)
_DAY, _WEEK = 86400, 7 * 86400
#: A job whose run takes next to nothing.
_TINY = Fleet(1, 1, 0.0005)

_MEANING = {
    "submit": "SUBMIT of a job of one shard",
    "submit_shard": "each shard of a job of many, with its upload",
    "claim": "CLAIM",
    "complete": "COMPLETE, with the next shard handed out",
    "complete_last": "COMPLETE of a job's last shard, which ends the job",
    "look": "a look of a run's checkpoint, 20 a second",
    "beat": "BEAT, every fifth of a lease",
    "message": "a doorbell: published, taken, acknowledged",
    "announce": "STARTED for Celery, of runs beyond 50 ms",
    "read": "the result, read by its client",
    "tick": "FEED of a node, ten times a lease",
    "tick_node": "FEED, for each other node",
    "tick_sent": "FEED, for each shard in `sent`, of at most 100",
    "poll": "a pop that finds nothing, each second and node",
    "queued_job": "memory of a queued job of one shard, beside the shard",
    "queued_shard": "memory of a queued shard of a job of many, beside the shard",
    "final_job": "memory of a job that is final, its shard and part",
    "final_shard": "memory of a shard that is done, with its part",
    "worker": "a worker's time beside the run",
}


def constants_table(constants: Constants) -> str:
    """Return the constants as a table of Markdown."""
    lines = ["| constant | | Redis us | bytes in | bytes out |", "|---|---|---|---|---|"]
    for each in fields(constants):
        value = getattr(constants, each.name)
        cells = (
            f"{1e6 * value.seconds:.1f} | {value.received:.0f} | {value.sent:.0f}"
            if isinstance(value, Cost)
            else (f"{1e3 * value:.2f} ms | | " if each.name == "worker" else f"{value:.0f} B | | ")
        )
        lines.append(f"| `{each.name}` | {_MEANING[each.name]} | {cells} |")
    return "\n".join(lines)


def limits_table(constants: Constants) -> str:
    """Return how large a fleet one Redis serves."""
    lines = [
        "| a shard runs | shards a job | slots | nodes | shards/s | Redis in / out MB/s | what Redis does |",
        "|---|---|---|---|---|---|---|",
    ]
    for shard in _SHARD_SECONDS:
        for per_job in (1, 1000):
            fleet = most_slots(constants, shard, slots_per_node=_SLOTS_PER_NODE, shards_per_job=per_job)
            cost = traffic(constants, fleet)
            parts = ", ".join(f"{name} {part:.0%}" for name, part in largest_parts(constants, fleet).items())
            shards = fleet.slots / (fleet.shard + constants.worker)
            lines.append(
                f"| {shard:g} s | {per_job} | {fleet.slots} | {fleet.nodes} | {shards:.0f} | "
                f"{cost.received / 1e6:.1f} / {cost.sent / 1e6:.1f} | {parts} |"
            )
    return "\n".join(lines)


def sizes(constants: Constants) -> str:
    """Return what the memory of one Redis holds, and for how long."""
    job = shard_cost(constants, _TINY)
    shard = shard_cost(constants, Fleet(1, 1, 0.0005, shards_per_job=1000))
    kept = (1 << 30) / constants.final_job
    queued_jobs, queued_shards = (1 << 30) / constants.queued_job, (1 << 30) / constants.queued_shard
    per_job, per_shard = 1e6 * job.seconds, 1e6 * shard.seconds
    job_rate, shard_rate = FULL / job.seconds, FULL / shard.seconds
    return f"""\
- At {FULL:.0%} of its thread one Redis does {job_rate:.0f} jobs of one tiny circuit a second, {per_job:.0f} us each, or
  {shard_rate:.0f} shards of one large job, {per_shard:.0f} us each.
- 1 GiB holds {queued_jobs / 1e3:.0f} thousand queued jobs of one shard, or {queued_shards / 1e6:.1f} million shards
  of large jobs, beside the shards themselves.
- 1 GiB holds {kept / 1e3:.0f} thousand final jobs of one tiny circuit: {kept / _WEEK:.2f} a second where they are
  kept for a week, {kept / _DAY:.1f} where they are kept for a day.
"""
