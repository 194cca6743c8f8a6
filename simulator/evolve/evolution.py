"""Run instructions without randomness on a state: planned once for each structure and layout, then run.

Which qubit lies at which bit changes on the way, and is noted in the state; only a state of a single chunk is put
back in order at the end, so that the same layout comes again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from simulator.evolve.bound import Bound, Planned
from simulator.evolve.state import State
from simulator.monitor import SILENT, Checkpoint, Monitor, no_checkpoint
from simulator.pieces import looked
from simulator.plan.operations import Evolving, is_real, rewrite_wide_controls, signature
from simulator.plan.plan import Plan
from simulator.tuning import TUNING, Tuning

#: Instructions that are planned at once: what a plan takes of memory is bounded, however long the circuit.
_PIECE = 1024
#: Plans that are kept for circuits of the same structure,
_PLANS = 16
#: and plans with their numbers, for states of other layouts.
_LAYOUTS = 8


class Evolution:
    """Instructions that act on a state; an `Initialize` prepares, its targets must be in |0>."""

    def __init__(self, instructions: Sequence[Evolving], checkpoint: Checkpoint = no_checkpoint) -> None:
        every: list[Evolving] = []
        for some in looked(len(instructions), checkpoint):
            every += rewrite_wide_controls(instructions[some])
        #: Planned one after another.
        self.pieces = [Piece(every[start : start + _PIECE]) for start in range(0, len(every), _PIECE)]
        self._bound: dict[tuple[tuple[int, ...], np.dtype[Any], Tuning], Bound] = {}

    @property
    def real(self) -> bool:
        """Whether it leaves real amplitudes real."""
        return self.stays_real(no_checkpoint)

    def stays_real(self, checkpoint: Checkpoint) -> bool:
        """Whether it leaves real amplitudes real; calls ``checkpoint`` now and then."""
        for piece in self.pieces:
            checkpoint()
            if not all(map(is_real, piece.instructions)):
                return False
        return True

    def plans(self, layout: tuple[int, ...], *, real: bool) -> Iterator[Plan]:
        """Yield how a state with the qubit ``layout[bit]`` at each bit is evolved, piece by piece."""
        for piece in self.pieces:
            plan = plan_of(piece, layout, real=real).plan
            yield plan
            layout = plan.qubit_at

    def run(self, state: State, monitor: Monitor = SILENT) -> None:
        """Evolve a state; calls the checkpoint before each chunk, or before each step of the only one."""
        checkpoint = monitor.checkpoint
        share = 1 / max(1, len(self.pieces))
        for number, piece in enumerate(self.pieces):
            checkpoint()
            bound = self._of(piece, state, checkpoint)
            checkpoint()
            bound.run(state, monitor.part(number * share, share))

    def _of(self, piece: Piece, state: State, checkpoint: Checkpoint) -> Bound:
        """Return the plan of a piece with its numbers; that of a short circuit may be asked for again."""
        key = layout, dtype, _ = state.layout, state.amplitudes.dtype, state.tuning
        bound = self._bound.get(key)
        if bound is None:
            planned = plan_of(piece, layout, real=dtype.kind == "f", tuning=state.tuning)
            checkpoint()
            bound = planned.bound(piece.instructions, dtype)
            if len(self.pieces) == 1:
                if len(self._bound) == _LAYOUTS:
                    self._bound.clear()
                self._bound[key] = bound
        return bound


@dataclass(frozen=True, slots=True)
class Piece:
    """Instructions that are planned at once."""

    instructions: Sequence[Evolving]

    @property
    def signature(self) -> tuple[object, ...]:
        """What their plan depends on."""
        return signature(self.instructions)


def forget_plans() -> None:
    """Empty the cache of plans."""
    _planned.cache_clear()


@dataclass(frozen=True, slots=True)
class _Structure:
    """What a plan depends on."""

    signature: tuple[object, ...]
    layout: tuple[int, ...]
    real: bool
    tuning: Tuning
    #: Any that have this signature.
    instructions: Sequence[Evolving] = field(compare=False)


def plan_of(piece: Piece, layout: tuple[int, ...], *, real: bool, tuning: Tuning = TUNING) -> Planned:
    """Return how a piece acts on a state with the qubit ``layout[bit]`` at each bit."""
    return _planned(_Structure(piece.signature, layout, real, tuning, piece.instructions))


@lru_cache(maxsize=_PLANS)
def _planned(structure: _Structure) -> Planned:
    return Planned(structure.instructions, structure.layout, real=structure.real, tuning=structure.tuning)
