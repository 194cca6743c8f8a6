"""What the record keeps of a job for its user: backend, options, tags. Opaque to the store."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable
from itertools import accumulate
from typing import Any, TypeAlias

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
    "qasm_simulator": {
        **_USUAL_OF_SAMPLING,
        "shots": 1024,
        "statevector": False,
        "probabilities": False,
        "density_matrix": False,
        "noise_model": None,
        "method": "automatic",
        "max_bond": None,
        "cutoff": 1e-16,
    },
    "statevector_simulator": _USUAL_OF_SAMPLING | {"shots": 1},
    "unitary_simulator": _USUAL_OF_ALL | {"shots": 1},
}


#: What lists of jobs have in place of a backend's name where a primitive made the job.
PRIMITIVES = SAMPLER, ESTIMATOR = "sampler", "estimator"
#: How the JSON of a primitive's job begins.
_PRIMITIVE = b'{"primitive":'


class SamplerPubNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """A sampler's PUB: what it takes to make a `SamplerPubResult` of the outcomes of its experiments."""

    shots: int
    #: The shape of its parameters' values: one experiment for each.
    shape: tuple[int, ...] = ()
    #: The names and sizes of the circuit's registers, where there is no experiment to have them.
    registers: tuple[tuple[str, int], ...] = ()
    #: The circuit's, as JSON; None where JSON cannot hold it.
    metadata: str | None = "{}"


class EstimatorPubNote(msgspec.Struct, frozen=True, omit_defaults=True):
    """An estimator's PUB: what it takes to make a `PubResult` of the outcomes of its experiments."""

    #: The target precision, and the seed of the noise that is added for it.
    precision: float
    seed: int = 0
    #: Noise that was drawn in advance, in units of the precision: of a generator that the user gave.
    noise: tuple[float, ...] | None = None
    #: The shape of its parameters' values.
    shape: tuple[int, ...] = ()
    #: The shape of its observables, and for each which of the distinct ones it is; None: all are distinct.
    observables: tuple[int, ...] = ()
    distinct: tuple[int, ...] | None = None
    #: As a `SamplerPubNote` has it.
    metadata: str | None = "{}"


class SamplerNote(msgspec.Struct, frozen=True, tag=SAMPLER, tag_field="kind"):
    """The PUBs of a sampler's job."""

    pubs: tuple[SamplerPubNote, ...]


class EstimatorNote(msgspec.Struct, frozen=True, tag=ESTIMATOR, tag_field="kind"):
    """The PUBs of an estimator's job."""

    pubs: tuple[EstimatorPubNote, ...]


#: What makes a `PrimitiveResult` of the outcomes of a job's experiments.
PrimitiveNote: TypeAlias = SamplerNote | EstimatorNote


class _PrimitiveManifest(msgspec.Struct, frozen=True):
    """The JSON of a primitive's job: one that knows no primitives finds no manifest there, and says so."""

    primitive: PrimitiveNote
    job: msgspec.Raw


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
    #: Of a sampler's or an estimator's job. The JSON has it elsewhere.
    primitive: PrimitiveNote | None = None

    @property
    def listed_as(self) -> str:
        """What a list of jobs calls it: its backend's name, or that of a primitive."""
        if self.primitive is None:
            return self.backend
        return SAMPLER if isinstance(self.primitive, SamplerNote) else ESTIMATOR

    def shots_by_index(self) -> Callable[[int], int]:
        """Return what tells how many shots an experiment of the job has."""
        if not isinstance(self.primitive, SamplerNote):
            shots: int = self.options["shots"]
            return lambda _: shots
        pubs = self.primitive.pubs
        ends = list(accumulate(math.prod(pub.shape) for pub in pubs))
        return lambda index: pubs[bisect_right(ends, index)].shots

    def encode(self) -> bytes:
        """Return the manifest as JSON."""
        if self.primitive is not None:
            job = msgspec.structs.replace(self, primitive=None).encode()
            return msgspec.json.encode(_PrimitiveManifest(self.primitive, msgspec.Raw(job)))
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
            if data.startswith(_PRIMITIVE):
                whole = msgspec.json.decode(data, type=_PrimitiveManifest)
                return msgspec.structs.replace(cls.decode(bytes(whole.job)), primitive=whole.primitive)
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
