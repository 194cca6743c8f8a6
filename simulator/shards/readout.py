"""What is read of many clbits: each memory once, as a row of bytes, and how many shots have it.

Hex keys of a thousand clbits would be twice as long, and are made where they are looked at. Bit i % 8 of byte
i // 8 of a row is clbit i; bytes that are 0 in all memories may be missing at the end of the rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.monitor import Checkpoint, no_checkpoint
from simulator.piecewise import slices
from simulator.typing import Indices

Rows = NDArray[np.uint8]

_WORD_BYTES = 8
#: Keys that are written, and rows that are looked up, between two checkpoints.
_KEYS = 1 << 12


@dataclass(frozen=True, slots=True, eq=False)
class PackedReadout:
    """The memories that shots have."""

    #: Each memory once, ascending as numbers, shape (memories, bytes).
    memories: Rows
    #: How many shots have each, shape (memories,).
    counts: NDArray[np.integer]
    #: The index of each shot's memory; None: it was not asked for.
    of_shots: NDArray[np.integer] | None = None

    @classmethod
    def of_rows(cls, parts: Sequence[Rows], checkpoint: Checkpoint, *, remembered: bool) -> PackedReadout:
        """Return the readout of shots, whose memories are in one or more parts, shape (shots, bytes) each."""
        rows, counts = _added_up([(part, np.ones(len(part), np.int64)) for part in parts], checkpoint)
        return cls(rows, counts, _indices(parts, rows, checkpoint) if remembered else None)

    @classmethod
    def of_keys(
        cls, counts: Mapping[str, int], memory: Sequence[str] | None, checkpoint: Checkpoint
    ) -> PackedReadout:
        """Return the readout of hex keys, which ascend."""
        width = -(-max((len(key) - len("0x") for key in counts), default=0) // 2)
        keys, packed = list(counts), list[bytes]()
        for some in slices(len(keys), checkpoint, _KEYS):
            packed += [int(key, 16).to_bytes(width, "little") for key in keys[some]]
        of_shots = None
        if memory is not None:
            order: dict[str, int] = {}
            for some in slices(len(keys), checkpoint, _KEYS):
                order.update(zip(keys[some], range(some.start, some.stop), strict=True))
            of_shots = np.empty(len(memory), np.int64)
            for some in slices(len(memory), checkpoint, _KEYS):
                of_shots[some] = [order[key] for key in memory[some]]
        rows = np.frombuffer(b"".join(packed), np.uint8).reshape(len(keys), width)
        return cls(rows, np.array(list(counts.values()), np.int64), of_shots)

    def key_counts(self, checkpoint: Checkpoint = no_checkpoint) -> dict[str, int]:
        """Return hex key -> shots, ascending by the memories as numbers."""
        found: dict[str, int] = {}
        for some in slices(len(self.memories), checkpoint, _KEYS):
            found.update(zip(hex_keys(self.memories[some]), self.counts[some].tolist(), strict=True))
        return found

    def keys_of_shots(self, checkpoint: Checkpoint = no_checkpoint) -> list[str] | None:
        """Return the hex key of each shot's memory."""
        if self.of_shots is None:
            return None
        keys = np.empty(len(self.memories), object)
        for some in slices(keys.size, checkpoint, _KEYS):
            keys[some] = hex_keys(self.memories[some])
        found: list[str] = []
        for some in slices(self.of_shots.size, checkpoint):
            found += keys[self.of_shots[some]].tolist()
        return found

    @property
    def keyed(self) -> tuple[dict[str, int], list[str] | None]:
        """Counts and memory by hex keys."""
        return self.key_counts(), self.keys_of_shots()

    def rows_of_shots(self, width: int) -> Rows | None:
        """Return each shot's memory, shape (shots, width)."""
        return None if self.of_shots is None else _widened(self.memories, width)[self.of_shots]


