"""Read back what a job stored: its shards, and the outcomes of its experiments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import groupby

from qiskit.providers import JobError

from jobs.errors import JobExpiredError
from simulator.errors import WireError
from simulator.shards import wire
from simulator.shards.part import Part, joined, merge
from simulator.shards.result import Failure, Item, Outcome, SweepOutcome
from simulator.shards.shard import Experiment, Shard
from worker.errors import PayloadMissingError, ResultMissingError
from worker.record import blobs
from worker.record.store import Store
from worker.record.values import Record, ShardId


def payload(store: Store, record: Record) -> Iterator[Shard]:
    """Yield the shards of a job; raises `JobExpiredError` where they are gone."""
    with _readable("circuits", record.id):
        for shard in range(record.total):
            yield wire.decode_shard(blobs.read_shard(store, ShardId(record.id, shard)))


def experiments(shards: Iterable[Shard]) -> Iterator[Experiment]:
    """Yield each experiment of a job once, though several shards may have shots of it."""
    for shard in shards:
        for experiment in shard.experiments():
            if not experiment.first:
                yield experiment


def outcomes(store: Store, record: Record, num_experiments: int, shots: Callable[[int], int]) -> list[Item]:
    """Return the outcomes of a final job, of each of its experiments, in order; ``shots`` tells how many each has.

    An experiment without one, or without all of its shots (its workers died, the job's time was over), has the
    job's error. Raises `JobExpiredError` where the result is gone.
    """
    with _readable("result", record.id):
        found = [outcome for outcome in _parts(store, record).outcomes if _is_whole(outcome, shots)]
        missing = num_experiments - sum(len(outcome.indices()) for outcome in found)
        if record.state == "DONE":
            if missing:
                raise ResultMissingError(f"the results of {missing} of {num_experiments} circuits are gone")
            return found
        if missing:
            found += _failed(store, record, {index for outcome in found for index in outcome.indices()}, shots)
        return sorted(found, key=lambda outcome: outcome.index)


def finished(store: Store, record: Record) -> list[Item]:
    """Return the outcomes that are there now, of a job in any state; there may be none.

    Of an experiment whose shots are in several shards, it is those shots that are there. Raises `JobExpiredError`
    where they were there once.
    """
    with _readable("result", record.id):
        found: list[Item] = []
        for _, several in groupby(_parts(store, record).outcomes, key=lambda outcome: outcome.index):
            some = list(several)
            shots = [outcome for outcome in some if isinstance(outcome, Outcome)]
            found.append(joined(shots) if shots else some[0])
        return found


def _parts(store: Store, record: Record) -> Part:
    parts = dict(blobs.read_parts(store, record.id, record.total))
    if len(parts) < record.done:
        raise ResultMissingError(f"{record.done - len(parts)} of {record.done} parts are gone")
    return merge(wire.decode_part(data) for data in parts.values() if not isinstance(data, blobs.LapsePart))


def _is_whole(outcome: Item, shots: Callable[[int], int]) -> bool:
    return isinstance(outcome, SweepOutcome) or outcome.shots == shots(outcome.index)


def _failed(store: Store, record: Record, present: set[int], shots: Callable[[int], int]) -> Iterator[Outcome]:
    """Yield failed outcomes of the experiments that are not present."""
    failure = Failure(record.error_type or "", record.error_text or "")
    for experiment in experiments(payload(store, record)):
        if experiment.index not in present:
            yield Outcome(
                index=experiment.index,
                seed=experiment.seed,
                shots=shots(experiment.index),
                outline=experiment.program.outline,
                failure=failure,
            )


@contextmanager
def _readable(what: str, job_id: str) -> Iterator[None]:
    """Raise the user's error for data that is gone or cannot be read in this block."""
    try:
        yield
    except (PayloadMissingError, ResultMissingError) as error:
        raise JobExpiredError(
            f"The {what} of job {job_id} cannot be had any more: the job was cancelled, or its end is longer ago "
            f"than BASICAER_RESULT_TTL ({error})."
        ) from error
    except (WireError, ValueError) as error:
        raise JobError(f"The {what} of job {job_id} cannot be read: {error}") from error
