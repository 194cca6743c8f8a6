"""Plans with their numbers: the matrices, diagonals and angles of one circuit. A bound plan runs on a state."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from simulator.circuit.gates import pauli_letters, spec_of
from simulator.circuit.instructions import Diagonal, Gate, Initialize, Unitary
from simulator.evolve.chunk_scaling import ChunkScaling, DiagonalFactor
from simulator.evolve.chunks import ChunkBuffers, ChunkStep, run_at_once, run_by_chunks
from simulator.evolve.prepared_plan import DiagonalSpec, PreparedPlan, PreparedStep, only_gate
from simulator.evolve.product import Product
from simulator.evolve.rotation import PauliRotation, rotate_state
from simulator.evolve.scaling import Scaling
from simulator.evolve.statevector import Statevector
from simulator.kernels.dense import apply_matrix, as_type
from simulator.kernels.diagonal import prepare
from simulator.kernels.rotation import RotationSpec
from simulator.monitor import Checkpoint, Monitor
from simulator.plan.operations import WIDEST, Evolving, controls_of
from simulator.plan.plan import Multiply, Rotate, Whole
from simulator.typing import Matrices


class BoundPlan:
    """A prepared plan with the numbers of instructions, for states of one type."""

    def __init__(self, prepared: PreparedPlan, instructions: Sequence[Evolving], dtype: np.dtype[Any]) -> None:
        self._prepared, self._instructions, self._dtype = prepared, instructions, dtype
        self._operations = prepared.operations.operations
        self._numbers = prepared.matrix_plan.numbers(instructions)
        forms = prepared.block_forms(self._numbers, dtype)
        self._block_forms = {size: list(matrices) for size, matrices in forms.items()}
        self._steps = list(map(self._bound, prepared.steps)) if prepared.light else None

    def run(self, state: Statevector, monitor: Monitor) -> None:
        """Evolve a state of the plan's type, whose qubits lie where the plan begins."""
        checkpoint = monitor.checkpoint
        plan = self._prepared.plan
        buffers = ChunkBuffers(self._prepared.size, self._dtype)
        end = 0
        for number, part in enumerate(plan.parts, start=1):
            if isinstance(part, Whole):
                checkpoint()
                self._run_whole(part, state, checkpoint)
            else:
                begin, end = end, end + len(part.steps)
                steps = (
                    self._steps[begin:end] if self._steps else map(self._bound, self._prepared.steps[begin:end])
                )
                if part.outer:
                    bound = []
                    for step in steps:
                        checkpoint()
                        bound.append(step)
                    run_by_chunks(state.amplitudes, part, bound, state.maybe_excited, buffers, checkpoint)
                else:
                    state.amplitudes = run_at_once(state.amplitudes, part, steps, checkpoint)
            state.maybe_excited |= part.mixed
            monitor.report(number / len(plan.parts))
        renamed_from = self._prepared.operations.renamed_from
        if renamed_from or plan.qubit_at != self._prepared.qubit_at:
            state.relabel(plan.qubit_at, renamed_from)

    def _bound(self, prepared: PreparedStep) -> ChunkStep:
        """Return a step with its numbers."""
        step, where, spec = prepared
        if isinstance(step, Multiply) and where is not None:
            matrices = self._block_forms[where.size][where.first : where.end]
            return Product(matrices, self._prepared.product_spec(step))
        if isinstance(spec, DiagonalSpec):
            return self._scaling(spec)
        if isinstance(spec, RotationSpec) and isinstance(step, Rotate):
            gate = only_gate(self._instructions, self._operations[step.member])
            return PauliRotation(spec, np.array(gate.params), self._dtype)
        raise TypeError(step)

    def _scaling(self, spec: DiagonalSpec) -> Scaling | ChunkScaling:
        vector = None
        if spec.vector is not None:
            vector = as_type(spec.vector.of(self._numbers), self._dtype)
        patches = [
            (indices, as_type(self._diagonal(index), self._dtype).take(entries))
            for indices, entries, index in spec.patches
        ]
        others = [self._factor(*each) for each in spec.others]
        if self._prepared.one_chunk:
            return Scaling(vector, patches, others)
        return ChunkScaling(vector, others, self._prepared.size, self._dtype)

    def _diagonal(self, index: int) -> Matrices:
        """Return the diagonal of an operation; if the operation is wide, over its targets only."""
        operation = self._operations[index]
        if len(operation.qubits) <= WIDEST:
            found = [self._numbers[each] for each in self._prepared.matrix_plan.diagonals(index)]
            product: Matrices = np.multiply.reduce(found)
            return product
        instruction = self._instructions[operation.sources[0]]
        if isinstance(instruction, Diagonal):
            return instruction.diagonal.ndarray().astype(np.complex128, copy=False)
        return _matrix(instruction).diagonal()

    def _factor(self, index: int, bits: tuple[int, ...]) -> DiagonalFactor:
        diagonal = as_type(self._diagonal(index), self._dtype)
        if len(bits) <= WIDEST:
            return DiagonalFactor(diagonal, bits)
        instruction = self._instructions[self._operations[index].sources[0]]
        return DiagonalFactor(diagonal, bits[: len(instruction.targets)], controls_of(instruction, bits))

    def _run_whole(self, part: Whole, state: Statevector, checkpoint: Checkpoint) -> None:
        (source,) = self._operations[part.member].sources
        instruction = self._instructions[source]
        if isinstance(instruction, Gate) and (letters := pauli_letters(instruction.name)):
            (theta,) = instruction.params
            rotate_state(state.amplitudes, letters, part.bits, theta, checkpoint, state.tuning)
        elif isinstance(instruction, Initialize):
            prepare(state.amplitudes, instruction.amplitudes.ndarray(), part.bits, checkpoint, state.tuning)
        else:
            targets = part.bits[: len(instruction.targets)]
            controls = controls_of(instruction, part.bits)
            matrix = _matrix(instruction)
            apply_matrix(state.amplitudes, matrix, targets, controls, checkpoint, state.tuning)


def _matrix(instruction: Evolving) -> Matrices:
    """Return the matrix over the targets."""
    if isinstance(instruction, Gate):
        spec = spec_of(instruction.name)
        if spec is not None:
            return spec.matrix(*instruction.params)
    if isinstance(instruction, Unitary):
        return instruction.matrix.ndarray().astype(np.complex128, copy=False)
    raise TypeError(instruction)
