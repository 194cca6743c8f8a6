"""The rows of a sweep, run together, are what each of them is alone: bit for bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples
from support.programs import Draw, everywhere, h, measures, program, random_unitary, random_vector, rotation, ry, x

from simulator import Shard, run, run_shard
from simulator.circuit.array import Array
from simulator.circuit.expression import Clbit
from simulator.circuit.gates import GATES
from simulator.circuit.instructions import Gate, IfElse, Initialize, Instruction, Measure, Unitary
from simulator.circuit.program import Program
from simulator.errors import InvalidProgramError
from simulator.options import Options
from simulator.shards.result import Outcome, SweepOutcome
from simulator.shards.shard import GLOBAL_PHASE, Sweep

JOB_SEED = 5


def swept(template: Program, rows: int, *, seed: int = 1, share: float = 1.0) -> Sweep:
    """All numbers of a template, or a share of them, at random."""
    rng = np.random.default_rng(seed)
    param_indices = [
        (index, number)
        for index, each in enumerate(template.instructions)
        if isinstance(each, Gate)
        for number in range(len(each.params))
        if rng.random() < share
    ]
    param_indices.append(GLOBAL_PHASE)
    values = rng.uniform(-7, 7, (rows, len(param_indices)))
    return Sweep(3, JOB_SEED, template, tuple(param_indices), Array.of(values))


def check_rows(sweep: Sweep, options: Options, *, together: bool = True) -> None:
    """Each row's counts, memory and state are those of its circuit run alone."""
    outcomes = run_shard(Shard(options, (sweep,))).outcomes
    assert isinstance(outcomes[0], SweepOutcome if together else Outcome)
    results = [result for outcome in outcomes for result in results_of(outcome)]
    experiments = list(sweep.experiments())
    assert len(results) == len(experiments)
    for experiment, (counts, memory, state) in zip(experiments, results, strict=True):
        alone = run(
            experiment.program,
            seed=experiment.seed,
            output=options.output,
            shots=options.shots,
            memory=options.memory,
            precision=options.precision,
        )
        assert (counts, memory) == (alone.counts, alone.memory)
        assert (state is None) == (alone.state is None)
        assert state is None or state.tobytes() == alone.state.tobytes()


def results_of(outcome):
    """Yield (counts, memory, state) of each experiment."""
    if isinstance(outcome, Outcome):
        yield outcome.counts, outcome.memory, None if outcome.state is None else outcome.state.ndarray()
        return
    memories = outcome.memory_of_rows()
    for row, counts in enumerate(outcome.counts_of_rows()):
        yield counts, next(memories, None), None if outcome.states is None else outcome.states.ndarray()[row]


@st.composite
def circuits(draw: Draw) -> Program:
    """Up to 8 qubits, any gates of the table under up to two controls, and dense matrices."""
    width = draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    instructions: list[Instruction] = []
    for _ in range(draw(st.integers(1, 30))):
        qubits = rng.permutation(width).tolist()
        if rng.random() < 0.1:
            count = int(rng.integers(1, min(3, width) + 1))
            matrix = random_unitary(int(rng.integers(99)), count)
            instructions.append(Unitary(Array.of(matrix), tuple(qubits[:count])))
            continue
        if width > 1 and rng.random() < 0.15:
            instructions.append(rotation(rng, qubits[: rng.integers(2, width + 1)]))
            continue
        fitting = [name for name, spec in GATES.items() if spec.num_qubits <= width]
        name = fitting[rng.integers(len(fitting))]
        spec = GATES[name]
        controls = int(rng.integers(0, min(2, width - spec.num_qubits) + 1)) if rng.random() < 0.3 else 0
        params = tuple(rng.uniform(-3, 3, spec.num_params).tolist())
        targets, rest = qubits[: spec.num_qubits], qubits[spec.num_qubits :]
        instructions.append(Gate(name, tuple(targets), params, tuple(rest[:controls])))
    return program(width, width, *instructions, global_phase=0.3)


@pytest.mark.rule(32)
@examples(60)
@given(circuits(), st.integers(2, 70), st.sampled_from([1.0, 0.3]), st.booleans(), st.data())
def test_counts_of_rows(circuit: Program, rows: int, share: float, memory: bool, data: st.DataObject) -> None:
    """Counts and memory, whatever is measured into whatever bit."""
    bits = st.integers(0, circuit.num_qubits - 1)
    pairs = data.draw(st.lists(st.tuples(bits, bits), max_size=circuit.num_qubits))
    template = program(
        circuit.num_qubits, circuit.num_clbits, *circuit.instructions, *(Measure(*pair) for pair in pairs)
    )
    # By name: one that measures a qubit twice, and is Clifford by chance, would be run with stabilizers.
    check_rows(swept(template, rows, share=share), Options("counts", 50, memory=memory, method="statevector"))


@pytest.mark.rule(32)
@examples(40)
@given(circuits(), st.integers(2, 70), st.sampled_from(["double", "single"]))
def test_states_of_rows(circuit: Program, rows: int, precision: str) -> None:
    """Statevectors, the global phase among what is swept."""
    check_rows(swept(circuit, rows), Options("statevector", 1, precision=precision))


