"""One circuit on many rows of angles: their states lie one behind the other, and go through each step together.

A row's amplitudes are, bit for bit, those that it has alone: by the same plan, in products of the same sizes,
whatever the other rows are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.instructions import Initialize, Permutation
from simulator.evolve.bound import Diagonals, only_gate
from simulator.evolve.chunks import multiply, rows_at_once
from simulator.evolve.diagonals import Places
from simulator.evolve.evolution import Evolution, Piece, plan_of
from simulator.evolve.phases import Member
from simulator.evolve.rotations import Rotation, Turning
from simulator.evolve.state import State
from simulator.kernels.bits import gather
from simulator.kernels.dense import as_type
from simulator.matrices.gate_matrices import Swept
from simulator.monitor import Checkpoint
from simulator.plan.operations import WIDEST, Evolving, is_rotation
from simulator.plan.plan import Multiply, Rotate, Stage
from simulator.typing import Matrices

#: Shape (rows, 2^n).
Rows: TypeAlias = NDArray[Any]
#: A gate's `id` -> which of its parameters is which column of the values.
Columns: TypeAlias = Mapping[int, Sequence[tuple[int, int]]]
#: Brings rows through one step; the second array is scratch. Returns where they are, and what is scratch then.
_RowStep: TypeAlias = Callable[[Rows, Rows], tuple[Rows, Rows]]


def can_share_steps(instruction: Evolving) -> bool:
    """Whether rows of states can go through it together."""
    if isinstance(instruction, Permutation):
        return True
    if isinstance(instruction, Initialize):
        return False
    if is_rotation(instruction):
        return True
    return len(instruction.targets) + len(getattr(instruction, "controls", ())) <= WIDEST


class RowsEvolution:
    """An `Evolution` of states that are one chunk each; of some gates, each row has numbers of its own."""

    def __init__(self, evolution: Evolution, columns: Columns) -> None:
        self._pieces, self._columns = evolution.pieces, columns
        self._planned: dict[tuple[int, tuple[int, ...], np.dtype[Any]], _PlannedPiece] = {}

    def run(self, rows: Rows, one: State, values: NDArray[np.float64], checkpoint: Checkpoint) -> Rows:
        """Return the rows evolved, each with its values, shape (rows, columns).

        ``one`` is any of the states, and tells where qubits lie, before and afterwards.
        """
        for number, piece in enumerate(self._pieces):
            key = (number, one.layout, rows.dtype)
            if key not in self._planned:
                self._planned[key] = _PlannedPiece(piece, self._columns, *key[1:])
            rows = self._planned[key].run(rows, one, values, checkpoint)
        return rows


class _PlannedPiece:
    """A piece with its plan."""

    def __init__(self, piece: Piece, columns: Columns, layout: tuple[int, ...], dtype: np.dtype[Any]) -> None:
        self._instructions, self._dtype = piece.instructions, dtype
        self._planned = plan_of(piece, layout, real=dtype.kind == "f")
        self._columns = {
            place: columns[id(instruction)]
            for place, instruction in enumerate(piece.instructions)
            if id(instruction) in columns
        }

    def run(self, rows: Rows, one: State, values: NDArray[np.float64], checkpoint: Checkpoint) -> Rows:
        """Evolve rows with these values, shape (rows, columns)."""
        spare = np.empty_like(rows)
        steps = self._steps(values)
        for part in self._planned.plan.parts:
            if not isinstance(part, Stage):
                raise TypeError(part)
            for _ in part.steps:
                checkpoint()
                rows, spare = next(steps)(rows, spare)
            if part.sources is not None:
                _move(part.sources, rows, spare)
                rows, spare = spare, rows
        one.arrange(self._planned.plan.qubit_at, self._planned.listing.renamed_from)
        return rows

    def _steps(self, values: NDArray[np.float64]) -> Iterator[_RowStep]:
        """Yield the steps with these values."""
        matrix_plan, dtype = self._planned.matrix_plan, self._dtype
        flat = matrix_plan.operation_matrices(self._instructions, Swept(values, self._columns))
        forms = self._planned.forms(flat, dtype)
        pairs: Matrices | None = None

        def diagonals(place: int) -> NDArray[Any]:
            return as_type(matrix_plan.diagonal(flat, place), dtype)

        for step, place, kept in self._planned.steps:
            if isinstance(step, Multiply) and place is not None:
                yield _product(forms[place.size][:, place.first], step)
            elif isinstance(kept, Rotation) and isinstance(step, Rotate):
                yield self._turning(kept, step, values)
            elif isinstance(kept, Diagonals):
                vectors = None
                if kept.vector is not None:
                    pairs = matrix_plan.pairs(flat) if pairs is None else pairs
                    vectors = as_type(kept.vector.of(pairs), dtype)
                patches = [
                    (patch.places, diagonals(place).take(patch.entries, axis=-1)) for patch, place in kept.patches
                ]
                others = [(diagonals(place), bits) for place, bits in kept.others]
                yield _scaling(vectors, patches, others)
            else:
                raise TypeError(step)

    def _turning(self, rotation: Rotation, step: Rotate, values: NDArray[np.float64]) -> _RowStep:
        """Turn each row by its angle."""
        operation = self._planned.listing.operations[step.member]
        (source,) = operation.sources
        theta = np.array(only_gate(self._instructions, operation).params)
        for _, column in self._columns.get(source, ()):
            theta = values[:, [column]]
        turning = Turning(rotation, theta, self._dtype)

        def apply(rows: Rows, spare: Rows) -> tuple[Rows, Rows]:
            turning.turn(rows, rows, spare)
            return rows, spare

        return apply


def _product(matrices: NDArray[Any], step: Multiply) -> _RowStep:
    """Gather, and multiply each row by its matrix."""
    width = matrices.shape[-1]

    def apply(rows: Rows, spare: Rows) -> tuple[Rows, Rows]:
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
    vectors: NDArray[Any] | None,
    patches: Sequence[tuple[Places | slice, NDArray[Any]]],
    others: Sequence[tuple[NDArray[Any], tuple[int, ...]]],
) -> _RowStep:
    """Multiply each row by its diagonals, as `diagonals.Scaling` does with one."""

    def apply(rows: Rows, spare: Rows) -> tuple[Rows, Rows]:
        if vectors is not None:
            parts = rows.reshape(len(rows), -1, vectors.shape[-1])
            np.multiply(parts, vectors[:, None], out=parts)
        for places, factors in patches:
            rows[:, places] *= factors
        for diagonals, bits in others:
            for row, diagonal in zip(rows, diagonals, strict=True):
                Member(diagonal, bits).apply(row, 0)
        return rows, spare

    return apply


def _move(sources: tuple[int, ...], rows: Rows, goal: Rows) -> None:
    """Copy each row, with the bits of its indices moved, as `gather.gather` says."""
    row, index = gather(sources)
    shape = (len(rows), -1, 1 << row)
    np.take(rows.reshape(shape), index, axis=1, out=goal.reshape(shape), mode="clip")
