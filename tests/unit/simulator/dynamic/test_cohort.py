"""Cohorts: cut, joined and merged, each shot keeps its state, its history and its draws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples

from simulator.dynamic import cohort as module
from simulator.dynamic import crowd
from simulator.dynamic.cohort import (
    Cohort,
    Member,
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
from simulator.dynamic.evaluation import Classical
from simulator.evolve.state import State, ground, vector
from simulator.monitor import no_checkpoint
from simulator.rng import Uniforms

SHOTS = np.arange(3000, 5000)


def seen(cohort: Cohort) -> dict[int, tuple[bytes, Classical, int]]:
    """Each shot's state, classical values and draws."""
    found = {}
    for shot, mark in zip(cohort.crowd.shots.tolist(), cohort.crowd.marks.tolist(), strict=True):
        place = int(cohort.places[mark])
        if place >= 0:
            member = cohort.members[place]
            found[shot] = (cohort.rows[member.row].tobytes(), member.classical, member.draws)
    assert len(found) == cohort.num_shots
    return found


def spread(seed: int, num_rows: int = 4, num_members: int = 10) -> Cohort:
    """A cohort of several states and members, some shots in each."""
    rng = np.random.default_rng(seed)
    rows = np.concatenate([np.arange(num_rows), rng.integers(0, num_rows, num_members - num_rows)])
    members = [
        Member(int(row), Classical(place % 3, ()), int(rng.integers(0, 3))) for place, row in enumerate(rows)
    ]
    amplitudes = rng.integers(1, 3, (num_rows, 4)).astype(np.complex128)
    marks = rng.integers(0, num_members, SHOTS.size)
    gathered = crowd.Crowd(SHOTS, marks, np.bincount(marks, minlength=num_members))
    return Cohort(7, State(amplitudes.reshape(-1), {0: 0, 1: 1}), members, gathered, np.arange(num_members))


@examples(40)
@given(st.integers(0, 999), st.integers(1, 4))
def test_cut_and_joined_again_each_shot_is_as_before(seed: int, count: int) -> None:
    """Rule 30: parts share out the shots and their states; joined in any order, they are all there again."""
    cohort = spread(seed)
    before = seen(cohort)
    number_of = np.random.default_rng(seed).integers(0, count, len(cohort.members))
    groups = [np.flatnonzero(number_of == number) for number in np.unique(number_of)]
    cut = parts(cohort, groups, no_checkpoint)
    shared = [seen(part) for part in cut]
    assert sum(len(part) for part in shared) == SHOTS.size
    assert all(before[shot] == entry for part in shared for shot, entry in part.items())
    assert all({member.row for member in part.members} == set(range(part.num_rows)) for part in cut)
    # Some go on by themselves: what they draw is theirs alone.
    split(cut[0], np.full(len(cut[0].members), 0.5), Uniforms(1), no_checkpoint)
    whole = cut[-1]
    for part in cut[:-1]:
        join(whole, part, no_checkpoint)
    assert seen(whole) == before
    merge(whole, no_checkpoint)
    assert seen(whole) == before


def test_a_cohort_that_is_cut_and_joined_moves_no_shot() -> None:
    """Where nobody draws in between, the arrays of shots stay as they are."""
    cohort = spread(1)
    gathered = cohort.crowd
    one, other = parts(cohort, [np.arange(3), np.arange(3, 10)], no_checkpoint)
    join(one, other, no_checkpoint)
    assert one.crowd is gathered


@examples(20)
@given(st.integers(0, 999))
def test_halves(seed: int) -> None:
    """Half of the states, and their shots, in each; the one of fewer shots first."""
    cohort = spread(seed, num_rows=5)
    before = seen(cohort)
    one, other = halves(cohort, no_checkpoint)
    assert {one.num_rows, other.num_rows} == {2, 3}
    assert one.num_shots <= other.num_shots
    assert seen(one) | seen(other) == before


