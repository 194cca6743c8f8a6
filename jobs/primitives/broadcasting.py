"""Which values of parameters an estimator's PUB needs which observables at.

The shapes of a PUB's parameter values and observables are broadcast, as NumPy does it. A point is one row of
parameter values: there the circuit is evolved once, whatever the number of observables. Points that need the same
observables are a group, which is one sweep. Who submits and who reads the result ask the same function, so only
the shapes are on record.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from jobs.manifest import EstimatorPubNote
from simulator.typing import Indices


@dataclass(frozen=True)
class Group:
    """Points that need the same observables."""

    #: Which of the PUB's points, flat.
    points: Indices
    #: Which of its distinct observables, ascending.
    observables: Indices


@dataclass(frozen=True)
class Broadcast:
    """The elements of a PUB's result, and where each one's value is: in which group, point and observable."""

    groups: Sequence[Group]
    #: How many points all groups have: one experiment each.
    num_points: int
    #: The shape of the result.
    shape: tuple[int, ...]
    #: Of each element, flat: the number of its point among those of all groups, in their order.
    rows: Indices
    #: Of each element, flat: the number of its observable among those of its group.
    columns: Indices


def broadcast(note: EstimatorPubNote) -> Broadcast:
    """Return what a PUB needs."""
    points = np.arange(math.prod(note.shape)).reshape(note.shape)
    flat = np.arange(math.prod(note.observables)) if note.distinct is None else np.array(note.distinct, np.intp)
    at, of = np.broadcast_arrays(points, flat.reshape(note.observables))
    shape, at, of = at.shape, at.reshape(-1), of.reshape(-1)
    width = int(flat.max(initial=0)) + 1
    # Each pair once, ordered by its point, then by its observable.
    pairs, pair_of = np.unique(at * width + of, return_inverse=True)
    ends = np.searchsorted(pairs, np.arange(1, points.size + 1) * width)
    needed: dict[bytes, list[int]] = {}
    starts = np.concatenate([[0], ends[:-1]]) if points.size else ends
    observables = pairs % width
    for point, (start, end) in enumerate(zip(starts.tolist(), ends.tolist(), strict=True)):
        needed.setdefault(observables[start:end].tobytes(), []).append(point)
    groups = [
        Group(np.array(some, np.intp), np.frombuffer(wanted, observables.dtype))
        for wanted, some in needed.items()
        if wanted
    ]
    row_of = np.zeros(points.size, np.intp)
    order = np.concatenate([group.points for group in groups]) if groups else np.zeros(0, np.intp)
    row_of[order] = np.arange(order.size)
    return Broadcast(groups, order.size, shape, row_of[at], pair_of.reshape(-1) - starts[at])
