"""Randomness as a function of names: (seed, shot number, draw number) -> a uniform in [0, 1).

Shots lie in blocks of 1,024. Draw k of shot s is number ``s % 1024`` of row k of block ``s // 1024``; row k is the
k-th ``random(1024)`` of a Philox generator whose key is (seed, block). So what a shot draws depends on nothing
else: not on the number of shots, the shards, the workers, or the order in which anything is computed.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BLOCK = 1024
#: One step of Philox's counter gives four doubles.
_STEPS_PER_ROW = BLOCK // 4
#: Blocks of 8 KiB, of all numbers, that a run remembers beside those that it asks for.
_REMEMBERED_BLOCKS = 4096


def experiment_seed(seed: int, index: int) -> int:
    """Return the seed of a job's experiment: the job's own for the first, a 63-bit hash for the others."""
    if index == 0:
        return seed
    digest = hashlib.sha256(f"{seed}/{index}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


@dataclass(frozen=True, slots=True)
class Row:
    """The draws of one number, of the shots from ``first`` on; not all of them need be there."""

    first: int
    uniforms: NDArray[np.float64]
    #: Which blocks' are there.
    made: NDArray[np.bool_]

    def of(self, shots: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return the draws of shots that were asked for."""
        return self.uniforms.take(shots - self.first)


class Uniforms:
    """The draws of one run under one seed, 0 <= seed < 2^63."""

    def __init__(self, seed: int) -> None:
        self._philox = np.random.Philox(key=np.array([seed, 0], np.uint64))
        self._generator = np.random.Generator(self._philox)
        # To write this back, with another block and row, takes a tenth of the time of a new generator.
        self._state = self._philox.state
        self._rows: OrderedDict[int, Row] = OrderedDict()

    def begin(self, seed: int) -> None:
        """Go on as the draws of another seed."""
        self._state["state"]["key"][0] = seed
        self._rows.clear()

    def draw(self, shots: NDArray[np.int64], number: int) -> NDArray[np.float64]:
        """Return the draw of this number of each shot, in any order of the shots."""
        return self.row(shots, number).of(shots) if shots.size else np.empty(0)

    def stretch(self, first: int, count: int, number: int) -> NDArray[np.float64]:
        """Return the draw of this number of each shot from the first on. They are not remembered."""
        start = first // BLOCK
        draws = np.empty(((first + count - 1) // BLOCK - start + 1, BLOCK))
        self._make(number, start, draws)
        return draws.reshape(-1)[first - start * BLOCK :][:count]

    def row(self, shots: NDArray[np.int64], number: int) -> Row:
        """Return the draws of this number of some shots, at least one, and of others."""
        first, last = int(shots.min()) // BLOCK, int(shots.max()) // BLOCK
        row = self._spanning(number, first, last)
        # With as many shots as blocks, the others of these blocks will be asked for soon.
        blocks = np.arange(first, last + 1) if shots.size > last - first else np.unique(shots // BLOCK)
        places = blocks - row.first // BLOCK
        for place in places[~row.made[places]].tolist():
            self._make(number, row.first // BLOCK + place, row.uniforms.reshape(-1, BLOCK)[place : place + 1])
            row.made[place] = True
        return row

    def _spanning(self, number: int, first: int, last: int) -> Row:
        """Return the row of a number, with room for these blocks; it becomes the one that was used last."""
        row = self._rows.pop(number, None)
        if row is None:
            row = _empty(first, last)
        start = row.first // BLOCK
        if first < start or last >= start + row.made.size:
            wider = _empty(min(first, start), max(last, start + row.made.size - 1))
            place = start - wider.first // BLOCK
            wider.made[place : place + row.made.size] = row.made
            wider.uniforms[place * BLOCK :][: row.uniforms.size] = row.uniforms
            row = wider
        while self._rows and sum(each.made.size for each in self._rows.values()) > _REMEMBERED_BLOCKS:
            self._rows.popitem(last=False)
        self._rows[number] = row
        return row

    def _make(self, number: int, first: int, blocks: NDArray[np.float64]) -> None:
        """Fill in the row of a number, of the blocks from the first on."""
        names, philox, random = self._state["state"], self._philox, self._generator.random
        key, names["counter"][0] = names["key"], number * _STEPS_PER_ROW
        for place, draws in enumerate(blocks, start=first):
            key[1] = place
            philox.state = self._state
            random(out=draws)


def _empty(first: int, last: int) -> Row:
    count = last - first + 1
    return Row(first * BLOCK, np.empty(count * BLOCK), np.zeros(count, np.bool_))
