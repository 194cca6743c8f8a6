"""What one Redis holds: measure the constants, compute what follows, and check it with 20 workers that sleep.

`make bench-model` does so in some minutes; ARGS='--write docs/scale.md' puts the figures there. The workers are
processes on loopback of which all but the kernels is real (`benchmarks/common/sleepers.py`).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.common import machine
from benchmarks.common.one_shard_each import OneShardEach
from benchmarks.common.site import Site, end_at_sigterm, wait_until
from benchmarks.redis_model.constants import measured
from benchmarks.redis_model.model import Constants, Cost, Fleet, rate, traffic
from benchmarks.redis_model.report import constants_table, limits_table, replaced, rounded, sizes
from benchmarks.redis_model.steps import usage, used_memory
from worker.settings import Settings

_NODES = 20
#: Seconds of a shard's run, in each check.
_SHARDS = (0.1, 0.5, 2.0)
#: Seconds that a check measures, once every worker is at work.
_MEASURED = 20.0
#: Jobs whose memory is checked.
_QUEUED = 20_000
_PATIENCE = 300


def main() -> None:
    """Measure, compute, check, and print."""
    end_at_sigterm()
    parser = argparse.ArgumentParser(prog="model", description=__doc__)
    parser.add_argument("--no-check", action="store_true", help="leave out the 20 workers")
    parser.add_argument("--write", type=Path, metavar="FILE", help="the document whose figures are to be replaced")
    options = parser.parse_args()
    figures = {"machine": ", ".join(f"{name} {value}" for name, value in machine.description(1).items())}
    _print(figures["machine"])
    with Site() as site:
        constants = rounded(measured(site))
    figures |= {
        "constants": constants_table(constants),
        "limits": limits_table(constants),
        "sizes": sizes(constants),
    }
    for name in ("constants", "limits", "sizes"):
        _print(figures[name])
    if not options.no_check:
        with Site() as site:
            figures["check"] = "\n".join(_checked(site, constants))
        _print(figures["check"])
    if options.write:
        options.write.write_text(replaced(options.write.read_text(encoding="utf-8"), figures), encoding="utf-8")


def _checked(site: Site, constants: Constants) -> Iterator[str]:
    """Yield, as a table, what the model says of 20 workers beside what they do."""
    settings = Settings.from_env(site.url)
    yield "| | | predicted | measured |\n|---|---|---|---|"
    with site.provider() as provider:
        small_shards = OneShardEach.of(provider, 1, shots=1)
    site.client.flushdb()
    empty = used_memory(site)
    for _ in range(_QUEUED):
        small_shards.submit(site.store, 1, settings)
    predicted = _QUEUED * (constants.queued_job + len(small_shards.shards[0]))
    yield _row(f"{_QUEUED:,} queued jobs", "MB", predicted / 1e6, (used_memory(site) - empty) / 1e6)
    site.client.flushdb()
    site.hire(_NODES, app="benchmarks.common.sleepers")
    for seconds in _SHARDS:
        fleet = Fleet(_NODES, _NODES, seconds, shards_per_job=1000)
        shards, cost = _observed(site, settings, seconds)
        expected = traffic(constants, fleet)["all"]
        yield _row(f"{_NODES} workers, shards of {seconds:g} s", "shards/s", rate(constants, fleet), shards)
        yield _row("", "% of Redis's thread", 100 * expected.seconds, 100 * cost.seconds)
        yield _row("", "KB/s to Redis", expected.received / 1e3, cost.received / 1e3)
        yield _row("", "KB/s from Redis", expected.sent / 1e3, cost.sent / 1e3)


def _observed(site: Site, settings: Settings, seconds: float) -> tuple[float, Cost]:
    """Return shards a second, and what Redis spends a second, while every worker is at work."""
    with site.provider() as provider:
        size = round(2 * _NODES + 1.5 * _NODES * _MEASURED / seconds)
        small_shards = OneShardEach.of(provider, size, shots=round(1e3 * seconds))
    store = site.store
    job_id, _ = small_shards.submit(store, size, settings)

    def done() -> int:
        record = store.read(job_id)
        return record.done if record else 0

    def one_more() -> None:
        """Wait for the end of a shard: the workers may be in step, and then many end at once."""
        so_far = done()
        wait_until(lambda: done() > so_far, "one more shard")

    wait_until(lambda: done() >= _NODES, "the first shards")
    one_more()
    before, begin, first = usage(site), time.perf_counter(), done()
    # A clock, not a condition: this is the length of the measurement.
    time.sleep(_MEASURED)
    one_more()
    after, end, last = usage(site), time.perf_counter(), done()
    store.cancel(job_id)
    wait_until(lambda: not site.client.zcard("basicaer:1:held"), "idle workers", _PATIENCE)
    return (last - first) / (end - begin), (1 / (end - begin)) * (after - before)


def _row(what: str, unit: str, predicted: float, seen: float) -> str:
    return f"| {what} | {unit} | {predicted:.1f} | {seen:.1f} |"


def _print(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
