"""`run_shard`: outcomes, failures that leave others, admission."""

from __future__ import annotations

import numpy as np
import pytest
from support.programs import (
    bytes_of,
    entangled,
    everywhere,
    h,
    measures,
    program,
    random_unitary,
    x,
)

from simulator import CircuitResult, Program, Shard, cost, run, run_shard
from simulator.circuit.array import Array
from simulator.circuit.instructions import (
    Measure,
)
from simulator.errors import MemoryRefusedError, StoppedError
from simulator.monitor import Monitor
from simulator.options import Options
from simulator.shards.shard import Experiment
from simulator.sizes import size

BELL = program(2, 2, h(0), x(1, 0), *measures(2))


def shard(*programs: Program, **options: object) -> Shard:
    """The programs as a shard that is run by statevectors, which have limits that others have not."""
    experiments = tuple(Experiment(index, 7 + index, each) for index, each in enumerate(programs))
    return Shard(Options(**{"output": "counts", "shots": 100, "method": "statevector", **options}), experiments)


def test_run_shard() -> None:
    """A part has each experiment's outcome: what run gives, and what a result repeats of the circuit."""
    part = run_shard(shard(BELL, program(1, 1, h(0), Measure(0, 0)), memory=True))
    assert not part.bad
    for outcome, circuit in zip(part.outcomes, (BELL, program(1, 1, h(0), Measure(0, 0))), strict=True):
        alone = run(circuit, seed=outcome.seed, shots=100, memory=True)
        assert CircuitResult(*outcome.keyed) == alone
        assert outcome.outline == program(circuit.num_qubits, circuit.num_clbits)
        assert (outcome.shots, outcome.failure, outcome.state) == (100, None, None)
        assert outcome.time_taken > 0
    assert [outcome.index for outcome in part.outcomes] == [0, 1]


def test_run_shard_gives_states() -> None:
    """A statevector or unitary travels as an array; its one shot is one shot."""
    (outcome,) = run_shard(shard(BELL, output="statevector")).outcomes
    assert np.linalg.norm(outcome.state.ndarray()) == pytest.approx(1)
    assert outcome.shots == 1
    initial = Array.of(random_unitary(1, 1))
    (outcome,) = run_shard(shard(program(1, 0), output="unitary", initial_state=initial)).outcomes
    assert outcome.state == initial


@pytest.mark.rule(7)
def test_one_bad_experiment_leaves_the_others() -> None:
    """A failing experiment carries its error's type, text and traceback; the others keep their data."""
    bad = program(200, 1, *entangled(200), Measure(0, 0))
    part = run_shard(shard(BELL, bad, BELL))
    good, failed, other = part.outcomes
    assert part.bad
    assert good.counts
    assert other.counts
    assert failed.counts is None
    assert failed.failure.type == "MemoryRefusedError"
    assert "200 qubits need" in failed.failure.text
    assert "Traceback" in failed.failure.traceback


@pytest.mark.rule(25)
def test_admission_is_asked_with_the_bytes() -> None:
    """Before anything is allocated the worker is asked; its refusal is that experiment's failure."""
    asked = []
    larger = program(12, 6, *everywhere(12), Measure(0, 0))
    expected = [
        bytes_of(each, "counts", 100) + cost.shots_bytes(each, "counts", 100, memory=False)
        for each in (larger, BELL)
    ]

    def refuse(required: int) -> None:
        asked.append(required)
        if required > expected[1]:
            raise MemoryRefusedError(f"{required} of {expected[1]} bytes")

    wide, narrow = run_shard(shard(larger, BELL), admit=refuse).outcomes
    assert wide.failure.text.startswith(f"{expected[0]} of {expected[1]} bytes: ")
    assert narrow.counts
    assert asked == expected


@pytest.mark.rule(25)
def test_a_machine_without_memory_fails_one_experiment() -> None:
    """An allocation that the machine refuses is a failure that names the bytes; the worker lives."""
    circuit = program(47, 1, *entangled(47), Measure(0, 0))
    (outcome,) = run_shard(shard(circuit)).outcomes
    assert outcome.failure.type == "MemoryRefusedError"
    required = bytes_of(circuit, "counts", 100) + cost.shots_bytes(circuit, "counts", 100, memory=False)
    assert required > 8 * 2**47
    assert f"needs {size(required, up=True)} of memory" in outcome.failure.text
    assert "use fewer qubits" in outcome.failure.text


@pytest.mark.rule(25)
@pytest.mark.parametrize(
    ("circuit", "options", "cure"),
    [
        (program(40, 1, *entangled(40), Measure(0, 0)), {}, "use fewer qubits, or"),
        (BELL, {"shots": 3 * 10**9}, "use fewer shots, or"),
        (BELL, {"shots": 10**12, "memory": True}, "use fewer shots or memory=False, or"),
        (program(2, 0), {"output": "statevector"}, "use fewer qubits, or"),
    ],
)
def test_a_refusal_names_what_the_memory_is_for(circuit: Program, options: dict[str, object], cure: str) -> None:
    """A run that is refused for its shots is told to take fewer shots, not fewer qubits."""

    def refuse(_: int) -> None:
        raise MemoryRefusedError("too much")

    (outcome,) = run_shard(shard(circuit, **options), admit=refuse).outcomes
    assert outcome.failure.type == "MemoryRefusedError"
    assert outcome.failure.text == f"too much: {cure} a worker with more memory"


@pytest.mark.rule(8)
def test_a_stopped_shard_is_no_failure() -> None:
    """StoppedError passes through: nobody wants the outcome."""

    def stop() -> None:
        raise StoppedError("cancelled")

    with pytest.raises(StoppedError):
        run_shard(shard(BELL), monitor=Monitor(stop))
