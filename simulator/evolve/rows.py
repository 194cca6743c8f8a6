"""Evolve the rows of a sweep together: narrow states of one circuit with different angles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator import narrow
from simulator.evolve.evolution import Evolution
from simulator.evolve.plan_cache import PlanKey, plan_of
from simulator.evolve.statevector import Statevector
from simulator.matrices import Swept
from simulator.monitor import Checkpoint
from simulator.typing import Amplitudes

#: A gate's `id` -> which of its parameters is which column of the values.
Columns: TypeAlias = Mapping[int, Sequence[tuple[int, int]]]


class RowsEvolution:
    """An `Evolution` of narrow states, where each row has parameters of its own for some gates."""

    def __init__(self, evolution: Evolution, columns: Columns) -> None:
        self._pieces = [
            (piece, {index: columns[id(each)] for index, each in enumerate(piece) if id(each) in columns})
            for piece in evolution.pieces
        ]

    def run(
        self, rows: Amplitudes, one: Statevector, values: NDArray[np.float64], checkpoint: Checkpoint
    ) -> Amplitudes:
        """Return the rows evolved, each with its values, shape (rows, columns); they are overwritten.

        ``rows`` has shape (rows, 2^n). ``one`` is any of the states; it is updated to where the qubits lie
        afterwards.
        """
        for piece, columns in self._pieces:
            checkpoint()
            plan = plan_of(PlanKey.of(piece, one.qubit_at, one.tuning, real=rows.dtype.kind == "f"))
            if not isinstance(plan, narrow.NarrowPlan):
                raise TypeError(plan)
            checkpoint()
            rows = narrow.BoundPlan(plan, piece, rows.dtype, Swept(values, columns)).run(rows, checkpoint)
            one.maybe_excited |= plan.mixed
            one.relabel(one.qubit_at, plan.renamed_from)
        return rows
