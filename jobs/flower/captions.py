"""What a Celery task of ours is called, in words that its user knows: read from the record."""

from __future__ import annotations

import functools
import logging
from collections.abc import Mapping
from typing import Any, NamedTuple

from jobs.manifest import Manifest
from worker.errors import STORE_FAULTS, StoreError, redis_reply
from worker.queue.results import job_of
from worker.record.store import Store
from worker.record.values import Record

logger = logging.getLogger(__name__)

#: Jobs whose captions are remembered; what they are made of does not change.
_REMEMBERED = 10_000


class Caption(NamedTuple):
    """What a job, or one shard of it, is shown as."""

    #: As in ``qasm · ghz_20 · 20 qubits · 4,096 shots · ann · 3/16``.
    name: str
    #: What the same says piece by piece.
    arguments: Mapping[str, Any]

    @property
    def kwargs(self) -> str:
        """The pieces as Celery shows keyword arguments."""
        return repr(dict(self.arguments))


def caption_of(record: Record, shard: int | None = None) -> Caption:
    """Return the caption of a job, or of its shard with this index from 0."""
    manifest = Manifest.decode(record.manifest)
    method, more = manifest.backend.removesuffix("_simulator"), manifest.num_circuits - 1
    circuit = (manifest.name or "circuit") + (f" and {more:,} more" if more else "")
    parts = [method, circuit]
    arguments: dict[str, Any] = {"circuit": circuit}
    if manifest.num_qubits:
        parts.append(_counted(manifest.num_qubits, "qubit"))
        arguments["qubits"] = manifest.num_qubits
    if method == "qasm":
        shots = int(manifest.options.get("shots", 0))
        parts.append(_counted(shots, "shot"))
        arguments["shots"] = shots
    parts.append(record.owner)
    arguments["owner"] = record.owner
    if record.total > 1:
        parts.append(f"{record.total:,} shards" if shard is None else f"{shard + 1}/{record.total}")
        arguments["shard"] = f"all {record.total}" if shard is None else f"{shard + 1} of {record.total}"
    return Caption(" · ".join(parts), arguments)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


class Captions:
    """The captions of tasks by their Celery ids, which are ``<job id>`` or ``<job id>/<shard>``."""

    def __init__(self, store: Store) -> None:
        self._read = functools.lru_cache(_REMEMBERED)(functools.partial(_read, store))

    def of_task(self, task_id: str) -> Caption | None:
        """Return the caption; None where no job of that name is recorded, or Redis does not say."""
        job_id, shard = job_of(task_id), task_id.partition("/")[2]
        try:
            return caption_of(self._read(job_id), int(shard) if shard.isdecimal() else None)
        except (LookupError, StoreError):
            return None
        except STORE_FAULTS as fault:
            logger.warning("Redis does not say what %s is: %s", task_id, redis_reply(fault)[1])
        except Exception as error:  # noqa: BLE001 (a description of another version; Flower's thread must live)
            logger.info("%s has no name here: %s", task_id, error)
        return None


def _read(store: Store, job_id: str) -> Record:
    """Return the record; `LookupError`, which is not remembered, where there is none."""
    record = store.read(job_id)
    if record is None:
        raise LookupError(job_id)
    return record
