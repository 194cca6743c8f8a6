"""From the amplitudes of a state to those of a result: complex, with the global phase, small ones as 0."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.kernels import buffers
from simulator.kernels.threads import share, thread_count
from simulator.monitor import Checkpoint
from simulator.tuning import TUNING, Tuning


def to_complex(
    psi: NDArray[Any],
    dtype: type[np.complexfloating],
    factor: complex,
    threshold: float,
    checkpoint: Checkpoint,
    tuning: Tuning = TUNING,
) -> NDArray[np.complexfloating]:
    """Return ``psi`` times a factor as complex numbers, those of a smaller absolute value than ``threshold`` as 0.

    It takes the place of ``psi``, which is used up. Calls ``checkpoint`` for each piece.
    """
    goal: NDArray[np.complexfloating] = psi if psi.dtype == dtype else buffers.room_of(psi, dtype)
    size = min(psi.size, 1 << tuning.piece_bits)

    def work(starts: Iterator[int]) -> None:
        for start in starts:
            # A copy: real numbers may lie where their complex ones go.
            piece = psi[start : start + size] * factor
            piece[np.abs(piece) < threshold] = 0
            goal[start : start + size] = piece

    def looked(starts: Iterator[int]) -> Iterator[int]:
        for start in starts:
            checkpoint()
            yield start

    stop = psi.size
    while stop:
        # The upper half of twice as large numbers covers none of the lower half of what they come from.
        start = stop // 2 if goal.dtype != psi.dtype and stop > size else 0
        helpers = min(thread_count(), (stop - start) // size) - 1
        share(lambda starts: work(looked(starts)), work, range(start, stop, size), helpers, checkpoint)
        stop = start
    return goal
