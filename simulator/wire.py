"""Bytes <-> Shard and Part: msgpack behind a magic word and a version number. Only data crosses.

Nothing is allocated beyond a small multiple of the bytes at hand: msgspec builds only the declared types, an
`Array` must be exactly as long as its shape says, and the total is bounded before decoding begins.
"""

from __future__ import annotations

from typing import TypeVar

import msgspec

from simulator.errors import WireError
from simulator.parts import Part
from simulator.shards import Shard
from simulator.sizes import size

WIRE_VERSION = 1
#: Bytes that one shard or part may have.
MAX_BYTES = 1 << 35
#: Characters of an error that are repeated, from its beginning and from its end.
_QUOTED = 200
_MAGIC = b"BAC"
_HEADER = _MAGIC + bytes([WIRE_VERSION])
_encoder = msgspec.msgpack.Encoder()
_shards = msgspec.msgpack.Decoder(Shard)
_parts = msgspec.msgpack.Decoder(Part)
T = TypeVar("T")


def encode(value: Shard | Part) -> bytearray:
    """Return the bytes of a Shard or a Part."""
    # Encoding behind the header in one buffer: no second copy of a large state.
    buffer = bytearray(_HEADER)
    _encoder.encode_into(value, buffer, len(_HEADER))
    return buffer


def decode_shard(data: bytes | bytearray | memoryview) -> Shard:
    """Return the Shard; `WireError` says why there is none."""
    return _decode(data, _shards)


def decode_part(data: bytes | bytearray | memoryview) -> Part:
    """Return the Part; `WireError` says why there is none."""
    return _decode(data, _parts)


def _decode(data: bytes | bytearray | memoryview, decoder: msgspec.msgpack.Decoder[T]) -> T:
    view = memoryview(data)
    if len(view) > MAX_BYTES:
        raise WireError(f"{size(len(view), up=True)} are more than the {size(MAX_BYTES)} that a message may have")
    if bytes(view[: len(_MAGIC)]) != _MAGIC or len(view) < len(_HEADER):
        raise WireError(f"not a BasicAer message: it begins with {bytes(view[:4])!r}")
    version = view[len(_MAGIC)]
    if version != WIRE_VERSION:
        raise WireError(
            f"wire version {version}; this side reads {WIRE_VERSION}: install the same basicaer-celery on both"
        )
    try:
        return decoder.decode(view[len(_HEADER) :])
    except (msgspec.DecodeError, RecursionError, ValueError, OverflowError) as error:
        # An error may quote the message at any length. It goes on a record: so a part of it, and no chain.
        raise WireError(f"malformed message: {_shortened(str(error))}") from None


def _shortened(text: str) -> str:
    """Return a text's beginning, which says what is wrong, and its end, which says where."""
    return text if len(text) <= 2 * _QUOTED else f"{text[:_QUOTED]} ... {text[-_QUOTED:]}"
