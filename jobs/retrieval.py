"""Read back what a job stored: its shards, and the outcomes of its experiments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import msgspec
from qiskit.providers import JobError

from jobs.errors import JobExpiredError
from simulator import wire
from simulator.errors import WireError
from simulator.shards import Failure, Outcome, Part, Shard, merge
from worker import blobs
from worker.errors import PayloadMissingError, ResultMissingError
from worker.record import Doorbell, Record
from worker.store import Store


def payload(store: Store, record: Record) -> list[Shard]:
    """Return all the shards of a job; raises `JobExpiredError` where they are gone."""
    with _readable("circuits", record.id):
        return [
            wire.decode_shard(blobs.read_shard(store, Doorbell(record.id, shard))) for shard in range(record.total)
        ]


def outcomes(store: Store, record: Record) -> Part:
    """Return the outcomes of a final job, one for each of its experiments.

    An experiment without one (its workers died, the job's time was over) has the job's error. Raises
    `JobExpiredError` where the result is gone.
    """
    with _readable("result", record.id):
        parts = dict(blobs.read_parts(store, record.id, record.total))
        if len(parts) < record.done:
            raise ResultMissingError(f"{record.done - len(parts)} of {record.done} parts are gone")
        part = merge(wire.decode_part(data) for data in parts.values() if not isinstance(data, blobs.LapsePart))
        if record.state == "DONE":
            return part
        return part + _missing(
            payload(store, record), part, Failure(record.error_type or "", record.error_text or "")
        )


def finished(store: Store, record: Record) -> Part:
    """Return the outcomes that are there now, of a job in any state; there may be none.

    Raises `JobExpiredError` where they were there once.
    """
    with _readable("result", record.id):
        parts = dict(blobs.read_parts(store, record.id, record.total))
        if len(parts) < record.done:
            raise ResultMissingError(f"{record.done - len(parts)} of {record.done} parts are gone")
        return merge(wire.decode_part(data) for data in parts.values() if not isinstance(data, blobs.LapsePart))


def _missing(shards: list[Shard], part: Part, failure: Failure) -> Part:
    """Return the failed outcomes of the experiments that a part does not have."""
    present = {outcome.index for outcome in part.outcomes}
    return Part(
        tuple(
            Outcome(
                index=experiment.index,
                seed=experiment.seed,
                shots=shard.options.shots,
                outline=msgspec.structs.replace(experiment.program, instructions=()),
                failure=failure,
            )
            for shard in shards
            for experiment in shard.experiments
            if experiment.index not in present
        )
    )


@contextmanager
def _readable(what: str, job_id: str) -> Iterator[None]:
    """Turn what is gone, and what cannot be read, into the user's errors."""
    try:
        yield
    except (PayloadMissingError, ResultMissingError) as error:
        raise JobExpiredError(
            f"The {what} of job {job_id} cannot be had any more: the job was cancelled, or its end is longer ago "
            f"than BASICAER_RESULT_TTL ({error})."
        ) from error
    except (WireError, ValueError) as error:
        raise JobError(f"The {what} of job {job_id} cannot be read: {error}") from error
