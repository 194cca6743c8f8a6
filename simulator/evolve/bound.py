"""A plan with its numbers: it runs on a state.

What does not depend on angles is kept with the plan: of a narrow state, making it takes longer than a run.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.gates import pauli_letters, spec_of
from simulator.circuit.instructions import Diagonal, Gate, Initialize, Unitary
from simulator.evolve.chunks import ChunkStep, Product, Scratch, Shape, run_at_once, run_by_chunks
from simulator.evolve.diagonals import Entries, PairVector, Patch, Scaling
from simulator.evolve.phases import Member, Phases
from simulator.evolve.rotations import Rotation, Turning, rotate
from simulator.evolve.state import State
from simulator.kernels.dense import apply_matrix, as_type, real_form
from simulator.kernels.diagonal import prepare
from simulator.matrices.block_matrices import MatrixPlan, StackSlice
from simulator.matrices.folding import PAIR
from simulator.monitor import Checkpoint, Monitor
from simulator.plan.operations import WIDEST, Evolving, Operation, OperationList, list_operations
from simulator.plan.plan import Multiply, Plan, Rotate, Step, Whole, steps_of
from simulator.plan.planner import NARROW, chunk_bits, make_plan
from simulator.tuning import TUNING, Tuning
from simulator.typing import Controls, Matrices

#: log2 of the amplitudes of a state whose gathers are kept with a plan: at most 8 KiB each.
_SMALL = 10
#: The same of one whose gathers are shared between plans.
_SHARED = 12
#: Steps that are kept with their numbers, and numbers of their vectors: some MiB at most.
_STEPS, _VECTORS = 256, 1 << 17


@dataclass(frozen=True, slots=True)
class Diagonals:
    """What is kept of a step that multiplies by diagonals."""

    #: Of those on at most two qubits, which are bits of the chunk.
    vector: PairVector | None
    #: Of the others, in a narrow state, those that act in few places, each with its operation,
    patches: tuple[tuple[Patch, int], ...]
    #: and the rest: operations, and the bits of their qubits.
    others: tuple[tuple[int, tuple[int, ...]], ...]


#: A step, where the matrices of one that multiplies are, and what is kept of it.
_Planned: TypeAlias = tuple[Step, StackSlice | None, Shape | Diagonals | Rotation | None]


class Planned:
    """How instructions act on a state of a layout: so do others that differ in their angles only."""

    def __init__(
        self, instructions: Sequence[Evolving], layout: tuple[int, ...], *, real: bool, tuning: Tuning = TUNING
    ) -> None:
        self.listing: OperationList = list_operations(instructions)
        self.plan: Plan = make_plan(self.listing.operations, layout, real=real, tuning=tuning)
        self.matrix_plan = MatrixPlan(instructions, self.listing.operations, self.plan)
        self.layout = layout
        self.real = real
        #: log2 of the amplitudes of a chunk.
        self.size = chunk_bits(len(layout), real=real, tuning=tuning)
        #: Whether the state is one chunk, and a small one.
        self.narrow = self.size == len(layout) <= NARROW
        self.steps: list[_Planned] = [
            (step, place, self._kept(step, instructions))
            for step, place in zip(steps_of(self.plan), self.matrix_plan.slices, strict=True)
        ]
        vectors = sum(isinstance(kept, Diagonals) and kept.vector is not None for _, _, kept in self.steps)
        #: Whether steps may be kept with their numbers.
        self.light = self.narrow and len(self.steps) <= _STEPS and vectors << self.size <= _VECTORS
        #: Whether all that have this plan have the same numbers.
        self._constant = all(isinstance(each, Gate) and not each.params for each in instructions)
        self._bound: dict[np.dtype[Any], Bound] = {}

    def bound(self, instructions: Sequence[Evolving], dtype: np.dtype[Any]) -> Bound:
        """Return the plan with the numbers of instructions, for states of this type."""
        if not (self._constant and self.light):
            return Bound(self, instructions, dtype)
        if dtype not in self._bound:
            self._bound[dtype] = Bound(self, instructions, dtype)
        return self._bound[dtype]

    def forms(self, flat: Mapping[int, Matrices], dtype: np.dtype[Any]) -> dict[int, NDArray[Any]]:
        """Return, by number of qubits, the blocks' matrices as `real_form` has them, for states of a type.

        ``flat`` are the operations' matrices, of which an axis of rows may lead.
        """
        numbers = np.empty(0, dtype).real.dtype
        return {
            size: real_form(stack, real=self.real).astype(numbers, copy=False)
            for size, stack in self.matrix_plan.block_matrices(flat).items()
        }

    def _kept(self, step: Step, instructions: Sequence[Evolving]) -> Shape | Diagonals | Rotation | None:
        if isinstance(step, Multiply):
            small = self.narrow and self.size <= _SMALL
            return _shape(step, self.size, real=self.real) if small else None
        if isinstance(step, Rotate):
            name = only_gate(instructions, self.listing.operations[step.member]).name
            return Rotation(pauli_letters(name), step.bits, self.size)
        pairs: list[Entries] = []
        patches: list[tuple[Patch, int]] = []
        others: list[tuple[int, tuple[int, ...]]] = []
        # Each operation with the bits of its qubits.
        for place, bits in zip(step.members, step.bits, strict=True):
            instruction = instructions[self.listing.operations[place].sources[0]]
            controls = _controls(instruction, bits) if len(bits) > WIDEST else ()
            if len(bits) <= PAIR and min(bits, default=0) >= 0:
                pairs.append(Entries(*self.matrix_plan.pair_entries(place), bits))
            elif self.narrow and self.size - len(controls) <= _SMALL:
                patches.append((Patch(bits[: len(bits) - len(controls)], controls, self.size), place))
            else:
                others.append((place, bits))
        size = max([bit + 1 for each in pairs for bit in each.bits], default=0)
        return Diagonals(PairVector(pairs, size) if pairs else None, tuple(patches), tuple(others))


class Bound:
    """A plan with the numbers of instructions."""

    def __init__(self, planned: Planned, instructions: Sequence[Evolving], dtype: np.dtype[Any]) -> None:
        self._planned, self._instructions, self._dtype = planned, instructions, dtype
        self._flat = planned.matrix_plan.operation_matrices(instructions)
        self._matrices = {size: list(forms) for size, forms in planned.forms(self._flat, dtype).items()}
        self._pairs: NDArray[np.complex128] | None = None
        self._kept = list(map(self._filled, planned.steps)) if planned.light else None

    def run(self, state: State, monitor: Monitor) -> None:
        """Evolve a state of this layout and type."""
        checkpoint = monitor.checkpoint
        plan = self._planned.plan
        scratch = Scratch(self._planned.size, self._dtype)
        end = 0
        for number, part in enumerate(plan.parts, start=1):
            if isinstance(part, Whole):
                checkpoint()
                self._run_whole(part, state, checkpoint)
            else:
                begin, end = end, end + len(part.steps)
                steps = self._kept[begin:end] if self._kept else map(self._filled, self._planned.steps[begin:end])
                if part.outer:
                    filled = []
                    for step in steps:
                        checkpoint()
                        filled.append(step)
                    run_by_chunks(state.amplitudes, part, filled, state.live, scratch, checkpoint)
                else:
                    state.amplitudes = run_at_once(state.amplitudes, part, steps, checkpoint)
            state.live |= part.mixed
            monitor.report(number / len(plan.parts))
        names = self._planned.listing.renamed_from
        if names or plan.qubit_at != self._planned.layout:
            state.arrange(plan.qubit_at, names)

    def _filled(self, planned: _Planned) -> ChunkStep:
        """Return a step with its numbers."""
        step, place, kept = planned
        if isinstance(step, Multiply) and place is not None:
            matrices = self._matrices[place.size][place.first : place.end]
            if not isinstance(kept, Shape):
                kept = _shape(step, self._planned.size, real=self._planned.real)
            return Product(matrices, kept)
        if isinstance(kept, Diagonals):
            return self._scaling(kept)
        if isinstance(kept, Rotation) and isinstance(step, Rotate):
            gate = only_gate(self._instructions, self._planned.listing.operations[step.member])
            return Turning(kept, np.array(gate.params), self._dtype)
        raise TypeError(step)

    def _scaling(self, kept: Diagonals) -> Scaling | Phases:
        vector = None
        if kept.vector is not None:
            if self._pairs is None:
                self._pairs = self._planned.matrix_plan.pairs(self._flat)
            vector = as_type(kept.vector.of(self._pairs), self._dtype)
        patches = [
            (patch.places, as_type(self._diagonal(place), self._dtype).take(patch.entries))
            for patch, place in kept.patches
        ]
        others = [self._member(*each) for each in kept.others]
        if self._planned.narrow:
            return Scaling(vector, patches, others)
        return Phases(vector, others, self._planned.size, self._dtype)

    def _diagonal(self, place: int) -> NDArray[np.complex128]:
        """Return the diagonal of an operation; of one that is wide, over its targets."""
        operation = self._planned.listing.operations[place]
        if len(operation.qubits) <= WIDEST:
            return self._planned.matrix_plan.diagonal(self._flat, place)
        instruction = self._instructions[operation.sources[0]]
        if isinstance(instruction, Diagonal):
            return instruction.diagonal.ndarray().astype(np.complex128, copy=False)
        return _matrix(instruction).diagonal()

    def _member(self, place: int, bits: tuple[int, ...]) -> Member:
        diagonal = as_type(self._diagonal(place), self._dtype)
        if len(bits) <= WIDEST:
            return Member(diagonal, bits)
        instruction = self._instructions[self._planned.listing.operations[place].sources[0]]
        return Member(diagonal, bits[: len(instruction.targets)], _controls(instruction, bits))

    def _run_whole(self, part: Whole, state: State, checkpoint: Checkpoint) -> None:
        (source,) = self._planned.listing.operations[part.member].sources
        instruction = self._instructions[source]
        if isinstance(instruction, Gate) and (letters := pauli_letters(instruction.name)):
            (theta,) = instruction.params
            rotate(state.amplitudes, letters, part.bits, theta, checkpoint, state.tuning)
        elif isinstance(instruction, Initialize):
            prepare(state.amplitudes, instruction.amplitudes.ndarray(), part.bits, checkpoint)
        else:
            targets = part.bits[: len(instruction.targets)]
            controls = _controls(instruction, part.bits)
            apply_matrix(state.amplitudes, _matrix(instruction), targets, controls, checkpoint)


def only_gate(instructions: Sequence[Evolving], operation: Operation) -> Gate:
    """Return the gate that an operation is."""
    (source,) = operation.sources
    gate = instructions[source]
    if not isinstance(gate, Gate):
        raise TypeError(gate)
    return gate


def _shape(step: Multiply, size: int, *, real: bool) -> Shape:
    make = _small_shape if size <= _SMALL else _shared_shape if size <= _SHARED else Shape
    return make((1 if real else 2) << len(step.targets), step.control_bits, step.sources, step.transposed)


#: The same few moves of bits come again and again, also in other plans: kept, 8 MiB at most of either.
_small_shape = lru_cache(maxsize=1024)(Shape)
_shared_shape = lru_cache(maxsize=256)(Shape)


def _matrix(instruction: Evolving) -> NDArray[np.complex128]:
    """Return the matrix over the targets."""
    if isinstance(instruction, Gate):
        spec = spec_of(instruction.name)
        if spec is not None:
            return spec.matrix(*instruction.params)
    if isinstance(instruction, Unitary):
        return instruction.matrix.ndarray().astype(np.complex128, copy=False)
    raise TypeError(instruction)


def _controls(instruction: Evolving, bits: tuple[int, ...]) -> Controls:
    """Return the controls, which come behind the targets in ``bits``, with their values."""
    state = instruction.control_state if isinstance(instruction, (Gate, Unitary)) else None
    return tuple(
        [
            (bit, 1 if state is None else state >> place & 1)
            for place, bit in enumerate(bits[len(instruction.targets) :])
        ]
    )
