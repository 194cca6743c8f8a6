"""Run instructions without randomness on a state: each structure is planned once, then run with its numbers.

Which qubit lies at which bit changes on the way, and the state knows it. Only a state of a single chunk is put
back in order at the end, so that a loop finds the plan that is kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from simulator import narrow
from simulator.evolve import plan_cache
from simulator.evolve.bound_plan import BoundPlan
from simulator.evolve.plan_cache import PlanKey
from simulator.evolve.statevector import Statevector
from simulator.monitor import SILENT, Checkpoint, Monitor, no_checkpoint
from simulator.piecewise import slices
from simulator.plan.operations import Evolving, is_real, rewrite_wide_controls
from simulator.plan.plan import Plan
from simulator.tuning import TUNING, Tuning

#: Instructions that are planned at once: so the memory of a plan is bounded, however long the circuit is.
_PIECE = 1024
#: Bound plans that an evolution keeps, each for another layout of the qubits or another type of state.
_LAYOUTS = 8


class Evolution:
    """Instructions that act on a state; the targets of an `Initialize` must be in |0>."""

    def __init__(self, instructions: Sequence[Evolving], checkpoint: Checkpoint = no_checkpoint) -> None:
        every: list[Evolving] = []
        for some in slices(len(instructions), checkpoint):
            every += rewrite_wide_controls(instructions[some])
        #: The instructions, cut into pieces that are planned one after another.
        self.pieces = [every[start : start + _PIECE] for start in range(0, len(every), _PIECE)]
        self._bound: dict[tuple[tuple[int, ...], np.dtype[Any], Tuning], BoundPlan | narrow.BoundPlan] = {}

    @property
    def real(self) -> bool:
        """Whether it leaves real amplitudes real."""
        return self.stays_real(no_checkpoint)

    def stays_real(self, checkpoint: Checkpoint) -> bool:
        """Whether it leaves real amplitudes real; calls ``checkpoint`` now and then."""
        for piece in self.pieces:
            checkpoint()
            if not all(map(is_real, piece)):
                return False
        return True

    def plans(self, qubit_at: tuple[int, ...], *, real: bool, tuning: Tuning = TUNING) -> Iterator[Plan]:
        """Yield the plan of each piece, for a state by chunks with the qubit ``qubit_at[bit]`` at each bit."""
        for piece in self.pieces:
            found = plan_cache.plan_of(PlanKey.of(piece, qubit_at, tuning, real=real))
            if isinstance(found, narrow.NarrowPlan):
                raise TypeError(found)
            yield found.plan
            qubit_at = found.plan.qubit_at

    def run(self, state: Statevector, monitor: Monitor = SILENT) -> None:
        """Evolve a state; calls the checkpoint before each chunk, or before each step of the only one.

        Narrow states may be several, as bits above those of the qubits.
        """
        checkpoint = monitor.checkpoint
        share = 1 / max(1, len(self.pieces))
        for number, piece in enumerate(self.pieces):
            checkpoint()
            bound = self._bound_plan(piece, state, checkpoint)
            checkpoint()
            part = monitor.part(number * share, share)
            if isinstance(bound, narrow.BoundPlan):
                states = state.amplitudes.reshape(-1, 1 << bound.plan.num_bits)
                state.amplitudes = bound.run(states, checkpoint).reshape(-1)
                state.maybe_excited |= bound.plan.mixed
                if bound.plan.renamed_from:
                    state.relabel(state.qubit_at, bound.plan.renamed_from)
                part.report(1.0)
            else:
                bound.run(state, part)

    def _bound_plan(
        self, piece: Sequence[Evolving], state: Statevector, checkpoint: Checkpoint
    ) -> BoundPlan | narrow.BoundPlan:
        """Return the plan of a piece with its numbers, which is kept if the piece is the only one."""
        qubit_at, dtype, tuning = kind = state.qubit_at, state.amplitudes.dtype, state.tuning
        bound = self._bound.get(kind)
        if bound is None:
            key = PlanKey.of(piece, qubit_at, tuning, real=dtype.kind == "f")
            bound = plan_cache.bound_plan(key, dtype, checkpoint)
            if len(self.pieces) == 1:
                if len(self._bound) == _LAYOUTS:
                    self._bound.clear()
                self._bound[kind] = bound
        return bound
