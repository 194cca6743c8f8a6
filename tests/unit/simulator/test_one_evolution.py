"""A program that only evolves is sampled as one row of a sweep: with the counts that branches would give."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.examples import examples
from support.programs import program, random_vector, ry, x

from simulator import run
from simulator.circuit.array import Array
from simulator.circuit.instructions import Barrier, Gate, Initialize, Measure, Readout
from simulator.circuit.program import Program
from simulator.dynamic.compiler import compile_program
from simulator.dynamic.interpreter import Interpreter
from simulator.dynamic.timeline import Timeline
from simulator.evolve import Statevectors
from simulator.evolve.amplitudes import amplitude_type
from simulator.evolve.statevector import ground_of, vector
from simulator.monitor import SILENT, Monitor
from simulator.options import Precision
from simulator.rng import Uniforms
from simulator.sampling.counts import ShotCounts
from simulator.sampling.sampler import sample

FLIPS = Array.of(np.array([[0.9, 0.1], [0.3, 0.7]]))
SEEDS = st.integers(0, (1 << 63) - 1)


def branched(
    circuit: Program,
    seed: int,
    first: int,
    shots: int,
    *,
    memory: bool,
    precision: Precision = "double",
    initial_state: NDArray[np.complex128] | None = None,
) -> tuple[object, object]:
    """Counts and memory as the interpreter gives them."""
    bytecode = compile_program(Timeline.of(circuit, from_ground=initial_state is None))
    uniforms, found = Uniforms(seed), ShotCounts(shots, memory=memory, first=first)
    if initial_state is None:
        state = ground_of(bytecode.qubits, amplitude_type(precision, real=bytecode.real))
    else:
        state = vector(initial_state.astype(amplitude_type(precision, real=False)))
    for branch in Interpreter(bytecode, uniforms, SILENT).run(
        Statevectors(state), np.arange(first, first + shots)
    ):
        sample(branch, bytecode.timeline.final, uniforms, found, readouts=bytecode.timeline.readouts)
    return found.results()


@st.composite
def evolving(draw: st.DrawFn) -> Program:
    """Gates, barriers and a preparation, and measurements of some qubits into some clbits, one twice, misread."""
    num_qubits, num_clbits = draw(st.integers(1, 6)), draw(st.integers(1, 63))
    qubits, clbits = st.integers(0, num_qubits - 1), st.integers(0, num_clbits - 1)
    gates = st.one_of(
        st.builds(lambda qubit, angle: Gate("rx", (qubit,), (angle,)), qubits, st.floats(-6, 6)),
        st.builds(lambda qubit, angle: ry(angle, qubit), qubits, st.floats(-6, 6)),
        st.just(Barrier(())),
    )
    made = draw(st.lists(gates, max_size=12))
    if num_qubits > 1:
        made += draw(
            st.lists(st.permutations(range(num_qubits)).map(lambda some: x(some[0], some[1])), max_size=6)
        )
    if draw(st.booleans()):
        prepared = Initialize(Array.of(random_vector(draw(st.integers(0, 99)), 1)), (draw(qubits),))
        made = [prepared, *made]
    measured = draw(st.lists(st.builds(Measure, qubits, clbits), min_size=1, max_size=8))
    misread = draw(st.lists(st.sampled_from([each.clbit for each in measured]) | clbits, max_size=4))
    return program(num_qubits, num_clbits, *made, *measured, *[Readout((clbit,), FLIPS) for clbit in misread])


@pytest.mark.rule(32)
@examples(200)
@given(
    circuit=evolving(),
    seed=SEEDS,
    first=st.integers(0, 5000),
    shots=st.integers(1, 3000),
    memory=st.booleans(),
    precision=st.sampled_from(["double", "single"]),
    given_state=st.booleans(),
)
def test_counts_do_not_depend_on_the_path(
    circuit: Program, seed: int, first: int, shots: int, *, memory: bool, precision: Precision, given_state: bool
) -> None:
    """Counts, their order and the memory are those of the interpreter, with whatever options."""
    initial = random_vector(seed % 100, circuit.num_qubits) if given_state else None
    result = run(
        circuit, seed=seed, shots=shots, first=first, memory=memory, precision=precision, initial_state=initial
    )
    expected = branched(circuit, seed, first, shots, memory=memory, precision=precision, initial_state=initial)
    assert (result.counts, result.memory) == expected
    assert list(result.counts or ()) == sorted(result.counts or (), key=lambda key: int(key, 16))


@pytest.mark.parametrize("shots", [20_000, 40_000], ids=["passes", "more passes"])
def test_many_shots_of_few_outcomes(shots: int) -> None:
    """Where a pass over all draws for each outcome is faster than sorting them, the counts are the same."""
    circuit = program(3, 3, ry(0.3, 0), ry(1.1, 1), x(2, 0), *(Measure(qubit, qubit) for qubit in range(3)))
    assert run(circuit, seed=3, shots=shots).counts == branched(circuit, 3, 0, shots, memory=False)[0]


def test_nothing_to_count() -> None:
    """Without shots or without clbits there are no counts, and the memory is empty."""
    circuit = program(1, 1, ry(0.3, 0), Measure(0, 0))
    assert run(circuit, seed=1, shots=0, memory=True) == run(circuit, seed=2, shots=0, memory=True)
    assert run(circuit, seed=1, shots=0, memory=True).memory == []
    assert run(program(1, 0, ry(0.3, 0)), seed=1).counts == {}


def test_its_end_is_reported() -> None:
    """The last report of a run is 1."""
    told: list[float] = []
    circuit = program(2, 2, ry(0.3, 0), x(1, 0), Measure(0, 0), Measure(1, 1))
    run(circuit, seed=1, monitor=Monitor(report=told.append))
    assert told[-1] == 1
