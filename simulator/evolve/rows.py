"""Evolve the rows of a sweep together: states of one circuit with different angles go through each step at once.

A row's amplitudes are, bit for bit, those that it has alone: its plan and the sizes of its products do not depend
on the other rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.instructions import Initialize, Permutation
from simulator.evolve.chunk_scaling import DiagonalFactor
from simulator.evolve.evolution import Evolution
from simulator.evolve.plan_cache import PlanKey, prepared_plan
from simulator.evolve.prepared_plan import DiagonalSpec, only_gate
from simulator.evolve.product import multiply, rows_at_once
from simulator.evolve.rotation import PauliRotation, RotationSpec
from simulator.evolve.statevector import Statevector
from simulator.kernels.bits import gather
from simulator.kernels.dense import as_type
from simulator.matrices import Swept
from simulator.monitor import Checkpoint
from simulator.plan.operations import WIDEST, Evolving, is_rotation
from simulator.plan.plan import Multiply, Rotate, Stage
from simulator.typing import Amplitudes, Indices, Matrices

#: A gate's `id` -> which of its parameters is which column of the values.
Columns: TypeAlias = Mapping[int, Sequence[tuple[int, int]]]
#: Takes rows through one step, with the second array as scratch; returns where they are then, and what is scratch.
_RowStep: TypeAlias = Callable[[Amplitudes, Amplitudes], tuple[Amplitudes, Amplitudes]]


def can_share_steps(instruction: Evolving) -> bool:
    """Whether the states of a sweep can go through an instruction together."""
    if isinstance(instruction, Permutation):
        return True
    if isinstance(instruction, Initialize):
        return False
    if is_rotation(instruction):
        return True
    return len(instruction.targets) + len(getattr(instruction, "controls", ())) <= WIDEST


class RowsEvolution:
    """An `Evolution` of states of one chunk each, where each row has parameters of its own for some gates."""

    def __init__(self, evolution: Evolution, columns: Columns) -> None:
        self._pieces, self._columns = evolution.pieces, columns
        self._plans: dict[tuple[int, tuple[int, ...], np.dtype[Any]], _RowsPlan] = {}

    def run(
        self, rows: Amplitudes, one: Statevector, values: NDArray[np.float64], checkpoint: Checkpoint
    ) -> Amplitudes:
        """Return the rows evolved, each with its values, shape (rows, columns).

        ``rows`` has shape (rows, 2^n). ``one`` is any of the states; it is updated to where the qubits lie
        afterwards.
        """
        for number, piece in enumerate(self._pieces):
            key = (number, one.qubit_at, rows.dtype)
            if key not in self._plans:
                self._plans[key] = _RowsPlan(piece, self._columns, one, rows.dtype)
            rows = self._plans[key].run(rows, one, values, checkpoint)
        return rows


class _RowsPlan:
    """The plan of some instructions, for rows that each have parameters of their own."""

    def __init__(
        self, instructions: Sequence[Evolving], columns: Columns, one: Statevector, dtype: np.dtype[Any]
    ) -> None:
        self._instructions, self._dtype = instructions, dtype
        self._prepared = prepared_plan(PlanKey.of(instructions, one.qubit_at, one.tuning, real=dtype.kind == "f"))
        self._columns = {
            index: columns[id(instruction)]
            for index, instruction in enumerate(instructions)
            if id(instruction) in columns
        }

    def run(
        self, rows: Amplitudes, one: Statevector, values: NDArray[np.float64], checkpoint: Checkpoint
    ) -> Amplitudes:
        """Evolve rows with these values, shape (rows, columns)."""
        spare = np.empty_like(rows)
        steps = self._steps(values)
        for part in self._prepared.plan.parts:
            if not isinstance(part, Stage):
                raise TypeError(part)
            for _ in part.steps:
                checkpoint()
                rows, spare = next(steps)(rows, spare)
            if part.sources is not None:
                _move(part.sources, rows, spare)
                rows, spare = spare, rows
        one.relabel(self._prepared.plan.qubit_at, self._prepared.operations.renamed_from)
        return rows

    def _steps(self, values: NDArray[np.float64]) -> Iterator[_RowStep]:
        """Yield the steps with these values."""
        matrix_plan, dtype = self._prepared.matrix_plan, self._dtype
        flat = matrix_plan.operation_matrices(self._instructions, Swept(values, self._columns))
        forms = self._prepared.block_forms(flat, dtype)
        pairs: Matrices | None = None

        def diagonals(index: int) -> Amplitudes:
            return as_type(matrix_plan.diagonal(flat, index), dtype)

        for step, where, spec in self._prepared.steps:
            if isinstance(step, Multiply) and where is not None:
                yield _product(forms[where.size][:, where.first], step)
            elif isinstance(spec, RotationSpec) and isinstance(step, Rotate):
                yield self._rotation(spec, step, values)
            elif isinstance(spec, DiagonalSpec):
                vectors = None
                if spec.vector is not None:
                    pairs = matrix_plan.pairs(flat) if pairs is None else pairs
                    vectors = as_type(spec.vector.of(pairs), dtype)
                patches = [
                    (patch.indices, diagonals(index).take(patch.entries, axis=-1)) for patch, index in spec.patches
                ]
                others = [(diagonals(index), bits) for index, bits in spec.others]
                yield _scaling(vectors, patches, others)
            else:
                raise TypeError(step)

    def _rotation(self, spec: RotationSpec, step: Rotate, values: NDArray[np.float64]) -> _RowStep:
        """Return the step that rotates each row by its angle."""
        operation = self._prepared.operations.operations[step.member]
        (source,) = operation.sources
        theta = np.array(only_gate(self._instructions, operation).params)
        for _, column in self._columns.get(source, ()):
            theta = values[:, [column]]
        rotation = PauliRotation(spec, theta, self._dtype)

        def apply(rows: Amplitudes, spare: Amplitudes) -> tuple[Amplitudes, Amplitudes]:
            rotation.rotate(rows, rows, spare)
            return rows, spare

        return apply


def _product(matrices: Amplitudes, step: Multiply) -> _RowStep:
    """Return the step that multiplies each row by its matrix, as `Product` does with one chunk."""
    width = matrices.shape[-1]

    def apply(rows: Amplitudes, spare: Amplitudes) -> tuple[Amplitudes, Amplitudes]:
        if step.sources is not None:
            _move(step.sources, rows, spare)
            rows, spare = spare, rows
        factors, result = rows.view(matrices.dtype), spare.view(matrices.dtype)
        height = rows_at_once(factors.shape[1] // width, width)
        if step.transposed:
            goal = result.reshape(len(rows), width, -1, height).transpose(0, 2, 3, 1)
        else:
            goal = result.reshape(len(rows), -1, height, width)
        multiply(factors.reshape(len(rows), -1, height, width), matrices[:, None], goal)
        return spare, rows

    return apply


def _scaling(
    vectors: Amplitudes | None,
    patches: Sequence[tuple[Indices | slice, Amplitudes]],
    others: Sequence[tuple[Amplitudes, tuple[int, ...]]],
) -> _RowStep:
    """Return the step that multiplies each row by its diagonals, as `Scaling` does with one state."""

    def apply(rows: Amplitudes, spare: Amplitudes) -> tuple[Amplitudes, Amplitudes]:
        if vectors is not None:
            parts = rows.reshape(len(rows), -1, vectors.shape[-1])
            np.multiply(parts, vectors[:, None], out=parts)
        for indices, factors in patches:
            rows[:, indices] *= factors
        for diagonals, bits in others:
            for row, diagonal in zip(rows, diagonals, strict=True):
                DiagonalFactor(diagonal, bits).apply(row, 0)
        return rows, spare

    return apply


def _move(sources: tuple[int, ...], rows: Amplitudes, goal: Amplitudes) -> None:
    """Copy each row, with the bits of its indices moved, as `gather` says."""
    row, index = gather(sources)
    shape = (len(rows), -1, 1 << row)
    np.take(rows.reshape(shape), index, axis=1, out=goal.reshape(shape), mode="clip")
