"""Memory for states: one large buffer is kept for the next, since touching new memory can take as long as a run.

The buffer is used again only if nothing else refers to it, so a state that was given away is never written to.
"""

from __future__ import annotations

import sys
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from simulator.monitor import Checkpoint, no_checkpoint

#: Fewest bytes of a buffer that is kept: less new memory costs little.
_LEAST = 1 << 20
#: Most bytes of a buffer that is kept: more would be too much to hold back from other programs.
_MOST = 1 << 30
#: Numbers that are set to 0 between two checkpoints.
_PIECE = 1 << 20
#: Bytes below which blocks are taken from the heap; twice as many are kept at its end when blocks are freed.
_FREED = 16 << 20
#: References to a buffer that is not in use: this module's, and the argument of `sys.getrefcount`.
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

    If ``room`` is given, the memory has room for that many numbers of this type.
    """
    count = size * np.dtype(room or dtype).itemsize
    if not _LEAST <= count <= _MOST:
        return np.zeros(count // np.dtype(dtype).itemsize, dtype)[:size]
    with _kept.lock:
        if _kept.buffer is None or _kept.buffer.size != count or sys.getrefcount(_kept.buffer) > _OURS:
            _kept.buffer = None
            _kept.buffer = np.zeros(count, np.uint8)
            return _kept.buffer.view(dtype)[:size]
        kept = _kept.buffer.view(dtype)[:size]
    for start in range(0, size, _PIECE):
        checkpoint()
        kept[start : start + _PIECE] = 0
    return kept


def room_of(numbers: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
    """Return as many uninitialised numbers of another type, in the same memory if it has room for them."""
    count = numbers.size * np.dtype(dtype).itemsize
    memory = numbers.base
    if isinstance(memory, np.ndarray) and memory.nbytes == count and memory.ctypes.data == numbers.ctypes.data:
        return memory.view(dtype)
    return np.empty(numbers.size, dtype)
