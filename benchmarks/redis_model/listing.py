"""How long it takes to list, find and delete jobs among many, and what their records take in Redis.

``python -m benchmarks.redis_model.listing`` makes 100,000 records through the store, most of them of jobs that
have ended, and prints milliseconds of one call each, from Python to Python: medians of several.
"""

from __future__ import annotations

import argparse
import datetime
import statistics
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from benchmarks.common.machine import Watch, description, disturbance
from benchmarks.common.one_shard_each import OneShardEach
from benchmarks.common.site import Site, end_at_sigterm
from jobs import BasicAerProvider
from worker.record.keys import QUOTA
from worker.record.store import Store
from worker.settings import Settings

_CALLS = 5
#: Every so many jobs one stays unfinished, and one has a tag of its own.
_UNFINISHED, _RARE = 1000, 20_000


def main() -> None:
    """Measure and print."""
    end_at_sigterm()
    parser = argparse.ArgumentParser(prog="listing", description=__doc__)
    parser.add_argument("--jobs", type=int, default=100_000)
    count = parser.parse_args().jobs
    print(", ".join(f"{name} {value}" for name, value in description(1).items()))
    with Site() as site, site.provider() as provider:
        middle, first = _fill(site, provider, count)
        print(f"{count:,} jobs of one owner: {site.client.info('memory')['used_memory'] / count:,.0f} bytes each")
        watch = Watch()
        for name, options in _queries(count, middle).items():
            found, milliseconds = _timed(partial(provider.jobs, **options))
            print(f"{name:<44} {len(found):>5} found {milliseconds:>9.2f} ms", flush=True)
        _, milliseconds = _timed(lambda: provider.job(first).status())
        print(f"{'job(id).status()':<44} {'':>11} {milliseconds:>9.2f} ms")
        doomed = iter(provider.jobs(limit=2 * _CALLS, status="CANCELLED"))
        _, milliseconds = _timed(lambda: next(doomed).delete())
        print(f"{'job.delete()':<44} {'':>11} {milliseconds:>9.2f} ms")
        print(disturbance(watch.others()))


def _fill(site: Site, provider: BasicAerProvider, count: int) -> tuple[datetime.datetime, str]:
    """Make the records; return when the middle one was made, and the id of the first."""
    small_shards = OneShardEach.of(provider, 1, shots=1)
    # No worker serves this queue.
    store, settings = Store(site.client, queue="listing"), Settings.from_env(site.url)
    site.client.set(QUOTA, 0)
    middle, first = 0.0, ""
    for number in range(count):
        tags = ("rare",) if number % _RARE == _RARE // 2 else ("common",) if number % 2 else ()
        job_id, _ = small_shards.submit(store, 1, settings, tags=tags)
        first = first or job_id
        if number % _UNFINISHED:
            store.cancel(job_id)
        if number == count // 2:
            record = store.read(job_id)
            middle = record.created if record else 0.0
    return datetime.datetime.fromtimestamp(middle, datetime.timezone.utc), first


def _queries(count: int, middle: datetime.datetime) -> Mapping[str, dict[str, Any]]:
    return {
        "jobs(), the 10 newest": {},
        "oldest first": {"descending": False},
        f"skip={count // 2}": {"skip": count // 2},
        "pending=True": {"pending": True},
        "status=RUNNING": {"status": "RUNNING"},
        "job_tags, one in two jobs": {"job_tags": ["common"]},
        f"job_tags, one in {_RARE:,} jobs": {"job_tags": ["rare"]},
        "created_before the middle": {"created_before": middle},
        "created_after the middle, oldest first": {"created_after": middle, "descending": False},
        "limit=1000": {"limit": 1000},
        "status=ERROR, which none has": {"status": "ERROR"},
        "backend_name, which none has": {"backend_name": "unitary_simulator"},
        "job_tags, one in two, status=ERROR": {"job_tags": ["common"], "status": "ERROR"},
    }


def _timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """Return a call's answer, and the median of its milliseconds; the first call is not counted."""
    answer, taken = call(), []
    for _ in range(_CALLS):
        start = time.perf_counter()
        call()
        taken.append(1e3 * (time.perf_counter() - start))
    return answer, statistics.median(taken)


if __name__ == "__main__":
    main()
