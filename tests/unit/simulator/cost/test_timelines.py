"""Which way a program is run: by what it costs, and by nothing else."""

from __future__ import annotations

import math
from collections.abc import Callable

import msgspec
import pytest
from support.exact import assert_likely
from support.programs import entangled, h, measures, program, ry, x

from simulator import run
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import Barrier, IfElse, Instruction, Measure, Reset
from simulator.circuit.program import Program
from simulator.cost import bytes_required, timeline_of, timeline_under, work
from simulator.dynamic.compiler import compile_program
from simulator.dynamic.timeline import Timeline
from simulator.execution import run_shard
from simulator.options import Options
from simulator.shards.shard import Experiment, Shard
from simulator.split import split


def ghz(count: int) -> Program:
    """A GHZ state, measured behind a barrier."""
    chain = (x(qubit, qubit - 1) for qubit in range(1, count))
    return program(count, count, h(0), *chain, Barrier(tuple(range(count))), *measures(count))


def one_by_one(count: int) -> Program:
    """Qubits that have nothing to do with each other, each turned and measured."""
    steps: list[Instruction] = []
    for qubit in range(count):
        steps += ry(0.3 + 0.1 * qubit, qubit), Measure(qubit, qubit)
    return program(count, count, *steps)


def ladder(count: int) -> Program:
    """A ladder of CX, measured as it goes."""
    steps: list[Instruction] = [h(0)]
    for qubit in range(count - 1):
        steps += x(qubit + 1, qubit), Measure(qubit, qubit)
    return program(count, count, *steps, Measure(count - 1, count - 1))


def conditional(count: int) -> Program:
    """A ladder, measured as it goes, in which each second outcome flips the next qubit but one."""
    steps: list[Instruction] = [h(0)]
    for qubit in range(count - 2):
        steps += x(qubit + 1, qubit), Measure(qubit, qubit)
        if qubit % 2:
            steps.append(IfElse(Clbit(qubit), (x(qubit + 2),)))
    return program(count, count, *steps, Measure(count - 2, count - 2), Measure(count - 1, count - 1))


@pytest.mark.rule(25, 31)
@pytest.mark.parametrize("count", [32, 100])
@pytest.mark.parametrize("make", [ghz, ladder])
def test_wide_states_that_need_two_qubits_at_once(make: Callable[[int], Program], count: int) -> None:
    """A GHZ state of a hundred qubits is all 0 or all 1, whether it is measured at the end or as it goes."""
    circuit = make(count)
    assert timeline_of(circuit, "counts", 1024).width == 2
    counts = run(circuit, seed=7, shots=2000).counts
    assert_likely(counts, {"0x0": 0.5, hex((1 << count) - 1): 0.5})


@pytest.mark.rule(25)
def test_what_is_measured_and_never_read_needs_no_room() -> None:
    """31 qubits, one after the other, are one qubit wide, and each has its own probability."""
    assert timeline_of(one_by_one(31), "counts", 1024).width == 1
    counts = run(one_by_one(31), seed=3, shots=1000).counts
    assert len(counts) > 900
    qubit, angle = 9, 0.3 + 0.9
    ones = sum(shots for key, shots in counts.items() if int(key, 16) >> qubit & 1)
    share = math.sin(angle / 2) ** 2
    assert_likely({"0": 1000 - ones, "1": ones}, {"0": 1 - share, "1": share})


@pytest.mark.rule(25)
def test_final_measurements_among_conditions() -> None:
    """Where outcomes are read on the way, those that are not go early too."""
    circuit = conditional(40)
    assert Timeline.of(circuit).width > 20
    assert timeline_of(circuit, "counts", 1024).width <= 3
    counts = run(circuit, seed=3, shots=500).counts
    assert_likely(counts, expected_of(circuit))


def expected_of(circuit: Program) -> dict[str, float]:
    """The two outcomes of `conditional`: its bits follow from the first."""
    found = {}
    for first in (0, 1):
        bits = [0] * circuit.num_qubits
        bits[0] = first
        memory = 0
        for step in circuit.instructions[1:]:
            if isinstance(step, Measure):
                memory |= bits[step.qubit] << step.clbit
            elif isinstance(step, IfElse):
                (flip,) = step.true_body
                bits[flip.targets[0]] ^= memory >> step.condition.clbit & 1
            else:
                bits[step.targets[0]] ^= bits[step.controls[0]]
        found[hex(memory)] = 0.5
    return found


