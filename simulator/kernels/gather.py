"""Moving the bits of an index: gathers that bring qubits where a product wants them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

#: log2 of the length of the rows that stay, and their index.
Gather: TypeAlias = tuple[int, NDArray[np.intp]]

#: log2 of the amplitudes that are worked on at a time: 256 KiB, so that a few buffers stay in a core's cache.
CHUNK = 14
#: Slices below this bit are too short to be fast: the lowest bits are handled as one axis.
LOW = 5
#: log2 of the rows that a matrix multiplies at a time, at least: fewer make a wide product slow.
_ROWS = 7


@dataclass(frozen=True, slots=True)
class Layout:
    """How `kernels.apply_matrix` walks through the amplitudes, a chunk at a time."""

    num_bits: int
    #: The axes of psi as (2,) * num_bits: controls that select chunks, bits that count them, bits inside them.
    axes: tuple[int, ...]
    #: The values of those controls.
    selected: tuple[int, ...]
    #: How many bits count the chunks.
    counting: int
    #: Brings the targets into the lowest bits of a chunk, and the controls inside it into the highest.
    index: NDArray[np.intp]
    inverse: NDArray[np.intp]
    #: Where the controls inside a chunk have their values, once it is gathered.
    rows: slice

    def chunks(self, psi: NDArray[np.complex128]) -> Iterator[NDArray[np.complex128]]:
        """Yield views of shape (2,) * (bits inside a chunk)."""
        selected = psi.reshape((2,) * self.num_bits).transpose(self.axes)[self.selected]
        for place in product((0, 1), repeat=self.counting):
            yield selected[place]


@lru_cache(maxsize=64)
def layout(num_bits: int, targets: tuple[int, ...], controls: tuple[tuple[int, int], ...]) -> Layout:
    """Lay out `kernels.apply_matrix`; the arguments are as there."""
    values = dict(controls)
    inside = {*targets, *range(min(num_bits, LOW))}
    for bit in range(num_bits):
        if len(inside) >= max(CHUNK, len(targets) + _ROWS):
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
    row = sum(values[bit] << place for place, bit in enumerate(held))
    return Layout(
        num_bits=num_bits,
        axes=tuple(num_bits - 1 - bit for bit in (*selecting, *counting, *reversed(local))),
        selected=tuple(values[bit] for bit in selecting),
        counting=len(counting),
        index=index,
        inverse=inverse,
        rows=slice(row * height, (row + 1) * height),
    )


def gather(sources: tuple[int, ...]) -> Gather:
    """Return how to bring bit ``sources[i]`` to bit i, for `move`."""
    return (_wide_gather if len(sources) > CHUNK else _gather)(sources)


def _made(sources: tuple[int, ...]) -> Gather:
    row = 0
    while row < len(sources) and sources[row] == row:
        row += 1
    moved = [source - row for source in sources[row:]]
    half = len(moved) // 2
    return row, (offsets(moved[half:])[:, None] + offsets(moved[:half])).reshape(-1)


#: Kept, 16 MiB of each at most. Wide ones are quickly made beside what a wide state takes.
_gather = lru_cache(maxsize=128)(_made)
_wide_gather = lru_cache(maxsize=32)(_made)


def move(how: Gather, source: NDArray[Any], goal: NDArray[Any]) -> None:
    """Copy into ``goal`` what `gather` says, of arrays of the same size."""
    row, index = how
    side = 1 << row
    np.take(source.reshape(-1, side), index, axis=0, out=goal.reshape(-1, side), mode="clip")


def offsets(bits: Sequence[int]) -> NDArray[np.intp]:
    """Return, for each value of some bits, the index that has these bits."""
    offsets = np.zeros(1, np.intp)
    for bit in bits:
        offsets = np.concatenate([offsets, offsets + (1 << bit)])
    return offsets
