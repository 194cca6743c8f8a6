"""`BasicAerPrimitiveJob`: a job of a sampler or an estimator, with all that a `BasicAerJob` has."""

from __future__ import annotations

from typing import Any

from qiskit.primitives import BasePrimitiveJob, PrimitiveResult, PubResult
from qiskit.providers import JobStatus

from jobs.job import BasicAerJob
from jobs.primitives.results import assemble_pubs
from jobs.results import StoredResults


class BasicAerPrimitiveJob(BasicAerJob, BasePrimitiveJob[PrimitiveResult[PubResult], JobStatus]):
    """One run of a sampler or an estimator: its result is a `PrimitiveResult`, in whatever process it is read.

    A PUB is as many circuits of the job as it has rows of parameter values: `circuits` has each of them.
    """

    def result(
        self, timeout: float | None = None, *, partial: bool = False, progress: bool = False
    ) -> PrimitiveResult[PubResult]:
        """Wait for the end and return the result, as `BasicAerJob.result` does; it raises the same.

        With ``partial``, where some PUBs failed, it is that of the others; ``result.metadata["pubs"]`` has their
        indices.
        """
        found: Any = super().result(timeout, partial=partial, progress=progress)
        return found

    async def result_async(
        self, timeout: float | None = None, *, partial: bool = False
    ) -> PrimitiveResult[PubResult]:
        """Wait for the end as `result` does, without blocking the event loop; it raises the same."""
        found: Any = await super().result_async(timeout, partial=partial)
        return found

    def partial_result(self) -> PrimitiveResult[PubResult]:
        """Return the PUBs that have finished so far, at any time; ``metadata["pubs"]`` has their indices."""
        found: Any = super().partial_result()
        return found

    def _results(self) -> StoredResults:
        return StoredResults(self._connection, self._circuit_metadata, assemble_pubs)
