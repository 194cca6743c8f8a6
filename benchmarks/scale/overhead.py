"""What a job and a shard cost beside their simulation: many small jobs, and one job of many near-empty shards."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from benchmarks.common.families import bell
from benchmarks.common.machine import Watch, cores
from benchmarks.common.one_shard_each import OneShardEach
from benchmarks.common.rounds import Contender, in_turns
from benchmarks.common.site import NOOP, Meter, Site, family_seconds
from benchmarks.scale.rows import Row, slope

_JOBS = 1000
_JOBS_WANTED = 0.7
#: Of jobs and no-ops, at least: of no-ops, one round in five took half as long again, or longer.
_JOBS_ROUNDS = 9
#: Shards of the jobs whose times make the slope.
_SIZES = (50, 200, 400)
_SHARD_WANTED_MS = 3.0
_SHOTS = 1024
#: Seconds for a result that does not come.
_PATIENCE = 300
#: Commands a shard that are worth a word.
_FREQUENT = 0.1


def jobs(rounds: int) -> Iterator[Row]:
    """Measure jobs a second, from the first submit to the last result, beside bare no-ops of Celery.

    The same Redis, as many worker processes, one client with one thread that submits all and then waits for each.
    """
    row = Row(
        section="jobs",
        name=f"{_JOBS:,} jobs of one Bell circuit each / bare Celery no-ops",
        figure=lambda seconds: seconds["no-op"] / seconds["ours"],
        unit="x",
        wanted=_JOBS_WANTED,
    )
    slots = cores()
    with Site() as site, site.provider() as provider:
        os.environ["BASICAER_URL"] = site.url
        from benchmarks.common.noop import app, noop

        site.hire(slots=slots)
        site.hire(slots=slots, app=NOOP)
        backend, circuit = provider.get_backend(), bell()

        def ours() -> list[Any]:
            submitted = [backend.run(circuit, shots=_SHOTS) for _ in range(_JOBS)]
            return [job.result(timeout=_PATIENCE) for job in submitted]

        def bare() -> list[Any]:
            submitted = [noop.delay() for _ in range(_JOBS)]
            return [result.get(timeout=_PATIENCE) for result in submitted]

        # Both have met their workers before anything is timed.
        noop.delay().get(timeout=_PATIENCE)
        backend.run(circuit).result(timeout=_PATIENCE)
        meters, watch = {"ours": Meter(site), "no-op": Meter(site)}, Watch(family_seconds)
        seconds = in_turns(
            [
                Contender(
                    "ours", meters["ours"].around(ours), lambda results: [each.get_counts() for each in results]
                ),
                Contender("no-op", meters["no-op"].around(bare), len),
            ],
            check=lambda answers: _check_bells(answers["ours"]),
            rounds=max(rounds, _JOBS_ROUNDS),
            warm_up=True,
        )
        others = watch.others()
        app.close()
        rates = ", ".join(f"{name} {_JOBS / min(runs):.0f}/s" for name, runs in seconds.items())
        yield replace(
            row,
            seconds=seconds,
            others=others,
            notes=(
                f"{slots} worker processes; at best {rates}",
                *(f"CPU ms a job, {name}: {meter.text(_JOBS)}" for name, meter in meters.items()),
            ),
        )


def shards(rounds: int) -> Iterator[Row]:
    """Measure what one more near-empty shard adds to a job's time: queueing, claiming, running, merging."""
    row = Row(
        section="shards",
        name="queueing, claiming and merging, per shard, one worker process",
        figure=lambda seconds: 1e3 * slope({int(name.split()[0]): value for name, value in seconds.items()}),
        unit="ms",
        wanted=_SHARD_WANTED_MS,
    )
    with Site() as site, site.provider() as provider:
        site.hire()
        small_shards, done = OneShardEach.of(provider, max(_SIZES), shots=_SHOTS), 0

        def contender(size: int, meter: Meter) -> Contender:
            def run() -> Any:
                nonlocal done
                done += size
                with provider.connection.reaching() as connection:
                    job_id, _ = small_shards.submit(connection.store, size, provider.settings)
                return provider.job(job_id).result(timeout=_PATIENCE)

            return Contender(
                f"{size} shards", meter.around(run), lambda result: [each.data.counts for each in result.results]
            )

        meter, watch = Meter(site), Watch(family_seconds)
        site.client.config_resetstat()
        seconds = in_turns(
            [contender(size, meter) for size in _SIZES], check=_check_same, rounds=rounds, warm_up=True
        )
        calls = {
            name.removeprefix("cmdstat_"): stats["calls"] / done
            for name, stats in site.client.info("commandstats").items()
        }
        yield replace(
            row,
            seconds=seconds,
            others=watch.others(),
            notes=(
                f"CPU ms a shard: {meter.text(done / meter.runs)}",
                f"commands a shard, those inside scripts among them: {_frequent(calls)}",
            ),
        )


def _check_bells(results: list[dict[str, int]]) -> None:
    for counts in results:
        if sum(counts.values()) != _SHOTS or not counts.keys() <= {"00", "11"}:
            raise ValueError(f"no Bell pair: {counts}")


def _check_same(answers: Mapping[str, list[dict[str, int]]]) -> None:
    """Look that the first circuits of every job have the same counts: their seeds are the same."""
    fewest = min(map(len, answers.values()))
    if len({str(counts[:fewest]) for counts in answers.values()}) > 1:
        raise ValueError("jobs that were cut alike do not have the same counts")


def _frequent(calls: Mapping[str, float]) -> str:
    """Return the commands that there is one of for each few shards at least, the most frequent first."""
    ordered = sorted(calls.items(), key=lambda item: -item[1])
    return ", ".join(f"{name} {count:.1f}" for name, count in ordered if count >= _FREQUENT)