def test_merging_leaves_each_state_and_each_member_once() -> None:
    """Equal states become one, and members that then are equal, too; no shot sees a difference."""
    cohort = spread(5, num_rows=40, num_members=60)
    before = seen(cohort)
    distinct = len({row.tobytes() for row in cohort.rows})
    merge(cohort, no_checkpoint)
    assert seen(cohort) == before
    assert cohort.num_rows == distinct < 40
    assert len(set(cohort.members)) == len(cohort.members) < 60


def test_absorbing_keeps_one_state() -> None:
    """Two cohorts in the same state become one without a second copy; in other states they are told apart."""
    one, other = (beginning(ground(2), shots, 0) for shots in (np.arange(10), np.arange(10, 30)))
    third = beginning(vector(np.array([0, 1, 0, 0], np.complex128)), np.arange(3), 0)
    assert not same_state(one, third, no_checkpoint)
    assert same_state(one, other, no_checkpoint)
    absorb(one, other, no_checkpoint)
    assert (one.num_rows, one.num_shots) == (1, 30)
    assert set(seen(one)) == set(range(30))


@pytest.mark.parametrize("sparse", [8, 0])
def test_split_follows_the_draws(sparse: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rule 32: a shot's outcome is 0 if its own draw of its own number is below its member's share."""
    monkeypatch.setattr(module, "_SPARSE", sparse)
    cohort = spread(2)
    (cohort, _) = parts(cohort, [np.array([0, 2, 3, 4, 8]), np.array([1, 5, 6, 7, 9])], no_checkpoint)
    before, uniforms = seen(cohort), Uniforms(9)
    shares = np.array([0.3, 0.6, 0, 1, 0.5])
    share_of = dict(zip(cohort.members, shares.tolist(), strict=True))
    member_of = {}
    for shot, mark in zip(cohort.crowd.shots.tolist(), cohort.crowd.marks.tolist(), strict=True):
        if cohort.places[mark] >= 0:
            member_of[shot] = cohort.members[cohort.places[mark]]
    expected = {}
    for shot, member in member_of.items():
        word, real = (each.draw(np.array([shot]), member.draws)[0] for each in (uniforms.words, uniforms.reals))
        expected[shot] = int((word + real) / 2**16 >= share_of[member])
    outcomes = split(cohort, shares, uniforms, no_checkpoint)
    found = {}
    for shot, mark in zip(cohort.crowd.shots.tolist(), cohort.crowd.marks.tolist(), strict=True):
        found[shot] = int(outcomes[cohort.places[mark]])
    assert found == expected
    assert seen(cohort) == before


@pytest.mark.parametrize("share", [0.3, 1 / 3, 0.5, 1 - 2**-40, 2**-40])
def test_split_where_words_do_not_decide(share: float) -> None:
    """A draw whose word is that of the share goes on with a real number: shares are exact, not to 16 bits."""
    uniforms, shots = Uniforms(2), np.arange(2_000_000)
    words, reals = uniforms.words.draw(shots, 0), uniforms.reals.draw(shots, 0)
    floor, rest = divmod(share * 2**16, 1)
    ties = words == floor
    expected = (words > floor) | (ties & (reals >= rest))
    assert 10 < np.count_nonzero(ties) < 60
    assert len(set(expected[ties].tolist())) == (2 if share in {0.3, 1 / 3} else 1)
    cohort = beginning(ground(1), shots, 0)
    outcomes = split(cohort, np.array([share]), Uniforms(2), no_checkpoint)
    np.testing.assert_array_equal(outcomes[cohort.places[cohort.crowd.marks]], expected)


def test_draws_come_shot_by_shot() -> None:
    """Rule 32: shots of any order and number get their own draws, in batches of any size."""
    cohort = spread(3)
    numbers = {shot: draws for shot, (_, _, draws) in seen(cohort).items()}
    uniforms = Uniforms(5)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(crowd, "_BATCH", 300)
        for inside, draws in drawn(cohort, uniforms, no_checkpoint):
            for shot, draw in zip(cohort.crowd.shots[inside].tolist(), draws.tolist(), strict=True):
                assert draw == uniforms.reals.draw(np.array([shot]), numbers[shot])[0]
