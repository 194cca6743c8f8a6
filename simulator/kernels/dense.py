"""Multiply a state by a dense matrix.

Bit order, said once: amplitude ``i`` belongs to the basis state whose bit ``b`` is ``i >> b & 1``. ``psi`` has
shape (2^bits,), contiguous: complex, or real where every number is. ``targets`` are bits; the first is the least
significant bit of a matrix's rows. ``controls`` are pairs (bit, value): a function acts only where each bit has
its value, and leaves the rest as it is. The functions work in place and validate nothing. Scratch memory is a few
chunks that fit a cache, unless a function says otherwise.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any

import numpy as np

from simulator.kernels.bits import offsets
from simulator.monitor import Checkpoint
from simulator.tuning import TUNING, Tuning
from simulator.typing import Amplitudes, Controls, Indices

#: Up to this many targets, a real matrix product of twice the size is faster than a complex one.
_REAL_PRODUCT = 6
#: Multiplications between two checkpoints, for each amplitude of a chunk.
_PRODUCTS = 1 << 6
#: log2 of the multiplications up to which OpenBLAS uses one thread: its threads cost more than such products take.
ONE_THREAD = 18


@dataclass(frozen=True, slots=True)
class _ChunkWalk:
    """How `apply_matrix` goes through the amplitudes, a chunk at a time."""

    num_bits: int
    #: The axes of psi as (2,) * num_bits: first controls outside of chunks, then bits that number the chunks, then
    #: bits inside them.
    axes: tuple[int, ...]
    #: The values of the controls outside of chunks.
    selected: tuple[int, ...]
    #: How many bits number the chunks.
    counting: int
    #: Gathers a chunk so that targets are its lowest bits and the controls inside it the highest.
    index: Indices
    #: Undoes ``index``.
    inverse: Indices
    #: Where the controls inside a gathered chunk have their values.
    rows: slice

    def chunks(self, psi: Amplitudes) -> Iterator[Amplitudes]:
        """Yield views of shape (2,) * (bits inside a chunk)."""
        selected = psi.reshape((2,) * self.num_bits).transpose(self.axes)[self.selected]
        for index in product((0, 1), repeat=self.counting):
            yield selected[index]


@lru_cache(maxsize=64)
def _walk(num_bits: int, targets: tuple[int, ...], controls: Controls, tuning: Tuning) -> _ChunkWalk:
    """Return how `apply_matrix` goes through the amplitudes; the arguments are as there."""
    values = dict(controls)
    inside = {*targets, *range(min(num_bits, tuning.run_bits))}
    # A wide product of few rows is slow.
    size = max(tuning.chunk_bits, len(targets) + tuning.chunk_bits // 2)
    for bit in range(num_bits):
        if len(inside) >= size:
            break
        if bit not in values:
            inside.add(bit)
    selecting = [bit for bit in values if bit not in inside]
    counting = [bit for bit in reversed(range(num_bits)) if bit not in inside and bit not in values]
    local = sorted(inside)
    held = [bit for bit in local if bit in values]
    free = [bit for bit in local if bit not in values and bit not in targets]
    index = offsets([local.index(bit) for bit in (*targets, *free, *held)])
    inverse = np.empty_like(index)
    inverse[index] = np.arange(index.size)
    height = index.size >> len(held)
    row = sum(values[bit] << position for position, bit in enumerate(held))
    return _ChunkWalk(
        num_bits=num_bits,
        axes=tuple(num_bits - 1 - bit for bit in (*selecting, *counting, *reversed(local))),
        selected=tuple(values[bit] for bit in selecting),
        counting=len(counting),
        index=index,
        inverse=inverse,
        rows=slice(row * height, (row + 1) * height),
    )


def apply_matrix(
    psi: Amplitudes,
    matrix: Amplitudes,
    targets: tuple[int, ...],
    controls: Controls,
    checkpoint: Checkpoint,
    tuning: Tuning = TUNING,
) -> None:
    """Apply a matrix of shape (2^k, 2^k) to one or more targets; calls ``checkpoint`` between chunks."""
    walk = _walk(psi.size.bit_length() - 1, targets, controls, tuning)
    source, result = np.empty((2, walk.index.size), psi.dtype)
    if np.isrealobj(psi) or len(targets) <= _REAL_PRODUCT:
        right = real_form(matrix, real=np.isrealobj(psi)).astype(psi.real.dtype, copy=False)
    else:
        right = matrix.T.astype(psi.dtype, copy=False)
    width = len(right)
    height = max(1, min((1 << ONE_THREAD) // right.size, (walk.rows.stop - walk.rows.start) // len(matrix)))
    step = max(1, (_PRODUCTS << tuning.chunk_bits) // (height * right.size))
    rows_in, rows_out = (
        buffer[walk.rows].view(right.dtype).reshape(-1, height, width) for buffer in (source, result)
    )
    for chunk in walk.chunks(psi):
        np.take(chunk.reshape(-1), walk.index, out=source, mode="clip")
        if rows_in.nbytes < source.nbytes:
            result[...] = source
        for start in range(0, len(rows_in), step):
            checkpoint()
            np.matmul(rows_in[start : start + step], right, out=rows_out[start : start + step])
        np.take(result, walk.inverse, out=source, mode="clip")
        chunk[...] = source.reshape(chunk.shape)


def real_form(stack: Amplitudes, *, real: bool) -> Amplitudes:
    """Return R such that ``x @ R`` is ``matrix @ x``, for a real state x, or for the real pairs of a complex one.

    ``stack`` has shape (..., K, K); R has shape (..., K, K) or (..., 2K, 2K).
    """
    across = stack.swapaxes(-1, -2)
    if real:
        return np.ascontiguousarray(across.real)
    side = stack.shape[-1]
    form = np.empty((*stack.shape[:-2], side, 2, side), stack.dtype)
    form[..., 0, :] = across
    np.multiply(across, 1j, out=form[..., 1, :])
    return form.view(across.real.dtype).reshape(*stack.shape[:-2], 2 * side, 2 * side)


def as_type(numbers: Amplitudes, dtype: np.dtype[Any]) -> Amplitudes:
    """Return numbers, contiguous, in the type of a state; if that is real, all numbers must be real."""
    return np.ascontiguousarray(numbers if dtype.kind == "c" else numbers.real, dtype)
