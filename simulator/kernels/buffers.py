"""One large buffer is kept for the next state: touching fresh memory for the first time can take as long as a run.

It is used again only if nothing else refers to it any more, so a state that was given away is never written to.
"""

from __future__ import annotations

import sys
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from simulator.monitor import Checkpoint, no_checkpoint

#: Below this, fresh memory costs little; above the other, too much would be kept from other programs.
_LEAST, _MOST = 1 << 20, 1 << 30
#: Numbers that are set to 0 between two checkpoints.
_PIECE = 1 << 20
#: Smaller blocks than this are taken from the heap, and at its end twice as much is kept when it is freed.
_FREED = 16 << 20
#: References to a buffer that only this module has: its own, and the argument of `sys.getrefcount`.
_OURS = 2


def keep_what_is_freed() -> None:
    """Let this process, and its forks, keep the memory of small blocks once it is freed.

    glibc gives the end of its heap back to the system at 128 KiB, or at twice the largest block that was freed so
    far; a sweep then spends a third of its time on touching the same pages again.
    """
    # Freed here, this is that largest block; nothing touches its pages.
    np.empty(_FREED, np.uint8)


class _Kept:
    def __init__(self) -> None:
        self.lock = Lock()
        self.buffer: NDArray[np.uint8] | None = None


_kept = _Kept()


def zeros(
    size: int,
    dtype: DTypeLike,
    room: DTypeLike | None = None,
    checkpoint: Checkpoint = no_checkpoint,
) -> NDArray[Any]:
    """Return ``size`` zeros, contiguous, in memory that nothing else uses; calls ``checkpoint`` now and then.

    It is as much memory as that many numbers of the type ``room`` take, where that is given.
    """
    count = size * np.dtype(room or dtype).itemsize
    if not _LEAST <= count <= _MOST:
        return np.zeros(count // np.dtype(dtype).itemsize, dtype)[:size]
    with _kept.lock:
        if _kept.buffer is None or _kept.buffer.size != count or sys.getrefcount(_kept.buffer) > _OURS:
            _kept.buffer = None
            _kept.buffer = np.zeros(count, np.uint8)
            return _kept.buffer.view(dtype)[:size]
        fresh = _kept.buffer.view(dtype)[:size]
    for start in range(0, size, _PIECE):
        checkpoint()
        fresh[start : start + _PIECE] = 0
    return fresh


def room_of(numbers: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Return as many numbers of another type, not set to anything, in the memory that begins with these.

    It is new memory if these have no room.
    """
    count = numbers.size * np.dtype(dtype).itemsize
    memory = numbers.base
    if isinstance(memory, np.ndarray) and memory.nbytes == count and memory.ctypes.data == numbers.ctypes.data:
        return memory.view(dtype)
    return np.empty(numbers.size, dtype)
