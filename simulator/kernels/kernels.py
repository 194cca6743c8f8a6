"""The verbs on amplitudes. They take and return ndarrays, work in place where they can, and validate nothing.

Bit order, said once: amplitude ``i`` belongs to the basis state whose bit ``b`` is ``i >> b & 1``. ``psi`` has
shape (2^bits,), contiguous: complex, or real where every number is. ``targets`` are bits; the first is the least
significant bit of a matrix's rows. ``controls`` are pairs (bit, value): the verb acts only where each bit has its
value, and leaves the rest as it is. Scratch memory is a few chunks that fit a cache, unless the verb says
otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.kernels.gather import LOW, layout
from simulator.monitor import Checkpoint

Amplitudes: TypeAlias = NDArray[Any]
Controls: TypeAlias = tuple[tuple[int, int], ...]

#: Up to this many targets, a real matrix product of twice the size is faster than a complex one.
_REAL_PRODUCT = 6
#: Amplitudes, log2, that are prepared between two checkpoints,
_PREPARED = 17
#: and multiplications of a product, log2.
_PRODUCT = 20
#: Multiplications, log2, up to which OpenBLAS uses one thread: its threads cost more than such products take.
ONE_THREAD = 18


def apply_matrix(
    psi: Amplitudes,
    matrix: Amplitudes,
    targets: tuple[int, ...],
    controls: Controls,
    checkpoint: Checkpoint,
) -> None:
    """Multiply one or more targets by a matrix of shape (2^k, 2^k); calls ``checkpoint`` between chunks."""
    plan = layout(psi.size.bit_length() - 1, targets, controls)
    source, result = np.empty((2, plan.index.size), psi.dtype)
    if np.isrealobj(psi) or len(targets) <= _REAL_PRODUCT:
        right = real_form(matrix, real=np.isrealobj(psi)).astype(psi.real.dtype, copy=False)
    else:
        right = matrix.T.astype(psi.dtype, copy=False)
    width = len(right)
    height = max(1, min((1 << ONE_THREAD) // right.size, (plan.rows.stop - plan.rows.start) // len(matrix)))
    step = max(1, (1 << _PRODUCT) // (height * right.size))
    rows_in, rows_out = (
        buffer[plan.rows].view(right.dtype).reshape(-1, height, width) for buffer in (source, result)
    )
    for chunk in plan.chunks(psi):
        np.take(chunk.reshape(-1), plan.index, out=source, mode="clip")
        if rows_in.nbytes < source.nbytes:
            result[...] = source
        for start in range(0, len(rows_in), step):
            checkpoint()
            np.matmul(rows_in[start : start + step], right, out=rows_out[start : start + step])
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
    part *= factors.reshape(shape).astype(psi.dtype, copy=False)


def prepare(psi: Amplitudes, amplitudes: Amplitudes, targets: tuple[int, ...], checkpoint: Checkpoint) -> None:
    """Give the targets, which are in |0>, these amplitudes, shape (2^k,); calls ``checkpoint`` between chunks.

    If ``psi`` is real, all of the amplitudes must be.
    """
    num_bits = psi.size.bit_length() - 1
    view = psi.reshape((2,) * num_bits)
    order = sorted(targets, reverse=True)
    axes = [len(targets) - 1 - targets.index(bit) for bit in order]
    # Of a width of their own, also in single precision: it is the products that are rounded.
    numbers = amplitudes.real if np.isrealobj(psi) else amplitudes
    factors = numbers.reshape((2,) * len(targets)).transpose(axes)
    factors = factors.reshape([2 if bit in targets else 1 for bit in reversed(range(num_bits))])
    high = range(num_bits - 1, _PREPARED - 1, -1)
    ground: tuple[Any, ...] = tuple(
        slice(1 if bit in targets else 2) for bit in range(num_bits - 1 - len(high), -1, -1)
    )
    everything: tuple[Any, ...] = (...,)
    # Downwards: a chunk comes before the one that it is made from, where the high targets are 0.
    for values in product((1, 0), repeat=len(high)):
        checkpoint()
        chosen = tuple([value * (bit in targets) for bit, value in zip(high, values, strict=True)])
        source = tuple([value * (bit not in targets) for bit, value in zip(high, values, strict=True)])
        np.multiply(view[source + ground], factors[chosen], out=view[values + everything])


def real_form(stack: NDArray[Any], *, real: bool) -> NDArray[Any]:
    """Return R with ``x @ R == matrix @ x`` for x as numbers of a real state, or as pairs of a complex one.

    ``stack`` has shape (..., K, K); R has shape (..., K, K) or (..., 2K, 2K).
    """
    across = stack.swapaxes(-1, -2)
    if real:
        return np.ascontiguousarray(across.real)
    side = stack.shape[-1]
    form = np.empty((*stack.shape[:-2], side, 2, side, 2), across.real.dtype)
    form[..., 0, :, 0] = form[..., 1, :, 1] = across.real
    form[..., 0, :, 1] = across.imag
    form[..., 1, :, 0] = -across.imag
    return form.reshape(*stack.shape[:-2], 2 * side, 2 * side)


def of_type(numbers: NDArray[Any], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return complex numbers, contiguous, as those of a state of this type; if it is real, all must be."""
    return np.ascontiguousarray(numbers if dtype.kind == "c" else numbers.real, dtype)


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
