"""Scale amplitudes one by one: by diagonals, and by the amplitudes that qubits in |0> are prepared with.

Bits, ``psi``, ``targets`` and ``controls`` are as in `dense`.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import product
from typing import Any

import numpy as np

from simulator.monitor import Checkpoint
from simulator.tuning import TUNING, Tuning
from simulator.typing import Amplitudes, Controls

#: log2 of the chunks of amplitudes that are prepared between two checkpoints.
_PREPARED_BITS = 3


def apply_diagonal(
    psi: Amplitudes, diagonal: Amplitudes, targets: tuple[int, ...], controls: Controls, tuning: Tuning = TUNING
) -> None:
    """Apply a diagonal of shape (2^k,) to any number of targets, also none; scratch is up to 32 diagonals."""
    run = tuning.run_bits
    order = sorted(targets, reverse=True)
    factors = diagonal.reshape((2,) * len(targets)).transpose([len(targets) - 1 - targets.index(b) for b in order])
    high = [bit for bit in order if bit >= run]
    low_controls = [pair for pair in controls if pair[0] < run]
    low = min(psi.size.bit_length() - 1, run) if low_controls or len(high) < len(order) else 0
    if low:
        lowest = tuple(2 if bit in targets else 1 for bit in reversed(range(low)))
        factors = np.broadcast_to(factors.reshape((2,) * len(high) + lowest), (2,) * (len(high) + low))
        factors = factors.reshape((2,) * len(high) + (1 << low,))
        for bit, value in low_controls:
            factors = np.where(np.arange(1 << low) >> bit & 1 == value, factors, 1)
    fixed = {bit: value for bit, value in controls if bit >= run}
    view, axes = _split(psi, [*high, *fixed], low)
    sides = [2 if bit in high else 1 for bit in axes]
    if low:
        sides[-1] = 1 << low
    shape = tuple(side for bit, side in zip(axes, sides, strict=True) if bit not in fixed)
    part = view[tuple(fixed.get(bit, slice(None)) for bit in axes)]
    part *= factors.reshape(shape).astype(psi.dtype, copy=False)


def prepare(
    psi: Amplitudes,
    amplitudes: Amplitudes,
    targets: tuple[int, ...],
    checkpoint: Checkpoint,
    tuning: Tuning = TUNING,
) -> None:
    """Give the targets, which are in |0>, these amplitudes, shape (2^k,); calls ``checkpoint`` between chunks.

    If ``psi`` is real, all of the amplitudes must be.
    """
    num_bits = psi.size.bit_length() - 1
    view = psi.reshape((2,) * num_bits)
    order = sorted(targets, reverse=True)
    axes = [len(targets) - 1 - targets.index(bit) for bit in order]
    # The factors stay in double precision also for a state in single precision: only the products are rounded.
    numbers = amplitudes.real if np.isrealobj(psi) else amplitudes
    factors = numbers.reshape((2,) * len(targets)).transpose(axes)
    factors = factors.reshape([2 if bit in targets else 1 for bit in reversed(range(num_bits))])
    high = range(num_bits - 1, tuning.chunk_bits + _PREPARED_BITS - 1, -1)
    ground: tuple[Any, ...] = tuple(
        slice(1 if bit in targets else 2) for bit in range(num_bits - 1 - len(high), -1, -1)
    )
    everything: tuple[Any, ...] = (...,)
    # Downwards: a chunk is written before the one that it is made from, where the high targets are 0.
    for values in product((1, 0), repeat=len(high)):
        checkpoint()
        chosen = tuple([value * (bit in targets) for bit, value in zip(high, values, strict=True)])
        source = tuple([value * (bit not in targets) for bit, value in zip(high, values, strict=True)])
        np.multiply(view[source + ground], factors[chosen], out=view[values + everything])


def _split(psi: Amplitudes, bits: Iterable[int], low: int = 0) -> tuple[Amplitudes, list[int]]:
    """Return a view with an axis for each of some bits and one for the ``low`` lowest, and the bit of each axis.

    None of the lowest is among ``bits``. The bit is -1 for an axis of several bits.
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
