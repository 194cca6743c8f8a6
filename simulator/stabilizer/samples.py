"""From words of shots to the memory of each shot."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.stabilizer.layering.rows import Words

#: Exchanges that transpose 8 x 8 bits in a word: Warren, Hacker's Delight, 7-3.
_EXCHANGES = ((7, 0x00AA00AA00AA00AA), (14, 0x0000CCCC0000CCCC), (28, 0x00000000F0F0F0F0))


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
