"""The stabilizer method as others see it: when it is taken, what it refuses, what it costs, where it is cut."""

from __future__ import annotations

import math
import re
import time

import msgspec
import numpy as np
import pytest
from support.patience import deadline
from support.programs import h, program, x

from benchmarks.common.stim_circuits import memory_circuit, program_of, random_circuit
from simulator.choice import engine_for
from simulator.circuit.array import Array
from simulator.circuit.channel import Channel, Kraus, Pauli
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import (
    For,
    Gate,
    IfElse,
    Initialize,
    Instruction,
    Measure,
    Noise,
    Range,
    Reset,
    Save,
    While,
)
from simulator.circuit.program import Header, Program
from simulator.errors import InvalidProgramError, StoppedError
from simulator.execution import run_shard
from simulator.monitor import Monitor
from simulator.options import Options
from simulator.shards.part import merge
from simulator.shards.result import Outcome
from simulator.shards.shard import Experiment, Shard
from simulator.split import split
from simulator.stabilizer import STABILIZER
from simulator.stabilizer.draws import BLOCK

OPTIONS = Options("counts", 1000, method="stabilizer")
DAMPING = Channel(1, (1.0,), ((Kraus((0,), Array.of(np.array([[[1, 0], [0, 0.6]], [[0, 0.8], [0, 0]]]))),),))


def ghz(count: int, *before_measures: Instruction) -> Program:
    chain = (x(qubit + 1, qubit) for qubit in range(count - 1))
    return program(count, count, h(0), *chain, *before_measures, *(Measure(q, q) for q in range(count)))


@pytest.mark.rule(23)
@pytest.mark.parametrize(
    ("instruction", "said"),
    [
        (Gate("t", (1,)), '"t" on qubit 1 (instruction 2): it is not Clifford'),
        (Gate("rz", (0,), (0.3,)), '"rz(0.3)" on qubit 0 (instruction 2)'),
        (Gate("x", (2,), (), (0, 1)), '"ccx" on qubits 2, 0, 1 (instruction 2)'),
        (While(Clbit(0), (h(0), Gate("t", (2,)))), '"t" on qubit 2 (instruction 4): it is not Clifford'),
        (For(Range(0, 10**9), ((h(0),),)), '"for" (instruction 2): unrolled'),
        (Initialize(Array.of(np.array([0.6, 0.8])), (0,)), '"initialize" on qubit 0 (instruction 2)'),
        (Save("probabilities", "p", (0, 1, 2)), '"save_probabilities" on qubits 0, 1, 2 (instruction 2)'),
    ],
)
def test_what_it_cannot_run_is_refused_by_name_and_place(instruction: Instruction, said: str) -> None:
    """The first instruction that is not Clifford, with the way out."""
    circuit = program(3, 3, h(0), x(1, 0), instruction, Gate("t", (0,)))
    with pytest.raises(InvalidProgramError) as caught:
        engine_for(circuit, OPTIONS)
    assert said in str(caught.value)
    assert re.search(r"; method=.*'statevector'.* can$", str(caught.value))


def test_channels_that_are_not_of_paulis_are_refused() -> None:
    """A channel among whose operators a state chooses has no frames."""
    circuit = Program(1, 1, (h(0), Noise(0, (0,)), Measure(0, 0)), Header("damped"), channels=(DAMPING,))
    with pytest.raises(InvalidProgramError, match='"noise" on qubit 0'):
        engine_for(circuit, OPTIONS)


@pytest.mark.rule(32)
@pytest.mark.parametrize(
    ("circuit", "options", "taken"),
    [
        (ghz(17), Options("counts", 1), True),
        (ghz(16), Options("counts", 1), False),
        # As `transpile` makes it for a device of 40 qubits.
        (msgspec.structs.replace(ghz(16), num_qubits=40), Options("counts", 1), False),
        (ghz(16, Reset(3)), Options("counts", 1), True),
        (program(2, 2, Reset(0), h(0), Measure(0, 0)), Options("counts", 1), False),
        (program(2, 2, h(0), Measure(0, 0), x(1, 0)), Options("counts", 1), True),
        (program(2, 2, h(0), Measure(0, 0), IfElse(Clbit(0), (x(1),))), Options("counts", 1), True),
        (program(2, 2, h(0), Measure(0, 0), IfElse(Clbit(0), (h(1),))), Options("counts", 1), False),
        (program(20, 2, *map(h, range(20)), Measure(0, 0), IfElse(Clbit(0), (h(1),))), Options("counts", 1), True),
        (ghz(20, Gate("t", (0,))), Options("counts", 1), False),
        (ghz(20), Options("statevector", 1), False),
        (ghz(20), Options("counts", 1, expectations=True), True),
        (ghz(16), Options("counts", 1, expectations=True), False),
        (ghz(20), Options("counts", 1, method="statevector"), False),
        (ghz(3), OPTIONS, True),
    ],
)
def test_automatic_is_a_function_of_the_program(circuit: Program, options: Options, taken: bool) -> None:
    """It is taken for counts of Clifford circuits that are wide, or random before their end."""
    for shots in (1, 10**6):
        changed = Options(options.output, shots, expectations=options.expectations, method=options.method)
        assert (engine_for(circuit, changed) is STABILIZER) == taken


