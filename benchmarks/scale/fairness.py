"""How long one small circuit waits while all workers are busy with a huge job of another owner.

`make bench-scale ARGS='--only fairness'` runs it. Redis, workers and messages are real; the kernels of the huge
job sleep (`benchmarks.common.sleepers`), so that each of its shards takes the same time. The wait is from SUBMIT
to the first CLAIM, by the clock of Redis.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import replace

from benchmarks.common.families import bell
from benchmarks.common.machine import Watch
from benchmarks.common.one_shard_each import OneShardEach
from benchmarks.common.site import Site, wait_until
from benchmarks.scale.rows import Row
from jobs import BasicAerProvider
from worker.record.store import Store
from worker.settings import Settings

_SHARDS = 10_000
#: Of a shard of the huge job; longer than a tick, which could hand out more of them meanwhile.
_SHARD_SECONDS = 0.3
_LEASE_SECONDS = 2.0
#: Shards, a slot, that say how long one takes.
_SHARDS_TIMED = 8
#: What a small job may wait, in shards of the other.
_WANTED = 2
#: Small jobs of a round, whose longest wait counts.
_JOBS = 8


def fairness(rounds: int) -> Iterator[Row]:
    """Measure, on one node of one slot, on two of them, and on one of four slots."""
    for nodes, slots in ((1, 1), (2, 1), (1, 4)):
        watch = Watch()
        shard, waits = _measured(rounds, nodes, slots)
        every = sorted(wait for each in waits for wait in each)
        note = (
            f"{_JOBS} jobs a round; a shard takes a slot {1e3 * shard:.0f} ms; of all waits the median is "
            f"{1e3 * every[len(every) // 2]:.0f} ms, the longest {1e3 * every[-1]:.0f} ms"
        )
        yield Row(
            section="fairness",
            name=f"wait of a small job beside {_SHARDS:,} shards, {nodes * slots} slots",
            figure=lambda seconds: 1e3 * seconds["longest wait"],
            unit="ms",
            wanted=1e3 * _WANTED * shard,
            seconds={"longest wait": [max(each) for each in waits]},
            notes=(note,),
            others=watch.others(),
        )


def _measured(rounds: int, nodes: int, slots: int) -> tuple[float, list[list[float]]]:
    """Return the seconds from one shard to the next on a slot, and those that each small job of a round waited."""
    with Site() as site:
        site.hire(nodes, slots=slots, app="benchmarks.common.sleepers", BASICAER_LEASE=str(_LEASE_SECONDS))
        with site.provider() as provider:
            huge = _submit_huge(provider, Settings.from_env(site.url))
            wait_until(lambda: provider.job(huge).running(), "the huge job's start")
            shard = _shard_seconds(site.store, huge, nodes * slots)
            moments = random.Random(1)  # noqa: S311 (no secret)
            waits = [
                [_wait(provider, moments.uniform(0, _SHARD_SECONDS)) for _ in range(_JOBS)] for _ in range(rounds)
            ]
            if provider.job(huge).in_final_state():
                raise RuntimeError("the huge job ended: the small ones had the workers for themselves")
            return shard, waits


def _submit_huge(provider: BasicAerProvider, settings: Settings) -> str:
    shards = OneShardEach.of(provider, _SHARDS, shots=round(1e3 * _SHARD_SECONDS))
    with provider.connection.reaching() as connection:
        job_id, _ = shards.submit(connection.store, _SHARDS, replace(settings, owner="huge"))
    return job_id


def _shard_seconds(store: Store, job_id: str, slots: int) -> float:
    """Return the seconds from one shard to the next on one slot, while nobody else submits."""

    def done() -> int:
        counts = store.shard_counts(job_id)
        return 0 if counts is None else counts.done

    before, start = done(), time.monotonic()
    wait_until(lambda: done() >= before + _SHARDS_TIMED * slots, "the huge job's shards")
    return slots * (time.monotonic() - start) / (done() - before)


def _wait(provider: BasicAerProvider, pause: float) -> float:
    """Submit a small job at some moment of the other's shards, and return how long it waited."""
    time.sleep(pause)
    job = provider.get_backend().run(bell(), shots=1)
    job.wait_for_final_state(timeout=60)
    times = job.timestamps()
    return (times["running"] - times["created"]).total_seconds()
