"""Readout errors at the end of a run: what is read in place of what was measured.

Of few bits, the distribution of what is read is made of that of outcomes, and a shot has one draw for both. Of
others each shot is read by itself, by draws of its own behind the one that its outcome was sampled by.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulator.circuit.array import Array
from simulator.circuit.instructions import Readout
from simulator.dynamic.noise import cumulative
from simulator.errors import InvalidProgramError
from simulator.monitor import Checkpoint
from simulator.piecewise import slices
from simulator.rng import Uniforms
from simulator.sampling.counts import Words
from simulator.shards.result import SavedValue

#: Tables of one clbit whose edges are kept.
_TABLES = 256
#: Bits of an outcome up to which its distribution goes through the tables: more values take longer than few shots.
_MOST_BITS = 12

#: A bit of an outcome, and what is read of it: ``table[true][read]``, shape (2, 2).
BitTable: TypeAlias = tuple[int, NDArray[np.float64]]


def tables_of_bits(
    readouts: Sequence[Readout], bit_of_clbit: Mapping[int, int], num_bits: int
) -> Sequence[BitTable] | None:
    """Return how the bits of an outcome are misread, one after another; None: each shot is read by itself.

    So it is where clbits are misread together, where nothing is measured into one, and where a qubit is measured
    into several. Without readout errors it is so of no outcome, however many bits it has.
    """
    if not readouts:
        return ()
    clbits = [clbit for readout in readouts for clbit in readout.clbits]
    if num_bits > _MOST_BITS or len(clbits) > len(readouts) or not bit_of_clbit.keys() >= set(clbits):
        return None
    bits = [bit_of_clbit[clbit] for clbit in clbits]
    if sum(bit in bits for bit in bit_of_clbit.values()) > len(set(bits)):
        return None
    return [
        (bit, np.asarray(readout.table.ndarray(), np.float64)) for bit, readout in zip(bits, readouts, strict=True)
    ]


def misread(masses: NDArray[np.float64], tables: Sequence[BitTable]) -> NDArray[np.float64]:
    """Return how likely each value is read, given how likely it is: shape (rows, 2^bits), each row by itself."""
    rows, size = masses.shape
    for bit, table in tables:
        halves = masses.reshape(rows, -1, 2, 1 << bit)
        masses = halves[:, :, :1] * table[0][:, None] + halves[:, :, 1:] * table[1][:, None]
    return masses.reshape(rows, size)


def read_words(
    readouts: Sequence[Readout],
    words: Words,
    shots: NDArray[np.int64],
    sampled_by: NDArray[np.intp],
    uniforms: Uniforms,
    checkpoint: Checkpoint,
) -> Words:
    """Return what is read of memories of at most 63 clbits, one a shot.

    ``sampled_by`` is the number of the draw by which each shot's outcome was sampled.
    """
    found = words.copy()
    for index, readout in enumerate(readouts):
        edges = _edges(readout.table)
        mask = sum(1 << clbit for clbit in readout.clbits)
        for some in slices(words.size, checkpoint):
            part = found[some]
            values = sum((part >> clbit & 1) << place for place, clbit in enumerate(readout.clbits))
            draws = _draws(shots[some], sampled_by[some] + (1 + index), uniforms, checkpoint)
            read = _read(edges, values, draws)
            part &= ~mask
            for place, clbit in enumerate(readout.clbits):
                part |= (read >> place & 1) << clbit
    return found


def read_bits(
    readouts: Sequence[Readout],
    bits: NDArray[np.uint8],
    shots: NDArray[np.int64],
    sampled_by: int,
    uniforms: Uniforms,
    checkpoint: Checkpoint,
) -> None:
    """Write what is read to memories of any width: shape (shots, clbits).

    ``sampled_by`` is the number of the last draw by which the shots' outcomes were sampled.
    """
    for index, readout in enumerate(readouts):
        edges = _edges(readout.table)
        for some in slices(shots.size, checkpoint):
            part = bits[some]
            values = sum(part[:, clbit].astype(np.intp) << place for place, clbit in enumerate(readout.clbits))
            draws = uniforms.draw(shots[some], sampled_by + 1 + index, checkpoint)
            read = _read(edges, values, draws)
            for place, clbit in enumerate(readout.clbits):
                part[:, clbit] = read >> place & 1


def with_readouts(saved: Sequence[SavedValue], readouts: Sequence[Readout]) -> tuple[SavedValue, ...]:
    """Return saved values, of which the probabilities of clbits are of what is read of them.

    InvalidProgramError where a qubit is measured into several clbits, of which one is misread.
    """
    if not readouts:
        return tuple(saved)
    return tuple([_read_value(each, readouts) if each.clbits else each for each in saved])


def _read_value(saved: SavedValue, readouts: Sequence[Readout]) -> SavedValue:
    misread = {clbit for readout in readouts for clbit in readout.clbits}
    if any(len(clbits) > 1 and misread.intersection(clbits) for clbits in saved.clbits):
        raise InvalidProgramError(
            "a qubit is measured into several clbits, and one of them has a readout error, so there are no "
            "probabilities of its values: measure it into one clbit, or leave out probabilities=True"
        )
    width = len(saved.clbits)
    shares = np.asarray(saved.value.ndarray(), np.float64).reshape((2,) * width)
    axis_of = {clbits[0]: width - 1 - place for place, clbits in enumerate(saved.clbits)}
    for readout in readouts:
        # A clbit that nothing writes is 0 before, and not among those whose probabilities there are.
        if not axis_of.keys() >= set(readout.clbits):
            continue
        axes = [axis_of[clbit] for clbit in reversed(readout.clbits)]
        table = np.asarray(readout.table.ndarray(), np.float64).reshape((2,) * (2 * len(axes)))
        shares = np.moveaxis(np.tensordot(table, shares, (range(len(axes)), axes)), range(len(axes)), axes)
    return msgspec.structs.replace(saved, value=Array.of(shares.reshape(-1)))


def _edges(table: Array) -> NDArray[np.float64]:
    """Return, of each true value, the edges of what is read but the last, which is 1."""
    return _edges_of_bit(table) if table.shape[0] == 2 else _all_edges(table)  # noqa: PLR2004 (values of a bit)


def _all_edges(table: Array) -> NDArray[np.float64]:
    return cumulative(np.asarray(table.ndarray(), np.float64))[:, :-1]


_edges_of_bit = lru_cache(maxsize=_TABLES)(_all_edges)


def _read(edges: NDArray[np.float64], values: Any, draws: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return the value that is read of each shot, given the true one and a draw."""
    if edges.shape[1] == 1:
        return np.asarray(draws >= edges[:, 0].take(values)).astype(np.int64)
    return np.asarray((draws[:, None] >= edges[values]).sum(axis=1))


def _draws(
    shots: NDArray[np.int64], numbers: NDArray[np.intp], uniforms: Uniforms, checkpoint: Checkpoint
) -> NDArray[np.float64]:
    """Return of each shot the draw of its number."""
    if numbers.size and (numbers == numbers[0]).all():
        first, count = int(shots[0]), shots.size
        if shots[-1] - first == count - 1 and (np.diff(shots) == 1).all():
            return uniforms.stretch(first, count, int(numbers[0]))
        return uniforms.draw(shots, int(numbers[0]), checkpoint)
    found = np.empty(shots.size)
    for number in np.unique(numbers).tolist():
        chosen = np.flatnonzero(numbers == number)
        found[chosen] = uniforms.draw(shots[chosen], number, checkpoint)
    return found
