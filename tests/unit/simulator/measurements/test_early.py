"""Final measurements that are done early: the same distribution, and few qubits at once."""

from __future__ import annotations

import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dynamic_strategies import dynamic_programs
from support.exact import assert_likely, distribution
from support.examples import examples
from support.programs import Draw, entangled, h, measures, moved_to, program, random_vector, ry, x

from simulator.circuit.array import Array
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import (
    Barrier,
    Delay,
    IfElse,
    Initialize,
    Instruction,
    Measure,
    Reset,
)
from simulator.circuit.program import Program
from simulator.dynamic.bytecode import AllocateQubits, MeasureAndFree
from simulator.dynamic.compiler import compile_program
from simulator.dynamic.timeline import Timeline
from simulator.monitor import SILENT
from simulator.statevector.simulation import run_bytecode


def early(circuit: Program) -> Program:
    """The program as it is run then: everything is measured where it stands."""
    made = Timeline.of(circuit).measured_early().instructions
    return program(circuit.num_qubits, circuit.num_clbits, *made, variables=circuit.variables)


def assert_same(one: dict[str, float], other: dict[str, float]) -> None:
    for key in one.keys() | other.keys():
        assert one.get(key, 0) == pytest.approx(other.get(key, 0), abs=1e-6)


@st.composite
def evolving(draw: Draw) -> Program:
    """Gates, and measurements anywhere behind the last gate on their qubit: of some qubits, some twice."""
    num_qubits, num_clbits = draw(st.integers(1, 4)), draw(st.integers(1, 4))
    qubits, clbits = st.integers(0, num_qubits - 1), st.integers(0, num_clbits - 1)
    steps = st.one_of(
        st.builds(ry, st.sampled_from([0.4, 1.1, 2.0]), qubits),
        st.builds(Measure, qubits, clbits),
        st.builds(Measure, qubits, clbits),
        st.builds(Reset, qubits),
        st.builds(lambda qubit: Initialize(Array.of(random_vector(qubit, 1)), (qubit,)), qubits),
        st.sampled_from([Barrier(()), Delay(0, 1.0, "s")]),
    )
    if num_qubits > 1:
        pairs = st.permutations(range(num_qubits)).map(lambda some: x(some[0], some[1]))
        steps = st.one_of(steps, pairs, pairs)
    made = draw(st.lists(steps, max_size=14))
    return program(num_qubits, num_clbits, *made, *draw(st.lists(st.builds(Measure, qubits, clbits), max_size=4)))


@pytest.mark.rule(30, 31)
@examples(200)
@given(st.one_of(evolving(), dynamic_programs()))
def test_outcomes_have_the_same_probabilities(circuit: Program) -> None:
    """Measured early or as it is written, a program has one distribution: here by its exact definition."""
    assert_same(distribution(early(circuit)), distribution(circuit))


@pytest.mark.rule(30, 31)
@examples(25, derandomize=True)
@given(st.one_of(evolving(), dynamic_programs()))
def test_counts_are_likely(circuit: Program) -> None:
    """So have the counts that the engine gives."""
    timeline = Timeline.of(circuit).measured_early()
    found = run_bytecode(
        compile_program(timeline),
        seed=5,
        shots=4000,
        first=0,
        memory=False,
        initial_state=None,
        chop_threshold=0,
        precision="double",
        monitor=SILENT,
    )
    assert_likely(found.counts, distribution(circuit))


@pytest.mark.rule(25)
@examples(60, derandomize=True)
@given(st.one_of(evolving(), dynamic_programs()))
def test_as_many_qubits_as_are_said_to_be_in_use(circuit: Program) -> None:
    """What a run is admitted by is what the code does."""
    wide = moved_to(circuit, {0: 1, 1: 4, 2: 6, 3: 7}, 8)
    timeline = Timeline.of(wide).measured_early()
    bytecode = compile_program(timeline)
    width = most = len(bytecode.qubits)
    for operation in bytecode.operations:
        width += (
            len(operation.qubits)
            if isinstance(operation, AllocateQubits)
            else -isinstance(operation, MeasureAndFree)
        )
        most = max(most, width)
    assert timeline.width == most


def chain(count: int) -> tuple[Instruction, ...]:
    return (h(0), *(x(qubit, qubit - 1) for qubit in range(1, count)))


@pytest.mark.rule(25)
@pytest.mark.parametrize(
    ("instructions", "width"),
    [
        # Measured at the end, in any order, behind barriers, or some of it only.
        ((*chain(20), *measures(20)), 2),
        ((*chain(20), Barrier(tuple(range(20))), *measures(20)[::-1]), 2),
        ((*chain(20), Measure(19, 0)), 2),
        ((*chain(20), Measure(0, 0), Measure(0, 1)), 2),
        # Layer by layer: a gate waits until its qubits are needed.
        ((*map(h, range(20)), *(ry(0.3, qubit) for qubit in range(20)), *measures(20)), 1),
        ((*map(h, range(20)), *chain(20), *measures(20)), 2),
        # Of two measurements into one clbit, only the last matters.
        ((*map(h, range(20)), *(Measure(qubit, 0) for qubit in range(20))), 1),
        # Nothing is measured.
        (tuple(map(h, range(20))), 0),
        # No order has fewer.
        ((*entangled(20), *measures(20)), 20),
        # The first is measured, and read at the end: that needs no qubit.
        ((h(0), Measure(0, 0), *map(h, range(1, 19)), *measures(19)[1:], IfElse(Clbit(0), (x(19),))), 1),
        # What is read keeps its place.
        ((h(0), Measure(0, 0), IfElse(Clbit(0), (x(1), x(2))), *map(h, range(1, 9)), *measures(9)[1:]), 2),
    ],
)
def test_how_many_qubits_are_in_use(instructions: tuple[Instruction, ...], width: int) -> None:
    """A qubit comes as late, and goes as early, as what is measured allows."""
    assert Timeline.of(program(20, 20, *instructions)).measured_early().width == width


def test_what_no_measurement_depends_on_is_left_out() -> None:
    """Only gates before a measurement, on its qubit or on one that touches that, are done."""
    circuit = program(4, 1, h(0), h(1), x(1, 0), h(2), x(3, 2), h(0), Measure(1, 0), h(1))
    assert early(circuit).instructions == (h(0), h(1), x(1, 0), Reset(0), Measure(1, 0))


def test_gates_without_end_are_looked_at_in_their_length() -> None:
    """A circuit of a hundred thousand gates is ordered in a moment."""
    rng = np.random.default_rng(1)
    pairs = rng.permuted(np.tile(np.arange(30), (100_000, 1)), axis=1)[:, :2].tolist()
    gates = [x(qubit, control) for qubit, control in pairs]
    timeline = Timeline.of(program(30, 30, *gates, *measures(30)))
    begin = time.process_time()
    assert timeline.measured_early().width == 30
    assert time.process_time() - begin < 5
