"""What the record keeps of a job for its user."""

from __future__ import annotations

import msgspec
import pytest

from jobs.errors import BasicAerError
from jobs.manifest import EstimatorNote, EstimatorPubNote, Manifest, SamplerNote, SamplerPubNote
from jobs.simulators import BACKENDS
from jobs.submit.options import resolve

_CHANGED = {
    "shots": 7,
    "memory": True,
    "allow_sample_measuring": False,
    "chop_threshold": 0.0,
    "precision": "single",
    "job_timeout": 3.0,
    "expires": 9.5,
    "seed_simulator": 3,
}


def manifest(backend, given):
    """Return the manifest of a job with these options, as `backend.run` makes it."""
    options = resolve(backend.OUTPUT, backend.NAME, given)
    tags = options.pop("job_tags")
    for name in ("parameter_binds", "initial_statevector", "initial_unitary"):
        options.pop(name, None)
    return Manifest(backend.NAME, "0.1.0", 1, options, tags=tags)


@pytest.mark.rule(16)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("changed", [None, *_CHANGED])
def test_options_come_back_as_they_were_resolved(backend, changed):
    """What is left out of the JSON comes back, whichever options were given."""
    known = {changed: _CHANGED[changed]} if changed in backend._default_options() else {}
    stored = manifest(backend, known)
    assert Manifest.decode(stored.encode()) == stored


def test_a_description_is_short():
    """A job with usual options says only what is its own: its backend, version, seed and tags."""
    assert len(manifest(BACKENDS[0], {"job_tags": ["vqe"]}).encode()) < 180


def test_an_option_of_another_version_is_kept():
    """A manifest with options that this version does not know, or lacks, reads as it was written."""
    strange = Manifest("qasm_simulator", "9", 1, {"shots": 5, "unheard_of": None})
    assert Manifest.decode(strange.encode()) == strange
    assert Manifest.decode(b'{"backend":"q","backend_version":"0","num_circuits":1,"options":{}}').options == {}


def test_garbage_is_refused():
    """What is no manifest is an error that names a version mismatch as the likely cause."""
    with pytest.raises(BasicAerError, match="was it submitted by another version"):
        Manifest.decode(b"\x80garbage")


@pytest.mark.rule(39)
def test_pubs_are_on_record():
    """What makes a PrimitiveResult comes back, and a client that knows no primitives finds no manifest there."""
    pubs = (EstimatorPubNote(0.5, 3, None, (2, 1), (3,), (0, 1, 0), None), EstimatorPubNote(0.0))
    stored = msgspec.structs.replace(manifest(BACKENDS[0], {"shots": 3}), primitive=EstimatorNote(pubs))
    assert Manifest.decode(stored.encode()) == stored
    sampled = msgspec.structs.replace(stored, primitive=SamplerNote((SamplerPubNote(7, (2,)), SamplerPubNote(9))))
    assert Manifest.decode(sampled.encode()) == sampled
    shots = Manifest.decode(sampled.encode()).shots_by_index()
    assert [shots(0), shots(1), shots(2), stored.shots_by_index()(1)] == [7, 7, 9, 3]
    assert (stored.listed_as, sampled.listed_as) == ("estimator", "sampler")

    class Older(msgspec.Struct):
        backend: str

    with pytest.raises(msgspec.ValidationError, match="missing required field `backend`"):
        msgspec.json.decode(stored.encode(), type=Older)
