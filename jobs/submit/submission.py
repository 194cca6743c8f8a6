"""Circuits and options -> a job that is ready to be sent -> SUBMIT. All is checked before anything is submitted.

A stream: circuits are lowered, cut into shards and, where they are many, uploaded one after another.
"""

from __future__ import annotations

import contextlib
import uuid
from dataclasses import dataclass
from typing import Any

from jobs.connection import Session
from jobs.errors import BasicAerError
from jobs.submit.identity import Digest
from jobs.submit.items import Intake, Limits
from jobs.submit.manifest import Manifest
from jobs.submit.options import resolve
from simulator.circuit.array import Array
from simulator.cutting import cut
from simulator.shards import wire
from simulator.shards.shards import Method, Options
from worker.errors import STORE_FAULTS, DuplicateJobError, QuotaExceededError
from worker.queue.publish import carry_out
from worker.record.blobs import Upload
from worker.record.store import Store
from worker.record.values import NewJob
from worker.settings import Settings

#: Bytes from which on a stream's budget is looked at before SUBMIT does.
_LARGE = 16 << 20

#: The option that holds each method's initial state.
INITIAL_STATE = {
    "qasm": "initial_statevector",
    "statevector": "initial_statevector",
    "unitary": "initial_unitary",
}


@dataclass(frozen=True)
class Submission:
    """A job that is ready to be submitted."""

    job: NewJob
    upload: Upload
    #: The circuits' metadata as objects; what is not JSON stays with this client.
    metadata: tuple[Any, ...]

    def submit(self, session: Session) -> None:
        """SUBMIT the job, and publish its first tasks.

        Raises `BasicAerError` where the owner's quota does not hold it, or the id is another job's.
        """
        try:
            effects = self.upload.submit(session.store, self.job)
        except (QuotaExceededError, DuplicateJobError) as error:
            raise BasicAerError(str(error)) from error
        # The job is recorded: a publish that fails is made good by a worker's tick.
        with contextlib.suppress(*STORE_FAULTS):
            carry_out(session.app, effects)


@dataclass(frozen=True)
class Purpose:
    """What a job is prepared for."""

    method: Method
    backend: str
    version: str
    limits: Limits
    settings: Settings


def prepare(
    run_input: Any, given: dict[str, Any], purpose: Purpose, *, job_id: str | None, store: Store | None
) -> Submission:
    """Check, lower, and cut; raises `BasicAerError` naming the circuit, the value and the limit.

    ``job_id`` is the id that the user chose, if any. ``store`` takes what is too much to hold; None: all is held.
    """
    method = purpose.method
    options = resolve(method, purpose.backend, given, job_id=job_id)
    binds = options.pop("parameter_binds")
    initial = options.pop(INITIAL_STATE[method])
    run = Options(
        method=method,
        shots=options["shots"],
        memory=options.get("memory", False),
        chop_threshold=options["chop_threshold"],
        sample_measuring=options.get("allow_sample_measuring", True),
        initial_state=None if initial is None else Array.of(initial),
        precision=options["precision"],
    )
    intake = Intake(run, options.get("seed_simulator", 0), purpose.backend, purpose.limits)
    items = intake.items(run_input, binds)
    digest = Digest(run)
    # An id of our own is submitted once, so there is nothing to compare.
    named = items if job_id is None else digest.noting(items)
    upload, budget = Upload(store), _Budget(store, purpose.settings.owner)
    try:
        for shard in cut(run, named, options["max_shards"]):
            upload.add(wire.encode(shard))
            budget.check(upload.num_bytes + intake.result_bytes)
    except BaseException:
        upload.drop()
        raise
    tags = options.pop("job_tags")
    manifest = Manifest(
        backend=purpose.backend,
        backend_version=purpose.version,
        num_circuits=intake.count,
        options=options,
        arrays=() if initial is None else (INITIAL_STATE[method],),
        tags=tags,
    )
    settings = purpose.settings
    job = NewJob(
        id=job_id or str(uuid.uuid4()),
        owner=settings.owner,
        total=upload.total,
        digest=uuid.uuid4().hex if job_id is None else digest.hexdigest(),
        manifest=manifest.encode(),
        payload_bytes=upload.num_bytes,
        result_bytes=intake.result_bytes,
        expires=options["expires"] or settings.expires,
        job_timeout=options["job_timeout"] or settings.job_timeout,
        priority=options["priority"],
        backend=purpose.backend,
        tags=tags,
    )
    return Submission(job, upload, tuple(intake.metadata))


class _Budget:
    """Refuses a stream as soon as it is more than its owner may have, whatever else there is.

    The store is asked once, and only for what is large: SUBMIT refuses what is not.
    """

    def __init__(self, store: Store | None, owner: str) -> None:
        self._store = store
        self._owner = owner
        self._limits: tuple[int, int] | None = None

    def check(self, asked: int) -> None:
        """Raise `BasicAerError` if so many bytes are too many."""
        if self._store is None or asked < _LARGE:
            return
        if self._limits is None:
            self._limits = self._store.budget(self._owner)
        used, limit = self._limits
        if 0 < limit < asked:
            error = QuotaExceededError(self._owner, asked=asked, used=used, limit=limit)
            raise BasicAerError(str(error)) from error
