"""What the record keeps of a job for its user: backend, options, tags. Opaque to the store."""

from __future__ import annotations

from typing import Any

import msgspec

from jobs.errors import BasicAerError


class Manifest(msgspec.Struct, frozen=True):
    """The description of one job, as JSON in its record."""

    backend: str
    backend_version: str
    num_circuits: int
    #: The run options as `backend.run` resolved them; arrays stay in the payload, and say so here by name.
    options: dict[str, Any]
    arrays: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """Return it as JSON."""
        return msgspec.json.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> Manifest:
        """Read it back; an error names a version mismatch as the likely cause."""
        try:
            return msgspec.json.decode(data, type=cls)
        except msgspec.DecodeError as error:
            raise BasicAerError(
                f"the job's description cannot be read ({error}): was it submitted by another version?"
            ) from error
