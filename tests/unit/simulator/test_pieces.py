"""Long arrays in pieces give what they would at once."""

from __future__ import annotations

import numpy as np
import pytest

from simulator import pieces
from simulator.monitor import no_checkpoint
from simulator.sampling.counts import add_counts


@pytest.mark.parametrize("size", [16, 64, 1 << 16])
@pytest.mark.parametrize("seed", range(20))
def test_words_are_added_up(size: int, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 28: counts are the same, into whatever pieces they are cut, and whatever comes twice."""
    monkeypatch.setattr(pieces, "PIECE", size)
    monkeypatch.setattr(pieces, "_SAMPLED", max(1, size // 8))
    rng = np.random.default_rng(seed)
    words = rng.integers(-50, 10 ** rng.integers(1, 5), rng.integers(1, 3000))
    counts = rng.integers(1, 5, words.size)
    cuts = np.sort(rng.integers(0, words.size + 1, 5))
    found, sums = add_counts(list(zip(np.split(words, cuts), np.split(counts, cuts), strict=True)), no_checkpoint)
    expected, places = np.unique(words, return_inverse=True)
    assert np.array_equal(found, expected)
    assert np.array_equal(sums, np.bincount(places, counts).astype(int))


@pytest.mark.parametrize("seed", range(20))
def test_runs_are_cut_alike(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies between two cuts is above all before it, and is all that there is."""
    monkeypatch.setattr(pieces, "PIECE", 64)
    monkeypatch.setattr(pieces, "_SAMPLED", 8)
    rng = np.random.default_rng(seed)
    runs = [np.sort(rng.random(rng.integers(0, 400))) for _ in range(6)]
    found = [
        np.sort(np.concatenate([run[cut] for run, cut in zip(runs, cuts, strict=True)]))
        for cuts in pieces.shared_cuts(runs, no_checkpoint)
    ]
    assert len(found) > 1
    assert np.array_equal(np.concatenate(found), np.sort(np.concatenate(runs)))
