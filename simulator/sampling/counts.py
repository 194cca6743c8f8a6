"""Counts and memory: how many shots, and which, have which classical memory at the end.

A memory is an int whose bit i is clbit i. In arrays it is a *word*: itself if it is below 2^63, else -1 minus its
index in a list of such wide memories.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge as merged
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.program import WORD_BITS
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.piecewise import PIECE, aligned_slices, concatenate, slices

Words = NDArray[np.int64]
Counts = NDArray[np.int64]

#: Words that are kept before equal ones are added up.
_PENDING = 1 << 20
#: Fewer keys than this are as fast written one by one.
_FEW = 4096
#: Keys that are written between two checkpoints.
_KEYS = 1 << 14
_DIGITS = np.frombuffer(b"0123456789abcdef", np.uint8)


class ShotCounts:
    """Adds up the classical memories of shots, numbered from ``first`` on; calls ``checkpoint`` now and then."""

    def __init__(
        self, shots: int, *, memory: bool, first: int = 0, checkpoint: Checkpoint = no_checkpoint
    ) -> None:
        self._first = first
        self._checkpoint = checkpoint
        self._memory = np.zeros(shots, np.int64) if memory else None
        self._added: list[tuple[Words, Counts]] = []
        self._pending = 0
        self._wide: dict[int, int] = {}

    @property
    def remembers(self) -> bool:
        """Whether it matters which shot has which memory."""
        return self._memory is not None

    def word(self, memory: int) -> int:
        """Return the word of a memory."""
        return memory if memory >> WORD_BITS == 0 else -1 - self._wide.setdefault(memory, len(self._wide))

    def spread(self, words: Words, clbits: Sequence[int]) -> Words:
        """Return the words of memories whose clbit ``clbits[i]`` is bit i of the given words, and others 0."""
        if list(clbits) == [*range(len(clbits))]:
            return words
        if max(clbits) < WORD_BITS:
            spread = np.zeros_like(words)
            for bit, clbit in enumerate(clbits):
                self._checkpoint()
                spread |= (words >> bit & 1) << clbit
            return spread
        values, indices = np.unique(words, return_inverse=True)
        memories = (
            sum((value >> bit & 1) << clbit for bit, clbit in enumerate(clbits)) for value in values.tolist()
        )
        of_values = []
        for memory in memories:
            self._checkpoint()
            of_values.append(self.word(memory))
        return np.array(of_values, np.int64)[indices]

    def words(self, bits: NDArray[np.uint8]) -> Words:
        """Return the word of each memory, shape (shots, clbits)."""
        count = bits.shape[1]
        if count <= WORD_BITS:
            words = np.zeros(len(bits), np.int64)
            for clbit in range(count):
                words |= bits[:, clbit].astype(np.int64) << clbit
            return words
        packed = np.packbits(bits, axis=1, bitorder="little")
        return np.array([self.word(int.from_bytes(row.tobytes(), "little")) for row in packed], np.int64)

    def add(self, words: Words, counts: Counts) -> None:
        """Count shots, as many of each word as it says."""
        self._added.append((words, counts))
        self._pending += words.size
        if self._pending > _PENDING and len(self._added) > 1:
            self._added = [add_counts(self._added, self._checkpoint)]
            self._pending = self._added[0][0].size

    def put(self, shots: NDArray[np.int64], words: Words) -> None:
        """Remember each shot's word, and count it."""
        if self._memory is None:
            raise TypeError("these counts do not remember shots")
        for some in slices(words.size, self._checkpoint):
            self._memory[shots[some] - self._first] = words[some]

    def results(self) -> tuple[dict[str, int], list[str] | None]:
        """Return hex key -> shots, ascending, and one hex key a shot, if they are remembered."""
        if self._memory is None:
            words, counts = add_counts(self._added, self._checkpoint)
            return self._counts(self._keys(words), counts), None
        found, indices = [], []
        for some in slices(self._memory.size, self._checkpoint):
            own, inverse, own_counts = np.unique(self._memory[some], return_inverse=True, return_counts=True)
            found.append((own, own_counts))
            indices.append(inverse.astype(np.uint32))
        words, counts = add_counts(found, self._checkpoint)
        keys = self._keys(words)
        all_keys = np.empty(len(keys), object)
        for some in slices(len(keys), self._checkpoint):
            all_keys[some] = keys[some]

        def keys_of_shots() -> Iterator[list[str]]:
            for (own, _), of_shots in zip(found, indices, strict=True):
                self._checkpoint()
                own_keys = all_keys[np.searchsorted(words, own)]
                self._checkpoint()
                yield own_keys[of_shots].tolist()

        return self._counts(keys, counts), list(_Chained(keys_of_shots(), self._memory.size))

    def _counts(self, keys: list[str], counts: Counts) -> dict[str, int]:
        found: dict[str, int] = {}
        for some in slices(len(keys), self._checkpoint, _KEYS):
            found.update(zip(keys[some], counts[some].tolist(), strict=True))
        return self._in_order(found) if self._wide else found

    def _in_order(self, counts: dict[str, int]) -> dict[str, int]:
        """Return counts in the order of memories, which the words of wide ones are not in."""
        keys = list(counts)
        # Of numbers alone: of millions of tuples, the garbage collector would look at each again and again.
        runs = [sorted(map(self._number, keys[some])) for some in slices(len(keys), self._checkpoint, _KEYS)]
        found: dict[str, int] = {}
        for memory in merged(*runs):
            self._checkpoint()
            key = hex(memory)
            found[key] = counts[key]
        return found

    def _number(self, key: str) -> int:
        self._checkpoint()
        return int(key, 16)

    def _keys(self, words: Words) -> list[str]:
        wide = list(self._wide)
        keys: list[str] = []
        for some in slices(words.size, self._checkpoint, _KEYS):
            if not wide:
                keys += _hex(words[some])
                continue
            for word in words[some].tolist():
                self._checkpoint()  # a memory may have a million bits
                keys.append(hex(word if word >= 0 else wide[-1 - word]))
        return keys