def joined(several: Sequence[PackedReadout], checkpoint: Checkpoint = no_checkpoint) -> PackedReadout:
    """Return the readout of all shots, in order."""
    width = max(each.memories.shape[1] for each in several)
    parts = [_widened(each.memories, width) for each in several]
    weighted = [(part, each.counts.astype(np.int64)) for part, each in zip(parts, several, strict=True)]
    rows, counts = _added_up(weighted, checkpoint)
    of_shots = [each.of_shots for each in several if each.of_shots is not None]
    if not of_shots:
        return PackedReadout(rows, counts)
    new = [_indices([part], rows, checkpoint) for part in parts]
    shots = np.concatenate([index[own] for index, own in zip(new, of_shots, strict=True)])
    return PackedReadout(rows, counts, shots)


def hex_keys(rows: Rows) -> list[str]:
    """Return the hex key of each memory."""
    count, width = rows.shape
    if not width:
        return ["0x0"] * count
    text = np.ascontiguousarray(rows[:, ::-1]).tobytes().hex()
    digits = 2 * width
    return ["0x" + (text[start : start + digits].lstrip("0") or "0") for start in range(0, len(text), digits)]


def _indices(parts: Iterable[Rows], rows: Rows, checkpoint: Checkpoint) -> Indices:
    """Return at which of the rows each row of some parts is."""
    index_of: dict[bytes, int] = {}
    for some in slices(len(rows), checkpoint, _KEYS):
        index_of.update(zip(_apart(rows[some]), range(some.start, some.stop), strict=True))
    found = [
        np.array([index_of[row] for row in _apart(part[some])], np.intp)
        for part in parts
        for some in slices(len(part), checkpoint, _KEYS)
    ]
    return np.concatenate(found) if found else np.empty(0, np.intp)


def _apart(rows: Rows) -> list[bytes]:
    """Return the bytes of each row."""
    data, (count, width) = rows.tobytes(), rows.shape
    return [data[width * index : width * (index + 1)] for index in range(count)]


def _widened(rows: Rows, width: int) -> Rows:
    if rows.shape[1] == width:
        return rows
    wide = np.zeros((len(rows), width), np.uint8)
    wide[:, : rows.shape[1]] = rows
    return wide


def _added_up(
    parts: Sequence[tuple[Rows, NDArray[np.int64]]], checkpoint: Checkpoint
) -> tuple[Rows, NDArray[np.int64]]:
    """Return each memory once, ascending as numbers, and the sum of its weights."""
    found = [_sorted_once(rows, weights, checkpoint) for rows, weights in parts]
    # Two and two, so that each memory is sorted few times and no sort takes long.
    while len(found) > 1:
        checkpoint()
        pairs = zip(found[::2], [*found[1::2], None][: -(-len(found) // 2)], strict=True)
        found = [
            one
            if other is None
            else _sorted_once(np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]]), checkpoint)
            for one, other in pairs
        ]
    return found[0]


def _sorted_once(rows: Rows, weights: NDArray[np.int64], checkpoint: Checkpoint) -> tuple[Rows, NDArray[np.int64]]:
    checkpoint()
    width = rows.shape[1]
    words = -(-width // _WORD_BYTES)
    if not words:
        return rows[:1], weights.sum(keepdims=True)
    columns = _widened(rows, words * _WORD_BYTES).view("<u8")
    # The last key is the first to be sorted by.
    order = np.argsort(columns[:, 0], kind="stable") if words == 1 else _order_of_wide(columns, checkpoint)
    ascending = columns[order]
    starts = np.flatnonzero(np.concatenate([[True], (ascending[1:] != ascending[:-1]).any(axis=1)]))
    return rows[order[starts]], np.add.reduceat(weights[order], starts)


def _order_of_wide(columns: NDArray[np.uint64], checkpoint: Checkpoint) -> Indices:
    """Return the order of memories of several words, the most significant last; equal ones stay as they are."""
    checkpoint()
    # Numbers are sorted several times as fast as bytes, and most memories already differ in their last word.
    order: Indices = np.argsort(columns[:, -1], kind="stable")
    leading = columns[order, -1]
    same = leading[1:] == leading[:-1]
    if same.any():
        checkpoint()
        places = np.flatnonzero(np.concatenate([same, [False]]) | np.concatenate([[False], same]))
        tied = order[places]
        bytes_first = columns[tied, ::-1].astype(">u8", order="C").view(f"V{8 * columns.shape[1]}")
        order[places] = tied[np.argsort(bytes_first[:, 0], kind="stable")]
    return order
