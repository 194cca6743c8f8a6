"""Measurements at the end only: which outcomes are fair coins, and how all others follow from these.

The measured Paulis are rows of the tableau. Elimination of their X parts leaves rows that are free, each a coin of
its own, and rows of which a product has no X: its outcome is a constant XOR the coins that the product is made of.
So a shot costs its coins and a few sums of them, however many gates there were.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.monitor import Checkpoint
from simulator.stabilizer.draws import BLOCK_WORDS, Draws
from simulator.stabilizer.layering.layers import Segment
from simulator.stabilizer.layering.rows import Words
from simulator.stabilizer.tableau import Strings, Tableau, joined, sign_of_product
from simulator.typing import Indices

#: Columns that are eliminated together, with a table of all sums of their pivots' rows.
_PANEL = 8


@dataclass(frozen=True, slots=True, eq=False)
class FinalOutcomes:
    """What the final measurements give."""

    #: The clbits of free outcomes, each of which is a coin, and those of the others.
    free: Indices
    rest: Indices
    #: The coins whose sum each of the others is, one bit a coin, shape (rest, bytes).
    sums: NDArray[np.uint8]
    #: The outcome of each of the others where all coins are 0.
    constants: NDArray[np.bool_]

    def outcomes(self, num_clbits: int, draws: Draws, blocks: Sequence[int]) -> Words:
        """Return the memories of some blocks of shots, shape (clbits, words)."""
        words = len(blocks) * BLOCK_WORDS
        found = np.zeros((num_clbits, words), np.uint64)
        coins = draws.bits(0, self.free.size, blocks)
        found[self.free] = coins
        if self.rest.size:
            others = np.repeat(np.where(self.constants, ~np.uint64(0), np.uint64(0))[:, None], words, axis=1)
            for byte in range(self.sums.shape[1]):
                chosen = self.sums[:, byte]
                if chosen.any():
                    others ^= _sums_of(coins[_PANEL * byte : _PANEL * (byte + 1)]).take(chosen, axis=0)
            found[self.rest] = others
        return found


def final_outcomes(segment: Segment, checkpoint: Checkpoint) -> FinalOutcomes:
    """Return what the measurements of a segment give, after which nothing is done to their qubits."""
    tableau = Tableau(segment.num_qubits)
    measures = []
    for layer in segment.layers:
        checkpoint()
        tableau.run_pairs(layer)
        if layer.measures is not None:
            measures.append(layer.measures)
    if not measures:
        none = np.empty(0, np.intp)
        return FinalOutcomes(none, none, np.empty((0, 0), np.uint8), np.empty(0, np.bool_))
    # Their rows are those of the end: no later layer changes them.
    parts = [tableau.strings(each.rows) for each in measures]
    strings = joined(parts)
    negative = np.concatenate([each.negative for each in measures])
    clbits = np.concatenate([each.clbits for each in measures])
    # Of those that write the same clbit, the last one counts.
    _, last = np.unique(clbits[::-1], return_index=True)
    kept = np.sort(clbits.size - 1 - last)
    return _eliminated(strings.at(kept), negative[kept], clbits[kept], checkpoint)


def _eliminated(
    strings: Strings, negative: NDArray[np.bool_], clbits: Indices, checkpoint: Checkpoint
) -> FinalOutcomes:
    count = clbits.size
    x = strings.x.copy()
    columns = x.view(np.uint8)
    # Which rows each row has been multiplied by, itself among them.
    factors = np.zeros((count, -(-count // 64)), np.uint64)
    factors.view(np.uint8)[np.arange(count), np.arange(count) // 8] = 1 << np.arange(count) % 8
    active, free = np.arange(count), np.empty(0, np.intp)
    for column in range(columns.shape[1]):
        checkpoint()
        panel = columns[active, column]
        if not panel.any():
            continue
        pivots, codes = _pivots(panel)
        rows = active[pivots]
        _reduce(x, rows, codes[pivots])
        _reduce(factors, rows, codes[pivots])
        free = np.concatenate([free, rows])
        others = np.ones(active.size, np.bool_)
        others[pivots] = False
        active, codes = active[others], codes[others]
        hit = np.flatnonzero(codes)
        x[active[hit]] ^= _sums_of(x[rows]).take(codes[hit], axis=0)
        factors[active[hit]] ^= _sums_of(factors[rows]).take(codes[hit], axis=0)
    made_of = np.unpackbits(factors.view(np.uint8)[active], axis=1, count=count, bitorder="little")
    constants = np.empty(active.size, np.bool_)
    for index, members in enumerate(made_of):
        checkpoint()
        chosen = np.flatnonzero(members)
        sign = sign_of_product(strings.at(chosen))
        constants[index] = sign ^ int(negative[chosen].sum()) & 1
    # A free outcome is its coin, whatever its sign; but it stands in sums as it is measured.
    sums = np.packbits(made_of[:, free], axis=1, bitorder="little")
    return FinalOutcomes(clbits[free], clbits[active], sums, constants)


def _pivots(panel: NDArray[np.uint8]) -> tuple[list[int], NDArray[np.uint8]]:
    """Eliminate eight columns; return the pivots, and for each row the pivots that it is to be multiplied by.

    A pivot's own code names pivots before it, and all codes name pivots' rows as `_reduce` leaves them.
    """
    codes = np.zeros(panel.size, np.uint8)
    pivots: list[int] = []
    rest = np.ones(panel.size, np.bool_)
    for bit in range(_PANEL):
        has = np.flatnonzero((panel >> bit & 1).astype(np.bool_) & rest)
        if not has.size:
            continue
        pivot, others = int(has[0]), has[1:]
        rest[pivot] = False
        panel[others] ^= panel[pivot]
        codes[others] ^= np.uint8(1 << len(pivots))
        pivots.append(pivot)
    return pivots, codes


def _reduce(table: Words, rows: Indices, codes: NDArray[np.uint8]) -> None:
    """Multiply each pivot's row by those before it that its code names, which have been."""
    for index, code in enumerate(codes.tolist()):
        for before in range(index):
            if code >> before & 1:
                table[rows[index]] ^= table[rows[before]]


def _sums_of(rows: Words) -> Words:
    """Return the sums of all subsets of at most eight rows."""
    table = np.zeros((1 << len(rows), rows.shape[1]), np.uint64)
    for index, row in enumerate(rows):
        table[1 << index : 2 << index] = table[: 1 << index] ^ row
    return table
