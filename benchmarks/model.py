"""What one Redis holds: measure the constants, compute what follows, and check it with 20 workers that sleep.

`python -m benchmarks.model` does so in some minutes; docs/scale.md shows what it printed. The workers are
processes on loopback of which all but the kernels is real (`benchmarks/sleepers.py`).
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import msgspec

from benchmarks import machine
from benchmarks.scale_constants import measured, usage, used_memory
from benchmarks.scale_model import Constants, Cost, Fleet, rate, traffic
from benchmarks.scale_recut import Recut
from benchmarks.scale_report import constants_table, limits_table, sizes
from benchmarks.scale_site import Site, end_at_sigterm, wait_until
from worker.celery_app import make_app
from worker.feed import carry_out
from worker.settings import Settings

_NODES = 20
#: Seconds of a shard's run, in each check.
_SHARDS = (0.1, 0.5, 2.0)
#: Seconds that a check measures, once every worker is at work, and shards that it has at least.
_MEASURED = 10.0
_QUEUED = 20_000
_PATIENCE = 300


def main() -> None:
    """Measure, compute, check, and print."""
    end_at_sigterm()
    parser = argparse.ArgumentParser(prog="model", description=__doc__)
    parser.add_argument("--constants", type=Path, metavar="FILE", help="of an earlier run; else they are measured")
    parser.add_argument("--json", type=Path, metavar="FILE", help="where the measured constants go")
    parser.add_argument("--no-check", action="store_true", help="leave out the 20 workers")
    options = parser.parse_args()
    _print(", ".join(f"{name} {value}" for name, value in machine.description(1).items()))
    if options.constants:
        constants = msgspec.json.decode(options.constants.read_bytes(), type=Constants)
    else:
        with Site() as site:
            constants = measured(site)
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(constants)))
    _print(constants_table(constants))
    _print(limits_table(constants))
    _print(sizes(constants))
    if not options.no_check:
        with Site() as site:
            _check(site, constants)


def _check(site: Site, constants: Constants) -> None:
    """Print what the model says of 20 workers beside what they do."""
    settings = Settings.from_env(site.url)
    _print("| | predicted | measured |\n|---|---|---|")
    with site.provider() as provider:
        recut = Recut.of(provider, 1, shots=1)
    site.client.flushdb()
    empty = used_memory(site)
    for _ in range(_QUEUED):
        recut.submit(site.store, 1, settings)
    _row(
        f"MB of {_QUEUED:,} queued jobs",
        _QUEUED * (constants.queued_job + len(recut.shards[0])) / 1e6,
        (used_memory(site) - empty) / 1e6,
    )
    site.client.flushdb()
    site.hire(_NODES, app="benchmarks.sleepers")
    for seconds in _SHARDS:
        fleet = Fleet(_NODES, _NODES, seconds, shards_per_job=1000)
        shards, cost = _observed(site, settings, seconds)
        predicted = traffic(constants, fleet)
        what = f"{_NODES} workers, shards of {seconds:g} s:"
        _row(f"{what} shards/s", rate(constants, fleet), shards)
        _row(f"{what} % of Redis's thread", 100 * predicted.seconds, 100 * cost.seconds)
        _row(f"{what} KB/s to Redis", predicted.received / 1e3, cost.received / 1e3)
        _row(f"{what} KB/s from Redis", predicted.sent / 1e3, cost.sent / 1e3)


def _observed(site: Site, settings: Settings, seconds: float) -> tuple[float, Cost]:
    """Return shards a second, and what Redis spends a second, while every worker is at work."""
    with site.provider() as provider:
        size = round(2 * _NODES + 1.5 * _NODES * _MEASURED / seconds)
        recut, app = Recut.of(provider, size, shots=round(1e3 * seconds)), make_app(settings)
    store = site.store
    job_id, effects = recut.submit(store, size, settings)
    carry_out(app, effects)

    def done() -> int:
        record = store.read(job_id)
        return record.done if record else 0

    wait_until(lambda: done() >= _NODES, "the first shards")
    before, begin, first = usage(site), time.perf_counter(), done()
    # A clock, not a condition: this is the length of the measurement.
    time.sleep(_MEASURED)
    after, end, last = usage(site), time.perf_counter(), done()
    store.cancel(job_id)
    wait_until(lambda: not site.client.zcard("basicaer:1:held"), "idle workers", _PATIENCE)
    return (last - first) / (end - begin), (1 / (end - begin)) * (after - before)


def _row(what: str, predicted: float, measured: float) -> None:
    _print(f"| {what} | {predicted:.1f} | {measured:.1f} |")


def _print(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
