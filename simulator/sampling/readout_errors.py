"""Readout errors at the end of a run: what is read in place of what was measured, shot by shot.

Their draws are a shot's own, behind the one that its outcome was sampled by.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.instructions import Readout
from simulator.dynamic.noise import cumulative
from simulator.monitor import Checkpoint
from simulator.piecewise import slices
from simulator.rng import Uniforms
from simulator.sampling.counts import Words


def read_words(
    readouts: Sequence[Readout],
    words: Words,
    shots: NDArray[np.int64],
    sampled_by: NDArray[np.intp],
    uniforms: Uniforms,
    checkpoint: Checkpoint,
) -> Words:
    """Return what is read of memories of at most 63 clbits, one a shot.

    ``sampled_by`` is the number of the draw by which each shot's outcome was sampled.
    """
    found = words.copy()
    for index, readout in enumerate(readouts):
        edges = cumulative(np.asarray(readout.table.ndarray(), np.float64))[:, :-1]
        mask = sum(1 << clbit for clbit in readout.clbits)
        for some in slices(words.size, checkpoint):
            part = found[some]
            values = sum((part >> clbit & 1) << place for place, clbit in enumerate(readout.clbits))
            draws = _draws(shots[some], sampled_by[some] + (1 + index), uniforms, checkpoint)
            read = (draws[:, None] >= edges[values]).sum(axis=1)
            part &= ~mask
            for place, clbit in enumerate(readout.clbits):
                part |= (read >> place & 1) << clbit
    return found


def _draws(
    shots: NDArray[np.int64], numbers: NDArray[np.intp], uniforms: Uniforms, checkpoint: Checkpoint
) -> NDArray[np.float64]:
    """Return of each shot the draw of its number."""
    found = np.empty(shots.size)
    for number in np.unique(numbers).tolist():
        chosen = np.flatnonzero(numbers == number)
        found[chosen] = uniforms.draw(shots[chosen], number, checkpoint)
    return found
