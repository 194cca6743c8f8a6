"""What the engine calls before each kernel: is this run still wanted."""

from __future__ import annotations

import time
from collections.abc import Callable

from simulator.errors import StoppedError
from worker.errors import STORE_FAULTS
from worker.record.store import Store
from worker.record.values import ShardId
from worker.runtime.drain import Drain

#: Seconds between two looks at the store: bounds how late a cancelled run stops.
LOOK_INTERVAL = 0.05


class RunCheckpoint:
    """Call it often: it looks at the store every 50 ms. The lease does not depend on it.

    Raises `StoppedError` once the job is final or the shard is another's. A store that cannot be reached, or
    refuses, stops nothing: the record fences whatever a run that lost its lease would write. ``on_started`` is
    called once, by the first look that finds the run wanted. While the worker drains, a run that takes long is
    stopped too.
    """

    def __init__(
        self,
        store: Store,
        shard_id: ShardId,
        token: str,
        *,
        on_started: Callable[[], None] = lambda: None,
        drain: Drain | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._on_started = on_started
        self._drain = drain
        self._begun = clock()
        self._expected: Callable[[], float] = lambda: 0.0
        self._started = False
        self._store = store
        self._shard_id = shard_id
        self._token = token
        self._clock = clock
        self._next_look = clock() + LOOK_INTERVAL

    def expect(self, seconds: Callable[[], float]) -> None:
        """Say how long the run is expected to take from now; it is asked only where it matters."""
        self._begun, self._expected = self._clock(), seconds

    def __call__(self) -> None:
        """Look if it is time to; most calls only read the clock."""
        now = self._clock()
        if now < self._next_look:
            return
        pause = LOOK_INTERVAL
        try:
            wanted = self._store.look(self._shard_id) == ("RUNNING", self._token)
        except STORE_FAULTS:
            wanted = True
            # To wait for an answer costs time that the run could use.
            pause = max(pause, min(self._clock() - now, self._store.lease / 5))
        self._next_look = self._clock() + pause
        if wanted and not self._started:
            self._started = True
            self._on_started()
        if not wanted:
            raise StoppedError(f"{self._shard_id} is no longer wanted here")
        if self._drain is not None and self._drain.should_stop(lambda: self._begun + self._expected()):
            raise StoppedError(f"{self._shard_id} is handed back: the worker shuts down")
