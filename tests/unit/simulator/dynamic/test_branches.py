"""Branches: cut, joined and merged, each shot keeps its state, its history and its draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from simulator.dynamic.branches import (
    Branch,
    History,
    absorb,
    beginning,
    drawn,
    halves,
    join,
    merge,
    parts,
    same_state,
    split,
)
from simulator.dynamic.classical import Classical
from simulator.dynamic.shots import Shots
from simulator.evolve import Statevector, Statevectors
from simulator.evolve.statevector import ground, vector
from simulator.monitor import no_checkpoint
from simulator.rng import Uniforms

SHOTS = np.arange(3000, 5000)


def seen(branch: Branch) -> dict[int, tuple[bytes, Classical, int]]:
    """Each shot's state, classical values and draws."""
    found = {}
    for shot, group in zip(branch.shots.numbers.tolist(), branch.shots.groups.tolist(), strict=True):
        index = int(branch.history_of_group[group])
        if index >= 0:
            history = branch.histories[index]
            found[shot] = (branch.states.rows[history.state].tobytes(), history.classical, history.draws)
    assert len(found) == branch.num_shots
    return found


def spread(seed: int, num_states: int = 4, num_histories: int = 10, shots: NDArray[np.int64] = SHOTS) -> Branch:
    """A branch of several states and histories, some shots in each."""
    rng = np.random.default_rng(seed)
    rows = np.concatenate([np.arange(num_states), rng.integers(0, num_states, num_histories - num_states)])
    histories = [
        History(int(row), Classical(index % 3, ()), int(rng.integers(0, 3))) for index, row in enumerate(rows)
    ]
    amplitudes = rng.integers(1, 3, (num_states, 4)).astype(np.complex128)
    groups = rng.integers(0, num_histories, shots.size)
    gathered = Shots(shots, groups, np.bincount(groups, minlength=num_histories))
    return Branch(
        7,
        Statevectors(Statevector(amplitudes.reshape(-1), {0: 0, 1: 1})),
        histories,
        gathered,
        np.arange(num_histories),
    )


@pytest.mark.rule(30)
@settings(deadline=None, max_examples=40)
@given(st.integers(0, 999), st.integers(1, 4))
def test_cut_and_joined_again_each_shot_is_as_before(seed: int, count: int) -> None:
    """Parts share out the shots and their states; joined in any order, they are all there again."""
    branch = spread(seed)
    before = seen(branch)
    number_of = np.random.default_rng(seed).integers(0, count, len(branch.histories))
    groups = [np.flatnonzero(number_of == number) for number in np.unique(number_of)]
    cut = parts(branch, groups, no_checkpoint)
    shared = [seen(part) for part in cut]
    assert sum(len(part) for part in shared) == SHOTS.size
    assert all(before[shot] == entry for part in shared for shot, entry in part.items())
    assert all({history.state for history in part.histories} == set(range(part.num_states)) for part in cut)
    # Some go on by themselves: what they draw is theirs alone.
    split(cut[0], np.full((1, len(cut[0].histories)), 0.5), Uniforms(1), no_checkpoint)
    whole = cut[-1]
    for part in cut[:-1]:
        join(whole, part, no_checkpoint)
    assert seen(whole) == before
    merge(whole, no_checkpoint)
    assert seen(whole) == before


def test_a_branch_that_is_cut_and_joined_moves_no_shot() -> None:
    """Where nobody draws in between, the arrays of shots stay as they are."""
    branch = spread(1)
    gathered = branch.shots
    one, other = parts(branch, [np.arange(3), np.arange(3, 10)], no_checkpoint)
    join(one, other, no_checkpoint)
    assert one.shots is gathered


@settings(deadline=None, max_examples=20)
@given(st.integers(0, 999))
def test_halves(seed: int) -> None:
    """Half of the states, and their shots, in each; the one of fewer shots first."""
    branch = spread(seed, num_states=5)
    before = seen(branch)
    one, other = halves(branch, no_checkpoint)
    assert {one.num_states, other.num_states} == {2, 3}
    assert one.num_shots <= other.num_shots
    assert seen(one) | seen(other) == before


def test_merging_leaves_each_state_and_each_history_once() -> None:
    """Equal states become one, and histories that then are equal, too; no shot sees a difference."""
    branch = spread(5, num_states=40, num_histories=60)
    before = seen(branch)
    distinct = len({row.tobytes() for row in branch.states.rows})
    merge(branch, no_checkpoint)
    assert seen(branch) == before
    assert branch.num_states == distinct < 40
    assert len(set(branch.histories)) == len(branch.histories) < 60


def test_absorbing_keeps_one_state() -> None:
    """Two branches in the same state become one without a second copy; in other states they are told apart."""
    one, other = (beginning(Statevectors(ground(2)), shots, 0) for shots in (np.arange(10), np.arange(10, 30)))
    third = beginning(Statevectors(vector(np.array([0, 1, 0, 0], np.complex128))), np.arange(3), 0)
    assert not same_state(one, third, no_checkpoint)
    assert same_state(one, other, no_checkpoint)
    absorb(one, other, no_checkpoint)
    assert (one.num_states, one.num_shots) == (1, 30)
    assert set(seen(one)) == set(range(30))


@pytest.mark.rule(32)
@pytest.mark.parametrize("cut", [False, True])
def test_split_follows_the_draws(cut: bool) -> None:
    """A shot's outcome is 0 if its own draw of its own number is below its history's share, in a part too."""
    branch = spread(2)
    if cut:
        (branch, _) = parts(branch, [np.array([0, 2, 3, 4, 8]), np.array([1, 5, 6, 7, 9])], no_checkpoint)
    before, uniforms = seen(branch), Uniforms(9)
    shares = np.resize([0.3, 0.6, 0, 1, 0.5], len(branch.histories))
    expected = {}
    for shot, group in zip(branch.shots.numbers.tolist(), branch.shots.groups.tolist(), strict=True):
        if (index := branch.history_of_group[group]) >= 0:
            number = branch.histories[index].draws
            expected[shot] = int(uniforms.draw(np.array([shot]), number)[0] >= shares[index])
    outcomes = split(branch, shares[None], uniforms, no_checkpoint)
    found = {}
    for shot, group in zip(branch.shots.numbers.tolist(), branch.shots.groups.tolist(), strict=True):
        found[shot] = int(outcomes[branch.history_of_group[group]])
    assert found == expected
    assert seen(branch) == before


@pytest.mark.rule(32)
def test_draws_come_shot_by_shot() -> None:
    """Shots of any order and number get their own draws, in batches of any size."""
    branch, uniforms = spread(3, shots=np.random.default_rng(3).permutation(40_000)), Uniforms(5)
    draws_of_group = np.array([history.draws for history in branch.histories])[branch.history_of_group]
    each = np.array([uniforms.draw(branch.shots.numbers, number) for number in range(3)])
    expected = np.choose(draws_of_group[branch.shots.groups], each)
    batches = list(drawn(branch, uniforms, no_checkpoint))
    assert len(batches) > 1
    for inside, draws in batches:
        np.testing.assert_array_equal(draws, expected[inside])
