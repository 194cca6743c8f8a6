"""How one blob lies in a hash: whole in its field, or as a header there and chunks beside it.

A field that begins with NUL is not a blob itself. It is a header, NUL and "#" and the number of chunks, or it
stands for a part that no worker lived to make, NUL and "!" and the reason. A blob that begins with NUL goes in
chunks, so the three are never mixed up.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from simulator.errors import WireError
from simulator.shards.wire import MAX_BYTES

#: Bytes of one chunk, and so of one command to Redis.
CHUNK_BYTES = 8 << 20
#: Chunks of the largest message.
MAX_CHUNKS = -(-MAX_BYTES // CHUNK_BYTES)

_HEADER = b"\0#"
_LAPSE = b"\0!"
_NUL = 0


def header(data: bytes | bytearray | memoryview, most: int) -> bytes:
    """Return what goes in the blob's field: itself if it has ``most`` bytes or fewer, else its header."""
    if len(data) <= most and not (len(data) and data[0] == _NUL):
        return bytes(data)
    return b"%s%d" % (_HEADER, -(-len(data) // CHUNK_BYTES))


def count(field: bytes) -> int:
    """Return how many chunks lie beside a field; 0: it is whole. `WireError`: no blob has such a header."""
    if not field.startswith(_HEADER):
        return 0
    digits = field[len(_HEADER) :]
    if not re.fullmatch(rb"[1-9][0-9]{0,9}", digits) or int(digits) > MAX_CHUNKS:
        raise WireError(f"a header of {digits[:20]!r} chunks; there may be 1 to {MAX_CHUNKS}")
    return int(digits)


def cut(data: bytes | bytearray | memoryview) -> Iterator[memoryview]:
    """Yield the chunks of a blob, without a copy."""
    view = memoryview(data)
    for start in range(0, len(view), CHUNK_BYTES):
        yield view[start : start + CHUNK_BYTES]


def lapse_text(field: bytes) -> str | None:
    """Return the reason in the field of a part that no worker lived to make; None for any other field."""
    return field[len(_LAPSE) :].decode() if field.startswith(_LAPSE) else None