@pytest.mark.parametrize(
    ("circuit", "shots", "early"),
    [
        # Ordinary circuits: one state, as ever.
        (ghz(17), 1024, False),
        (one_by_one(12), 1, False),
        (program(20, 20, *entangled(20), *measures(20)), 1024, False),
        # Fast enough together, and not any more.
        (one_by_one(20), 1024, False),
        (one_by_one(24), 1024, True),
        # Of a million shots hardly two have one history.
        (one_by_one(24), 10**6, False),
        (one_by_one(33), 10**6, True),
    ],
)
def test_the_cheaper_way_is_taken(circuit: Program, shots: int, *, early: bool) -> None:
    """Final measurements are done early where that is estimated to take less, in no more memory."""
    timeline = timeline_of(circuit, "counts", shots)
    assert (timeline.width < Timeline.of(circuit).width) == early
    assert timeline.could_evolve == early
    assert not work(timeline, shots).grows_with_shots


@pytest.mark.rule(25)
@pytest.mark.parametrize("circuit", [ghz(24), one_by_one(24), conditional(40)])
def test_the_way_that_is_taken_needs_no_more_memory(circuit: Program) -> None:
    """A circuit that a worker took for its one state, it takes."""
    for shots in (1, 1000):
        taken, together = timeline_of(circuit, "counts", shots), Timeline.of(circuit)
        required = [bytes_required(compile_program(each), shots, "double") for each in (taken, together)]
        assert required[0] <= required[1]


def test_what_leaves_no_choice() -> None:
    """A state that is returned or given has all its qubits; and who wants each shot run has it so."""
    for output in ("statevector", "unitary"):
        assert timeline_of(program(20, 20, h(0)), output, 1).width == 20
    assert timeline_of(ghz(20), "counts", 1024, from_ground=False).width == 20
    assert timeline_of(ghz(24), "counts", 1024, sampling=False).width == 24


@pytest.mark.rule(31)
@pytest.mark.parametrize(
    "circuit",
    [
        program(100, 0, *entangled(100)),
        program(100, 0, *entangled(100), Reset(0)),
        program(100, 3, *entangled(100)),
        program(100, 3, *entangled(100), Reset(0), h(0)),
        program(100, 3, *entangled(50), Measure(70, 1)),
    ],
)
def test_what_writes_no_clbit_needs_no_state(circuit: Program) -> None:
    """Counts of such a circuit are known before it is run."""
    assert timeline_of(circuit, "counts", 70).width == 0
    assert run(circuit, seed=1, shots=70).counts == ({"0x0": 70} if circuit.num_clbits else {})
    assert run(circuit, seed=1, shots=2, memory=True).memory == (["0x0"] * 2 if circuit.num_clbits else [])


@pytest.mark.rule(32)
@pytest.mark.parametrize("circuit", [ghz(40), one_by_one(24), conditional(40)])
def test_outcomes_do_not_depend_on_how_shots_are_cut(circuit: Program) -> None:
    """Some of a job's shots have the outcomes that they have among all of them, and memory agrees with counts."""
    whole = run(circuit, seed=5, shots=1000, memory=True)
    pieces = [
        run(circuit, seed=5, first=first, shots=250, of_shots=1000, memory=True) for first in range(0, 1000, 250)
    ]
    assert [key for piece in pieces for key in piece.memory] == whole.memory
    assert run(circuit, seed=5, shots=1000).counts == whole.counts
    options = Options("counts", 1000, memory=True, method="statevector")
    for most in (1, 5):
        shards = split(options, [Experiment(0, 5, circuit)], most)
        outcomes = [outcome for shard in shards for outcome in run_shard(shard).outcomes]
        assert [key for outcome in outcomes for key in outcome.memory] == whole.memory


@pytest.mark.rule(32)
def test_a_piece_of_a_job_goes_the_way_of_the_whole() -> None:
    """The way follows from the job's shots, whatever a shard has of them."""
    circuit = one_by_one(24)
    options = Options("counts", 10**6)
    assert timeline_under(circuit, options).evolves
    few = msgspec.structs.replace(options, shots=1000)
    assert not timeline_under(circuit, few).evolves
    (outcome,) = run_shard(Shard(few, (Experiment(0, 5, circuit, first=300, shots=40),))).outcomes
    assert outcome.counts == run(circuit, seed=5, first=300, shots=40, of_shots=1000).counts
