"""What measuring does to amplitudes: probabilities, projections, and a form in which equal states are equal bytes.

Amplitude ``i`` belongs to the basis state whose bit ``b`` is ``i >> b & 1``. ``psi`` is contiguous: complex128,
complex64, float64 or float32. Some functions take several states of equal size at once: ``rows``, of shape
(states, 2^bits), and what they do to one state does not depend on the others. The order of every sum is a
function of the sizes only. Scratch memory is a few pieces that fit a cache; ``checkpoint`` is called for each.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from itertools import product
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from simulator.monitor import Checkpoint
from simulator.tuning import TUNING, Tuning
from simulator.typing import Amplitudes, Indices

#: Steps in 1 of the grid that `canonicalize` rounds to, by the bytes of a real number.
_GRIDS: Mapping[int, float] = MappingProxyType({8: 2.0**40, 4: 2.0**20})


def squared_magnitudes(psi: Amplitudes) -> NDArray[np.float64]:
    """Return the squared absolute values, in the shape of ``psi``; since it is a copy, it is for pieces only."""
    squares: NDArray[np.float64] = np.square(psi.real, dtype=np.float64)
    if psi.dtype.kind == "c":
        squares += np.square(psi.imag, dtype=np.float64)
    return squares


def piece_probabilities(psi: Amplitudes, checkpoint: Checkpoint, tuning: Tuning = TUNING) -> NDArray[np.float64]:
    """Return the squared norm of each piece of a state that has several."""
    pieces = psi.reshape(-1, 1 << tuning.piece_bits)
    norms = np.empty(len(pieces))
    for index, piece in enumerate(pieces):
        checkpoint()
        norms[index] = squared_magnitudes(piece).sum()
    return norms


def bit_probabilities(
    rows: Amplitudes, bit: int, checkpoint: Checkpoint, tuning: Tuning = TUNING
) -> NDArray[np.float64]:
    """Return the squared norms of each state's two halves, where the bit is 0 and where it is 1: (states, 2)."""
    masses = np.zeros((len(rows), 2))
    for states, piece in _pieces(rows, checkpoint, tuning):
        if bit >= tuning.piece_bits:
            masses[states.start, piece.start >> bit & 1] += squared_magnitudes(rows[states, piece]).sum()
            continue
        found = squared_magnitudes(rows[states, piece])
        if bit < tuning.run_bits:
            found = found.reshape(len(found), -1, min(found.shape[1], 1 << tuning.run_bits)).sum(axis=1)
        masses[states] += found.reshape(len(found), -1, 2, 1 << bit).sum(axis=3).sum(axis=1)
    return masses


def project(
    rows: Amplitudes,
    bit: int,
    outcomes: Indices,
    factors: NDArray[np.float64],
    checkpoint: Checkpoint,
    tuning: Tuning = TUNING,
    *,
    reset: bool,
) -> None:
    """Keep the half of each state where the bit is its outcome, times its factor; with ``reset``, move it to 0."""
    if reset:
        _lower(rows, bit, outcomes, checkpoint, tuning)
        outcomes = np.zeros_like(outcomes)
    kept = np.where(np.arange(2) == outcomes[:, None], factors[:, None], 0).astype(rows.real.dtype)
    alternating = kept[:, np.arange(min(rows.shape[1], 1 << tuning.run_bits)) >> bit & 1]
    for states, piece in _pieces(rows, checkpoint, tuning):
        part = rows[states, piece]
        if bit >= tuning.piece_bits:
            part *= kept[states, [piece.start >> bit & 1]]
        elif bit >= tuning.run_bits:
            halves = part.reshape(len(part), -1, 2, 1 << bit)
            halves *= kept[states, None, :, None]
        else:
            runs = part.reshape(len(part), -1, alternating.shape[1])
            runs *= alternating[states, None]


