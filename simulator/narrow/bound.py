"""A narrow plan with numbers: it takes one state, or many, through its steps.

A state's amplitudes are, bit for bit, what they would be alone: its products are its own, since what BLAS makes of
a row depends, on many CPUs, on how many rows there are and on which of them it is.
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
        self.plan = plan
        self._reals = np.empty(0, dtype).real.dtype
        matrices = plan.matrices(instructions, swept).astype(self._reals, copy=False)
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
        reals = states.itemsize // self._reals.itemsize
        shape = (len(states), -1, reals << plan.width)
        rows, spare_rows = (each.view(self._reals).reshape(shape) for each in (states, spare))
        order = 0
        for block, matrix, change in self._steps:
            checkpoint()
            if block != order:
                states.take(orders.move(plan.num_bits, order, block), 1, spare, "clip")
                states, spare, rows, spare_rows = spare, states, spare_rows, rows
                order = block
            if matrix is not None:
                np.matmul(rows, matrix, spare_rows)
                states, spare, rows, spare_rows = spare, states, spare_rows, rows
            elif change is not None:
                change(states, spare, checkpoint)
        if order:
            states.take(orders.move(plan.num_bits, order, 0), 1, spare, "clip")
            states = spare
        return states
