"""Renews the leases of a node's runs, whatever they compute, and ends those that nobody waits for.

This is done in the node's parent process, which sees its children from outside. A lease goes on while the process
that holds it can run. It ends with a process that has died or is stopped, and with a node that is cut off.

Two kinds of runs are killed: one that is no longer wanted (its job is final, or its shard was taken over) and does
not stop by itself; and one that hangs, which is one whose process waits, and for some leases neither used CPU nor
asked Redis to take its end.
"""

from __future__ import annotations

import logging
import math
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

import psutil

from worker.record.store import Store
from worker.runtime.run_log import log_death
from worker.runtime.runs import Run, RunTable

logger = logging.getLogger(__name__)

#: Seconds that a run has to notice, between kernels, that it is no longer wanted.
PATIENCE = 2.0
#: Leases without any CPU time after which a process that waits is taken to hang.
HUNG_LEASES = 6

_STOPPED = frozenset({psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP})
#: A process in one of these may be kept from running by the machine. macOS calls nearly every process running.
_WAITS_FOR_MACHINE = frozenset(
    {psutil.STATUS_DISK_SLEEP, *([psutil.STATUS_RUNNING] if sys.platform == "linux" else [])}
)


@dataclass
class _Observed:
    """What the parent knows of one run from its earlier looks."""

    #: None: it was gone at the first look.
    process: psutil.Process | None
    cpu: float
    #: When its CPU time last grew, or it could not be told, or it asked Redis to take its end.
    alive: float
    #: How often it had asked by then.
    deliveries: int = 0
    #: When its lease is to be renewed next; between, a look at the record is enough, and costs less.
    renewal: float = -math.inf
    #: When it was first found unwanted.
    unwanted: float = math.inf
    #: It is dead, or was killed, and the record knows.
    over: bool = False


class Heartbeat:
    """Looks at every run of the node at each `beat`; renews a run's lease when a fifth of it is over."""

    def __init__(
        self, store: Store, runs: RunTable, *, interval: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._store = store
        self._runs = runs
        #: Seconds between two calls: an unwanted run is found so much late at most.
        self._interval = interval
        self._clock = clock
        self._seen: dict[str, _Observed] = {}

    def beat(self) -> None:
        """Renew the leases of those that live, and kill what has to be; raises what the store raises."""
        running = {run.token: run for run in self._runs}
        self._seen = {token: seen for token, seen in self._seen.items() if token in running}
        fault: Exception | None = None
        for token, run in running.items():
            if token not in self._seen:
                self._seen[token] = _Observed(_process(run.pid), -1.0, self._clock())
            seen = self._seen[token]
            try:
                self._observe(run, seen)
            except Exception as error:  # noqa: BLE001 (one run's trouble is not the others')
                # Redis may be what the process waits for as well.
                seen.alive = self._clock()
                fault = error
        if fault is not None:
            raise fault

    def num_alive(self) -> int:
        """Return how many of the node's runs have a process; for any thread.

        The table keeps the run of a dead process until its slot runs something else.
        """
        seen = self._seen
        return sum(run.token not in seen or not seen[run.token].over for run in self._runs)

    def _observe(self, run: Run, seen: _Observed) -> None:
        if seen.over:
            return
        status = _status(seen.process)
        if status is None:
            if self._runs.is_current(run):
                self._note_death(run, seen, f"process {run.pid} died")
            return
        now = self._clock()
        if status in _STOPPED or now < seen.renewal:
            wanted = self._store.look(run.shard_id) == ("RUNNING", run.token)
        else:
            wanted = self._store.beat(run.shard_id, run.token, run.progress)
            seen.renewal = now + self._store.lease / 5
        now = self._clock()
        if wanted:
            seen.unwanted = math.inf
        else:
            seen.unwanted = min(seen.unwanted, now)
        # To ask takes too little CPU to be counted: a full Redis takes the heartbeat's leases, but no large part.
        asked, seen.deliveries = run.deliveries != seen.deliveries, run.deliveries
        if asked or status in _STOPPED or status in _WAITS_FOR_MACHINE or _cpu_grew(seen):
            seen.alive = now
        # One that delivers is about to be told by Redis; it may have to wait until Redis is back.
        if now - seen.unwanted >= PATIENCE - self._interval and not run.deliveries:
            self._kill(run, seen, f"has not stopped {PATIENCE:g} s after it was no longer wanted")
        elif now - seen.alive >= HUNG_LEASES * self._store.lease:
            self._kill(run, seen, f"hangs: it used no CPU for {now - seen.alive:.0f} s")

    def _kill(self, run: Run, seen: _Observed, reason: str) -> None:
        if not self._runs.is_current(run):
            return
        logger.warning("%s in process %d %s: killed", run.shard_id, run.pid, reason)
        # By psutil, which knows the process from another that was given its id since.
        with suppress(psutil.NoSuchProcess):
            seen.process.kill()  # type: ignore[union-attr]  # its status was just read
        self._note_death(run, seen, f"process {run.pid} {reason}: killed")

    def _note_death(self, run: Run, seen: _Observed, reason: str) -> None:
        """Note the death, where the run was still wanted: its lease runs out, and then counts as a death."""
        log_death(run.shard_id, reason, self._store.died(run.shard_id, run.token, reason))
        seen.over = True


def _process(pid: int) -> psutil.Process | None:
    with suppress(psutil.NoSuchProcess):
        return psutil.Process(pid)
    return None


def _status(process: psutil.Process | None) -> str | None:
    """Return the status of a process; None: it has died."""
    try:
        # Its id may be another's by now.
        if process is None or not process.is_running():
            return None
        status = process.status()
    except psutil.NoSuchProcess:
        return None
    return None if status in {psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD} else status


def _cpu_grew(seen: _Observed) -> bool:
    """Whether the process has used CPU time since the last look."""
    before = seen.cpu
    try:
        times = seen.process.cpu_times()  # type: ignore[union-attr]  # its status was just read
    except psutil.Error:
        return True
    seen.cpu = times.user + times.system
    return seen.cpu != before
