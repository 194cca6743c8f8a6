"""Payloads in the store: submitted with their job, or as a client leaves them that has not come to SUBMIT."""

from __future__ import annotations

from collections.abc import Iterable

from worker.record import keys
from worker.record.blobs import Upload
from worker.record.store import Store
from worker.record.values import Effects, NewJob


def submit_with(store: Store, job: NewJob, shards: Iterable[bytes | bytearray]) -> Effects:
    """SUBMIT a job with all its shards."""
    return _upload(shards).submit(store, job)


def write_payload(store: Store, name: str, shards: Iterable[bytes | bytearray]) -> int:
    """Upload shards under a name, in place of what is there, and return their bytes."""
    store.client.unlink(keys.key("upload", name))
    upload = _upload(shards)
    upload.name = name
    upload.send_ahead(store)
    return upload.num_bytes


def _upload(shards: Iterable[bytes | bytearray]) -> Upload:
    upload = Upload()
    for shard in shards:
        upload.add(shard)
    return upload
