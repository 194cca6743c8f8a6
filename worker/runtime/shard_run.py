"""One run of a shard: its bytes are read and decoded, the circuits are simulated, the part is encoded."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

from simulator import Part
from simulator.cost import part_weight
from simulator.errors import WireError
from simulator.execution import run_shard
from simulator.monitor import Monitor
from simulator.shards import wire
from simulator.shards.shard import Shard
from simulator.sizes import size
from simulator.split import expected_seconds
from worker.errors import STORE_FAULTS, PartTooLargeError, PayloadMissingError
from worker.record import blobs
from worker.record.store import Store
from worker.record.values import ErrorReport, ShardId
from worker.runtime.admission import Admission
from worker.runtime.checkpoint import RunCheckpoint
from worker.runtime.shard_summary import ShardSummary, summarize

Data: TypeAlias = bytearray | memoryview


@dataclass(frozen=True)
class RunOutput:
    """What a run has made, for COMPLETE."""

    part: Part
    #: The part, encoded.
    data: Data
    #: The first error in it; None: every experiment succeeded.
    error: ErrorReport | None
    #: None: the shard could not be read.
    about: ShardSummary | None = None

    @cached_property
    def seconds(self) -> float:
        """The seconds that the simulations took."""
        return sum(outcome.time_taken for outcome in self.part.outcomes)

    @cached_property
    def summary(self) -> dict[str, str | int | float]:
        """What Celery and Flower show of it."""
        return {
            **(self.about._asdict() if self.about else {}),
            "experiments": self.part.num_experiments,
            "failed": len(list(self.part.failures())),
            "seconds": round(self.seconds, 6),
        }


@dataclass(frozen=True)
class ShardRunner:
    """Runs the shards of one node."""

    store: Store
    admission: Admission
    #: What a part may weigh.
    max_result_bytes: int

    def run(
        self,
        shard_id: ShardId,
        field: bytes | None,
        *,
        slot: int,
        checkpoint: RunCheckpoint,
        report: Callable[[float], None],
    ) -> RunOutput:
        """Run a shard whose ``field`` in the payload CLAIM has brought; ``report`` takes the progress, 0 to 1.

        An error of a circuit's is in the part. Raises what the checkpoint and the admission raise.
        """
        try:
            shard = wire.decode_shard(blobs.read_shard(self.store, shard_id, field))
        except (WireError, PayloadMissingError) as error:
            return RunOutput(Part(), empty_part(), (type(error).__name__, str(error), traceback.format_exc()))
        about = summarize(shard)
        part, failure = self._simulate(shard, slot, checkpoint, report)
        num_bytes = part_weight(part)
        if num_bytes <= self.max_result_bytes:
            return RunOutput(part, wire.encode_part(part, checkpoint), failure, about)
        reason = (
            f"the result has {size(num_bytes, up=True)}; BASICAER_MAX_RESULT_BYTES allows "
            f"{size(self.max_result_bytes)}: use fewer circuits, qubits or shots at once, or raise the limit"
        )
        return RunOutput(part, empty_part(), (PartTooLargeError.__name__, reason, ""), about)

    def _simulate(
        self, shard: Shard, slot: int, checkpoint: RunCheckpoint, report: Callable[[float], None]
    ) -> tuple[Part, ErrorReport | None]:
        checkpoint.expect(lambda: expected_seconds(shard))
        try:
            part = run_shard(
                shard,
                Monitor(checkpoint, report),
                admit=lambda required: self.admission.admit(slot, required, self._widest),
            )
        finally:
            self.admission.leave(slot)
        failure = next(part.failures(), None)
        return part, (failure.type, failure.text, failure.traceback) if failure else None

    def _widest(self) -> int:
        """Return the memory of the widest worker that is up; while Redis does not say, there may be any."""
        try:
            return max((worker.memory for worker in self.store.workers()), default=0)
        except STORE_FAULTS:
            return sys.maxsize


def empty_part() -> bytearray:
    """Return the encoded part of a run that has no result."""
    return wire.encode(Part())
