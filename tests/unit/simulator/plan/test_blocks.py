"""Stages and blocks keep the order of what does not commute, and get to the end."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples
from support.programs import Draw

from simulator.matrices.folding import folded
from simulator.plan import Stage, make_plan
from simulator.plan.blocks import DenseBlock, grow_blocks
from simulator.plan.fusion import fuse
from simulator.plan.operations import Operation
from simulator.plan.pairing import paired
from simulator.plan.stages import next_stage

NUM_QUBITS = 9


@st.composite
def operations(draw: Draw, num_qubits: int = NUM_QUBITS) -> list[Operation]:
    """Operations that mix and fix any qubits."""
    result = []
    for index in range(draw(st.integers(1, 30))):
        qubits = draw(st.permutations(range(num_qubits)))
        mixes = draw(st.integers(0, 2))
        fixes = draw(st.integers(0 if mixes else 1, min(7, num_qubits - mixes)))
        mixed = sum(1 << qubit for qubit in qubits[:mixes])
        fixed = sum(1 << qubit for qubit in qubits[mixes : mixes + fixes])
        result.append(
            Operation((index,), tuple(qubits[: mixes + fixes]), mixed, fixed, bool(mixes) and mixes + fixes > 6)
        )
    return result


def conflict(one: Operation, other: Operation) -> bool:
    return bool(one.mixed & (other.mixed | other.fixed) or one.fixed & other.mixed)


def assert_ordered(given_order: Sequence[Operation], found: Sequence[Operation]) -> None:
    """Each operation is there once, and those that do not commute are in their order."""
    assert sorted(map(id, found)) == sorted(map(id, given_order))
    places = {id(operation): place for place, operation in enumerate(found)}
    for first, one in enumerate(given_order):
        for other in given_order[first + 1 :]:
            assert not conflict(one, other) or places[id(one)] < places[id(other)]


@examples(200)
@given(given_order=operations(), room=st.integers(2, NUM_QUBITS))
def test_stages(given_order: list[Operation], room: int) -> None:
    """A stage mixes local qubits only; stage after stage, all operations run, in an order that means the same."""
    left = list(enumerate(given_order))
    found: list[Operation] = []
    while left:
        local, taken, left = next_stage(left, 0, room, NUM_QUBITS)
        assert local.bit_count() <= room
        assert all(not operation.mixed & ~local for _, operation in taken)
        if not taken:
            assert left[0][1].whole
            taken = [left.pop(0)]
        found += [operation for _, operation in taken]
    assert_ordered(given_order, found)


@examples(200)
@given(given_order=operations(), real=st.booleans(), outside=st.integers(0, 3))
def test_blocks(given_order: list[Operation], real: bool, outside: int) -> None:
    """A block holds all local qubits of its operations; block after block, the order means the same."""
    order = list(range(NUM_QUBITS - outside))
    local = (1 << len(order)) - 1
    here = [operation for operation in given_order if not operation.mixed & ~local and not operation.whole]
    found: list[Operation] = []
    for block in grow_blocks(here, order, real=real):
        order.append(order.pop(0))
        members = [here[index] for index in block.members]
        assert members
        for operation in members:
            if isinstance(block, DenseBlock):
                assert not (operation.mixed | operation.fixed) & local & ~block.qubits
                assert not operation.fixed & ~local & ~block.outer
            else:
                assert not operation.mixed
        found += members
    assert_ordered(here, found)


@examples(200)
@given(given_order=operations(4), widest=st.integers(2, 4))
def test_fusion(given_order: list[Operation], widest: int) -> None:
    """In one pass, too, each operation is in one block that holds its qubits, in an order that means the same."""
    here = [operation for operation in given_order if not operation.whole]
    found: list[Operation] = []
    for block in fuse(here, widest):
        members = [here[index] for index in block.members]
        assert members
        for operation in members:
            if isinstance(block, DenseBlock):
                assert not (operation.mixed | operation.fixed) & ~block.qubits
            else:
                assert not operation.mixed
        if isinstance(block, DenseBlock):
            largest = max(len(operation.qubits) for operation in members if operation.mixed)
            assert block.qubits.bit_count() <= max(widest, largest)
        found += members
    assert_ordered(here, found)


@examples(200)
@given(given_order=operations(5), outside=st.integers(0, 2))
def test_rows(given_order: list[Operation], outside: int) -> None:
    """What is put together for planning is an order that means the same; a diagonal stays one."""
    local = (1 << 5 - outside) - 1
    here = [operation for operation in given_order if not operation.mixed & ~local]
    found: list[Operation] = []
    for row in paired(here, local):
        members = [here[index] for index in row.members]
        for operation in members:
            assert not (operation.mixed | operation.fixed) & ~(row.mixed | row.fixed)
            assert not operation.mixed & ~row.mixed
        assert row.mixed | row.fixed == row.touched | (row.fixed & ~local)
        assert row.mixed == 0 or any(operation.mixed for operation in members)
        found += members
    assert_ordered(here, found)


@examples(200)
@given(given_order=operations(5))
def test_units(given_order: list[Operation]) -> None:
    """The factors of a block are each in one unit that has their bits, in an order that means the same."""
    here = [each for each in given_order if len(each.qubits) <= 4]
    found: list[Operation] = []
    for unit in folded((place, each.qubits) for place, each in enumerate(here)):
        assert len(unit.bits) <= 2 or len(unit.factors) == 1
        for operation, spots in unit.factors:
            assert tuple(unit.bits[spot] for spot in spots) == here[operation].qubits
        found += [here[operation] for operation, _ in unit.factors]
    assert_ordered(here, found)


@pytest.mark.parametrize("real", [False, True])
@examples(100)
@given(given_order=operations())
def test_a_plan_has_every_operation_once(given_order: list[Operation], real: bool) -> None:
    """Nothing is lost and nothing done twice, and the layout is a permutation."""
    plan = make_plan(given_order, range(NUM_QUBITS), real=real)
    members = [
        member
        for part in plan.parts
        for members in ([step.members for step in part.steps] if isinstance(part, Stage) else [(part.member,)])
        for member in members
    ]
    assert sorted(members) == list(range(len(given_order)))
    assert sorted(plan.qubit_at) == list(range(NUM_QUBITS))


def test_a_phase_that_two_gates_share_is_taken_in() -> None:
    """h, cz, h on two qubits are one block: the diagonal in the middle is no obstacle."""
    h0, h1 = (Operation((index,), (index,), 1 << index, 0) for index in (0, 1))
    cz = Operation((2,), (0, 1), 0, 3)
    (block,) = grow_blocks([h0, h1, cz, h0], range(4), real=False)
    assert isinstance(block, DenseBlock)
    assert block.qubits == 3
