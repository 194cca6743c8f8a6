"""Bytes <-> Shard and Part: msgpack behind a magic word and a version number. Only data crosses.

Nothing is allocated beyond a small multiple of the bytes at hand: msgspec builds only the declared types, an
`Array` must be exactly as long as its shape says, and the total is bounded before decoding begins.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection
from itertools import islice
from typing import Any, TypeVar

import msgspec
import numpy as np

from simulator.circuit.array import Array
from simulator.errors import WireError
from simulator.monitor import Checkpoint
from simulator.piecewise import slices
from simulator.shards.part import Part
from simulator.shards.result import Item, PackedMemories
from simulator.shards.shard import Shard
from simulator.sizes import size

WIRE_VERSION = 1
#: Bytes that one shard or part may have.
MAX_BYTES = 1 << 35
#: Characters of an error that are repeated, from its beginning and from its end.
_QUOTED = 200
#: Values of an array or a map, and bytes, that are written between two checkpoints,
_PIECE, _BYTES = 1 << 14, 1 << 21
#: and how many msgpack says in four bits, in two bytes, and in four.
_SHORT, _MIDDLE, _MOST = 1 << 4, (1 << 16) - 1, 1 << 32
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


def encode_part(part: Part, checkpoint: Checkpoint) -> bytearray | memoryview:
    """Return the bytes of a Part, as `encode` does; calls ``checkpoint`` now and then where it is long."""
    if not any(map(_is_long, part.outcomes)):
        return encode(part)
    writer = _Writer(checkpoint)
    writer.part(part)
    return writer.joined()


class _Writer:
    """Writes what msgspec's encoder would, the long values of outcomes in pieces."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        #: Bytes, and views of a state's.
        self._pieces: deque[bytes | memoryview] = deque([_HEADER])
        self._checkpoint = checkpoint

    def part(self, part: Part) -> None:
        """Append a Part."""
        self._pieces.append(b"\x91")  # an array of one field
        self._begin(b"\xdd", len(part.outcomes), short=0x90)
        for outcome in part.outcomes:
            self._checkpoint()
            if not _is_long(outcome):
                self._append(outcome)
                continue
            fields = outcome.__struct_fields__
            self._begin(b"\xdf", 1 + len(fields), short=0x80)
            self._append(outcome.__struct_config__.tag_field)
            self._append(outcome.__struct_config__.tag)
            for field in fields:
                self._append(field)
                self._value(getattr(outcome, field))

    def joined(self) -> memoryview:
        """Return all bytes; what was appended is gone."""
        # New memory that is not set to anything: at once, that would take long.
        whole = np.empty(sum(map(len, self._pieces)), np.uint8).data
        end = 0
        while self._pieces:
            piece = self._pieces.popleft()
            start, end = end, end + len(piece)
            goal = whole[start:end]
            for some in slices(len(piece), self._checkpoint, _BYTES):
                goal[some] = piece[some]
        return whole

    def _value(self, value: Any) -> None:
        if not _is_long_value(value):
            self._append(value)
        elif isinstance(value, Array):
            self._pieces.append(b"\x93")  # an array of three fields
            self._append(value.dtype)
            self._append(value.shape)
            self._begin(b"\xc6", len(value.data))
            self._pieces.append(memoryview(value.data))
        elif isinstance(value, PackedMemories):
            self._pieces.append(b"\x93")
            for array in (value.memories, value.counts, value.of_shots):
                self._value(array)
        elif isinstance(value, dict):
            self._begin(b"\xdf", len(value), short=0x80)
            pairs, count = iter(value.items()), _together(value)
            while part := dict(islice(pairs, count)):
                self._checkpoint()
                self._inside(part)
        else:
            self._begin(b"\xdd", len(value), short=0x90)
            for some in slices(len(value), self._checkpoint, _together(value)):
                self._inside(value[some])

    def _append(self, value: Any) -> None:
        self._pieces.append(_encoder.encode(value))

    def _begin(self, kind: bytes, count: int, short: int | None = None) -> None:
        """Begin an array, a map or bytes, of so many."""
        if short is not None and count < _SHORT:
            self._pieces.append(bytes([short | count]))
        elif short is not None and count <= _MIDDLE:
            self._pieces.append(bytes([kind[0] - 1]) + count.to_bytes(2, "big"))
        else:
            self._pieces.append(kind + count.to_bytes(4, "big"))

    def _inside(self, values: Any) -> None:
        """Append what is in an array or a map, without its beginning."""
        self._pieces.append(_encoder.encode(values)[1 if len(values) < _SHORT else 3 :])


def _is_long(outcome: Item) -> bool:
    return any(_is_long_value(getattr(outcome, field)) for field in outcome.__struct_fields__)


def _is_long_value(value: Any) -> bool:
    if isinstance(value, Array):
        # What has more bytes than msgpack can say is msgspec's to refuse.
        return _BYTES < len(value.data) < _MOST
    if isinstance(value, PackedMemories):
        return any(map(_is_long_value, (value.memories, value.counts, value.of_shots)))
    return isinstance(value, (dict, list, tuple)) and _together(value) < len(value) < _MOST


def _together(values: Collection[Any]) -> int:
    """Return how many values are written between two checkpoints."""
    last = next(reversed(values), None)  # type: ignore[call-overload]
    return max(1, _BYTES // len(last)) if isinstance(last, str) and len(last) > _BYTES // _PIECE else _PIECE


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