@pytest.mark.rule(32)
@pytest.mark.parametrize("width", [9, 12])
def test_wider_rows(width: int) -> None:
    """Up to the width at which rows are no longer run together."""
    layers = [gate for q in range(width) for gate in (ry(0.1, q), Gate("rz", (q,), (0.2,)), x((q + 1) % width, q))]
    template = program(width, width, *layers, *layers, *measures(width))
    check_rows(swept(template, 9), Options("counts", 300))


@pytest.mark.rule(32)
def test_rows_of_wide_rotations() -> None:
    """Rotations about Pauli strings on more qubits than a matrix has."""
    rng = np.random.default_rng(5)
    rotations = [rotation(rng, rng.permutation(12)[:size].tolist()) for size in (3, 7, 9, 12, 12)]
    check_rows(swept(program(12, 12, *everywhere(12), *rotations, *measures(12)), 9), Options("counts", 300))


@pytest.mark.rule(32)
def test_rows_of_a_phase_of_one_amplitude() -> None:
    """Every qubit is a control of a phase, so one number of each row is multiplied."""
    rng = np.random.default_rng(5)
    angles = rng.uniform(-3, 3, (20, 2)).tolist()
    gates = [
        gate
        for index, (theta, phase) in enumerate(angles)
        for gate in (ry(theta, index % 5), Gate("global_phase", (), (phase,), (0, 1, 2, 3, 4)))
    ]
    check_rows(swept(program(5, 0, *everywhere(5), *gates), 33), Options("statevector", 1))
    check_rows(swept(program(5, 0, *everywhere(5), *gates), 33, share=0.3), Options("statevector", 1))


@pytest.mark.rule(31)
@pytest.mark.parametrize("shots", [0, 1, 1500])
def test_any_number_of_shots(shots: int) -> None:
    """No shots, one, and more than a block of random numbers has."""
    template = program(2, 3, ry(0.1, 0), x(1, 0), *measures(2))
    check_rows(swept(template, 4), Options("counts", shots, memory=True))


@pytest.mark.parametrize(
    ("template", "options"),
    [
        (program(2, 2, ry(0.1, 0), Measure(0, 0), IfElse(Clbit(0), (x(1),)), *measures(2)), Options("counts", 60)),
        (program(13, 2, ry(0.1, 0), *everywhere(13), *measures(2)), Options("counts", 60)),
        (program(2, 2, ry(0.1, 0), *measures(2)), Options("statevector", 1)),
        (program(2, 2, ry(0.1, 0), *measures(2)), Options("counts", 60, sample_measuring=False)),
        (
            program(3, 2, Initialize(Array.of(random_vector(3, 2)), (0, 1)), ry(0.2, 1), *measures(2)),
            Options("counts", 60),
        ),
        (program(2, 0, ry(0.1, 0), Gate("rz", (1,), (0.5,))), Options("unitary", 1)),
    ],
    ids=["conditions", "wide", "collapse", "one by one", "prepared", "unitary"],
)
def test_rows_that_run_apart(template: Program, options: Options) -> None:
    """What cannot be run together is run row by row."""
    check_rows_apart = swept(template, 5)
    outcomes = run_shard(Shard(options, (check_rows_apart,))).outcomes
    assert all(isinstance(outcome, Outcome) for outcome in outcomes)
    assert [outcome.index for outcome in outcomes] == [3, 4, 5, 6, 7]
    if options.sample_measuring:
        check_rows(check_rows_apart, options, together=False)


@pytest.mark.rule(28)
def test_without_clbits() -> None:
    """No clbits give empty counts."""
    check_rows(swept(program(2, 0, h(0), ry(0.1, 1)), 3), Options("counts", 10, memory=True))


@pytest.mark.rule(36)
@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"param_indices": ((0, 1),)}, "number 1 of instruction 0"),
        ({"param_indices": ((9, 0),)}, "number 0 of instruction 9"),
        ({"param_indices": ((1, 0),)}, "number 0 of instruction 1"),
        ({"param_indices": ((-2, 0),)}, "number 0 of instruction -2"),
        ({"param_indices": ((0, 0), (0, 0))}, "values of shape"),
        ({"values": Array.of(np.array([[np.inf]]))}, "not finite"),
        ({"values": Array.of(np.zeros((0, 1)))}, "values of shape"),
        ({"values": Array.of(np.zeros((2, 1), complex))}, "values of shape"),
        ({"index": -1}, "from -1 on"),
        ({"seed": 2**63}, "from 0, and below"),
        ({"names": ("a",)}, "1 names"),
    ],
)
def test_what_is_no_sweep(change: dict, text: str) -> None:
    """Indices, values and names that do not fit are refused when it is built."""
    template = program(1, 1, ry(0.1, 0), h(0))
    whole = {
        "index": 0, "seed": 0, "template": template, "param_indices": ((0, 0),),
        "values": Array.of(np.zeros((2, 1))),
    }  # fmt: skip
    Sweep(**whole)
    with pytest.raises(InvalidProgramError, match=text):
        Sweep(**whole | change)
