"""Streams: pure functions of their names."""

from __future__ import annotations

import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from scipy import stats

from simulator.rng import BLOCK, Draws, Uniforms, experiment_seed

KINDS = ("reals", "words")


def draws(seed: int, kind: str) -> Draws:
    """Return a seed's draws of one kind, of which nothing is remembered yet."""
    found: Draws = getattr(Uniforms(seed), kind)
    return found


@pytest.mark.rule(32)
@pytest.mark.parametrize("kind", KINDS)
def test_a_row_is_a_run_of_one_philox_generator(kind: str) -> None:
    """Key (seed), counter (step, row, kind); what version 0.1 draws is said here without its code."""
    seed, first, count = 2**63 - 1, 5 * BLOCK, 2 * BLOCK
    for number in range(4):
        in_a_step = 4 if kind == "reals" else 16
        start = [first // in_a_step, number, KINDS.index(kind), 0]
        philox = np.random.Philox(key=np.array([seed, 0], np.uint64), counter=np.array(start, np.uint64))
        if kind == "reals":
            expected = np.random.Generator(philox).random(count)
        else:
            raw = philox.random_raw(count // 4).tolist()
            expected = np.array([word >> shift & 0xFFFF for word in raw for shift in (0, 16, 32, 48)])
        np.testing.assert_array_equal(draws(seed, kind).draw(np.arange(first, first + count), number), expected)


@pytest.mark.rule(32)
@pytest.mark.parametrize("kind", KINDS)
def test_draws_do_not_depend_on_what_else_is_drawn(kind: str) -> None:
    """Any subset of shots, in any cut and order of draws, gets the same numbers."""
    whole = draws(9, kind).draw(np.arange(5000), 3)
    again = draws(9, kind)
    again.draw(np.arange(5000), 7)
    some = np.flatnonzero(np.random.default_rng(1).random(5000) < 0.1)
    np.testing.assert_array_equal(again.draw(some, 3), whole[some])
    np.testing.assert_array_equal(again.draw(np.arange(1000, 1100), 3), whole[1000:1100])
    assert again.draw(np.arange(0), 3).size == 0


@pytest.mark.rule(33)
@pytest.mark.parametrize("kind", KINDS)
def test_streams_are_independent(kind: str) -> None:
    """Rows of other seeds, blocks and draw numbers are uncorrelated, and each is uniform."""
    rows = [
        draws(seed, kind).draw(np.arange(block * BLOCK, (block + 1) * BLOCK), number)
        for seed in (0, 1, experiment_seed(0, 1), experiment_seed(0, 2))
        for block in (0, 1)
        for number in (0, 1)
    ]
    correlations = np.corrcoef(rows)[np.triu_indices(len(rows), 1)]
    # Each is normal with standard deviation 1/32: of 120, none is beyond 4.5 of them but once in 1,000 choices.
    assert np.abs(correlations).max() < 4.5 / np.sqrt(BLOCK)
    highest = 1 if kind == "reals" else 1 << 16
    assert stats.kstest(np.concatenate(rows) / highest, "uniform").pvalue > 1e-3


def test_kinds_are_independent() -> None:
    """A word and the real number of the same draw have nothing in common."""
    uniforms, shots = Uniforms(1), np.arange(10 * BLOCK)
    words, reals = (draws.draw(shots, 0).astype(float) for draws in (uniforms.words, uniforms.reals))
    assert abs(np.corrcoef(words, reals)[0, 1]) < 4 / np.sqrt(shots.size)


@pytest.mark.rule(32, 33)
def test_experiment_seeds() -> None:
    """The first experiment has the job's seed; the others 63-bit seeds of their own, for ever."""
    seeds = [experiment_seed(7, index) for index in range(1000)]
    assert seeds[:3] == [7, 3400587460537411945, 6627976899651290509]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert set(seeds[1:]).isdisjoint(experiment_seed(8, index) for index in range(1000))


@pytest.mark.rule(32)
@pytest.mark.parametrize("kind", KINDS)
def test_any_order_of_shots_and_any_way_of_asking(kind: str) -> None:
    """A shot's draw is the same alone, among shots in any order, far from others, and in a stretch."""
    whole = draws(3, kind).draw(np.arange(5000), 2)
    order = np.random.default_rng(1).permutation(5000)
    np.testing.assert_array_equal(draws(3, kind).draw(order, 2), whole[order])
    for first, count in ((1500, 2000), (1501, 1), (3, 40), (0, 16), (1023, 2)):
        np.testing.assert_array_equal(draws(3, kind).stretch(first, count, 2), whole[first : first + count])
    assert draws(3, kind).stretch(7, 0, 2).size == 0
    again = draws(3, kind)
    for shots in ([4000], [4999, 3], [2500, 10, 1]):
        np.testing.assert_array_equal(again.draw(np.array(shots), 2), whole[shots])
    far = 2**40
    assert draws(3, kind).draw(np.array([far]), 2) == draws(3, kind).stretch(far, 1, 2)


def test_few_rows_are_remembered() -> None:
    """Many draws of many shots keep no more than the remembered rows, and forgotten ones come back the same."""
    reals = draws(4, "reals")
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
        for kind in KINDS:
            np.testing.assert_array_equal(getattr(uniforms, kind).draw(shots, 0), draws(seed, kind).draw(shots, 0))


@pytest.mark.rule(32)
def test_runs_that_draw_in_turns_or_in_other_threads_do_not_disturb_each_other() -> None:
    """All draws of a thread come from one generator, and each stream goes on as if it were alone."""
    shots = np.arange(3 * BLOCK)
    expected = {(seed, kind): draws(seed, kind).draw(shots, 2) for seed in (3, 4) for kind in KINDS}
    both = {seed: Uniforms(seed) for seed in (3, 4)}
    for block in range(3):
        for (seed, kind), whole in expected.items():
            some = shots[block * BLOCK :][:BLOCK]
            np.testing.assert_array_equal(getattr(both[seed], kind).draw(some, 2), whole[some])
    seeds = [3, 4] * 200
    with ThreadPoolExecutor(4) as pool:
        for seed, found in zip(
            seeds, pool.map(lambda seed: draws(seed, "reals").draw(shots, 2), seeds), strict=True
        ):
            np.testing.assert_array_equal(found, expected[seed, "reals"])
