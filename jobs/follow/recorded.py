"""A job by its id: what its record says, in the ways in which a handle asks."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from qiskit.providers import JobStatus

from jobs.errors import JobNotFoundError
from jobs.follow.status import CELERY_STATUS
from worker.errors import STORE_FAULTS
from worker.queue.publish import apply_effects
from worker.record.values import FINAL_STATES, Record

if TYPE_CHECKING:
    from jobs.provider import BasicAerProvider


@dataclass(frozen=True)
class RecordedJob:
    """Nothing is kept here: every call asks Redis. Each raises `JobNotFoundError` if there is no such job."""

    provider: BasicAerProvider
    id: str

    def read(self) -> Record:
        """Return the record."""
        with self.provider.reaching() as connection:
            record = connection.store.read(self.id)
        if record is None:
            raise JobNotFoundError(
                f"No job {self.id!r} at {self.provider.address}: it never was there, or was deleted."
            )
        return record

    def peek(self) -> Record | None:
        """Return the record if it is final, for the price of the state if it is not."""
        with self.provider.reaching() as connection:
            state = connection.store.state(self.id)
        return self.read() if state is None or state in FINAL_STATES else None

    def look(self) -> Record:
        """Return the record, after a revoke that only Celery knows of was carried to it."""
        record = self.read()
        if not record.final and self._revoked_outside():
            self.cancel()
            record = self.read()
        return record

    def cancel(self) -> bool:
        """Cancel the job: True if this call did it, False if the job was final already.

        Raises `JobError` where it is another owner's, unless it was revoked through Celery.
        """
        with self.provider.reaching() as connection:
            effects = connection.store.cancel(self.id)
            if effects is None:
                self.read()
                return False
            # The record is final. This lets Celery and Flower agree, and may fail.
            with contextlib.suppress(*STORE_FAULTS):
                apply_effects(connection.app, effects)
                connection.app.control.revoke(self.id)
        return True

    def _revoked_outside(self) -> bool:
        """Whether Celery knows of a revoke that no worker has carried to the record."""
        with self.provider.reaching() as connection:
            # Not through an AsyncResult, which keeps the first final state that it saw.
            state = connection.app.backend.get_state(self.id)
        return CELERY_STATUS.get(state) is JobStatus.CANCELLED
