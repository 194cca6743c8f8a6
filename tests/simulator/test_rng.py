"""Streams: pure functions of their names."""

from __future__ import annotations

import numpy as np
from scipy import stats

from simulator.rng import BLOCK, Uniforms, experiment_seed


def test_a_row_is_the_next_row_of_one_philox_generator() -> None:
    """Rule 32: row k of a block is the k-th random(1024) of the generator with key (seed, block)."""
    seed, block = 2**63 - 1, 5
    generator = np.random.Generator(np.random.Philox(key=np.array([seed, block], np.uint64)))
    shots = np.arange(block * BLOCK, (block + 1) * BLOCK)
    uniforms = Uniforms(seed)
    for number in range(4):
        np.testing.assert_array_equal(uniforms.draw(shots, number), generator.random(BLOCK))


def test_draws_do_not_depend_on_what_else_is_drawn() -> None:
    """Rule 32: any subset of shots, in any cut and order of draws, gets the same numbers."""
    whole = Uniforms(9).draw(np.arange(5000), 3)
    uniforms = Uniforms(9)
    uniforms.draw(np.arange(5000), 7)
    some = np.flatnonzero(np.random.default_rng(1).random(5000) < 0.1)
    np.testing.assert_array_equal(uniforms.draw(some, 3), whole[some])
    np.testing.assert_array_equal(uniforms.draw(np.arange(1000, 1100), 3), whole[1000:1100])
    assert uniforms.draw(np.arange(0), 3).size == 0


def test_streams_are_independent() -> None:
    """Rule 33: rows of other seeds, blocks and draw numbers are uncorrelated, and each is uniform."""
    rows = [
        Uniforms(seed).draw(np.arange(block * BLOCK, (block + 1) * BLOCK), number)
        for seed in (0, 1, experiment_seed(0, 1), experiment_seed(0, 2))
        for block in (0, 1)
        for number in (0, 1)
    ]
    correlations = np.corrcoef(rows)[np.triu_indices(len(rows), 1)]
    # Each is normal with standard deviation 1/32: of 120, none is beyond 4.5 of them but once in 1,000 choices.
    assert np.abs(correlations).max() < 4.5 / np.sqrt(BLOCK)
    assert stats.kstest(np.concatenate(rows), "uniform").pvalue > 1e-3


def test_experiment_seeds() -> None:
    """Rule 32 and 33: the first experiment has the job's seed; the others 63-bit seeds of their own, for ever."""
    seeds = [experiment_seed(7, index) for index in range(1000)]
    assert seeds[:3] == [7, 3400587460537411945, 6627976899651290509]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert set(seeds[1:]).isdisjoint(experiment_seed(8, index) for index in range(1000))


def test_any_order_of_shots_and_any_way_of_asking() -> None:
    """Rule 32: a shot's draw is the same alone, among shots in any order, far from others, and in a stretch."""
    whole = Uniforms(3).draw(np.arange(5000), 2)
    order = np.random.default_rng(1).permutation(5000)
    np.testing.assert_array_equal(Uniforms(3).draw(order, 2), whole[order])
    np.testing.assert_array_equal(Uniforms(3).stretch(1500, 2000, 2), whole[1500:3500])
    uniforms = Uniforms(3)
    for shots in ([4000], [4999, 3], [2500, 10, 1]):
        np.testing.assert_array_equal(uniforms.draw(np.array(shots), 2), whole[shots])
    far = 2**40
    assert Uniforms(3).draw(np.array([far]), 2) == Uniforms(3).stretch(far, 1, 2)


def test_few_rows_are_remembered() -> None:
    """Many draws of many shots keep no more than the remembered rows, and forgotten ones come back the same."""
    uniforms = Uniforms(4)
    shots = np.arange(0, 600 * BLOCK, 7)
    first = uniforms.draw(shots, 0)
    for number in range(1, 20):
        uniforms.draw(shots, number)
    assert sum(row.uniforms.nbytes for row in uniforms._rows.values()) <= (4096 + 600) * 8 * BLOCK
    np.testing.assert_array_equal(uniforms.draw(shots, 0), first)