def kept_halves(
    rows: Amplitudes,
    bit: int,
    sides: Indices,
    factors: NDArray[np.float64],
    checkpoint: Checkpoint,
    tuning: Tuning = TUNING,
) -> Amplitudes:
    """Return halves of states times their factors: side 2r + v is the half of state r where the bit is v.

    Shape (sides, 2^(bits - 1)): without the bit.
    """
    view = rows.reshape(len(rows), -1, 2, 1 << bit)
    halves = np.empty((sides.size, view.shape[1], view.shape[3]), rows.dtype)
    scales = factors.astype(rows.real.dtype)
    together = (1 << tuning.piece_bits) // halves[0].size
    for first in range(0, sides.size, max(1, together)):
        if together:
            checkpoint()
            some = slice(first, first + together)
            halves[some] = view[sides[some] // 2, :, sides[some] % 2]
            halves[some] *= scales[some, None, None]
            continue
        source, goal = view[sides[first] // 2, :, sides[first] % 2], halves[first]
        # Pieces of one state: some of its runs, or a part of a run.
        runs, length = max(1, (1 << tuning.piece_bits) >> bit), min(1 << bit, 1 << tuning.piece_bits)
        for run, start in product(range(0, len(source), runs), range(0, 1 << bit, length)):
            checkpoint()
            piece = slice(run, run + runs), slice(start, start + length)
            np.multiply(source[piece], scales[first], out=goal[piece])
    return halves.reshape(sides.size, -1)


def marginals(
    rows: Amplitudes, bits: Sequence[int], checkpoint: Checkpoint, tuning: Tuning = TUNING
) -> NDArray[np.float64]:
    """Return the squared norm of each state for each value of some bits, the first the least significant.

    Shape (states, 2^k): this is memory beside that of the pieces.
    """
    ordered = sorted(bits)
    low = [bit for bit in ordered if bit < tuning.piece_bits]
    high = [bit for bit in ordered if bit >= tuning.piece_bits]
    masses = np.zeros((len(rows), 1 << len(high), 1 << len(low)))
    for states, piece in _pieces(rows, checkpoint, tuning):
        part = squared_magnitudes(rows[states, piece])
        for bit in reversed(range(part.shape[1].bit_length() - 1)):
            if bit not in low:
                halves = part.reshape(len(part), -1, 2, 1 << bit)
                part = (halves[:, :, 0] + halves[:, :, 1]).reshape(len(part), -1)
        value = sum((piece.start >> bit & 1) << index for index, bit in enumerate(high))
        masses[states, value] += part
    # The axes are the bits in descending order; they go to the order that is asked for.
    axes = [len(bits) - ordered.index(bit) for bit in reversed(bits)]
    return masses.reshape((len(rows), *[2] * len(bits))).transpose([0, *axes]).reshape(len(rows), -1)


def collapse(psi: Amplitudes, fixed: Mapping[int, int], checkpoint: Checkpoint, tuning: Tuning = TUNING) -> None:
    """Set amplitudes to 0 where a bit does not have its value, and normalise the rest."""
    width = min(psi.size, 1 << tuning.piece_bits)
    pieces = psi.reshape(-1, width)
    inside = np.ones(width, np.bool_)
    for bit, value in fixed.items():
        inside &= np.arange(width) >> bit & 1 == value if bit < tuning.piece_bits else True
    high = [(bit - tuning.piece_bits, value) for bit, value in fixed.items() if bit >= tuning.piece_bits]
    kept = [index for index in range(len(pieces)) if all(index >> bit & 1 == value for bit, value in high)]
    left = set(kept)
    mass = 0.0
    for index, piece in enumerate(pieces):
        checkpoint()
        if index in left:
            np.multiply(piece, inside, out=piece)
            mass += float(squared_magnitudes(piece).sum())
        else:
            piece[...] = 0
    for index in kept:
        checkpoint()
        pieces[index] *= mass**-0.5


def canonicalize(rows: Amplitudes, checkpoint: Checkpoint, tuning: Tuning = TUNING) -> None:
    """Remove the global phase of normalised states, and digits below a fine grid: no measurement sees either.

    States that differ by a phase and by rounding become equal, but for a rare value between two steps.
    """
    phases = _phase_factors(rows, checkpoint, tuning)
    grid = _GRIDS[rows.real.itemsize]
    for states, piece in _pieces(rows, checkpoint, tuning):
        part = rows[states, piece]
        np.multiply(part, phases[states, None], out=part)
        reals = part.view(rows.real.dtype)
        reals *= grid
        np.rint(reals, out=reals)
        reals /= grid
        reals += 0.0  # no negative zeros: equal amplitudes are equal bytes


def fingerprints(rows: Amplitudes, checkpoint: Checkpoint, tuning: Tuning = TUNING) -> NDArray[np.uint64]:
    """Return a hash of each state: equal for equal bytes, and hardly ever equal for others."""
    found = np.zeros(len(rows), np.uint64)
    weights = _weights(2 << tuning.piece_bits)
    word = np.dtype(np.uint64 if rows.itemsize >= np.uint64().itemsize else np.uint32)
    for states, piece in _pieces(rows, checkpoint, tuning):
        words = rows[states, piece].view(word).astype(np.uint64)
        # A product keeps little of a number's highest bits, such as the sign, so they are mixed into the lowest.
        words ^= words >> np.uint64(32)
        words *= weights[: words.shape[1]]
        found[states] = found[states] * weights[0] + words.sum(axis=1)
    return found


@cache
def _weights(count: int) -> NDArray[np.uint64]:
    """Return odd random numbers, one for each word of a piece."""
    return np.random.Philox(key=1).random_raw(count) | np.uint64(1)


def _phase_factors(rows: Amplitudes, checkpoint: Checkpoint, tuning: Tuning) -> Amplitudes:
    """Return for each state the factor that makes the first of its large amplitudes positive."""
    # Some amplitude is at least the mean one; a threshold below it, which no circuit makes, finds the same again.
    threshold = 0.617**2 / rows.shape[1]
    phases = np.zeros(len(rows), rows.dtype)
    for states, piece in _pieces(rows, checkpoint, tuning):
        if phases[states].all():
            continue
        part = rows[states, piece]
        large = squared_magnitudes(part) > threshold
        found = np.flatnonzero(large.any(axis=1) & (phases[states] == 0))
        pivots = part[found, large[found].argmax(axis=1)]
        phases[states][found] = pivots.conjugate() / np.abs(pivots)
    phases[phases == 0] = 1  # an initial state that was not normalised may have none
    return phases


def _lower(rows: Amplitudes, bit: int, outcomes: Indices, checkpoint: Checkpoint, tuning: Tuning) -> None:
    """Copy the half where the bit is 1 to the half where it is 0, in states whose outcome is 1."""
    for states, piece in _pieces(rows, checkpoint, tuning):
        part = rows[states, piece]
        ones = np.flatnonzero(outcomes[states])
        if bit < tuning.piece_bits:
            halves = part.reshape(len(part), -1, 2, 1 << bit)
            halves[ones, :, 0] = halves[ones, :, 1]
        elif ones.size and piece.start >> bit & 1:
            rows[states, piece.start - (1 << bit) : piece.stop - (1 << bit)] = part


def _pieces(rows: Amplitudes, checkpoint: Checkpoint, tuning: Tuning) -> Iterator[tuple[slice, slice]]:
    """Yield slices of the states and of their amplitudes: several whole states, or a part of one."""
    states, size = rows.shape
    step = max(1, (1 << tuning.piece_bits) // size)
    for first in range(0, states, step):
        for start in range(0, size, 1 << tuning.piece_bits):
            checkpoint()
            yield (
                slice(first, min(first + step, states)),
                slice(start, min(start + (1 << tuning.piece_bits), size)),
            )
