"""Dynamic circuits against the exact distribution of their outcomes."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import given
from support.dynamic_programs import PROGRAMS, YES, teleportation
from support.dynamic_strategies import COUNTER, added, dynamic_programs
from support.exact import assert_likely, distribution
from support.examples import examples
from support.programs import (
    h,
    program,
)

from simulator import Program, run
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import (
    Break,
    Continue,
    IfElse,
    Instruction,
    While,
)
from simulator.errors import InvalidProgramError, ProgramRuntimeError, StoppedError
from simulator.monitor import Monitor
from simulator.tuning import Tuning


@pytest.mark.rule(30, 31)
@pytest.mark.parametrize("name", PROGRAMS)
@pytest.mark.parametrize("sample_measuring", [True, False])
def test_counts_are_likely(name: str, *, sample_measuring: bool) -> None:
    """Counts of dynamic circuits follow the exact probabilities."""
    result = run(PROGRAMS[name](), seed=11, shots=20_000, sample_measuring=sample_measuring)
    assert_likely(result.counts, distribution(PROGRAMS[name]()))


@pytest.mark.rule(28, 31)
@pytest.mark.parametrize("name", PROGRAMS)
def test_counts_of_states_in_pieces_are_likely(name: str) -> None:
    """So they do where a state has more qubits than one distribution, and memory agrees."""
    pieces = Tuning(piece_bits=1, run_bits=1)
    result = run(PROGRAMS[name](), seed=12, shots=20_000, tuning=pieces)
    assert_likely(result.counts, distribution(PROGRAMS[name]()))
    remembered = run(PROGRAMS[name](), seed=12, shots=20_000, memory=True, tuning=pieces)
    assert result.counts == remembered.counts == Counter(remembered.memory)


@pytest.mark.rule(30)
@examples(25, derandomize=True)
@given(dynamic_programs())
def test_random_dynamic_programs_are_likely(dynamic: Program) -> None:
    """Any mix of control flow, measurements, resets and stores follows the exact probabilities."""
    assert_likely(run(dynamic, seed=5, shots=4000).counts, distribution(dynamic))


@pytest.mark.rule(30)
def test_teleportation_arrives() -> None:
    """The teleported state is exact: its readout is 0 in every shot."""
    counts = run(teleportation(), seed=1, shots=10_000).counts
    assert all(int(key, 16) < 0b100 for key in counts)


@pytest.mark.rule(30)
def test_an_endless_loop_can_be_stopped() -> None:
    """Each round of a loop calls the checkpoint, also an empty one; what that raises ends the run."""
    deadline = time.monotonic() + 0.1

    def stop() -> None:
        if time.monotonic() > deadline:
            raise StoppedError("enough")

    for body in ((), (h(0),), (Continue(),)):
        with pytest.raises(StoppedError, match="enough"):
            run(program(1, 1, While(YES, body)), seed=1, shots=10, monitor=Monitor(stop))
        deadline = time.monotonic() + 0.1


@pytest.mark.rule(30)
def test_runtime_errors_name_the_variable() -> None:
    """A variable that is read too early is named."""
    with pytest.raises(ProgramRuntimeError, match='"counter"'):
        run(program(1, 1, added(0, 1), variables=(COUNTER,)), seed=1)


@pytest.mark.rule(36)
@pytest.mark.parametrize("jump", [Break(), Continue()])
def test_a_jump_outside_of_a_loop_is_refused(jump: Instruction) -> None:
    """A break or continue that has no loop is an error of the program."""
    with pytest.raises(InvalidProgramError, match="outside of every loop"):
        run(program(1, 1, IfElse(Clbit(0), (jump,))), seed=1)
