from __future__ import annotations

import re
from dataclasses import fields, replace

import pytest
from support.processes import ROOT

from benchmarks.redis_model.model import (
    FULL,
    Constants,
    Cost,
    Fleet,
    kept_rate,
    most_slots,
    rate,
    shard_costs,
    traffic,
)
from benchmarks.redis_model.report import constants_table, limits_table, read_table, replaced, rounded, sizes

DOCUMENT = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
#: Every cost is 1 ms, every size 1,000 bytes.
PLAIN = Constants(
    **{
        each.name: Cost(1e-3, 100.0, 10.0) if each.type == "Cost" else 1000.0
        for each in fields(Constants)
        if each.name not in {"idle", "worker"}
    },
    idle=0.0,
    worker=0.5,
)


def test_a_shard_costs_its_steps():
    """Each shard is published, claimed and completed; a job's first one pays for SUBMIT and the result."""
    short = shard_costs(PLAIN, Fleet(1, 1, 0.0))
    assert short["messages"].seconds == pytest.approx(1e-3)
    assert short["shards and jobs"].seconds == pytest.approx(4e-3)
    shared = shard_costs(PLAIN, Fleet(1, 1, 0.0, shards_per_job=10))
    assert shared["shards and jobs"].seconds == pytest.approx((2 + 0.9 + 0.2) * 1e-3)


def test_a_long_shard_looks_and_beats():
    """A run looks 20 times and beats half a time a second, and tells Celery once that it has begun."""
    costs = shard_costs(PLAIN, Fleet(1, 1, 2.0))
    assert costs["looks and beats"].seconds == pytest.approx(41e-3)
    assert costs["messages"].seconds == pytest.approx(2e-3)


def test_the_whole_is_the_sum():
    """What a fleet takes of Redis is what its shards and its nodes take, in time and bytes."""
    fleet = Fleet(nodes=3, slots=6, shard=0.5)
    costs = traffic(PLAIN, fleet)
    whole = costs.pop("all")
    assert rate(PLAIN, fleet) == pytest.approx(6.0)
    assert whole.seconds == pytest.approx(sum(cost.seconds for cost in costs.values()))
    assert whole.received == pytest.approx(100e3 * whole.seconds)
    assert whole.sent == pytest.approx(10e3 * whole.seconds)


def test_the_largest_fleet_is_the_largest():
    """One node more would take more of Redis's thread than it may."""
    real = read_table(DOCUMENT)
    for shard in (0.05, 2.0):
        fleet = most_slots(real, shard, slots_per_node=8)
        more = replace(fleet, nodes=fleet.nodes + 1, slots=fleet.slots + 8)
        assert traffic(real, fleet)["all"].seconds < FULL <= traffic(real, more)["all"].seconds


def test_celery_keeps_for_a_day_what_the_record_keeps_for_a_week():
    """Memory is held as long as each keeps it."""
    assert kept_rate(PLAIN, 8000.0 * 86400, 7 * 86400) == pytest.approx(1.0)
    assert kept_rate(PLAIN, 2000.0 * 3600, 3600) == pytest.approx(1.0)


def test_a_table_is_read_as_it_was_written():
    """Rounded once, constants come back from their table unchanged."""
    once = rounded(PLAIN)
    assert constants_table(once) == constants_table(PLAIN)
    assert rounded(once) == once
    with pytest.raises(KeyError, match="beat"):
        read_table(re.sub(r"\| `beat`.*\n", "", constants_table(once)))


def test_figures_are_put_in_their_places():
    """Only what stands between the two comments is replaced, and a figure without a place is an error."""
    document = "a\n<!-- sizes -->\nold\n<!-- /sizes -->\nb\n"
    assert replaced(document, {"sizes": "new"}) == "a\n<!-- sizes -->\nnew\n<!-- /sizes -->\nb\n"
    with pytest.raises(ValueError, match="limits"):
        replaced(document, {"limits": "new"})


def test_the_document_follows_from_its_constants():
    """docs/scale.md computes what it says from the table that it shows."""
    constants = read_table(DOCUMENT)
    figures = {
        "constants": constants_table(constants), "limits": limits_table(constants), "sizes": sizes(constants)
    }  # fmt: skip
    assert replaced(DOCUMENT, figures) == DOCUMENT


def test_an_owner_has_one_cell():
    """The document's map from owners to cells names one of them, the same in every client."""
    names = {}
    exec(re.search(r"```python\n(.*?)```", DOCUMENT, re.DOTALL)[1], names)  # noqa: S102 (our own document)
    cells = {owner: names["provider_of"](owner).address for owner in ("ann", "bob", "eve", "joe", "big-team")}
    assert {cells["ann"], cells["bob"], cells["eve"], cells["joe"]} == set(names["CELLS"])
    assert cells["big-team"] == names["MOVED"]["big-team"]
