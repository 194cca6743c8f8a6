"""From words of shots to the memory of each shot, and to how many shots have which."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simulator.monitor import Checkpoint
from simulator.piecewise import slices
from simulator.stabilizer.layering.rows import Words
from simulator.typing import Indices

#: Exchanges that transpose 8 x 8 bits in a word: Warren, Hacker's Delight, 7-3.
_EXCHANGES = ((7, 0x00AA00AA00AA00AA), (14, 0x0000CCCC0000CCCC), (28, 0x00000000F0F0F0F0))
_WORD_BYTES = 8
#: Keys that are written between two checkpoints.
_KEYS = 1 << 12


def memories(clbits: Words) -> NDArray[np.uint8]:
    """Return the memory of each shot, shape (shots, bytes): bit i % 8 of byte i // 8 is clbit i."""
    count = -(-len(clbits) // 8)
    padded = np.zeros((count * 8, clbits.shape[1] * 8), np.uint8)
    padded[: len(clbits)] = clbits.view(np.uint8).reshape(len(clbits), clbits.shape[1] * 8)
    squares = np.ascontiguousarray(padded.reshape(count, 8, -1).transpose(2, 0, 1)).view(np.uint64)[..., 0]
    for shift, mask in _EXCHANGES:
        distance = np.uint64(shift)
        exchanged = (squares ^ (squares >> distance)) & np.uint64(mask)
        squares = squares ^ exchanged ^ (exchanged << distance)
    columns = squares.view(np.uint8).reshape(squares.shape[0], count, 8).transpose(0, 2, 1)
    return np.ascontiguousarray(columns).reshape(-1, count)


def counts_of(parts: Sequence[NDArray[np.uint8]], checkpoint: Checkpoint) -> dict[str, int]:
    """Return hex key -> shots, ascending by the memories as numbers, of shots that are in one or more parts."""
    found = [_counted(part, np.ones(len(part), np.int64), checkpoint) for part in parts]
    # Two and two, so that each memory is sorted few times and no sort takes long.
    while len(found) > 1:
        checkpoint()
        pairs = zip(found[::2], [*found[1::2], None][: -(-len(found) // 2)], strict=True)
        found = [one if other is None else _added(one, other, checkpoint) for one, other in pairs]
    rows, counts = found[0]
    keys: dict[str, int] = {}
    for some in slices(len(rows), checkpoint, _KEYS):
        keys.update(zip(hex_keys(rows[some]), counts[some].tolist(), strict=True))
    return keys


def _added(
    one: tuple[NDArray[np.uint8], NDArray[np.int64]],
    other: tuple[NDArray[np.uint8], NDArray[np.int64]],
    checkpoint: Checkpoint,
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    return _counted(np.concatenate([one[0], other[0]]), np.concatenate([one[1], other[1]]), checkpoint)


def _counted(
    rows: NDArray[np.uint8], weights: NDArray[np.int64], checkpoint: Checkpoint
) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Return each memory once, ascending as numbers, shape (memories, bytes), and the sum of its weights."""
    checkpoint()
    count, width = rows.shape
    words = -(-width // _WORD_BYTES)
    padded = np.zeros((count, words * _WORD_BYTES), np.uint8)
    padded[:, :width] = rows
    columns = padded.view("<u8")
    # The last key is the first to be sorted by.
    order = np.argsort(columns[:, 0], kind="stable") if words == 1 else _sorted_wide(columns, checkpoint)
    ascending = columns[order]
    starts = np.flatnonzero(np.concatenate([[True], (ascending[1:] != ascending[:-1]).any(axis=1)]))
    return rows[order[starts]], np.add.reduceat(weights[order], starts)


def _sorted_wide(columns: NDArray[np.uint64], checkpoint: Checkpoint) -> Indices:
    """Return the order of memories of several words, the most significant last."""
    checkpoint()
    bytes_first = np.ascontiguousarray(columns[:, ::-1].astype(">u8")).view(f"V{8 * columns.shape[1]}")[:, 0]
    return np.argsort(bytes_first, kind="stable")


def hex_keys(rows: NDArray[np.uint8]) -> list[str]:
    """Return the hex key of each memory."""
    count, width = rows.shape
    if not width:
        return ["0x0"] * count
    text = np.ascontiguousarray(rows[:, ::-1]).tobytes().hex()
    digits = 2 * width
    return ["0x" + (text[start : start + digits].lstrip("0") or "0") for start in range(0, len(text), digits)]