@dataclass(frozen=True, slots=True)
class _Chained:
    """Strings of several lists, one list after the other, and how many they are together.

    `list` takes the memory for so many at once. A list that grows is moved again and again: of 10^8 strings, that
    takes half a second in which there is no checkpoint.
    """

    lists: Iterator[list[str]]
    size: int

    def __iter__(self) -> Iterator[str]:
        return chain.from_iterable(self.lists)

    def __length_hint__(self) -> int:
        return self.size


def add_counts(
    added: Iterable[tuple[Words, Counts]], checkpoint: Checkpoint, piece: int = PIECE
) -> tuple[Words, Counts]:
    """Return each word once, ascending, and its count."""
    pairs = list(added)
    size = sum(words.size for words, _ in pairs)
    if size <= piece:
        return _add_counts(pairs)
    if _ascend(pairs, checkpoint):
        return concatenate([words for words, _ in pairs], checkpoint), concatenate(
            [counts for _, counts in pairs], checkpoint
        )
    runs = [
        _add_counts([(words[some], counts[some])])
        for words, counts in pairs
        for some in slices(words.size, checkpoint, piece)
    ]
    found = [
        _add_counts([(words[its], counts[its]) for (words, counts), its in zip(runs, cuts, strict=True)])
        for cuts in aligned_slices([words for words, _ in runs], checkpoint, piece)
    ]
    all_words, all_counts = zip(*found, strict=True)
    return concatenate(all_words, checkpoint), concatenate(all_counts, checkpoint)


def _ascend(pairs: list[tuple[Words, Counts]], checkpoint: Checkpoint) -> bool:
    """Whether there is nothing to add up."""
    last = None
    for words, _ in pairs:
        for some in slices(words.size, checkpoint):
            part = words[some]
            if (last is not None and part[0] <= last) or not np.all(part[1:] > part[:-1]):
                return False
            last = part[-1]
    return True


def _add_counts(pairs: list[tuple[Words, Counts]]) -> tuple[Words, Counts]:
    if len(pairs) == 1:
        ((words, counts),) = pairs  # of a run without branches
    else:
        words = np.concatenate([np.empty(0, np.int64), *(words for words, _ in pairs)])
        counts = np.concatenate([np.empty(0, np.int64), *(counts for _, counts in pairs)])
    if not (words[1:] > words[:-1]).all():
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
        for index in range(width):
            text[:, -2 - index] = _DIGITS[part >> 4 * index & 15]
        keys += text.tobytes().decode("ascii").split()
    return keys
