"""A whole job in a file: circuits, options and result as the record has them, to be put into a Redis again.

A zip archive: ``job.json``, then the bytes of each shard and of its part, as ``shards/0`` and ``parts/0``. What
``job.json`` says of them is checked before anything is stored: their number, and the SHA-256 of each. Their bytes
are those of `simulator.shards.wire`, which bounds what it reads, and executes nothing.
"""

from __future__ import annotations

import hashlib
import lzma
import os
import uuid
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import msgspec
from qiskit.providers import JobError

from jobs.connection import Connection, Session
from jobs.errors import BasicAerError
from jobs.manifest import Manifest
from simulator.errors import WireError
from simulator.shards import wire
from simulator.sizes import size
from worker.errors import DuplicateJobError, StoreError
from worker.queue.results import apply_effects
from worker.record import blobs
from worker.record.blobs import LapsePart, Upload
from worker.record.keys import key, turn
from worker.record.store import Store
from worker.record.values import Effects, NewJob, Record, ShardId

SUFFIX = ".job"
_INDEX = "job.json"
#: Bytes that ``job.json`` may have: a manifest, and 64 digits for each shard and part.
_LONGEST_INDEX = 256 << 20
#: What reading a file that is no archive, or is damaged, may raise.
_UNREADABLE = (
    EOFError,
    KeyError,
    NotImplementedError,
    OSError,
    RuntimeError,
    ValueError,
    WireError,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)
#: Seconds that a job which is being put back may take; it is gone then if its client died.
_LONGEST_IMPORT = 3600


class Index(msgspec.Struct, frozen=True):
    """What ``job.json`` holds."""

    format: Literal["basicaer-job"]
    version: Literal[1]
    id: str
    state: Literal["DONE", "ERROR"]
    manifest: str
    #: The first error's type and text.
    error: tuple[str, str] | None
    #: SHA-256 of each shard, and of its part.
    shards: tuple[str, ...]
    parts: tuple[str, ...]


def save_job(path: Path, connection: Connection, record: Record) -> None:
    """Write a job that has run to its end to a file, all of it or nothing."""
    if record.state not in {"DONE", "ERROR"} or record.done < record.total:
        raise JobError(
            f"job {record.id} is {record.state}, {record.done} of {record.total} shards done: a whole job can be "
            "exported once all of it has run; what there is, to a file .json or .npz"
        )
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with connection.reaching() as session, zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
            shards = [
                _write(archive, f"shards/{number}", blobs.read_shard(session.store, ShardId(record.id, number)))
                for number in range(record.total)
            ]
            parts = [
                _write(archive, f"parts/{number}", _there(record, part))
                for number, part in blobs.read_parts(session.store, record.id, record.total)
            ]
            error = (record.error_type or "", record.error_text or "") if record.state == "ERROR" else None
            manifest = record.manifest.decode()
            state: Literal["DONE", "ERROR"] = "DONE" if record.state == "DONE" else "ERROR"
            index = Index("basicaer-job", 1, record.id, state, manifest, error, tuple(shards), tuple(parts))
            archive.writestr(_INDEX, msgspec.json.encode(index))
        unfinished.replace(path)
    except OSError as fault:
        raise BasicAerError(f"{path} cannot be written: {fault.strerror or fault}") from fault
    except StoreError as gone:
        raise JobError(str(gone)) from gone
    finally:
        unfinished.unlink(missing_ok=True)


def load_job(path: Path, connection: Connection, *, job_id: str | None = None) -> str:
    """Put an exported job into Redis, as a job of this owner that has ended; returns its id.

    ``job_id`` is another id than it had. Raises `BasicAerError` where the file is none, or is damaged, where the
    id is taken, or the owner's quota does not hold the job.
    """
    with opened(path) as (archive, index), connection.reaching() as session:
        new_id = index.id if job_id is None else job_id
        try:
            _put_back(archive, index, new_id, session)
        except DuplicateJobError as taken:
            state = session.store.state(new_id)
            there = f"job {new_id} is there already, {state}: import this one under another id"
            raise BasicAerError(f"{there if state else taken}, with --job-id ANOTHER") from taken
        except StoreError as refused:
            raise BasicAerError(str(refused)) from refused
        return new_id


