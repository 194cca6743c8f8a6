"""What the record keeps of a job for its user: backend, options, tags. Opaque to the store."""

from __future__ import annotations

from typing import Any

import msgspec

#: Characters of a circuit's name that are kept.
LONGEST_NAME = 64

# Backend -> options as most jobs have them, which are left out of the JSON: a queued job of one small circuit
# takes a tenth less memory. Stored manifests are read by these tables, so what is in them does not change:
# whatever the defaults of `jobs.submit.options` become, other values are written out.
_USUAL_OF_ALL: dict[str, Any] = {
    "chop_threshold": 1e-15,
    "precision": "double",
    "job_timeout": None,
    "expires": None,
    "priority": 0,
    "max_shards": None,
}
_USUAL_OF_SAMPLING: dict[str, Any] = _USUAL_OF_ALL | {"memory": False, "allow_sample_measuring": True}
_USUAL: dict[str, dict[str, Any]] = {
    "qasm_simulator": _USUAL_OF_SAMPLING | {"shots": 1024, "statevector": False, "probabilities": False},
    "statevector_simulator": _USUAL_OF_SAMPLING | {"shots": 1},
    "unitary_simulator": _USUAL_OF_ALL | {"shots": 1},
}


class Manifest(msgspec.Struct, frozen=True, omit_defaults=True):
    """The description of one job, as JSON in its record."""

    backend: str
    backend_version: str
    num_circuits: int
    #: The run options as `backend.run` resolved them; arrays stay in the payload, and say so here by name.
    options: dict[str, Any]
    #: The first circuit's name, its beginning where it is long, and the qubits of the widest; "" and 0: not said.
    name: str = ""
    num_qubits: int = 0
    arrays: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    #: In the JSON only: whether the usual options are left out of it.
    usual: bool = False

    def encode(self) -> bytes:
        """Return the manifest as JSON."""
        usual = _USUAL.get(self.backend, {})
        if not usual.keys() <= self.options.keys():
            return msgspec.json.encode(self)
        options = {
            name: value for name, value in self.options.items() if name not in usual or value != usual[name]
        }
        return msgspec.json.encode(msgspec.structs.replace(self, options=options, usual=True))

    @classmethod
    def decode(cls, data: bytes) -> Manifest:
        """Read a manifest from JSON; an error names a version mismatch as the likely cause."""
        try:
            manifest = msgspec.json.decode(data, type=cls)
        except msgspec.DecodeError as error:
            # Flower and the metrics read manifests without Qiskit, which errors are made of.
            from jobs.errors import BasicAerError

            raise BasicAerError(
                f"the job's description cannot be read ({error}): was it submitted by another version?"
            ) from error
        if not manifest.usual:
            return manifest
        options = _USUAL.get(manifest.backend, {}) | manifest.options
        return msgspec.structs.replace(manifest, options=options, usual=False)
