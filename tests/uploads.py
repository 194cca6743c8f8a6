"""A payload in the store, as a client leaves it that has not come to SUBMIT."""

from __future__ import annotations

from collections.abc import Iterable

from worker import keys
from worker.blobs import Upload
from worker.store import Store


def write_payload(store: Store, name: str, shards: Iterable[bytes | bytearray]) -> int:
    """Upload shards under a name, in place of what is there, and return their bytes."""
    store.client.unlink(keys.upload(name))
    upload = Upload(store, name)
    for shard in shards:
        upload.add(shard)
    upload.send_ahead(store)
    return upload.num_bytes
