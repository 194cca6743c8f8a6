"""The amplitudes of a result, from those of a state: complex, with the global phase, and small ones as 0."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from simulator.kernels import buffers
from simulator.kernels.threads import share
from simulator.monitor import Checkpoint
from simulator.tuning import TUNING, Tuning
from simulator.typing import Amplitudes


def to_complex(
    psi: Amplitudes,
    dtype: type[np.complexfloating],
    factor: complex,
    threshold: float,
    checkpoint: Checkpoint,
    tuning: Tuning = TUNING,
) -> NDArray[np.complexfloating]:
    """Return ``psi`` times a factor as complex numbers, with 0 for absolute values below ``threshold``.

    The result takes the memory of ``psi``, whose amplitudes are lost. Calls ``checkpoint`` for each piece.
    """
    goal: NDArray[np.complexfloating] = psi if psi.dtype == dtype else buffers.room_of(psi, dtype)
    size = min(psi.size, 1 << tuning.piece_bits)

    def work(starts: Iterator[int], _: Checkpoint) -> None:
        for start in starts:
            # A copy: real numbers may lie where their complex ones go.
            piece = psi[start : start + size] * factor
            piece[np.abs(piece) < threshold] = 0
            goal[start : start + size] = piece

    stop = psi.size
    while stop:
        # The upper half of twice as large numbers covers none of the lower half of what they come from.
        start = stop // 2 if goal.dtype != psi.dtype and stop > size else 0
        share(work, range(start, stop, size), checkpoint, (stop - start) // size - 1)
        stop = start
    return goal
