"""Run instructions without randomness on a state: planned once for each structure and layout, then run.

Which qubit lies at which bit changes on the way, and is noted in the state; only a state of a single chunk is put
back in order at the end, so that the same layout comes again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator import kernels
from simulator.binding import Place, Recipe, steps_of
from simulator.chunks import ChunkStep, Product, Scratch, run_at_once, run_by_chunks
from simulator.gates import GATES
from simulator.instructions import Diagonal, Gate, Initialize, Unitary
from simulator.operations import WIDEST, Evolving, Listing, is_real, listed, rewritten, signature
from simulator.phases import Member, Phases
from simulator.planner import Multiply, Plan, Scale, Step, Whole, chunk_bits, make_plan
from simulator.state import State

#: Instructions that are planned at once: what a plan takes of memory is bounded, however long the circuit.
_PIECE = 1024
#: Plans that are kept for circuits of the same structure,
_PLANS = 16
#: and plans with their numbers, for states of other layouts.
_LAYOUTS = 8
#: log2 of the amplitudes of a chunk for which even the vectors of diagonals are kept.
_SMALL = 10


class Evolution:
    """Instructions that act on a state; an `Initialize` prepares, its targets must be in |0>."""

    def __init__(self, instructions: Sequence[Evolving]) -> None:
        every = rewritten(instructions)
        self._pieces = [_Piece(every[start : start + _PIECE]) for start in range(0, len(every), _PIECE)]
        self._bound: dict[tuple[tuple[int, ...], np.dtype[Any]], _Bound] = {}

    @property
    def real(self) -> bool:
        """Whether it leaves real amplitudes real."""
        return all(is_real(instruction) for piece in self._pieces for instruction in piece.instructions)

    def plans(self, layout: tuple[int, ...], *, real: bool) -> Iterator[Plan]:
        """Yield how a state with the qubit ``layout[bit]`` at each bit is evolved, piece by piece."""
        for piece in self._pieces:
            _, plan, _ = _planned(_Structure(piece.signature, layout, real, piece.instructions))
            yield plan
            layout = plan.layout

    def run(self, state: State, checkpoint: Callable[[], None]) -> None:
        """Evolve a state; calls ``checkpoint``, in this thread, before each chunk or each step of the only one."""
        for piece in self._pieces:
            checkpoint()
            self._of(piece, state).run(state, checkpoint)

    def _of(self, piece: _Piece, state: State) -> _Bound:
        """Return the plan of a piece with its numbers; that of a short circuit may be asked for again."""
        key = (state.layout, state.amplitudes.dtype)
        if len(self._pieces) > 1:
            return _Bound(piece, *key)
        if key not in self._bound:
            if len(self._bound) == _LAYOUTS:
                self._bound.clear()
            self._bound[key] = _Bound(piece, *key)
        return self._bound[key]


@dataclass(frozen=True, slots=True)
class _Piece:
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
    #: Any that have this signature.
    instructions: Sequence[Evolving] = field(compare=False)


@lru_cache(maxsize=_PLANS)
def _planned(structure: _Structure) -> tuple[Listing, Plan, Recipe]:
    listing = listed(structure.instructions)
    plan = make_plan(listing.operations, structure.layout, real=structure.real)
    return listing, plan, Recipe(structure.instructions, listing.operations, plan)


class _Bound:
    """A plan with its numbers."""

    def __init__(self, piece: _Piece, layout: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        real = dtype.kind == "f"
        structure = _Structure(piece.signature, layout, real, piece.instructions)
        self._instructions = piece.instructions
        self._listing, self._plan, self._recipe = _planned(structure)
        self._dtype, self._size = dtype, chunk_bits(len(layout), real=real)
        self._flat = self._recipe.operation_matrices(piece.instructions)
        numbers = np.empty(0, dtype).real.dtype
        self._forms = {
            size: kernels.real_form(stack, real=real).astype(numbers, copy=False)
            for size, stack in self._recipe.block_matrices(self._flat).items()
        }
        self._steps = list(zip(steps_of(self._plan), self._recipe.places, strict=True))
        self._kept = list(map(self._filled, self._steps)) if self._size <= _SMALL else None

    def run(self, state: State, checkpoint: Callable[[], None]) -> None:
        """Evolve a state of this layout and type."""
        scratch = Scratch(self._size, self._dtype)
        end = 0
        for part in self._plan.parts:
            if isinstance(part, Whole):
                checkpoint()
                self._run_whole(part, state, checkpoint)
            else:
                begin, end = end, end + len(part.steps)
                steps = self._kept[begin:end] if self._kept else map(self._filled, self._steps[begin:end])
                if part.outer:
                    run_by_chunks(state.amplitudes, part, list(steps), state.live, scratch, checkpoint)
                else:
                    state.amplitudes = run_at_once(state.amplitudes, part, steps, checkpoint)
            state.live |= part.mixed
        state.arrange(self._plan.layout, self._listing.names)

    def _filled(self, planned: tuple[Step, Place | None]) -> ChunkStep:
        """Return a step with its numbers."""
        step, place = planned
        if isinstance(step, Multiply) and place is not None:
            matrices = self._forms[place.size][place.first : place.end]
            return Product(matrices, step.control_bits, step.sources, turned=step.turned)
        if isinstance(step, Scale):
            members = [self._member(*each) for each in zip(step.members, step.bits, strict=True)]
            return Phases(members, self._size, self._dtype)
        raise TypeError(step)

    def _member(self, place: int, bits: tuple[int, ...]) -> Member:
        operation = self._listing.operations[place]
        if len(operation.qubits) <= WIDEST:
            return Member(self._recipe.diagonal(self._flat, place), bits)
        instruction = self._instructions[operation.sources[0]]
        if isinstance(instruction, Diagonal):
            return Member(instruction.diagonal.ndarray().astype(np.complex128, copy=False), bits)
        diagonal, targets, controls = _controlled(instruction, bits)
        return Member(diagonal.diagonal(), targets, controls)

    def _run_whole(self, part: Whole, state: State, checkpoint: Callable[[], None]) -> None:
        (source,) = self._listing.operations[part.member].sources
        instruction = self._instructions[source]
        if isinstance(instruction, Initialize):
            kernels.prepare(state.amplitudes, instruction.amplitudes.ndarray(), part.bits)
        else:
            kernels.apply_matrix(state.amplitudes, *_controlled(instruction, part.bits), checkpoint)


def _controlled(
    instruction: Evolving, bits: tuple[int, ...]
) -> tuple[NDArray[np.complex128], tuple[int, ...], kernels.Controls]:
    """Return the matrix over the targets, the targets' bits, and the controls with their values."""
    if isinstance(instruction, Gate):
        matrix = GATES[instruction.name].matrix(*instruction.params)
    elif isinstance(instruction, Unitary):
        matrix = instruction.matrix.ndarray().astype(np.complex128, copy=False)
    else:
        raise TypeError(instruction)
    count = len(instruction.targets)
    state = instruction.control_state
    return (
        matrix,
        bits[:count],
        tuple((bit, 1 if state is None else state >> place & 1) for place, bit in enumerate(bits[count:])),
    )
