"""A narrow plan with numbers: it takes one state, or many, through its steps.

Where each state has numbers of its own, as in a sweep, its amplitudes are, bit for bit, what they would be alone:
the sizes of its products do not depend on the other states.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator.matrices.gate_matrices import Swept
from simulator.monitor import Checkpoint
from simulator.narrow import orders
from simulator.narrow.alone import Change, change_of
from simulator.narrow.plan import Multiply, NarrowPlan
from simulator.plan.operations import Evolving
from simulator.typing import Amplitudes


class BoundPlan:
    """A plan with the numbers of instructions, for states of one type."""

    def __init__(
        self,
        plan: NarrowPlan,
        instructions: Sequence[Evolving],
        dtype: np.dtype[Any],
        swept: Swept | None = None,
    ) -> None:
        """Take the instructions, and the parameters that each state has for itself, if any does."""
        self.plan, self._swept = plan, swept
        matrices = plan.matrices(instructions, swept).astype(dtype, copy=False)
        #: Of each step the bits of the order that it needs, and its matrix, or else what it does instead.
        self._steps: list[tuple[int, Amplitudes | None, Change | None]] = [
            (step.block, matrices[..., step.index, :, :], None)
            if isinstance(step, Multiply)
            else (step.block, None, change_of(step, instructions[step.source], plan.num_bits, dtype, swept))
            for step in plan.steps
        ]

    def run(self, states: Amplitudes, checkpoint: Checkpoint) -> Amplitudes:
        """Return states, shape (states, 2^n), evolved; they are overwritten."""
        plan, spare = self.plan, np.empty_like(states)
        shape = (*([len(states)] if self._swept else []), -1, 1 << plan.width)
        rows, spare_rows = states.reshape(shape), spare.reshape(shape)
        multiply = _multiply_one if rows.shape[-2] == 1 else np.matmul if self._swept else np.dot
        order = 0
        for block, matrix, change in self._steps:
            checkpoint()
            if block != order:
                states.take(orders.move(plan.num_bits, order, block), 1, spare, "clip")
                states, spare, rows, spare_rows = spare, states, spare_rows, rows
                order = block
            if matrix is not None:
                multiply(rows, matrix, spare_rows)
                states, spare, rows, spare_rows = spare, states, spare_rows, rows
            elif change is not None:
                change(states, spare, checkpoint)
        if order:
            states.take(orders.move(plan.num_bits, order, 0), 1, spare, "clip")
            states = spare
        return states


def _multiply_one(rows: Amplitudes, matrix: Amplitudes, goal: Amplitudes) -> None:
    """Multiply single rows as two equal ones: so BLAS does with them what it does with more."""
    goal[...] = np.matmul(np.concatenate([rows, rows], -2), matrix)[..., :1, :]
