"""Rotations about Pauli strings P: exp(-i theta/2 P) psi = cos(theta/2) psi - i sin(theta/2) P psi.

P psi is psi with some bits of its index flipped, times a sign for each index, which is a parity of some of its
bits, and times a power of i. So a rotation takes a gather and a few multiplications, whatever the number of its
qubits. Where P has an odd number of Y, all of it is real.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.kernels.dense import as_type
from simulator.typing import Amplitudes, Indices

#: Bits of an index whose signs are one vector, of which 4 MiB may be kept; the other bits' sign is a number a row.
_SIGN_BITS = 9


class RotationSpec:
    """What is known of a rotation on a chunk of 2^size amplitudes before its angle is."""

    __slots__ = ("factor", "flips", "high", "low", "outer", "outer_flips")

    def __init__(self, flips: int, signs: int, phase: complex, bits: tuple[int, ...], size: int) -> None:
        """Take a string as `PauliString` has it, and of each letter its bit, or ``~bit`` of the chunk's number."""
        outside = tuple([~bit for bit in bits])
        inner = _spread(signs, bits)
        low = min(size, _SIGN_BITS)
        #: Mask of the bits that are flipped: a plan may have thousands of these, too many to keep gathers.
        self.flips = _spread(flips, bits)
        #: Mask and number of bits that `_signs` takes for the low bits.
        self.low = inner & (1 << low) - 1, low
        #: Mask and number of bits that `_signs` takes for the other bits.
        self.high = inner >> low, size - low
        #: Mask of the bits of a chunk's number whose parity is a sign.
        self.outer = _spread(signs, outside)
        #: Mask of the bits of a chunk's number that are flipped.
        self.outer_flips = _spread(flips, outside)
        #: The sine is multiplied by this.
        self.factor = -1j * phase


class Rotation:
    """A rotation with its angle, or with an angle for each of several states."""

    __slots__ = ("_cos", "_low", "_sin", "spec")

    def __init__(self, spec: RotationSpec, theta: NDArray[np.float64], dtype: np.dtype[Any]) -> None:
        """Take one angle, shape (1,), or many, shape (states, 1), for states of a type."""
        sin, high = spec.factor * np.sin(theta / 2), _signs(*spec.high)
        self.spec = spec
        #: Shape (..., 1).
        self._cos = np.cos(theta / 2).astype(np.empty(0, dtype).real.dtype)
        #: Shape (..., rows of a chunk, 1): with the signs of the high bits.
        self._sin = as_type(sin[..., None] * high[:, None], dtype)
        self._low = _signs_of(*spec.low, dtype)

    def rotate(self, goal: Amplitudes, source: Amplitudes, spare: Amplitudes, number: int = 0) -> None:
        """Replace the goal, the chunk of this number, by cos(theta/2) goal - i sin(theta/2) P source.

        All have the shape (..., 2^size) and are contiguous; ``spare`` is buffers.
        """
        lead, flips = source.shape[:-1], self.spec.flips
        if flips:
            # Rows of neighbours that stay together. Their index takes a sixth of the time of the gather.
            row = (flips & -flips).bit_length() - 1
            index = _numbers(source.shape[-1] >> row) ^ flips >> row
            shape = (*lead, -1, 1 << row)
            source.reshape(shape).take(index, len(lead), spare.reshape(shape), "clip")
        else:
            np.copyto(spare, source)
        parts = spare.reshape(*lead, -1, 1 << self.spec.low[1])
        if self._low.size > 1:
            np.multiply(parts, self._low, parts)
        np.multiply(parts, self._sin, parts)
        reals = goal.view(self._cos.dtype)
        np.multiply(reals, self._cos, reals)
        combine = np.subtract if (number & self.spec.outer).bit_count() % 2 else np.add
        combine(goal, spare, goal)


def _spread(mask: int, bits: tuple[int, ...]) -> int:
    """Return a mask over bits from a mask over their positions in ``bits``; negative bits are left out."""
    return sum(1 << bit for index, bit in enumerate(bits) if bit >= 0 and mask >> index & 1)


def _signs(mask: int, size: int) -> NDArray[np.float64]:
    """Return (-1)^|i & mask| for i below 2^size; a single 1 where the mask is 0."""
    signs = np.ones(1)
    if not mask:
        return signs
    for bit in range(size):
        signs = np.concatenate([signs, -signs if mask >> bit & 1 else signs])
    return signs


@lru_cache(maxsize=1 << _SIGN_BITS)
def _signs_of(mask: int, size: int, dtype: np.dtype[Any]) -> Amplitudes:
    return _signs(mask, size).astype(dtype)


@lru_cache(maxsize=16)
def _numbers(count: int) -> Indices:
    return np.arange(count)
