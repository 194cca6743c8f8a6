"""Counts and memory: how many shots, and which, have which classical memory at the end.

A memory is an int whose bit i is clbit i. In arrays it is a *word*: itself if it is below 2^63, else -1 minus its
place in a list of such wide memories.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.int64]

#: Bits that a memory may have to be its own word.
WORD_BITS = 63
#: Words that are kept before equal ones are added up.
_PENDING = 1 << 20
#: Fewer keys than this are as fast written one by one.
_FEW = 4096
_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)


class Tally:
    """Adds up the classical memories of shots, numbered from ``first`` on."""

    def __init__(self, shots: int, *, memory: bool, first: int = 0) -> None:
        self._first = first
        self._memory = np.zeros(shots, np.int64) if memory else None
        self._added: list[tuple[Words, NDArray[np.int64]]] = []
        self._pending = 0
        self._wide: dict[int, int] = {}

    @property
    def remembers(self) -> bool:
        """Whether it matters which shot has which memory."""
        return self._memory is not None

    def word(self, memory: int) -> int:
        """Return the word of a memory."""
        return memory if memory >> WORD_BITS == 0 else -1 - self._wide.setdefault(memory, len(self._wide))

    def add(self, words: Words, counts: NDArray[np.int64]) -> None:
        """Count shots, as many of each word as it says."""
        self._added.append((words, counts))
        self._pending += words.size
        if self._pending > _PENDING and len(self._added) > 1:
            self._added = [summed(self._added)]
            self._pending = self._added[0][0].size

    def put(self, shots: NDArray[np.int64], words: Words) -> None:
        """Remember each shot's word, and count it."""
        if self._memory is None:
            raise TypeError("this tally does not remember shots")
        self._memory[shots - self._first] = words

    def results(self) -> tuple[dict[str, int], list[str] | None]:
        """Return hex key -> shots, ascending, and one hex key a shot, if they are remembered."""
        if self._memory is None:
            words, counts = summed(self._added)
            return self._counts(self._keys(words), counts), None
        words, places, counts = np.unique(self._memory, return_inverse=True, return_counts=True)
        keys = self._keys(words)
        memory: list[str] = np.array(keys, object)[places].tolist()
        return self._counts(keys, counts), memory

    def _counts(self, keys: list[str], counts: NDArray[np.int64]) -> dict[str, int]:
        pairs = zip(keys, counts.tolist(), strict=True)
        # The words of wide memories are not in their order.
        return dict(sorted(pairs, key=lambda pair: int(pair[0], 16)) if self._wide else pairs)

    def _keys(self, words: Words) -> list[str]:
        if not self._wide:
            return _hex(words)
        wide = list(self._wide)
        return [hex(word if word >= 0 else wide[-1 - word]) for word in words.tolist()]


def summed(added: Iterable[tuple[Words, NDArray[np.int64]]]) -> tuple[Words, NDArray[np.int64]]:
    """Return each word once, ascending, and its count."""
    pairs = list(added)
    words = np.concatenate([np.empty(0, np.int64), *(words for words, _ in pairs)])
    counts = np.concatenate([np.empty(0, np.int64), *(counts for _, counts in pairs)])
    if not np.all(words[1:] > words[:-1]):
        order = np.argsort(words, kind="stable")
        words, counts = words[order], counts[order]
        firsts = np.flatnonzero(np.concatenate([[True], words[1:] != words[:-1]]))
        words, counts = words[firsts], np.add.reduceat(counts, firsts)
    return words, counts


def _hex(words: Words) -> list[str]:
    """Return `hex` of numbers that ascend."""
    if words.size < _FEW:
        return [hex(word) for word in words.tolist()]
    keys = []
    ends = np.searchsorted(words, 16 ** np.arange(1, WORD_BITS // 4 + 1))
    for width, part in enumerate(np.split(words, ends), start=1):
        text = np.empty((part.size, width + 3), np.uint8)
        text[:, :2], text[:, -1] = (ord("0"), ord("x")), ord(" ")
        for place in range(width):
            text[:, -2 - place] = _DIGITS[part >> 4 * place & 15]
        keys += text.tobytes().decode("ascii").split()
    return keys
