"""How far a run is, as it tells."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from support.programs import h, measures, program, ry, x

from simulator import Shard, run_shard
from simulator.circuit.array import Array
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import Gate, IfElse, Measure
from simulator.circuit.program import Program
from simulator.monitor import Monitor
from simulator.options import Options
from simulator.shards.shard import Experiment, Sweep

QUBITS = 16


def wide() -> Program:
    """A circuit of several stages, as its first qubits and its last ones are entangled over and over."""
    rng = np.random.default_rng(1)
    gates = []
    for _ in range(8):
        gates += [Gate("u", (qubit,), tuple(rng.uniform(0, 6, 3).tolist())) for qubit in range(QUBITS)]
        order = rng.permutation(QUBITS).tolist()
        gates += [x(a, b) for a, b in zip(order[::2], order[1::2], strict=True)]
    return program(QUBITS, QUBITS, *gates, *measures(QUBITS))


def dynamic() -> Program:
    """A circuit whose shots part."""
    return program(2, 2, h(0), Measure(0, 0), IfElse(Clbit(0), (ry(0.3, 1),)), Measure(1, 1))


def sweep(rows: int) -> Sweep:
    template = program(8, 8, ry(0.0, 0), *(x(qubit + 1, qubit) for qubit in range(7)), *measures(8))
    return Sweep(0, 3, template, ((0, 0),), Array.of(np.linspace(0, 3, rows)[:, None]))


@pytest.mark.rule(16)
@pytest.mark.parametrize(
    ("items", "least"),
    [
        # A report a batch of rows, a stage, shots that ended together, a circuit.
        ((sweep(500),), 8),
        ((Experiment(0, 1, wide()),), 3),
        ((Experiment(0, 1, dynamic()),), 1),
        (tuple(Experiment(index, 1, dynamic()) for index in range(5)), 5),
        ((sweep(100), Experiment(100, 1, wide()), Experiment(101, 1, dynamic())), 6),
    ],
)
def test_fractions_grow_to_one(items: tuple[Experiment | Sweep, ...], least: int) -> None:
    """What is done is told on the way, and never taken back."""
    told: list[float] = []
    run_shard(Shard(Options(output="counts", shots=100), items), Monitor(report=told.append))
    assert all(before <= after + 1e-12 for before, after in pairwise(told))
    assert told[-1] == pytest.approx(1)
    assert len(set(np.round(told, 9))) >= least
