"""Sweeps are found in lists of circuits, and stand for exactly these circuits."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.programs import Draw, h, measures, program, ry, x

from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import Gate, IfElse
from simulator.circuit.program import Program
from simulator.rng import experiment_seed
from simulator.shards.shard import Experiment, Sweep
from simulator.shards.sweeps import Copy, with_sweeps

SEED = 11


def experiments(*programs: Program) -> list[Experiment]:
    return [Experiment(index, experiment_seed(SEED, index), each) for index, each in enumerate(programs)]


def ansatz(*angles: float, phase: float = 0.0) -> Program:
    return program(2, 2, ry(angles[0], 0), x(1, 0), Gate("u", (1,), (angles[1], 0.25, 0.5)), global_phase=phase)


@st.composite
def lists(draw: Draw) -> list[Program]:
    """Circuits of a few structures, in any order."""
    angles = st.sampled_from([0.0, -0.0, 0.5, math.pi])
    kinds = [
        lambda: ansatz(draw(angles), draw(angles), phase=draw(angles)),
        lambda: program(2, 2, ry(draw(angles), 1), x(0, 1), *measures(2)),
        lambda: program(2, 2, h(0), IfElse(Clbit(0), (ry(abs(draw(angles)), 1),))),
    ]
    return [draw(st.sampled_from(kinds))() for _ in range(draw(st.integers(0, 12)))]


def copy_of(one: Program) -> Copy:
    numbers = [number for each in one.instructions if isinstance(each, Gate) for number in each.params]
    return Copy(np.array([*numbers, one.global_phase]), one.header.name, one.header.metadata)


@pytest.mark.rule(32)
@given(lists(), st.sampled_from([1, 2, 3, 4096]), st.booleans())
def test_a_sweep_stands_for_its_circuits(programs: list[Program], most: int, copies: bool) -> None:
    """With and without sweeps, a job has the same experiments, to the sign of a zero."""
    given_ = experiments(*programs)
    items: list[Experiment | Copy] = list(given_)
    for index in range(1, len(items) if copies else 0):
        if len(list(with_sweeps(given_[index - 1 : index + 1], SEED))) == 1:
            items[index] = copy_of(programs[index])
    found = list(with_sweeps(items, SEED, most_rows=most))
    assert repr([each for item in found for each in item.experiments()]) == repr(given_)
    assert all(item.num_rows <= most for item in found if isinstance(item, Sweep))


def test_a_copy_of_nothing_is_refused() -> None:
    """An item that nothing comes before is not left out without a word."""
    with pytest.raises(ValueError, match="no experiment comes before"):
        list(with_sweeps([Copy(np.zeros(1), "a", "{}")], SEED))


def test_circuits_of_one_structure_are_one_sweep() -> None:
    """Only what differs travels once for each row."""
    (sweep,) = with_sweeps(experiments(ansatz(0.1, 0.2), ansatz(0.3, 0.2), ansatz(0.5, 0.2)), SEED)
    assert isinstance(sweep, Sweep)
    assert sweep.param_indices == ((0, 0),)
    assert sweep.values.ndarray().tolist() == [[0.1], [0.3], [0.5]]


@pytest.mark.parametrize(
    "other",
    [
        program(2, 2, ry(0.1, 1), x(1, 0), Gate("u", (1,), (0.2, 0.25, 0.5))),
        program(2, 2, ry(0.1, 0), x(1), Gate("u", (1,), (0.2, 0.25, 0.5))),
        program(3, 2, ry(0.1, 0), x(1, 0), Gate("u", (1,), (0.2, 0.25, 0.5))),
        program(2, 2, ry(0.1, 0), x(1, 0), Gate("u3", (1,), (0.2, 0.25, 0.5))),
        program(2, 2, ry(0.1, 0), x(1, 0)),
        program(2, 2, ry(0.1, 0), Gate("x", (1,), (), (0,), 0), Gate("u", (1,), (0.2, 0.25, 0.5))),
    ],
)
def test_other_structures_are_none(other: Program) -> None:
    """Another gate, target, control, control state, length or width is another circuit."""
    items = list(with_sweeps(experiments(ansatz(0.1, 0.2), other), SEED))
    assert all(isinstance(item, Experiment) for item in items)
    assert len(items) == 2


def test_equal_circuits_are_a_sweep_too() -> None:
    """The same circuit many times travels once, and each keeps its own seed."""
    bell = program(2, 2, h(0), x(1, 0), *measures(2))
    (sweep,) = with_sweeps(experiments(*[bell] * 5), SEED)
    assert isinstance(sweep, Sweep)
    assert len({each.seed for each in sweep.experiments()}) == 5
