"""Measure what Redis spends on each step of a job: one step at a time, on a Redis that does nothing else."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

from benchmarks.common.one_shard_each import OneShardEach
from benchmarks.common.site import Site, wait_until
from benchmarks.redis_model.model import TICKS, Constants
from benchmarks.redis_model.steps import (
    CALLS,
    PAUSE,
    announced,
    best,
    each,
    idle,
    messages,
    nodes,
    once,
    ticks,
    used_memory,
    window,
)
from jobs import BasicAerProvider
from jobs.job import BasicAerJob
from simulator.execution import run_shard
from simulator.shards import wire
from worker.queue.results import success_result
from worker.record.values import CeleryResult, HandedOut
from worker.settings import QUEUE

#: What the one real worker runs: shards of so many seconds.
_SHARDS, _SHARD_SECONDS = 100, 0.05
_TOKEN = "token"  # noqa: S105 (of a shard)
_PATIENCE = 60


def measured(site: Site) -> Constants:
    """Return the constants, from a site without workers, which is empty again in the end."""
    with site.provider() as provider:
        bench = _Bench(site, provider)
        site.client.flushdb()
        found: dict[str, Any] = {"idle": idle(site), **bench.jobs(), **bench.shards(), **bench.steps()}
        found |= ticks(site, bench.submit)
        found |= {"message": messages(site, bench.submit), "announce": announced(site)}
        site.client.flushdb()
        # A tick was measured by itself.
        found["node"] = nodes(site, found["idle"]) - TICKS * found["tick"]
        found["worker"] = bench.worker()
        site.client.flushdb()
    # COMPLETE was measured together with CLAIM.
    for name in ("complete", "complete_last"):
        found[name] -= found["claim"]
    return Constants(**found)


class _Bench:
    """Jobs of Bell circuits on a Redis, and workers that are played."""

    def __init__(self, site: Site, provider: BasicAerProvider) -> None:
        self._site = site
        self._store = site.store
        self._settings = provider.settings
        self._backend = provider.get_backend()
        self._small_shards = OneShardEach.of(provider, CALLS, shots=round(1e3 * _SHARD_SECONDS))
        self._part = bytes(wire.encode(run_shard(wire.decode_shard(self._small_shards.shards[0]))))

    def submit(self, size: int) -> tuple[str, list[HandedOut]]:
        """SUBMIT a job of so many shards; return its id, and what was handed out."""
        job_id, effects = self._small_shards.submit(self._store, size, self._settings)
        return job_id, list(effects.handed_out)

    def jobs(self) -> dict[str, Any]:
        """Measure jobs of one shard: a thousand wait behind two in the window, then all are run and read."""
        window(self._store, 2)
        in_window = [self.submit(1)[1][0] for _ in range(2)]
        memory = self._memory()
        ids: list[str] = []
        submit = each(self._site, lambda _: ids.append(self.submit(1)[0]))
        queued = memory()
        both = best(self._site, partial(self._run, in_window))
        self._run(in_window, range(2))
        final = memory()
        self._site.client.delete(*(f"celery-task-meta-{job_id}" for job_id in ids))
        alone = memory()

        def read(call: int) -> None:
            BasicAerJob.of(self._backend, ids[call]).result(timeout=_PATIENCE)

        return {
            "submit": submit,
            "complete_last": both,
            "read": each(self._site, read),
            "queued_job": queued,
            "final_job": alone,
            "told": final - alone,
        }

    def shards(self) -> dict[str, Any]:
        """Measure a job of a thousand shards, of which two are handed out at a time."""
        memory = self._memory()
        handed: list[HandedOut] = []
        submit = once(self._site, lambda: handed.extend(self.submit(CALLS)[1]), CALLS)
        queued = memory()
        both = best(self._site, partial(self._run, handed))
        self._site.client.delete(*self._site.client.keys("celery-task-meta-*"))
        return {"submit_shard": submit, "complete": both, "queued_shard": queued, "final_shard": memory()}

    def steps(self) -> dict[str, Any]:
        """Measure what can be done with shards that are all handed out at once."""
        window(self._store, CALLS)
        shard_ids = [handed.shard_id for handed in self.submit(CALLS)[1]]
        return {
            "claim": each(self._site, lambda call: self._store.claim(shard_ids[call], _TOKEN)),
            "look": each(self._site, lambda call: self._store.look(shard_ids[call])),
            "beat": each(self._site, lambda call: self._store.beat(shard_ids[call], _TOKEN)),
        }

    def worker(self) -> float:
        """Measure the seconds that a real worker takes a shard beside its run."""
        self._site.hire(app="benchmarks.common.sleepers")

        def run(size: int) -> float:
            begin = time.perf_counter()
            job_id, _ = self.submit(size)
            wait_until(lambda: self._store.state(job_id) == "DONE", f"the end of job {job_id}")
            return time.perf_counter() - begin

        run(2)
        seconds = run(_SHARDS) / _SHARDS - _SHARD_SECONDS
        self._site.dismiss()
        return seconds

    def _run(self, waiting: list[HandedOut], shards: range) -> None:
        """Claim and complete so many, one after the other, and wait for what is handed out meanwhile."""
        for _ in shards:
            handed_out = waiting.pop(0)
            time.sleep(PAUSE)
            self._store.claim(handed_out.shard_id, _TOKEN)
            time.sleep(PAUSE)
            effects = self._store.complete(
                handed_out.shard_id, _TOKEN, self._part, celery_result=_result(handed_out)
            )
            waiting += effects.handed_out if effects else ()

    def _memory(self) -> Callable[[], float]:
        """Return what tells the bytes that each of a thousand shards has taken since, beside itself."""
        before, shard = used_memory(self._site), len(self._small_shards.shards[0])

        def taken() -> float:
            # Nobody took these messages.
            self._site.client.delete(QUEUE)
            return (used_memory(self._site) - before) / CALLS - shard

        return taken


def _result(handed: HandedOut) -> CeleryResult:
    """Return what Celery is told of a shard's success."""
    request = SimpleNamespace(
        id=handed.task_id,
        args=handed.shard_id,
        kwargs={},
        hostname="worker1@host",
        retries=0,
        delivery_info={"routing_key": QUEUE},
    )
    task = SimpleNamespace(request=request, backend=SimpleNamespace(expires=86400))
    return success_result(task, {"experiments": 1, "failed": 0, "seconds": 0.000321})
