"""Randomness as a function of names: (seed, shot number, draw number) -> a uniform in [0, 1).

Shots lie in blocks of 1,024. Draw k of shot s is number ``s % 1024`` of row k of block ``s // 1024``; row k is the
k-th ``random(1024)`` of a Philox generator whose key is (seed, block). So what a shot draws depends on nothing
else: not on the number of shots, the shards, the workers, or the order in which anything is computed.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

BLOCK = 1024
#: One step of Philox's counter gives four doubles.
_STEPS_PER_ROW = BLOCK // 4
#: Rows of 8 KiB that a run remembers.
_REMEMBERED_ROWS = 4096


def experiment_seed(seed: int, index: int) -> int:
    """Return the seed of a job's experiment: the job's own for the first, a 63-bit hash for the others."""
    if index == 0:
        return seed
    digest = hashlib.sha256(f"{seed}/{index}".encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


class Uniforms:
    """The draws of one run under one seed, 0 <= seed < 2^63."""

    def __init__(self, seed: int) -> None:
        self._row = lru_cache(maxsize=_REMEMBERED_ROWS)(partial(_row, seed))

    def draw(self, shots: NDArray[np.int64], number: int) -> NDArray[np.float64]:
        """Return the draw of this number of each shot; ``shots`` ascends."""
        if shots.size == 0:
            return np.empty(0)
        first, last = int(shots[0]) // BLOCK, int(shots[-1]) // BLOCK
        if first == last:
            return self._row(first, number)[shots - first * BLOCK]
        blocks, places = np.unique(shots // BLOCK, return_inverse=True)
        rows = np.concatenate([self._row(block, number) for block in blocks.tolist()])
        uniforms: NDArray[np.float64] = rows[places * BLOCK + shots % BLOCK]
        return uniforms


def _row(seed: int, block: int, number: int) -> NDArray[np.float64]:
    key = np.array([seed, block], np.uint64)
    counter = np.array([number * _STEPS_PER_ROW, 0, 0, 0], np.uint64)
    return np.random.Generator(np.random.Philox(key=key, counter=counter)).random(BLOCK)
