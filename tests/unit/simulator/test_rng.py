"""Streams: pure functions of their names."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import stats

from simulator.rng import BLOCK, Uniforms, experiment_seed


@pytest.mark.rule(32)
def test_a_row_is_a_run_of_one_philox_generator() -> None:
    """Key (seed), counter (step, row); what version 0.1 draws is said here without its code."""
    seed, first, count = 2**63 - 1, 5 * BLOCK, 2 * BLOCK
    for number in range(4):
        start = np.array([first // 4, number, 0, 0], np.uint64)
        philox = np.random.Philox(key=np.array([seed, 0], np.uint64), counter=start)
        expected = np.random.Generator(philox).random(count)
        found = Uniforms(seed).draw(np.arange(first, first + count), number)
        np.testing.assert_array_equal(found, expected)


@pytest.mark.rule(32)
def test_draws_do_not_depend_on_what_else_is_drawn() -> None:
    """Any subset of shots, in any cut and order of draws, gets the same numbers."""
    whole = Uniforms(9).draw(np.arange(5000), 3)
    again = Uniforms(9)
    again.draw(np.arange(5000), 7)
    some = np.flatnonzero(np.random.default_rng(1).random(5000) < 0.1)
    np.testing.assert_array_equal(again.draw(some, 3), whole[some])
    np.testing.assert_array_equal(again.draw(np.arange(1000, 1100), 3), whole[1000:1100])
    assert again.draw(np.arange(0), 3).size == 0


@pytest.mark.rule(33)
def test_streams_are_independent() -> None:
    """Rows of other seeds, blocks and draw numbers are uncorrelated, and each is uniform."""
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


@pytest.mark.rule(32, 33)
def test_experiment_seeds() -> None:
    """The first experiment has the job's seed; the others 63-bit seeds of their own, for ever."""
    seeds = [experiment_seed(7, index) for index in range(1000)]
    assert seeds[:3] == [7, 3400587460537411945, 6627976899651290509]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert set(seeds[1:]).isdisjoint(experiment_seed(8, index) for index in range(1000))


@pytest.mark.rule(32)
def test_any_order_of_shots_and_any_way_of_asking() -> None:
    """A shot's draw is the same alone, among shots in any order, far from others, and in a stretch."""
    whole = Uniforms(3).draw(np.arange(5000), 2)
    order = np.random.default_rng(1).permutation(5000)
    np.testing.assert_array_equal(Uniforms(3).draw(order, 2), whole[order])
    for first, count in ((1500, 2000), (1501, 1), (3, 40), (0, 16), (1023, 2)):
        np.testing.assert_array_equal(Uniforms(3).stretch(first, count, 2), whole[first : first + count])
    assert Uniforms(3).stretch(7, 0, 2).size == 0
    again = Uniforms(3)
    for shots in ([4000], [4999, 3], [2500, 10, 1]):
        np.testing.assert_array_equal(again.draw(np.array(shots), 2), whole[shots])
    far = 2**40
    assert Uniforms(3).draw(np.array([far]), 2) == Uniforms(3).stretch(far, 1, 2)


def test_few_rows_are_remembered() -> None:
    """Many draws of many shots keep no more than the remembered rows, and forgotten ones come back the same."""
    reals = Uniforms(4)
    shots = np.arange(0, 600 * BLOCK, 7)
    first = reals.draw(shots, 0)
    tracemalloc.start()
    for number in range(1, 20):
        reals.draw(shots, number)
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert kept <= (4096 + 600) * 9 * BLOCK
    np.testing.assert_array_equal(reals.draw(shots, 0), first)


@pytest.mark.rule(32)
def test_another_seed() -> None:
    """One that is begun anew draws what a new one draws."""
    uniforms, shots = Uniforms(1), np.arange(100)
    for seed in (1, 2**62 + 1):
        uniforms.begin(seed)
        np.testing.assert_array_equal(uniforms.draw(shots, 0), Uniforms(seed).draw(shots, 0))


@pytest.mark.rule(32)
def test_runs_that_draw_in_turns_or_in_other_threads_do_not_disturb_each_other() -> None:
    """All draws of a thread come from one generator, and each stream goes on as if it were alone."""
    shots = np.arange(3 * BLOCK)
    expected = {seed: Uniforms(seed).draw(shots, 2) for seed in (3, 4)}
    both = {seed: Uniforms(seed) for seed in expected}
    for block in range(3):
        some = shots[block * BLOCK :][:BLOCK]
        for seed, whole in expected.items():
            np.testing.assert_array_equal(both[seed].draw(some, 2), whole[some])
    seeds = [3, 4] * 200
    with ThreadPoolExecutor(4) as pool:
        for seed, found in zip(seeds, pool.map(lambda seed: Uniforms(seed).draw(shots, 2), seeds), strict=True):
            np.testing.assert_array_equal(found, expected[seed])
