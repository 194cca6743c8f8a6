"""A narrow plan with numbers: it takes one state, or many, through its steps.

Where each state has numbers of its own, as in a sweep, its amplitudes are, bit for bit, what they would be alone:
the sizes of its products do not depend on the other states.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from simulator.circuit.gates import pauli_letters
from simulator.circuit.instructions import Diagonal, Gate, Initialize
from simulator.circuit.pauli import PauliString
from simulator.kernels.dense import apply_matrix, as_type
from simulator.kernels.diagonal import prepare
from simulator.kernels.rotation import Rotation, RotationSpec
from simulator.matrices.gate_matrices import Swept, matrices_of
from simulator.monitor import Checkpoint
from simulator.narrow import orders
from simulator.narrow.plan import Apply, Multiply, NarrowPlan
from simulator.plan.operations import Evolving, controls_of
from simulator.typing import Amplitudes, Controls, Matrices

#: Changes states, shape (states, 2^n), in place; the second array is scratch memory of that shape.
_Change: TypeAlias = Callable[[Amplitudes, Amplitudes, Checkpoint], None]


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
        self.plan, self._dtype, self._swept = plan, dtype, swept
        matrices = plan.matrices(instructions, swept).astype(dtype, copy=False)
        #: Of each step the bits of the order that it needs, and its matrix, or else what it does instead.
        self._steps: list[tuple[int, Amplitudes | None, _Change | None]] = [
            (step.block, matrices[..., step.index, :, :], None)
            if isinstance(step, Multiply)
            else (step.block, None, self._change(step, instructions[step.source]))
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

    def _change(self, step: Apply, instruction: Evolving) -> _Change:
        """Return what an instruction does that is applied by itself."""
        positions = orders.positions(self.plan.num_bits, step.block)
        bits = tuple([positions[bit] for bit in step.facts.bits])
        if isinstance(instruction, Gate) and (letters := pauli_letters(instruction.name)):
            return self._rotation(letters, bits, step.source, instruction)
        if isinstance(instruction, Initialize):
            return _preparation(instruction.amplitudes.ndarray(), bits)
        targets, controls = bits[: len(instruction.targets)], controls_of(instruction, bits)
        if isinstance(instruction, Diagonal):
            diagonals = instruction.diagonal.ndarray()
        else:
            # Over the targets only.
            kind = step.facts.name, len(targets), 0, None
            (matrices,) = np.moveaxis(matrices_of(kind, [instruction], [step.source], self._swept), -3, 0)
            if not step.facts.diagonal:
                return _wide_product(matrices, targets, controls)
            diagonals = matrices.diagonal(axis1=-2, axis2=-1)
        indices, numbers = orders.selected(self.plan.num_bits, targets, controls)
        if indices.size == 1:
            # As two equal ones: NumPy rounds the product of a single number in another way.
            indices, numbers = indices.repeat(2), numbers.repeat(2)

        def change(states: Amplitudes, _: Amplitudes, __: Checkpoint) -> None:
            # Not before, since all factors of a long plan take more memory than its matrices.
            states[:, indices] *= as_type(diagonals.take(numbers, -1), self._dtype)

        return change

    def _rotation(self, letters: str, bits: tuple[int, ...], source: int, gate: Gate) -> _Change:
        theta = np.array(gate.params)
        if self._swept is not None:
            for _, column in self._swept.columns.get(source, ()):
                theta = self._swept.values[:, [column]]
        string = PauliString.of(letters)
        spec = RotationSpec(string.flips, string.signs, string.phase, bits, self.plan.num_bits)
        rotation = Rotation(spec, theta, self._dtype)

        def change(states: Amplitudes, spare: Amplitudes, _: Checkpoint) -> None:
            rotation.rotate(states, states, spare)

        return change


def _multiply_one(rows: Amplitudes, matrix: Amplitudes, goal: Amplitudes) -> None:
    """Multiply single rows as two equal ones: so BLAS does with them what it does with more."""
    goal[...] = np.matmul(np.concatenate([rows, rows], -2), matrix)[..., :1, :]


def _preparation(amplitudes: Amplitudes, bits: tuple[int, ...]) -> _Change:
    def change(states: Amplitudes, _: Amplitudes, checkpoint: Checkpoint) -> None:
        for state in states:
            prepare(state, amplitudes, bits, checkpoint)

    return change


def _wide_product(matrices: Matrices, targets: tuple[int, ...], controls: Controls) -> _Change:
    def change(states: Amplitudes, _: Amplitudes, checkpoint: Checkpoint) -> None:
        for state, matrix in zip(
            states, np.broadcast_to(matrices, (len(states), *matrices.shape[-2:])), strict=True
        ):
            apply_matrix(state, matrix, targets, controls, checkpoint)

    return change
