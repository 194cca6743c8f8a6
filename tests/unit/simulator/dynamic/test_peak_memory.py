"""A run of a dynamic circuit has no more in memory than it is said to have."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dynamic_programs import splitting
from support.dynamic_strategies import dynamic_programs
from support.examples import examples
from support.programs import (
    bytes_of,
    h,
    measures,
    moved_to,
    program,
    ry,
    x,
)

from simulator import Program, run
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import (
    Gate,
    IfElse,
    Instruction,
    Measure,
    Reset,
    Store,
)
from simulator.dynamic import limits
from simulator.dynamic.bytecode import AllocateQubits, MeasureAndFree
from simulator.dynamic.compiler import compile_program
from simulator.dynamic.interpreter import Interpreter
from simulator.dynamic.timeline import Timeline
from simulator.evolve import Statevectors
from simulator.evolve.statevector import ground_of
from simulator.monitor import SILENT
from simulator.rng import Uniforms


def relay(num_qubits: int) -> Program:
    """A qubit that is teleported along a line, two others for each step, and turned back at its end."""
    parts: list[Instruction] = [ry(0.8, 0)]
    for index in range(0, num_qubits - 2, 2):
        parts += h(index + 1), x(index + 2, index + 1), x(index + 1, index), h(index)
        parts += Measure(index, index), Measure(index + 1, index + 1)
        parts += IfElse(Clbit(index + 1), (x(index + 2),)), IfElse(Clbit(index), (Gate("z", (index + 2,)),))
    return program(
        num_qubits, num_qubits, *parts, ry(-0.8, num_qubits - 1), Measure(num_qubits - 1, num_qubits - 1)
    )


@pytest.mark.rule(30)
@pytest.mark.slow
def test_a_qubit_goes_along_a_line_of_two_hundred() -> None:
    """Three qubits are in use at once, however many there are."""
    line = relay(201)
    assert Timeline.of(line).width == 3
    counts = run(line, seed=3, shots=2000).counts
    assert len(counts) == 2000
    assert all(int(key, 16) < 1 << 200 for key in counts)
    ones = sum(int(key, 16) >> 77 & 1 for key in counts)
    assert abs(ones - 1000) < 4.5 * np.sqrt(500)


@pytest.mark.rule(25)
@examples(60, derandomize=True)
@given(dynamic_programs(), st.booleans())
def test_as_many_qubits_as_are_said_to_be_in_use(dynamic: Program, sampling: bool) -> None:
    """What memory is admitted by is what the code does."""
    wide = moved_to(dynamic, {0: 1, 1: 4, 2: 6}, 8)
    code = compile_program(Timeline.of(wide, sampling=sampling))
    width = most = len(code.qubits)
    for operation in code.operations:
        width += (
            len(operation.qubits)
            if isinstance(operation, AllocateQubits)
            else -isinstance(operation, MeasureAndFree)
        )
        most = max(most, width)
    assert Timeline.of(wide, sampling=sampling).width == most


@pytest.mark.rule(25)
@pytest.mark.parametrize("shots", [1, 2, 30])
@pytest.mark.parametrize("sampling", [True, False])
def test_memory_of_few_histories(shots: int, *, sampling: bool) -> None:
    """A qubit that is taken out or brought has both states in memory for a while, and no third."""
    width = 18
    rotations = [Gate("rx", (qubit,), (0.4,)) for qubit in range(width)]
    for middle in (
        (Reset(0), Gate("rx", (0,), (0.3,))),
        (Measure(3, width), Store(Clbit(width), Clbit(width)), Reset(3), h(3), Reset(4), h(4)),
        (Store(Clbit(width), Clbit(width)),),
        (Measure(width, width),),
    ):
        dynamic = program(width + 1, width + 1, *rotations[1:], *middle, rotations[0], *measures(width))
        run(dynamic, seed=1, shots=1)
        tracemalloc.start()
        run(dynamic, seed=1, shots=shots, sample_measuring=sampling)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < bytes_of(dynamic, "counts", shots, sampling=sampling)


@pytest.mark.rule(25)
def test_memory_where_qubits_come_and_go() -> None:
    """A run takes no more than it is said to take, however its states grow and shrink."""
    width = 16
    entangled = [part for q in range(width) for part in (h(q), x(q, q - 1) if q else h(q), ry(0.3 * q, q))]
    measured = [
        part
        for q in range(width - 2)
        for part in (Measure(q, q), IfElse(Clbit(q), (ry(0.1, width - 1), x(width - 2, width - 1))))
    ]
    again = [part for q in range(width, 2 * width) for part in (h(q), x(q, q - 1), ry(0.3, q))]
    dynamic = program(2 * width, width, *entangled, *measured, *again, h(width - 1))
    run(dynamic, seed=1, shots=2)
    for shots in (3, 300):
        tracemalloc.start()
        run(dynamic, seed=1, shots=shots)
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert most < bytes_of(dynamic, "counts", shots)


@pytest.mark.rule(25)
@pytest.mark.slow
@pytest.mark.parametrize("most", [1, 5, 64, 4096])
def test_few_states_are_alive(most: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of however many states there are, no more than `peak_states` take memory at once."""
    state_bytes = 16 << 10
    monkeypatch.setattr(limits, "WAITING", most)
    code = compile_program(Timeline.of(splitting(10), sampling=False))
    start = Statevectors(ground_of(code.qubits))
    tracemalloc.start()
    ended = sum(branch.num_shots for branch in Interpreter(code, Uniforms(1), SILENT).run(start, np.arange(512)))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert ended == 512
    bookkeeping = 1 << 21
    assert peak < (1 + limits.peak_states(state_bytes, 512, 512)) * state_bytes + bookkeeping
