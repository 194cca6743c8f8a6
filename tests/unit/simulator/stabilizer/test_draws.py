"""Rare events: what a block draws depends on nothing but its name."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.stabilizer import draws
from simulator.stabilizer.draws import BLOCK, Draws, Events


def of_blocks(events: Events, index: int) -> list[tuple[int, int, int]]:
    """The events of one of the blocks that were drawn together, its shots counted from its first."""
    mine = events.shots // BLOCK == index
    shots = events.shots[mine] - index * BLOCK
    return list(zip(events.places[mine].tolist(), shots.tolist(), events.numbers[mine].tolist(), strict=True))


@pytest.mark.rule(32)
@pytest.mark.parametrize("gaps", [None, 3], ids=["enough gaps at once", "three gaps at once"])
@pytest.mark.parametrize("probability", [0.0, 1e-4, 0.02, 1.0])
def test_blocks_that_are_drawn_together_are_as_each_alone(
    monkeypatch: pytest.MonkeyPatch, probability: float, gaps: int | None
) -> None:
    """Also where the gaps that are drawn at once are not enough, which else happens once in a billion."""
    if gaps is not None and 0 < probability < 1:
        monkeypatch.setattr(draws, "_gaps_at_once", lambda *_: gaps)
    places, blocks = 5, [3, 4, 9, 10, 11]
    together = Draws(7).events(probability, places, blocks, stream=2)
    assert (np.diff(together.places) >= 0).all()
    for index, block in enumerate(blocks):
        alone = Draws(7).events(probability, places, [block], stream=2)
        assert of_blocks(together, index) == of_blocks(alone, 0)
    trials = places * BLOCK * len(blocks)
    assert together.places.size == pytest.approx(
        probability * trials, abs=5 * np.sqrt(trials * probability * (1 - probability)) + 1e-9
    )


def test_a_seed_keeps_its_events() -> None:
    """The first events under a seed: other ones would change all counts with Pauli noise."""
    events = Draws(1).events(0.001, 7, [0, 1], stream=0)
    assert events.places.tolist()[:5] == [1, 2, 2, 3, 3]
    assert events.shots.tolist()[:5] == [1214, 1160, 1729, 1025, 1465]
