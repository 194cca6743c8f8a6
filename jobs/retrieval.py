"""Read back what a job stored: its shards, and the outcomes of its experiments."""

from __future__ import annotations

import msgspec

from simulator import wire
from simulator.shards import Failure, Outcome, Part, Shard, merge
from worker import blobs
from worker.errors import ResultMissingError
from worker.record import Doorbell, Record
from worker.store import Store


def payload(store: Store, record: Record) -> list[Shard]:
    """Return all the shards of a job; raises `PayloadMissingError` where they are gone."""
    return [
        wire.decode_shard(blobs.read_shard(store, Doorbell(record.id, shard))) for shard in range(record.total)
    ]


def outcomes(store: Store, record: Record) -> Part:
    """Return the outcomes of a final job, one for each of its experiments.

    An experiment without one (its workers died, the job's time was over) has the job's error. Raises
    `ResultMissingError` or `PayloadMissingError` where the result has expired.
    """
    parts = dict(blobs.read_parts(store, record.id, record.total))
    if len(parts) < record.done:
        raise ResultMissingError(f"{record.done - len(parts)} of {record.done} parts of job {record.id} are gone")
    part = merge(wire.decode_part(data) for data in parts.values() if not isinstance(data, blobs.LapsePart))
    if record.state == "DONE":
        return part
    present = {outcome.index for outcome in part.outcomes}
    failure = Failure(record.error_type or "", record.error_text or "")
    missing = (
        Outcome(
            index=experiment.index,
            seed=experiment.seed,
            shots=shard.options.shots,
            outline=msgspec.structs.replace(experiment.program, instructions=()),
            failure=failure,
        )
        for shard in payload(store, record)
        for experiment in shard.experiments
        if experiment.index not in present
    )
    return part + Part(tuple(missing))