@contextmanager
def opened(path: Path) -> Iterator[tuple[zipfile.ZipFile, Index]]:
    """Give an archive, all of which was read and is what its index says, to this block.

    What cannot be read, before or in the block, is a `BasicAerError` that names the file and says what is wrong.
    """
    try:
        file = path.open("rb")
    except OSError as fault:
        raise BasicAerError(f"{path}: {fault.strerror or fault}") from fault
    try:
        with file, zipfile.ZipFile(file) as archive:
            index = _index(archive)
            for names, digests in (("shards", index.shards), ("parts", index.parts)):
                for number, digest in enumerate(digests):
                    if hashlib.sha256(_read(archive, f"{names}/{number}")).hexdigest() != digest:
                        raise ValueError(f"{names}/{number} is not what was written")
            yield archive, index
    except _UNREADABLE as error:
        # The str() of a KeyError is the repr() of its message.
        said = str(error.args[0]) if isinstance(error, KeyError) else str(error)
        reason = " ".join(said.split()) or type(error).__name__
        raise BasicAerError(
            f"{path} is no job that this version can read ({reason:.200}): "
            "`basicaer export ID FILE.job` writes them"
        ) from error


def _put_back(archive: zipfile.ZipFile, index: Index, job_id: str, session: Session) -> None:
    """Submit the job in a queue that nobody serves, and complete its shards with the parts that they had."""
    settings = session.settings
    # What scripts put into it lies where uploads do: a client's user may write there.
    queue = key("upload", uuid.uuid4().hex)
    store = Store(
        session.client, queue=queue, lease=settings.lease, result_ttl=settings.result_ttl, owner=settings.owner
    )
    manifest, upload = Manifest.decode(index.manifest.encode()), Upload(store)
    try:
        for number in range(len(index.shards)):
            data = _read(archive, f"shards/{number}")
            wire.decode_shard(data)
            upload.add(data)
        upload.submit(store, _new_job(archive, index, job_id, manifest, upload, settings.owner))
    except BaseException:
        upload.drop()
        raise
    try:
        for number in range(upload.total):
            effects = _complete(store, ShardId(job_id, number), _read(archive, f"parts/{number}"), index)
            # What is handed out next, this loop claims.
            apply_effects(session.app, Effects(ended=effects.ended))
    except BaseException:
        store.cancel(job_id)
        store.delete(job_id)
        raise
    finally:
        session.client.unlink(turn(queue), queue)


def _new_job(
    archive: zipfile.ZipFile, index: Index, job_id: str, manifest: Manifest, upload: Upload, owner: str
) -> NewJob:
    return NewJob(
        id=job_id,
        owner=owner,
        total=upload.total,
        # No other job has it: an id that is there is refused, whatever it names.
        digest=uuid.uuid4().hex,
        manifest=index.manifest.encode(),
        payload_bytes=upload.num_bytes,
        result_bytes=sum(archive.getinfo(f"parts/{number}").file_size for number in range(upload.total)),
        expires=_LONGEST_IMPORT,
        job_timeout=_LONGEST_IMPORT,
        backend=manifest.listed_as,
        tags=manifest.tags,
    )


def _complete(store: Store, shard_id: ShardId, data: bytes, index: Index) -> Effects:
    """Complete a shard with the part that it had."""
    token = f"{uuid.uuid4().hex}/import"
    part = wire.decode_part(data)
    # A part without outcomes is one that was too large, or whose shard could not be read.
    bad = index.error is not None and (not part.outcomes or any(part.failures()))
    error = (*index.error, "") if bad and index.error else None
    if store.claim(shard_id, token).granted and blobs.put_part(store, shard_id, token, data):
        effects = store.complete(shard_id, token, blobs.header(data), bad=bad, error=error)
        if effects is not None:
            return effects
    raise BasicAerError(f"job {shard_id.job_id} was ended while it was put back: import it again")


def _there(record: Record, part: bytes | bytearray | LapsePart) -> bytes | bytearray:
    if isinstance(part, LapsePart):
        raise JobError(f"job {record.id} lost a run, {part.text}: export what there is, to a file .json or .npz")
    return part


def _write(archive: zipfile.ZipFile, name: str, data: bytes | bytearray) -> str:
    with archive.open(name, "w", force_zip64=True) as member:
        member.write(data)
    return hashlib.sha256(data).hexdigest()


def _read(archive: zipfile.ZipFile, name: str, most: int = wire.MAX_BYTES) -> bytes:
    """Return a member's bytes; ValueError if they are more than it may have."""
    with archive.open(name) as member:
        # What the archive says of its size may be a lie.
        data = member.read(most + 1)
    if len(data) > most:
        raise ValueError(f"{name} has more than {size(most)}")
    return data


def _index(archive: zipfile.ZipFile) -> Index:
    index = msgspec.json.decode(_read(archive, _INDEX, _LONGEST_INDEX), type=Index)
    if not index.shards or len(index.shards) != len(index.parts) or (index.state == "ERROR") != bool(index.error):
        raise ValueError(f"{_INDEX} tells of {len(index.shards)} shards and {len(index.parts)} parts")
    return index
