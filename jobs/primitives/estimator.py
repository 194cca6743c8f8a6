"""`BasicAerEstimator`: a Qiskit estimator whose jobs are recorded, and whose values workers compute exactly."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from qiskit.primitives import BaseEstimatorV2
from qiskit.primitives.containers import EstimatorPubLike
from qiskit.primitives.containers.estimator_pub import EstimatorPub

from jobs.lowering import metadata_of, pauli_sum
from jobs.manifest import EstimatorNote, EstimatorPubNote
from jobs.primitives.broadcasting import broadcast
from jobs.primitives.job import BasicAerPrimitiveJob
from jobs.primitives.target import OnBackend, checked_options, checked_precision, seed_for
from jobs.submit.options import DEFAULTS, MAX_SHOTS
from jobs.submit.parameters import ParameterGrid
from simulator.circuit.pauli_sum import PauliSum


class BasicAerEstimator(OnBackend, BaseEstimatorV2):
    """Estimates expectation values; shapes, values and metadata are those of `StatevectorEstimator`.

    Args:
        target: a `BasicAerProvider`, or its backend ``qasm_simulator``, whose run options go before the defaults.
        default_precision: of a PUB that has no precision of its own, in a run that has none. 0: exact; above,
            normal noise of this deviation is added by the client to exact values, and means are over 1/precision^2
            shots at least, of the finest precision in a job: so the standard error of a string is below it.
        seed: of the noise, the same for each PUB, as `StatevectorEstimator` has it; a generator goes on from PUB
            to PUB; None: random. Also of circuits that measure on their way.
        options: run options for all jobs: ``job_tags``, ``priority``, ``precision`` ("double" or "single") and
            others of `backend.run`; ``shots``, which goes before what a precision needs, is over how many shots a
            circuit that measures or resets on its way, or has noise and is wide, is averaged. ``stds`` of such a
            mean is its standard error; of others 0.

    A circuit is evolved once for each row of parameter values, and all observables are taken of that state, before
    the circuit's final measurements. Observables may have projectors (0, 1, +, -, r, l).
    """

    def __init__(
        self,
        target: Any,
        *,
        default_precision: float = 0.0,
        seed: np.random.Generator | int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(target, seed, options, _MORE)
        self._default_precision = checked_precision("default_precision", default_precision)

    @property
    def default_precision(self) -> float:
        """The precision of a PUB without its own, in a run without precision."""
        return self._default_precision

    def run(
        self,
        pubs: Iterable[EstimatorPubLike],
        *,
        precision: float | None = None,
        job_id: str | None = None,
        **options: Any,
    ) -> BasicAerPrimitiveJob:
        """Submit PUBs and return at once.

        Args:
            pubs: tuples (circuit, observables, parameter values, precision), of which the last two may be missing.
            precision: of PUBs that have none of their own.
            job_id: an id of one's own, as of `backend.run`.
            options: run options for this job, which go before those of the estimator.

        Raises:
            ValueError, TypeError: what is no PUB.
            BasicAerError: a circuit, an observable or an option that cannot be run; nothing was submitted.
            UnreachableError: Redis did not answer within BASICAER_CONNECT_TIMEOUT, or refuses.
        """
        default = self._default_precision if precision is None else precision
        coerced = [EstimatorPub.coerce(pub, default) for pub in pubs]
        for index, pub in enumerate(coerced):
            checked_precision(f"precision of PUB {index}", pub.precision)
        given = self._options | checked_options(options, _MORE)
        if isinstance(self._seed, (int, np.integer)):
            given["seed_simulator"] = int(self._seed)
        if given.get("shots") is None:
            given["shots"] = self._shots_of_means([float(pub.precision) for pub in coerced])
        asked = [_asked(pub, self._seed, f"noise of PUB {index}", job_id) for index, pub in enumerate(coerced)]
        grids = (grid for pub, each in zip(coerced, asked, strict=True) for grid in _grids(pub, *each))
        note = EstimatorNote(tuple(note for note, _ in asked))
        submission = self._backend.submit_pubs(grids, note, given, job_id)
        job: BasicAerPrimitiveJob = BasicAerPrimitiveJob.of_submission(self._backend, submission, submitted=True)
        return job

    def _shots_of_means(self, precisions: Sequence[float]) -> int:
        """Return over how many shots a mean is that is as precise as any PUB asks; 0 asks for exact values."""
        usual = self._backend.options.shots
        finest = min(filter(None, precisions), default=math.inf)
        needed = MAX_SHOTS if finest < MAX_SHOTS**-0.5 else math.ceil(finest**-2 * (1 - 1e-12))
        return max(DEFAULTS["counts"]["shots"] if usual is None else usual, needed)


#: Options that an estimator's PUBs have no word for.
_MORE = frozenset({"shots"})


def _asked(
    pub: EstimatorPub, seed: np.random.Generator | int | None, what: str, job_id: str | None
) -> tuple[EstimatorPubNote, list[PauliSum]]:
    """Return what goes on record of a PUB, and its distinct observables."""
    numbers: dict[PauliSum, int] = {}
    flat = pub.observables.sparse_observables_array().reshape(-1)
    distinct = tuple([numbers.setdefault(pauli_sum(each), len(numbers)) for each in flat])
    noise = None
    if pub.precision and isinstance(seed, np.random.Generator):
        noise = tuple(seed.standard_normal(math.prod(pub.shape)).tolist())
    note = EstimatorPubNote(
        precision=float(pub.precision),
        seed=0 if noise is not None or not pub.precision else seed_for(what, seed, job_id),
        noise=noise,
        shape=pub.parameter_values.shape,
        observables=pub.observables.shape,
        distinct=None if len(numbers) == len(distinct) else distinct,
        metadata=metadata_of(pub.circuit.metadata),
    )
    return note, list(numbers)


def _grids(pub: EstimatorPub, note: EstimatorPubNote, sums: list[PauliSum]) -> Iterator[ParameterGrid]:
    """Yield the points of a PUB that need the same observables, in the order of `broadcast`."""
    values = pub.parameter_values.as_array(pub.circuit.parameters)
    values = values.reshape(math.prod(note.shape), values.shape[-1])
    for group in broadcast(note).groups:
        observables = tuple([sums[number] for number in group.observables.tolist()])
        yield ParameterGrid.of(pub.circuit, values[group.points], observables=observables)
