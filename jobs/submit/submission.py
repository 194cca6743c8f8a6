"""Circuits and options -> a job that is ready to be submitted. All is checked before anything is.

A stream: circuits are lowered, cut into shards and, where they are many, uploaded one after another.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from jobs.connection import Session
from jobs.errors import BasicAerError
from jobs.manifest import LONGEST_NAME, EstimatorNote, Manifest, PrimitiveNote
from jobs.noise import Attacher, written
from jobs.submit.builder import JobBuilder
from jobs.submit.checks import SubmitContext
from jobs.submit.identity import Digest
from jobs.submit.options import resolve
from simulator.circuit.array import Array
from simulator.options import Options, SavedAtEnd
from simulator.shards import wire
from simulator.split import split
from worker.errors import STORE_FAULTS, DuplicateJobError, QuotaExceededError
from worker.queue.results import apply_effects
from worker.record.blobs import Upload
from worker.record.store import Store
from worker.record.values import NewJob

#: Bytes from which on a stream's budget is looked at before SUBMIT does.
_LARGE = 16 << 20

#: Option -> what it has saved of each circuit.
_SAVES: Mapping[str, SavedAtEnd] = MappingProxyType(
    {"statevector": "statevector", "density_matrix": "density_matrix", "probabilities": "probability_distribution"}
)
#: The option that holds the initial state, of each output.
INITIAL_STATE = {
    "counts": "initial_statevector",
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
        """SUBMIT the job, which puts its first tasks into the queue.

        Raises `BasicAerError` where the owner's quota does not hold it, or the id is another job's.
        """
        try:
            effects = self.upload.submit(session.store, self.job)
        except (QuotaExceededError, DuplicateJobError) as error:
            raise BasicAerError(str(error)) from error
        # Damage that SUBMIT met may have ended other jobs. A worker's tick tells Celery, too.
        with contextlib.suppress(*STORE_FAULTS):
            apply_effects(session.app, effects)


def prepare(
    run_input: Any,
    given: Mapping[str, Any],
    context: SubmitContext,
    *,
    job_id: str | None,
    store: Store | None,
    primitive: PrimitiveNote | None = None,
) -> Submission:
    """Check options and circuits, lower and cut them; an error names the circuit, the value and the limit.

    ``job_id`` is the id that the user chose, if any. ``store`` takes what is too much to hold; None: all is held.
    ``primitive``: the circuits are a sampler's or an estimator's, as `ParameterGrid`s.
    """
    output, settings = context.output, context.settings
    options = resolve(output, context.backend, given, job_id=job_id)
    binds, tags = options.pop("parameter_binds"), options.pop("job_tags")
    noise = options.pop("noise_model", None)
    initial, observables = options.pop(INITIAL_STATE[output]), options.pop("observables", None) or ()
    run = Options(
        output=output,
        shots=options["shots"],
        memory=options.get("memory", False),
        chop_threshold=options["chop_threshold"],
        sample_measuring=options.get("allow_sample_measuring", True),
        initial_state=None if initial is None else Array.of(initial),
        precision=options["precision"],
        saves=tuple([what for option, what in _SAVES.items() if options.get(option)]),
        expectations=bool(observables) or isinstance(primitive, EstimatorNote),
        counts=not isinstance(primitive, EstimatorNote),
        method=options.get("method", "automatic"),
        max_bond=options.get("max_bond"),
        cutoff=options.get("cutoff", 1e-16),
    )
    builder = JobBuilder(
        run, options.get("seed_simulator", 0), context, observables, None if noise is None else Attacher(noise)
    )
    items = builder.items_of(run_input) if primitive else builder.items(run_input, binds)
    upload, budget = Upload(store), _Budget(store, settings.owner)
    # An id of our own is submitted once, so there is nothing to compare.
    digest = None if job_id is None else Digest(run, primitive)
    if digest is not None:
        items = digest.hashing(items)
    try:
        for shard in split(run, items, options["max_shards"]):
            upload.add(wire.encode(shard))
            if (asked := upload.num_bytes + builder.result_bytes) >= _LARGE:
                budget.check(asked)
    except BaseException:
        upload.drop()
        raise
    in_payload = {INITIAL_STATE[output]: initial is not None, "observables": bool(observables)}
    manifest = Manifest(
        backend=context.backend,
        backend_version=context.version,
        num_circuits=builder.count,
        options=options if noise is None else options | {"noise_model": written(noise)},
        name=builder.name[:LONGEST_NAME],
        num_qubits=builder.num_qubits,
        arrays=tuple([name for name, given in in_payload.items() if given]),
        tags=tags,
        primitive=primitive,
    )
    job = NewJob(
        id=job_id or str(uuid.uuid4()),
        owner=settings.owner,
        total=upload.total,
        digest=uuid.uuid4().hex if digest is None else digest.hexdigest(),
        manifest=manifest.encode(),
        payload_bytes=upload.num_bytes,
        result_bytes=builder.result_bytes,
        expires=options["expires"] or settings.expires,
        job_timeout=options["job_timeout"] or settings.job_timeout,
        priority=options["priority"],
        backend=manifest.listed_as,
        tags=tags,
        num_qubits=builder.num_qubits,
    )
    return Submission(job, upload, tuple(builder.metadata))


class _Budget:
    """Refuses a stream as soon as it is more than its owner may have, whatever else there is.

    The store is asked once. It is for what is large: SUBMIT refuses what is not.
    """

    def __init__(self, store: Store | None, owner: str) -> None:
        self._store = store
        self._owner = owner
        self._limits: tuple[int, int] | None = None

    def check(self, asked: int) -> None:
        """Raise `BasicAerError` if the owner may not have so many bytes."""
        if self._store is None:
            return
        if self._limits is None:
            self._limits = self._store.budget(self._owner)
        used, limit = self._limits
        if 0 < limit < asked:
            error = QuotaExceededError(self._owner, asked=asked, used=used, limit=limit)
            raise BasicAerError(str(error)) from error
