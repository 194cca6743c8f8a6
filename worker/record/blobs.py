"""Payloads and parts: large values in chunks, with bounded memory beside the value itself.

A payload is uploaded before SUBMIT and lives 1 h until then. A part of more than 1 MB is PUT in chunks, which
COMPLETE reveals; until then nobody reads them.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from simulator.errors import WireError
from simulator.shards.wire import MAX_BYTES
from simulator.sizes import size
from worker.errors import PayloadMissingError, ResultMissingError
from worker.record import chunks, keys
from worker.record.store import Store
from worker.record.values import Effects, NewJob, ShardId

#: Seconds that a payload lives without a SUBMIT.
UPLOAD_LIFE = 3600
#: Parts up to this many bytes travel with COMPLETE.
WHOLE_PART_BYTES = 1 << 20
#: Parts that are asked for at once: with parts of the size above, as many MB.
_PARTS_AT_ONCE = 32
#: Fields, and bytes, that are written at once. More bytes would be copied into fresh memory, which is slow.
_FIELDS_AT_ONCE, BYTES_AT_ONCE = 1000, 1 << 20
#: Shards that travel with SUBMIT at most.
_FIELDS_ALONG = 100


@dataclass(frozen=True)
class LapsePart:
    """Stands for the part of a shard that no worker lived to complete."""

    text: str


class Upload:
    """The shards of a job on their way to the store, in order; a stream of any length takes bounded memory.

    What is small travels with SUBMIT. What is not goes ahead, under a name of its own: another client may upload
    to the same job id at the same time. Without a store all stay here.
    """

    def __init__(self, store: Store | None = None) -> None:
        self._store = store
        #: What its shards are called in the store until SUBMIT.
        self.name = uuid.uuid4().hex
        self._unsent_bytes = 0
        self._sent_ahead = False
        #: Shards that are here still.
        self.shards: list[bytes | bytearray] = []
        #: So far: shards, and their bytes.
        self.total = self.num_bytes = 0

    def add(self, shard: bytes | bytearray) -> None:
        """Add the next shard."""
        self.shards.append(shard)
        self._unsent_bytes += len(shard)
        self.total += 1
        self.num_bytes += len(shard)
        if self._store is not None and self._unsent_bytes > BYTES_AT_ONCE:
            self.send_ahead(self._store)
            self._sent_ahead, self.shards, self._unsent_bytes = True, [], 0

    def submit(self, store: Store, job: NewJob) -> Effects:
        """SUBMIT the job with these shards, whose number and bytes it has; once more, if it was refused."""
        if not self._sent_ahead and self.total <= _FIELDS_ALONG and self.num_bytes <= WHOLE_PART_BYTES:
            return store.submit(job, dict(_fields(self.shards, 0)))
        self.send_ahead(store)
        return store.submit(job, upload=self.name)

    def drop(self) -> None:
        """Remove what went ahead."""
        if self._sent_ahead and self._store is not None:
            self._store.client.unlink(keys.key("upload", self.name))

    def send_ahead(self, store: Store) -> None:
        """Upload the shards that are here; they live for 1 h without a SUBMIT."""
        key = keys.key("upload", self.name)
        for batch in _batches(_fields(self.shards, self.total - len(self.shards))):
            # At once, so that an upload that breaks off still has its time to live.
            pipeline = store.client.pipeline(transaction=True)
            pipeline.hset(key, mapping=batch)
            pipeline.expire(key, UPLOAD_LIFE)
            pipeline.execute()


def read_shard(store: Store, shard_id: ShardId, field: bytes | None = None) -> bytes | bytearray:
    """Return one shard of a submitted payload, whose field CLAIM may have brought.

    `PayloadMissingError` if it is not there.
    """
    key = keys.key("payload", shard_id.job_id)
    if field is None:
        field = store.client.hget(key, str(shard_id.shard))
    blob = None if field is None else _join(store, key, shard_id.shard, field)
    if blob is None:
        raise PayloadMissingError(
            f"the payload of {shard_id} is gone: the job was cancelled or deleted, or has expired"
        )
    return blob


def header(data: bytes | bytearray | memoryview) -> bytes:
    """Return what COMPLETE takes for a part: the part itself, or the header of what `put_part` wrote."""
    return chunks.header(data, WHOLE_PART_BYTES)


def put_part(store: Store, shard_id: ShardId, token: str, data: bytes | bytearray | memoryview) -> bool:
    """PUT a large part in chunks, each of which renews the lease; a small one needs none.

    False: the shard is no longer the token's, or not wanted; COMPLETE would write nothing.
    """
    if not chunks.count(header(data)):
        return True
    return all(store.put(shard_id, token, index, chunk) for index, chunk in enumerate(chunks.cut(data)))


def read_parts(
    store: Store, job_id: str, total: int | None = None
) -> Iterator[tuple[int, bytes | bytearray | LapsePart]]:
    """Yield the parts that are there, as (shard, part), in order; a large part is read chunk by chunk.

    ``total`` is how many shards the job has; None: the record is asked.

    `ResultMissingError`: the result expired, or was deleted, in the midst of it.
    """
    key = keys.key("parts", job_id)
    if total is None:
        total = int(store.client.hget(keys.key("job", job_id), "total") or 0)
    for start in range(0, total, _PARTS_AT_ONCE):
        numbers = range(start, min(start + _PARTS_AT_ONCE, total))
        for number, field in zip(numbers, store.client.hmget(key, list(map(str, numbers))), strict=True):
            if field is None:
                continue
            reason = chunks.lapse_text(field)
            part = LapsePart(reason) if reason is not None else _join(store, key, number, field)
            if part is None:
                raise ResultMissingError(
                    f"part {number} of job {job_id} went while it was read: the result expired or was deleted"
                )
            yield number, part


def _join(store: Store, key: str, number: int, field: bytes) -> bytes | bytearray | None:
    """Return the blob whose field was read; None if a chunk is gone."""
    names = [f"{number}.{k}" for k in range(chunks.count(field))]
    if not names:
        return field
    pipeline = store.client.pipeline(transaction=False)
    for name in names:
        pipeline.hstrlen(key, name)
    length = sum(pipeline.execute())
    if length > MAX_BYTES:
        raise WireError(
            f"chunks of {size(length, up=True)} are more than the {size(MAX_BYTES)} that a message may have"
        )
    # One buffer of the final size: no second copy of a large state.
    blob = bytearray(length)
    end = 0
    for name in names:
        chunk = store.client.hget(key, name)
        if chunk is None:
            return None
        start, end = end, end + len(chunk)
        blob[start:end] = chunk
    return blob


def _fields(shards: Iterable[bytes | bytearray], first: int) -> Iterator[tuple[str, bytes | memoryview]]:
    """Yield the hash fields of shards that are numbered from ``first`` on, chunks before their header."""
    for number, shard in enumerate(shards, start=first):
        field = chunks.header(shard, chunks.CHUNK_BYTES)
        if chunks.count(field):
            yield from ((f"{number}.{k}", chunk) for k, chunk in enumerate(chunks.cut(shard)))
        yield str(number), field


def _batches(fields: Iterable[tuple[str, bytes | memoryview]]) -> Iterator[dict[str, bytes | memoryview]]:
    """Group fields so that one batch has bytes for one write, or one field."""
    batch: dict[str, bytes | memoryview] = {}
    weight = 0
    for name, value in fields:
        batch[name] = value
        weight += len(value)
        if weight >= BYTES_AT_ONCE or len(batch) == _FIELDS_AT_ONCE:
            yield batch
            batch, weight = {}, 0
    if batch:
        yield batch
