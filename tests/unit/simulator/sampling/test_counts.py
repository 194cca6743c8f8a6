"""Counts and memory from words, narrow and wide."""

from __future__ import annotations

import tracemalloc
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.sampling.counts import ShotCounts

MEMORIES = st.lists(st.integers(0, 40) | st.integers(0, 2**130) | st.sampled_from([2**63 - 1, 2**63]), max_size=50)


@pytest.mark.rule(28)
@given(MEMORIES, st.integers(1, 7), st.booleans())
def test_counts_and_memory_are_those_of_the_memories(memories: list[int], batch: int, wide: bool) -> None:
    """Memory has each shot's key, in the order of shots, and its counts are the counts, ascending."""
    memories = memories if wide else [memory % 2**63 for memory in memories]
    counting, remembering = (
        ShotCounts(len(memories), memory=False),
        ShotCounts(len(memories), memory=True, first=100),
    )
    shots = np.arange(100, 100 + len(memories))
    for start in reversed(range(0, len(memories), batch)):
        some = memories[start : start + batch]
        words = np.array([counting.word(memory) for memory in some])
        counting.add(words, np.ones(len(some), np.int64))
        words = np.array([remembering.word(memory) for memory in some])
        remembering.put(shots[start : start + batch], words)
    keys = [hex(memory) for memory in memories]
    counts, memory = remembering.results()
    assert memory == keys
    assert counts == Counter(keys)
    assert list(counts) == [hex(each) for each in sorted(set(memories))]
    assert counting.results() == (counts, None)
    assert list(counting.results()[0]) == list(counts)


@pytest.mark.rule(28)
@pytest.mark.parametrize("others", [0, 5000])
def test_keys_are_as_python_writes_them(others: int) -> None:
    """A key is the number in hex, lower case and without leading zeros, at every width; of few and of many."""
    edges = {value for bits in range(63) for value in (2**bits - 1, 2**bits, 2**bits + 1)} | {2**63 - 1}
    words = np.array(sorted(edges | set(range(others))))
    shot_counts = ShotCounts(0, memory=False)
    shot_counts.add(words, np.arange(words.size))
    assert shot_counts.results()[0] == {hex(word): index for index, word in enumerate(words.tolist())}


@pytest.mark.rule(31)
def test_what_waits_to_be_added_up_is_bounded() -> None:
    """However often a few keys are added, no more than 2^20 of them wait, in 16 MiB."""
    shot_counts = ShotCounts(0, memory=False)
    tracemalloc.start()
    for _ in range(60):
        shot_counts.add(np.arange(1 << 16) % 7, np.ones(1 << 16, np.int64))
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept < 18 << 20
    counts, _ = shot_counts.results()
    assert sum(counts.values()) == 60 << 16
    assert counts["0x6"] == 60 * ((1 << 16) // 7)


def test_shots_are_only_put_where_they_are_remembered() -> None:
    """Counts without memory do not lose shots silently."""
    with pytest.raises(TypeError, match="do not remember"):
        ShotCounts(3, memory=False).put(np.arange(3), np.arange(3))
