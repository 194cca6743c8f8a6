"""The reference: one shot on a tableau, in which what is random gives 0, and no noise and no feedback happens.

Every other shot differs from it by a Pauli on each qubit: its frame.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.monitor import Checkpoint
from simulator.stabilizer.layering.layers import Segment
from simulator.stabilizer.layering.rows import Words
from simulator.stabilizer.tableau import Tableau

_ALL = ~np.uint64(0)


@dataclass(frozen=True, slots=True, eq=False)
class Reference:
    """What a segment's measurements give in the reference."""

    #: For each layer a word for each measurement, shape (measurements, 1): all bits are its outcome.
    outcomes: list[Words]


def run_reference(segment: Segment, tableau: Tableau, checkpoint: Checkpoint) -> Reference:
    """Take a tableau through a segment, but for what is put off behind it."""
    found = []
    for layer in segment.layers:
        checkpoint()
        tableau.run_pairs(layer)
        words = np.zeros((0, 1), np.uint64)
        if layer.measures is not None:
            ones = tableau.measure(layer.measures.rows, checkpoint) != layer.measures.negative
            words = np.where(ones, _ALL, np.uint64(0))[:, None]
        if layer.resets is not None:
            wrong = tableau.measure(layer.resets.rows, checkpoint) != layer.resets.negative
            tableau.flip(layer.resets.rows.where(wrong))
        found.append(words)
    return Reference(found)
