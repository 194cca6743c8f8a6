"""`BasicAerSampler`: a Qiskit sampler whose jobs are recorded, and sampled on workers."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from qiskit.primitives import BaseSamplerV2, DataBin
from qiskit.primitives.containers import SamplerPubLike
from qiskit.primitives.containers.sampler_pub import SamplerPub

from jobs.errors import BasicAerError
from jobs.lowering import metadata_of
from jobs.manifest import SamplerNote, SamplerPubNote
from jobs.primitives.job import BasicAerPrimitiveJob
from jobs.primitives.target import OnBackend, checked_options, checked_shots, seed_for
from jobs.submit.parameters import ParameterGrid


class BasicAerSampler(OnBackend, BaseSamplerV2):
    """Samples circuits, dynamic ones included; shapes, registers and metadata are those of `StatevectorSampler`.

    Args:
        target: a `BasicAerProvider`, or its backend ``qasm_simulator``, whose run options go before the defaults.
        default_shots: of a PUB that has no shots of its own, in a run that has none.
        seed: what all counts follow from, the same in each run; a generator gives each run another; None: random.
        options: run options for all jobs: ``job_tags``, ``priority``, ``precision`` and others of `backend.run`.

    Point i of a job's PUBs, counted through all of them, has the counts and memory of circuit i of `backend.run`,
    under ``seed_simulator=job.options()["seed_simulator"]``.
    """

    def __init__(
        self,
        target: Any,
        *,
        default_shots: int = 1024,
        seed: np.random.Generator | int | None = None,
        options: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(target, seed, options)
        self._default_shots = checked_shots(default_shots)

    @property
    def default_shots(self) -> int:
        """The shots of a PUB without its own, in a run without shots."""
        return self._default_shots

    def run(
        self,
        pubs: Iterable[SamplerPubLike],
        *,
        shots: int | None = None,
        job_id: str | None = None,
        **options: Any,
    ) -> BasicAerPrimitiveJob:
        """Submit PUBs and return at once.

        Args:
            pubs: circuits, or tuples (circuit, parameter values, shots).
            shots: of PUBs that have none of their own.
            job_id: an id of one's own, as of `backend.run`.
            options: run options for this job, which go before those of the sampler.

        Raises:
            ValueError, TypeError: what is no PUB.
            BasicAerError: a circuit or option that cannot be run; nothing was submitted.
            UnreachableError: Redis did not answer within BASICAER_CONNECT_TIMEOUT, or refuses.
        """
        default = self._default_shots if shots is None else shots
        coerced = [SamplerPub.coerce(pub, default) for pub in pubs]
        for pub in coerced:
            _check_registers(pub)
        if any(not pub.circuit.cregs for pub in coerced):
            warnings.warn(
                "One of your circuits has no output classical registers and so the result "
                "will be empty. Did you mean to add measurement instructions?",
                UserWarning,
                stacklevel=2,
            )
        given = self._options | checked_options(options)
        given["memory"] = True
        given["shots"] = _most_frequent(coerced, default)
        if self._seed is not None:
            given["seed_simulator"] = seed_for("counts", self._seed, job_id)
        note = SamplerNote(tuple(map(_note, coerced)))
        submission = self._backend.submit_pubs(_grids(coerced), note, given, job_id)
        job: BasicAerPrimitiveJob = BasicAerPrimitiveJob.of_submission(self._backend, submission, submitted=True)
        return job


def _grids(pubs: Iterable[SamplerPub]) -> Iterator[ParameterGrid]:
    for pub in pubs:
        if pub.size:
            values = pub.parameter_values.as_array(pub.circuit.parameters)
            yield ParameterGrid.of(pub.circuit, values.reshape(pub.size, values.shape[-1]), shots=int(pub.shots))


def _note(pub: SamplerPub) -> SamplerPubNote:
    registers = () if pub.size else tuple((each.name, each.size) for each in pub.circuit.cregs)
    return SamplerPubNote(int(pub.shots), pub.shape, registers, metadata_of(pub.circuit.metadata))


def _most_frequent(pubs: Sequence[SamplerPub], default: int) -> int:
    """Return the shots that most points have: of these, points of one circuit are sampled together."""
    points: dict[int, int] = {}
    for pub in pubs:
        points[int(pub.shots)] = points.get(int(pub.shots), 0) + pub.size
    return max(points, key=points.__getitem__, default=default)


def _check_registers(pub: SamplerPub) -> None:
    """Refuse names of registers that a `DataBin` has for itself: the result could not be made."""
    try:
        DataBin(**dict.fromkeys([register.name for register in pub.circuit.cregs]))
    except (TypeError, ValueError) as error:
        raise BasicAerError(
            f'the result of circuit "{pub.circuit.name}" cannot have its registers\' names: {error}; rename them'
        ) from error
