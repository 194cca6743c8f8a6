"""Instructions of a narrow plan that are applied by themselves, since no block takes them in."""

from __future__ import annotations

from collections.abc import Callable
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
from simulator.narrow.plan import Apply
from simulator.plan.operations import Evolving, controls_of
from simulator.typing import Amplitudes, Controls, Matrices

#: Changes states, shape (states, 2^n), in place; the second array is scratch memory of that shape.
Change: TypeAlias = Callable[[Amplitudes, Amplitudes, Checkpoint], None]


def change_of(
    step: Apply, instruction: Evolving, num_bits: int, dtype: np.dtype[Any], swept: Swept | None = None
) -> Change:
    """Return what an instruction does that is applied by itself to states of so many bits."""
    positions = orders.positions(num_bits, step.block)
    bits = tuple([positions[bit] for bit in step.facts.bits])
    if isinstance(instruction, Gate) and (letters := pauli_letters(instruction.name)):
        return _rotation(letters, bits, step.source, instruction, num_bits, dtype, swept)
    if isinstance(instruction, Initialize):
        return _preparation(instruction.amplitudes.ndarray(), bits)
    targets, controls = bits[: len(instruction.targets)], controls_of(instruction, bits)
    if isinstance(instruction, Diagonal):
        diagonals = instruction.diagonal.ndarray()
    else:
        # Over the targets only.
        kind = step.facts.name, len(targets), 0, None
        (matrices,) = np.moveaxis(matrices_of(kind, [instruction], [step.source], swept), -3, 0)
        if not step.facts.diagonal:
            return _wide_product(matrices, targets, controls)
        diagonals = matrices.diagonal(axis1=-2, axis2=-1)
    indices, numbers = orders.selected(num_bits, targets, controls)
    if indices.size == 1:
        # As two equal ones: NumPy rounds the product of a single number in another way.
        indices, numbers = indices.repeat(2), numbers.repeat(2)

    def change(states: Amplitudes, _: Amplitudes, __: Checkpoint) -> None:
        # Not before, since all factors of a long plan take more memory than its matrices.
        states[:, indices] *= as_type(diagonals.take(numbers, -1), dtype)

    return change


def _rotation(
    letters: str,
    bits: tuple[int, ...],
    source: int,
    gate: Gate,
    num_bits: int,
    dtype: np.dtype[Any],
    swept: Swept | None,
) -> Change:
    theta = np.array(gate.params)
    if swept is not None:
        for _, column in swept.columns.get(source, ()):
            theta = swept.values[:, [column]]
    string = PauliString.of(letters)
    spec = RotationSpec(string.flips, string.signs, string.phase, bits, num_bits)
    rotation = Rotation(spec, theta, dtype)

    def change(states: Amplitudes, spare: Amplitudes, _: Checkpoint) -> None:
        rotation.rotate(states, states, spare)

    return change


def _preparation(amplitudes: Amplitudes, bits: tuple[int, ...]) -> Change:
    def change(states: Amplitudes, _: Amplitudes, checkpoint: Checkpoint) -> None:
        for state in states:
            prepare(state, amplitudes, bits, checkpoint)

    return change


def _wide_product(matrices: Matrices, targets: tuple[int, ...], controls: Controls) -> Change:
    def change(states: Amplitudes, _: Amplitudes, checkpoint: Checkpoint) -> None:
        for state, matrix in zip(
            states, np.broadcast_to(matrices, (len(states), *matrices.shape[-2:])), strict=True
        ):
            apply_matrix(state, matrix, targets, controls, checkpoint)

    return change
