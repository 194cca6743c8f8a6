"""A job by its id: what its record says, and what changes the record."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import msgspec
from qiskit.providers import JobError, JobStatus

from jobs.connection import Connection, Session
from jobs.connection.events import JobEvents
from jobs.errors import JobNotFoundError
from jobs.follow.logs import LogEntry, entries
from jobs.follow.status import CELERY_STATUS
from jobs.manifest import Manifest
from worker.errors import STORE_FAULTS
from worker.queue.results import apply_effects
from worker.record.values import FINAL_STATES, Record


@dataclass(frozen=True)
class RecordedJob:
    """A recorded job, by its id. Every call asks Redis, and raises `JobNotFoundError` if there is no such job."""

    connection: Connection
    id: str

    def read(self) -> Record:
        """Return the record."""
        with self.connection.reaching() as session:
            return self.read_in(session)

    def peek(self) -> Record | None:
        """Return the record if it is final, for the price of the state if it is not."""
        with self.connection.reaching() as session:
            state = session.store.state(self.id)
            return self.read_in(session) if state is None or state in FINAL_STATES else None

    def look(self) -> Record:
        """Return the record, after a revoke that only Celery knows of was carried to it."""
        with self.connection.reaching() as session:
            record = self.read_in(session)
            if record.final:
                return record
            # Not through an AsyncResult, which keeps the first final state that it saw.
            if CELERY_STATUS.get(session.app.backend.get_state(self.id)) is not JobStatus.CANCELLED:
                return record
            self._cancel(session)
            return self.read_in(session)

    def events(self) -> JobEvents:
        """Return what announces the job's changes."""
        with self.connection.reaching() as session:
            return session.events

    def cancel(self) -> bool:
        """Cancel the job: True if this call did it, False if the job was final already.

        Raises `JobError` where it is another owner's, unless it was revoked through Celery.
        """
        with self.connection.reaching() as session:
            if self._cancel(session):
                return True
            self.read_in(session)
            return False

    def delete(self) -> None:
        """Remove the job and all that it stored; `JobError` if it is not final, or another owner's."""
        with self.connection.reaching() as session:
            if not session.store.delete(self.id):
                record = self.read_in(session)
                if not record.final:
                    raise JobError(f"Job {self.id} is {record.state}: cancel it before you delete it.")
                # It has ended since, and what is final stays so; unless another deleted it, as this says.
                if not session.store.delete(self.id):
                    self.read_in(session)
            session.app.backend.forget(self.id)

    def replace_tags(self, tags: tuple[str, ...]) -> None:
        """Write other tags on the record; `JobError` on another owner's job."""
        with self.connection.reaching() as session:
            manifest = msgspec.structs.replace(Manifest.decode(self.read_in(session).manifest), tags=tags)
            if not session.store.annotate(self.id, manifest.encode(), tags):
                # It went since it was read, and this says so.
                self.read_in(session)

    def position(self) -> int | None:
        """Return how many jobs are served before this one; None: it is not queued."""
        with self.connection.reaching() as session:
            position = session.store.position(self.id)
            if position is None:
                self.read_in(session)
            return position

    def logs(self) -> list[LogEntry]:
        """Return what happened to the job, oldest first."""
        with self.connection.reaching() as session:
            return entries(self.read_in(session), session.store.log(self.id))

    def read_in(self, session: Session) -> Record:
        """Return the record, of a session that is open."""
        record = session.store.read(self.id)
        if record is None:
            raise JobNotFoundError(
                f"No job {self.id!r} {self.connection.where}: it never was there, or was deleted, "
                "or this is only the beginning of its id."
            )
        return record

    def _cancel(self, session: Session) -> bool:
        effects = session.store.cancel(self.id)
        if effects is None:
            return False
        # The record is final. This lets Celery and Flower agree, and may fail.
        with contextlib.suppress(*STORE_FAULTS):
            apply_effects(session.app, effects)
            session.app.control.revoke(self.id)
        return True
