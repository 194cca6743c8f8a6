"""Products as steps on a chunk: a gather that brings a block's qubits to the lowest bits, and a matrix product."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simulator.evolve.chunks import Chunk
from simulator.kernels.bits import gather
from simulator.kernels.dense import ONE_THREAD
from simulator.typing import Amplitudes


class ProductSpec:
    """What is known of a product before its matrices are."""

    __slots__ = ("bits", "gather", "height", "side", "transposed", "width")

    def __init__(
        self, width: int, bits: tuple[int, ...], sources: tuple[int, ...] | None, transposed: bool
    ) -> None:
        #: The side of a matrix, of real numbers.
        self.width = width
        #: The bits of a chunk's number that say which matrix it is multiplied by.
        self.bits = bits
        #: How the block's qubits come to the lowest bits; None: they are there already.
        self.gather = None if sources is None else gather(sources)
        #: Length of the rows that the gather moves as a whole.
        self.side = 0 if self.gather is None else 1 << self.gather[0]
        #: As in `Multiply`.
        self.transposed = transposed
        #: How many rows are multiplied at a time: so few that BLAS uses one thread.
        self.height = max(1, (1 << ONE_THREAD) // width**2)


class Product:
    """Bring a block's qubits to the lowest bits, and multiply by its matrix."""

    __slots__ = ("_matrices", "_spec")

    def __init__(self, matrices: Sequence[Amplitudes], spec: ProductSpec) -> None:
        """Take a matrix, in the form of `real_form`, for each value of the spec's control bits."""
        self._matrices = matrices
        self._spec = spec

    def apply(self, chunk: Chunk, spare: Chunk, number: int) -> tuple[Chunk, Chunk]:
        """Gather into ``spare``, multiply back into ``chunk``."""
        spec = self._spec
        if spec.gather is not None:
            side = spec.side
            chunk.rows[side].take(spec.gather[1], 0, spare.rows[side], "clip")
            chunk, spare = spare, chunk
        variant = 0
        for index, bit in enumerate(spec.bits):
            variant |= (number >> bit & 1) << index
        matrix, rows = self._matrices[variant], chunk.real_rows[spec.width]
        if len(rows) <= spec.height and not spec.transposed:
            np.dot(rows, matrix, spare.real_rows[spec.width])
        else:
            self._multiply_parts(rows, matrix, spare)
        return spare, chunk

    def _multiply_parts(self, rows: Amplitudes, matrix: Amplitudes, goal: Chunk) -> None:
        width = self._spec.width
        height = min(len(rows), self._spec.height)
        if self._spec.transposed:
            result = goal.real_rows[1].reshape(width, -1, height).transpose(1, 2, 0)
        else:
            result = goal.real_rows[1].reshape(-1, height, width)
        np.matmul(rows.reshape(-1, height, width), matrix, out=result)
