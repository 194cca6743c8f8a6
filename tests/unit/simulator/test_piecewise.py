"""Long arrays in pieces give what they would at once."""

from __future__ import annotations

import numpy as np
import pytest

from simulator import piecewise
from simulator.monitor import no_checkpoint
from simulator.sampling.counts import add_counts


@pytest.mark.rule(28)
@pytest.mark.parametrize("size", [16, 64, 1 << 16])
@pytest.mark.parametrize("seed", range(20))
def test_words_are_added_up(size: int, seed: int) -> None:
    """Counts are the same, into whatever pieces they are cut, and whatever comes twice."""
    rng = np.random.default_rng(seed)
    words = rng.integers(-50, 10 ** rng.integers(1, 5), rng.integers(1, 3000))
    counts = rng.integers(1, 5, words.size)
    cuts = np.sort(rng.integers(0, words.size + 1, 5))
    pairs = zip(np.split(words, cuts), np.split(counts, cuts), strict=True)
    found, sums = add_counts(pairs, no_checkpoint, size)
    expected, inverse = np.unique(words, return_inverse=True)
    assert np.array_equal(found, expected)
    assert np.array_equal(sums, np.bincount(inverse, counts).astype(int))


@pytest.mark.parametrize("seed", range(20))
def test_runs_are_cut_alike(seed: int) -> None:
    """What lies between two cuts is above all before it, and is all that there is."""
    rng = np.random.default_rng(seed)
    runs = [np.sort(rng.random(rng.integers(0, 400))) for _ in range(6)]
    found = [
        np.sort(np.concatenate([run[cut] for run, cut in zip(runs, cuts, strict=True)]))
        for cuts in piecewise.aligned_slices(runs, no_checkpoint, 64)
    ]
    assert len(found) > 1
    assert np.array_equal(np.concatenate(found), np.sort(np.concatenate(runs)))
