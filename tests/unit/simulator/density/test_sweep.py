"""Rows of a noisy sweep together: each is, bit for bit, what it is alone."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from support.noise import channel, damping, depolarizing, kraus, random_table
from support.noisy_programs import with_channels
from support.programs import h, measures

from simulator.circuit.array import Array
from simulator.circuit.channel import Pauli
from simulator.circuit.instructions import (
    Diagonal,
    Gate,
    Initialize,
    Instruction,
    Measure,
    Noise,
    Permutation,
    Readout,
    Reset,
    Save,
    Unitary,
)
from simulator.circuit.pauli_sum import PauliSum
from simulator.density import DENSITY_MATRIX
from simulator.density.states import MOST_FEW
from simulator.density.sweep import MOST_TOGETHER
from simulator.execution import run_shard
from simulator.monitor import no_checkpoint
from simulator.options import Options
from simulator.shards.result import Outcome, SweepOutcome
from simulator.shards.shard import GLOBAL_PHASE, Shard, Sweep
from simulator.split import expected_seconds, split

OBSERVABLES = (PauliSum((1, 0), (0, 3), (0.5, -1.5)), PauliSum((2,), (2,), (1.0,)))


def template_of(num_qubits: int, *extra: Instruction) -> Sweep:
    """Instructions of every kind, of which gates on one, two and three qubits, controlled ones too, are swept."""
    rng = np.random.default_rng(num_qubits)
    channels = (
        depolarizing(0.05),
        depolarizing(0.2, 2),
        channel(1, (1.0, (kraus(damping(0.3)),))),
        channel(5, (0.9, ()), (0.1, (Pauli(21, 9),))),
    )
    body: list[Instruction] = [
        Initialize(Array.of(np.array([0.6, 0.8j])), (0,)),
        *map(h, range(1, num_qubits)),
        Gate("rx", (0,), (0.1,)),
        Noise(0, (0,)),
        Gate("rzz", (1, 0), (0.2,)),
        Noise(1, (0, 1)),
        Gate("u", (1,), (0.1, 0.2, 0.3), (0,), 0),
        Noise(2, (1,)),
        Gate("ry", (2,), (0.4,), (0, 1)),
        Gate("t", (2,)),
        Permutation((0, 1, 2), (2, 0, 1)),
        Diagonal(Array.of(np.exp(1j * rng.uniform(0, 6, 4))), (2, 1)),
        Unitary(Array.of(np.array([[0, 1j], [1j, 0]])), (0,)),
        Reset(2),
        *([Noise(3, (4, 0, 2, 1, 3))] if num_qubits > 4 else []),
        Gate("rxx", (0, 2), (0.5,)),
        *extra,
        *measures(num_qubits),
        Readout((0,), random_table(1, 1)),
        Readout((2, 1), random_table(2, 2)),
    ]
    made = with_channels(num_qubits, num_qubits, channels, *body)
    swept = [
        (index, number)
        for index, each in enumerate(body)
        if isinstance(each, Gate)
        for number in range(len(each.params))
    ]
    values = rng.uniform(-3, 3, (7, len(swept) + 1))
    return Sweep(3, 5, made, (*swept, GLOBAL_PHASE), Array.of(values), observables=OBSERVABLES)


@pytest.mark.rule(32)
@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("num_qubits", [3, MOST_FEW, MOST_FEW + 1])
def test_rows_are_as_alone(num_qubits: int, memory: bool) -> None:
    """Counts, memory and expectation values; and wherever the rows are cut."""
    sweep = template_of(num_qubits)
    options = Options("counts", 200, memory=memory, expectations=True)
    (together,) = run_shard(Shard(options, (sweep,))).outcomes
    assert isinstance(together, SweepOutcome)
    alone = run_shard(Shard(options, tuple(sweep.experiments()))).outcomes
    halves = run_shard(Shard(options, (sweep.rows(0, 2), sweep.rows(2, 7)))).outcomes
    assert together.expectations is not None
    expectations = together.expectations.ndarray()
    remembered = list(together.memory_of_rows()) if memory else [None] * 7
    for row, (outcome, counts) in enumerate(zip(alone, together.counts_of_rows(), strict=True)):
        assert isinstance(outcome, Outcome)
        assert outcome.failure is None
        assert outcome.run == together.run
        assert outcome.counts == counts
        assert outcome.memory == remembered[row]
        assert outcome.expectations == Array.of(expectations[row])
        assert together.seeds[row] == outcome.seed
    parts = [
        each.expectations.ndarray() for each in halves if isinstance(each, SweepOutcome) and each.expectations
    ]
    assert np.concatenate(parts).tobytes() == expectations.tobytes()
    assert [
        counts for half in halves if isinstance(half, SweepOutcome) for counts in half.counts_of_rows()
    ] == list(together.counts_of_rows())


@pytest.mark.rule(32)
def test_more_rows_than_go_together() -> None:
    """Groups of rows follow each other."""
    made = with_channels(2, 2, [depolarizing(0.1)], Gate("rx", (0,), (0.1,)), Noise(0, (0,)), *measures(2))
    sweep = Sweep(0, 5, made, ((0, 0),), Array.of(np.linspace(0.1, 3, 600)[:, None]))
    options = Options("counts", 20)
    (together,) = run_shard(Shard(options, (sweep,))).outcomes
    assert isinstance(together, SweepOutcome)
    alone = run_shard(Shard(options, tuple(sweep.experiments()))).outcomes
    assert [each.counts for each in alone if isinstance(each, Outcome)] == list(together.counts_of_rows())


@pytest.mark.parametrize("what", ["saves", "too many qubits"])
def test_other_rows_run_one_by_one(what: str) -> None:
    """Where something is saved, or matrices take little of the time."""
    saves = what == "saves"
    sweep = template_of(3, Save("a", "density_matrix", (0,))) if saves else template_of(MOST_TOGETHER + 1)
    outcomes = run_shard(Shard(Options("counts", 20, expectations=True), (sweep,))).outcomes
    assert [type(each) for each in outcomes] == [Outcome] * 7
    assert not any(each.failure for each in outcomes if isinstance(each, Outcome))


def test_memory_is_asked_for_first() -> None:
    """The bytes of all rows, before any of them runs; what refuses them refuses each row then."""
    asked: list[int] = []

    def admit(needed: int) -> None:
        asked.append(needed)
        raise MemoryError

    sweep = template_of(3)
    outcomes = run_shard(Shard(Options("counts", 20, expectations=True), (sweep,)), admit=admit).outcomes
    assert len(asked) == 1 + 7
    assert all(isinstance(each, Outcome) and each.failure for each in outcomes)


@pytest.mark.rule(32)
@pytest.mark.parametrize("memory", [False, True])
def test_readout_errors_alone(memory: bool) -> None:
    """Rows that only misread, and have no other noise, run together, too."""
    made = with_channels(
        2,
        2,
        [],
        Gate("rx", (0,), (0.1,)),
        Gate("rzz", (0, 1), (0.3,)),
        Measure(0, 1),
        Measure(1, 0),
        Readout((0,), random_table(3, 1)),
    )
    sweep = Sweep(0, 5, made, ((0, 0), (1, 0)), Array.of(np.linspace(0, 3, 20).reshape(10, 2)))
    options = Options("counts", 300, memory=memory)
    (together,) = run_shard(Shard(options, (sweep,))).outcomes
    assert isinstance(together, SweepOutcome)
    alone = run_shard(Shard(options, tuple(sweep.experiments()))).outcomes
    assert [each.counts for each in alone if isinstance(each, Outcome)] == list(together.counts_of_rows())
    if memory:
        assert [each.memory for each in alone if isinstance(each, Outcome)] == list(together.memory_of_rows())


def test_rows_are_cut_by_what_they_take_together() -> None:
    """Of 300 copies, a shard has many: alone, each would take as long as ten of them do together."""
    body = [
        each for _ in range(40) for each in (Gate("rx", (0,), (0.1,)), Noise(0, (0,)), Gate("x", (1,), (), (0,)))
    ]
    made = with_channels(2, 2, [depolarizing(0.01)], *body, *measures(2))
    sweep = Sweep(0, 5, made, ((0, 0),), Array.of(np.zeros((300, 1))))
    options = Options("counts", 1000)
    shards = list(split(options, [sweep]))
    assert sum(item.num_rows for shard in shards for item in shard.items if isinstance(item, Sweep)) == 300
    assert len(shards) < 8
    alone = DENSITY_MATRIX.work(made, options, 1000, (), no_checkpoint).seconds
    assert 0.05 * alone < expected_seconds(shards[0]) / shards[0].items[-1].last < 0.5 * alone


def with_angles(gate: str, values: list[list[float]]) -> Sweep:
    """Noise between gates of which all but one are Clifford; that one turns by the angles of its row.

    On 9 qubits, of which stabilizers are preferred to a density matrix.
    """
    body = (*map(h, range(9)), Noise(0, (0,)), Gate(gate, (0,), (0.0,) * len(values[0])), h(0), *measures(2))
    made = with_channels(9, 2, (depolarizing(0.1),), *body)
    return Sweep(0, 5, made, tuple((10, number) for number in range(len(values[0]))), Array.of(np.array(values)))


QUARTER = np.pi / 2


@pytest.mark.rule(32, 42)
@pytest.mark.parametrize("method", ["automatic", "statevector", "density_matrix"])
@pytest.mark.parametrize(
    ("gate", "values"),
    [
        ("rz", [[0.3], [1.1], [QUARTER], [0.0], [2.0], [QUARTER + 1e-7], [2.5]]),
        ("u", [[0.3, 0.1, 0.2], [0.0, 0.3, -0.3], [QUARTER, 0.0, 2 * QUARTER], [0.0, 0.3, 0.4], [0.7, 0.0, 0.0]]),
    ],
)
def test_rows_that_are_clifford(gate: str, values: list[list[float]], method: str) -> None:
    """Among others each row has the method that it has alone, wherever the sweep begins and is cut."""
    options = Options("counts", 1000, method=method)
    sweep = with_angles(gate, values)
    alone = run_shard(Shard(options, tuple(sweep.experiments()))).outcomes
    expected = [(each.run.method, each.counts) for each in alone if isinstance(each, Outcome) and each.run]
    assert len(expected) == len(values)
    assert (len({name for name, _ in expected}) > 1) == (method == "automatic")
    for cuts in ([0], [0, 1], [0, 2, 3], [0, 4]):
        pieces = tuple(sweep.rows(*piece) for piece in pairwise([*cuts, len(values)]))
        found = []
        for outcome in run_shard(Shard(options, pieces)).outcomes:
            assert outcome.run is not None
            rows = outcome.counts_of_rows() if isinstance(outcome, SweepOutcome) else [outcome.counts]
            found += [(outcome.run.method, counts) for counts in rows]
        assert found == expected
