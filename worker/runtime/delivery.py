"""How the end of a run gets into the record: COMPLETE, RELEASE or FAIL, asked for until the store has answered.

A repeat with the same token is harmless, so nothing is computed in vain because Redis restarts, or is full.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from simulator.errors import StoppedError
from worker.errors import STORE_FAULTS, is_transient, redis_reply
from worker.outage import outage
from worker.record import blobs
from worker.record.store import Store
from worker.record.values import CeleryResult, Effects, ShardId
from worker.runtime.admission import NoRoomError
from worker.runtime.runs import RunRow
from worker.runtime.shard_run import RunOutput, empty_part

T = TypeVar("T")
logger = logging.getLogger(__name__)

#: Seconds until a shard is handed out again for which there was no room, or which met an unforeseen error.
_RETRY_DELAY = 1.0
#: Seconds between two tries: the first pause, and the longest.
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 2.0


@dataclass(frozen=True)
class Delivery:
    """The end of one run, whose token leases the shard. Raises a fault that no time mends, such as a wrong key."""

    store: Store
    shard_id: ShardId
    token: str
    running: RunRow

    def complete(self, output: RunOutput, celery_result: CeleryResult | None) -> Effects | None:
        """COMPLETE the shard. None: it is done, or was taken over: what was computed changes nothing."""

        def deliver() -> Effects | None:
            if not blobs.put_part(self.store, self.shard_id, self.token, output.data):
                return None
            return self.store.complete(
                self.shard_id,
                self.token,
                blobs.header(output.data),
                bad=output.error is not None,
                error=output.error,
                seconds=output.seconds,
                celery_result=celery_result,
            )

        return self._until_answered(deliver)

    def give_back(self, stopped: Exception) -> Effects | None:
        """RELEASE a shard that was not run to its end, or FAIL it by an error that nobody foresaw."""
        if isinstance(stopped, StoppedError):
            reason = str(stopped)
            logger.info(reason if str(self.shard_id) in reason else f"{self.shard_id}: {reason}")
            return self._release(stopped, _RETRY_DELAY if isinstance(stopped, NoRoomError) else 0.0)
        if isinstance(stopped, STORE_FAULTS) and is_transient(stopped):
            logger.log(
                outage.level,
                "%s is given back, as Redis does not do its part: %s",
                self.shard_id,
                redis_reply(stopped)[1],
            )
            return self._release(stopped, _RETRY_DELAY)
        # Not by `traceback.format_exc`: the error may have been met while another was handled.
        trace = "".join(traceback.format_exception(stopped))
        logger.error("%s met an error that is not its circuit's:\n%s", self.shard_id, trace)
        error = (type(stopped).__name__, str(stopped), trace)
        part = bytes(empty_part())
        return self._until_answered(
            lambda: self.store.fail(self.shard_id, self.token, part, error, delay=_RETRY_DELAY)
        )

    def _release(self, stopped: Exception, delay: float) -> Effects | None:
        return self._until_answered(
            lambda: self.store.release(self.shard_id, self.token, delay=delay, reason=str(stopped))
        )

    def _until_answered(self, ask: Callable[[], T]) -> T:
        pause, warned = _FIRST_PAUSE, False
        while True:
            self.running.deliver()
            try:
                return ask()
            except STORE_FAULTS as fault:
                if not is_transient(fault):
                    raise
                if not warned:
                    logger.warning(
                        "Redis does not take the end of %s, will try until it does: %s",
                        self.shard_id,
                        redis_reply(fault)[1],
                    )
                warned = True
                time.sleep(pause)
                pause = min(2 * pause, _LONGEST_PAUSE)
