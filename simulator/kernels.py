"""The verbs on amplitudes. They take and return ndarrays, work in place where they can, and validate nothing.

Bit order, said once: amplitude ``i`` belongs to the basis state whose bit ``b`` is ``i >> b & 1``. ``psi`` has
shape (2^bits,), complex128, contiguous. ``targets`` are bits; the first is the least significant bit of a
matrix's rows. ``controls`` are pairs (bit, value): the verb acts only where each bit has its value, and leaves
the rest as it is. Scratch memory is a few chunks that fit a cache, unless the verb says otherwise.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.gather import CHUNK, LOW, layout

Amplitudes: TypeAlias = NDArray[np.complex128]
Controls: TypeAlias = tuple[tuple[int, int], ...]

#: Up to this many targets, a real matrix product of twice the size is faster than a complex one.
_REAL_PRODUCT = 6
#: Multiplications, log2, up to which OpenBLAS uses one thread: its threads cost more than such products take.
_ONE_THREAD = 18


def apply_matrix(
    psi: Amplitudes,
    matrix: Amplitudes,
    targets: tuple[int, ...],
    controls: Controls,
    checkpoint: Callable[[], None],
) -> None:
    """Multiply one or more targets by a matrix of shape (2^k, 2^k); calls ``checkpoint`` between chunks."""
    if len(targets) == 1 and targets[0] >= LOW:
        _apply_pairwise(psi, matrix, targets[0], controls)
        return
    plan = layout(psi.size.bit_length() - 1, targets, controls)
    matrix = matrix.astype(psi.dtype, copy=False)
    right: NDArray[Any] = _real_form(matrix) if len(targets) <= _REAL_PRODUCT else matrix.T
    source, result = np.empty((2, plan.index.size), psi.dtype)
    width = len(right)
    height = max(1, min((1 << _ONE_THREAD) // right.size, (plan.rows.stop - plan.rows.start) // len(matrix)))
    rows_in, rows_out = (
        buffer[plan.rows].view(right.dtype).reshape(-1, height, width) for buffer in (source, result)
    )
    for chunk in plan.chunks(psi):
        checkpoint()
        np.take(chunk.reshape(-1), plan.index, out=source, mode="clip")
        if rows_in.nbytes < source.nbytes:
            result[...] = source
        np.matmul(rows_in, right, out=rows_out)
        np.take(result, plan.inverse, out=source, mode="clip")
        chunk[...] = source.reshape(chunk.shape)


def apply_diagonal(psi: Amplitudes, diagonal: Amplitudes, targets: tuple[int, ...], controls: Controls) -> None:
    """Multiply any number of targets, also none, by a diagonal of shape (2^k,). Scratch: up to 32 diagonals."""
    order = sorted(targets, reverse=True)
    factors = diagonal.reshape((2,) * len(targets)).transpose([len(targets) - 1 - targets.index(b) for b in order])
    high = [bit for bit in order if bit >= LOW]
    low_controls = [pair for pair in controls if pair[0] < LOW]
    low = min(psi.size.bit_length() - 1, LOW) if low_controls or len(high) < len(order) else 0
    if low:
        lowest = tuple(2 if bit in targets else 1 for bit in reversed(range(low)))
        factors = np.broadcast_to(factors.reshape((2,) * len(high) + lowest), (2,) * (len(high) + low))
        factors = factors.reshape((2,) * len(high) + (1 << low,))
        for bit, value in low_controls:
            factors = np.where(np.arange(1 << low) >> bit & 1 == value, factors, 1)
    fixed = {bit: value for bit, value in controls if bit >= LOW}
    view, axes = _split(psi, [*high, *fixed], low)
    sides = [2 if bit in high else 1 for bit in axes]
    if low:
        sides[-1] = 1 << low
    shape = tuple(side for bit, side in zip(axes, sides, strict=True) if bit not in fixed)
    part = view[tuple(fixed.get(bit, slice(None)) for bit in axes)]
    part *= factors.reshape(shape)


def exchange(psi: Amplitudes, factors: tuple[complex, complex], target: int, controls: Controls) -> None:
    """Multiply one target by the matrix [[0, factors[0]], [factors[1], 0]]."""
    for zero, one in _pairs(psi, target, controls):
        kept = zero.copy()
        np.multiply(one, factors[0], out=zero)
        np.multiply(kept, factors[1], out=one)


def prepare(psi: Amplitudes, amplitudes: Amplitudes, targets: tuple[int, ...]) -> None:
    """Give the targets, which are all in |0>, these amplitudes, shape (2^k,). Scratch: 2^(bits - k)."""
    num_bits, k = psi.size.bit_length() - 1, len(targets)
    rest = [bit for bit in reversed(range(num_bits)) if bit not in targets]
    axes = [num_bits - 1 - bit for bit in (*rest, *reversed(targets))]
    view = psi.reshape((2,) * num_bits).transpose(axes)
    ground: tuple[Any, ...] = (..., *(0,) * k)
    others = np.array(view[ground])
    np.multiply(others.reshape(others.shape + (1,) * k), amplitudes.reshape((2,) * k), out=view)


def permuted(psi: Amplitudes, sources: tuple[int, ...]) -> Amplitudes:
    """Return the amplitudes with bit ``sources[i]`` of the index as bit i; the same memory if nothing moves."""
    num_bits = len(sources)
    axes = [num_bits - 1 - bit for bit in reversed(sources)]
    return psi.reshape((2,) * num_bits).transpose(axes).reshape(-1)


def _apply_pairwise(psi: Amplitudes, matrix: Amplitudes, target: int, controls: Controls) -> None:
    for zero, one in _pairs(psi, target, controls):
        _multiply(matrix, zero, one)


def _multiply(matrix: Amplitudes, zero: Amplitudes, one: Amplitudes) -> None:
    raised = zero * matrix[1, 0]
    zero *= matrix[0, 0]
    zero += one * matrix[0, 1]
    one *= matrix[1, 1]
    one += raised


def _pairs(psi: Amplitudes, target: int, controls: Controls) -> Iterator[tuple[Amplitudes, Amplitudes]]:
    """Yield matching views, small enough for a cache, of where the target is 0 and where it is 1."""
    zero, one = (_subspace(psi, (*controls, (target, value))) for value in (0, 1))
    size, steps = zero.size, []
    for side in zero.shape:
        if size <= 1 << CHUNK:
            break
        size //= side
        step = max(1, (1 << CHUNK) // size)
        steps.append([slice(start, start + step) for start in range(0, side, step)])
        size *= min(step, side)
    for piece in product(*steps):
        yield zero[piece], one[piece]


def _subspace(psi: Amplitudes, fixed: Controls) -> Amplitudes:
    """Return the view where each bit has its value."""
    values = dict(fixed)
    view, axes = _split(psi, values)
    return view[tuple(values.get(bit, slice(None)) for bit in axes)]


def _split(psi: Amplitudes, bits: Iterable[int], low: int = 0) -> tuple[Amplitudes, list[int]]:
    """Give each bit an axis of its own, and the ``low`` lowest, none of them listed, one together.

    Returns the view and, per axis, its bit (-1: the axis is a run of other bits).
    """
    shape, axes = [], []
    top = psi.size.bit_length() - 1
    for bit in sorted(bits, reverse=True):
        if top - bit > 1:
            shape.append(1 << (top - bit - 1))
            axes.append(-1)
        shape.append(2)
        axes.append(bit)
        top = bit
    shape += [1 << (top - low), 1 << low]
    axes += [-1, -1]
    return psi.reshape(shape), axes


def _real_form(matrix: Amplitudes) -> NDArray[np.float64]:
    """Return R of shape (2K, 2K) with ``x.view(float) @ R == (matrix @ x).view(float)``."""
    dim = len(matrix)
    form = np.empty((dim, 2, dim, 2), matrix.real.dtype)
    form[:, 0, :, 0] = form[:, 1, :, 1] = matrix.real.T
    form[:, 0, :, 1] = matrix.imag.T
    form[:, 1, :, 0] = -matrix.imag.T
    return form.reshape(2 * dim, 2 * dim)
