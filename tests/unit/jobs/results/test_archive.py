"""Whole jobs in files: what a file must be, whatever its bytes are; no Redis."""

from __future__ import annotations

import hashlib
import json
import random
import zipfile

import pytest
from support.circuits import bell
from support.in_process import context_of

from jobs.errors import BasicAerError
from jobs.results.archive import opened
from jobs.submit import prepare
from simulator import run_shard
from simulator.shards import wire

pytestmark = pytest.mark.rule(36)


@pytest.fixture(scope="module")
def members():
    """What the archive of a job holds, by name."""
    submission = prepare(bell(), {"seed_simulator": 1}, context_of(), job_id=None, store=None)
    (shard,) = submission.upload.shards
    part = wire.encode(run_shard(wire.decode_shard(shard)))
    index = {
        "format": "basicaer-job",
        "version": 1,
        "id": "mine",
        "state": "DONE",
        "manifest": submission.job.manifest.decode(),
        "error": None,
        "shards": [hashlib.sha256(shard).hexdigest()],
        "parts": [hashlib.sha256(part).hexdigest()],
    }
    return {"shards/0": bytes(shard), "parts/0": bytes(part), "job.json": json.dumps(index).encode()}


def written(path, members, compression=zipfile.ZIP_DEFLATED):
    """Write an archive, and return its bytes."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path.read_bytes()


def refusal(path):
    """The error of a file that cannot be read, which is one line and names it; None: it can be read."""
    try:
        with opened(path):
            return None
    except BasicAerError as error:
        said = str(error)
        assert said.startswith(str(path)) and "\n" not in said, said
        return said.removeprefix(str(path))


@pytest.mark.parametrize(
    "compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
)
def test_damaged_bytes_are_one_clear_error(tmp_path, members, compression):
    """Cut off anywhere, or with bytes changed, whatever compressed them: the file is refused, or is still good."""
    path = tmp_path / "mine.job"
    data = written(path, members, compression)
    assert refusal(path) is None
    chance = random.Random(compression)
    for length in chance.sample(range(len(data)), 60):
        path.write_bytes(data[:length])
        assert refusal(path).endswith("`basicaer export ID FILE.job` writes them")
    for _ in range(400):
        changed = bytearray(data)
        for place in chance.sample(range(len(data)), chance.choice([1, 1, 2, 5])):
            changed[place] = chance.randrange(256)
        path.write_bytes(changed)
        assert (said := refusal(path)) is None or said.endswith("`basicaer export ID FILE.job` writes them")


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"job.json": None}, "(There is no item named 'job.json' in the archive): `basicaer export"),
        ({"parts/0": None}, "(There is no item named 'parts/0' in the archive): `basicaer export"),
        ({"parts/0": b""}, "(parts/0 is not what was written): `basicaer export"),
        ({"job.json": b"{}"}, "(Object missing required field `format`"),
    ],
)
def test_an_archive_that_is_none_of_ours(tmp_path, members, change, text):
    """What it lacks is said as it is, without quotes around it."""
    path = tmp_path / "mine.job"
    written(path, {name: data for name, data in (members | change).items() if data is not None})
    said = refusal(path)
    assert said.startswith(" is no job that this version can read ") and text in said


def test_a_file_that_is_no_archive(tmp_path):
    """Nor one that is not there, or a folder."""
    path = tmp_path / "mine.job"
    assert refusal(path) == ": No such file or directory"
    path.write_bytes(b"PK")
    assert "(File is not a zip file): `basicaer export ID FILE.job` writes them" in refusal(path)
    assert refusal(tmp_path) == ": Is a directory"