def test_a_job_is_cut_between_blocks() -> None:
    """Where frames are walked, between blocks of 1,024 shots; final measurements are one shard."""
    noisy = program_of(memory_circuit("surface_code:rotated_memory_z", 5, 0.001))
    shards = list(split(Options("counts", 1_000_000), [Experiment(0, 1, noisy)], 8))
    pieces = [item for shard in shards for item in shard.items if isinstance(item, Experiment)]
    assert len(pieces) > 2
    assert all(piece.first % BLOCK == 0 for piece in pieces)
    assert len(list(split(Options("counts", 1_000_000), [Experiment(0, 1, ghz(100))], 8))) == 1


@pytest.mark.rule(32)
def test_parts_of_a_job_add_up_to_the_whole() -> None:
    """Counts and memory of shards are those of one run; the metadata says what ran."""
    noisy = program_of(memory_circuit("surface_code:rotated_memory_z", 3, 0.01))
    options = Options("counts", 20_000, memory=True)
    whole = run_shard(Shard(options, (Experiment(0, 5, noisy),))).outcomes[0]
    shards = list(split(options, [Experiment(0, 5, noisy)], 7))
    parts = merge([run_shard(shard) for shard in shards]).outcomes[0]
    assert isinstance(whole, Outcome) and isinstance(parts, Outcome)
    assert whole.failure is None and whole.run is not None
    assert whole.run.method == "stabilizer"
    assert (whole.counts, whole.memory) == (parts.counts, parts.memory)


def long_and_noisy(*before_measures: Instruction) -> Program:
    """Few qubits, and some forty events of noise in each shot."""
    steps = [(h(number % 3), Noise(0, (number % 3,))) for number in range(4000)]
    body = (*(each for step in steps for each in step), *before_measures)
    flips = Channel(1, (0.99, 0.01), ((), (Pauli(1, 0),)))
    measures = [Measure(qubit, qubit) for qubit in range(3)]
    return program(3, 3, *body, *measures, channels=(flips,))


@pytest.mark.parametrize(
    "circuit",
    [
        program_of(random_circuit(600, 40, 1)),
        program_of(memory_circuit("surface_code:rotated_memory_z", 7, 0.01)),
        long_and_noisy(),
        long_and_noisy(Measure(0, 0), IfElse(Clbit(0), (h(1),), ())),
    ],
    ids=["random", "surface code", "long", "long, then parted"],
)
def test_a_run_asks_often_whether_it_is_wanted(circuit: Program) -> None:
    """No more than 50 ms pass between two checkpoints, of the processor's time."""
    longest, last = 0.0, time.thread_time()

    def checkpoint() -> None:
        nonlocal longest, last
        now = time.thread_time()
        longest, last = max(longest, now - last), now

    prepared = STABILIZER.prepare(circuit, OPTIONS, (), checkpoint)
    done: list[float] = []
    prepared.run(seed=1, first=0, shots=30_000, monitor=Monitor(checkpoint, done.append))
    checkpoint()
    assert longest < deadline(0.05)
    assert done == sorted(done) and done[-1] == pytest.approx(1)


def test_a_run_ends_where_its_checkpoint_says_so() -> None:
    """What a checkpoint raises ends the run."""
    calls = 0

    def checkpoint() -> None:
        nonlocal calls
        calls += 1
        if calls == 20:
            raise StoppedError

    with pytest.raises(StoppedError):
        STABILIZER.prepare(ghz(50), OPTIONS, (), checkpoint).run(
            seed=1, first=0, shots=10**6, monitor=Monitor(checkpoint)
        )


@pytest.mark.parametrize("size", [1, 2])
def test_none_of_anything(size: int) -> None:
    """No shots, no clbits, no qubits."""
    for circuit in (program(size, 0, h(0)), program(0, size), program(0, 0), program(size, size)):
        for shots in (0, 5):
            options = Options("counts", shots, memory=True, method="stabilizer")
            outcome = run_shard(Shard(options, (Experiment(0, 1, circuit),))).outcomes[0]
            assert isinstance(outcome, Outcome)
            assert outcome.failure is None, outcome.failure.traceback
            assert outcome.counts == ({"0x0": shots} if shots and circuit.num_clbits else {})


def test_ten_thousand_qubits() -> None:
    """As many as a program may have."""
    result = STABILIZER.prepare(ghz(10_000), OPTIONS, (), lambda: None).run(
        seed=1, first=0, shots=100, monitor=Monitor()
    )
    counts, _ = result.keyed
    assert counts is not None
    assert set(counts) == {"0x0", hex(2**10_000 - 1)}
    assert math.isclose(sum(counts.values()), 100)
