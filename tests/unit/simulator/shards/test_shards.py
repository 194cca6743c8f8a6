"""Parts add up to a job's result, in any order and grouping."""

from __future__ import annotations

from functools import reduce
from itertools import pairwise
from operator import add

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.programs import Draw, program

from simulator.shards.part import Part, merge
from simulator.shards.result import Failure, Outcome


def outcome(index: int, failure: Failure | None = None) -> Outcome:
    return Outcome(index, seed=index, shots=1, outline=program(1, 1), counts={hex(index): 1}, failure=failure)


@st.composite
def parts(draw: Draw) -> list[Part]:
    """The outcomes of one job, in parts of any sizes."""
    indices = draw(st.permutations(range(draw(st.integers(0, 12)))))
    cuts = sorted(draw(st.sets(st.integers(0, len(indices)))) | {0, len(indices)})
    pieces = [sorted(indices[a:b]) for a, b in pairwise(cuts)]
    return [Part(tuple(map(outcome, piece))) for piece in pieces]


@pytest.mark.rule(32)
@given(parts(), st.randoms(use_true_random=False))
def test_merging_is_addition(pieces: list[Part], random: object) -> None:
    """Whatever the cut, the order and the grouping, parts add up to the same."""
    whole = merge(pieces)
    assert [each.index for each in whole.outcomes] == list(range(len(whole.outcomes)))
    shuffled = random.sample(pieces, len(pieces))
    assert reduce(add, shuffled, Part()) == whole
    middle = len(shuffled) // 2
    assert merge(shuffled[:middle]) + merge(shuffled[middle:]) == whole
    assert Part() + whole == whole + Part() == whole


@pytest.mark.rule(34)
@given(parts().filter(lambda pieces: any(piece.outcomes for piece in pieces)), st.data())
def test_an_experiment_counts_once(pieces: list[Part], data: st.DataObject) -> None:
    """An experiment that is there twice is refused, never added twice."""
    twice = data.draw(st.sampled_from([piece for piece in pieces if piece.outcomes]))
    with pytest.raises(ValueError, match="twice"):
        merge([*pieces, twice])


def test_outcomes_are_in_order() -> None:
    """A Part cannot be built out of order."""
    with pytest.raises(ValueError, match="not in order"):
        Part((outcome(1), outcome(0)))


@pytest.mark.rule(7)
def test_one_failure_makes_a_part_bad() -> None:
    """A part is bad if any experiment in it failed."""
    good, bad = Part((outcome(0),)), Part((outcome(1, Failure("Error", "text")),))
    assert not good.bad
    assert bad.bad
    assert (good + bad).bad
