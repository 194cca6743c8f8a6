"""How far apart checkpoints are: measured in CPU time over every family, so that a busy machine is no failure."""

from __future__ import annotations

import json
import resource
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from support.checkpoint_gaps import (
    EVOLUTIONS,
    NOISY,
    SHOTS,
    counting_loop,
    fourier,
    layers,
    longest_gap,
    many_gates,
    noisy_sweep_of,
    register_written,
    shard_of,
    sweep_of,
)
from support.processes import printed_by
from support.programs import measures, on_all, program, random_vector

from simulator import Part, Shard, run_shard
from simulator.choice import engine_for
from simulator.circuit.array import Array
from simulator.density import DENSITY_MATRIX
from simulator.kernels.threads import use_threads
from simulator.monitor import Monitor
from simulator.options import Precision
from simulator.shards import wire
from simulator.shards.result import Outcome, SweepOutcome
from simulator.trajectories import TRAJECTORIES

pytestmark = pytest.mark.slow  # measures times

#: Seconds. The goal is 0.05; a core that others use, too, takes longer for the same.
LONGEST = 0.08
WIDTHS = {"ghz": 24, "dense": 18, "branches": 20, "resets": 20}


@pytest.fixture(autouse=True)
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    """One thread, or as many as the test's parameter says."""
    use_threads(getattr(request, "param", 1))
    yield
    use_threads(None)


def check(shard: Shard) -> None:
    assert longest_gap(shard, LONGEST) < LONGEST


@pytest.mark.rule(8)
@pytest.mark.parametrize("family", EVOLUTIONS)
def test_evolutions(family: str) -> None:
    """Up to 22 qubits and more, no stretch without a checkpoint is longer than about 50 ms of CPU."""
    width = WIDTHS.get(family, 22)
    circuit = program(width, width, *EVOLUTIONS[family](width), on_all(width), *measures(width))
    check(shard_of(circuit))


@pytest.mark.rule(8)
@pytest.mark.parametrize("threads", [1, 2], indirect=True)
@pytest.mark.parametrize("precision", ["double", "single"])
def test_states(precision: Precision) -> None:
    """The same of a statevector, until it is a message."""
    check(shard_of(program(22, 0, *fourier(22)), output="statevector", precision=precision))


@pytest.mark.rule(8)
def test_unitaries_and_initial_states() -> None:
    """The same of a unitary, and from a state that is given."""
    check(shard_of(program(11, 0, *layers(11)), output="unitary"))
    given = Array.of(random_vector(0, 21))
    check(shard_of(program(21, 21, *layers(21, 1), *measures(21)), initial_state=given))


@pytest.mark.rule(8)
@pytest.mark.parametrize("memory", [False, True], ids=["counts", "memory"])
@pytest.mark.parametrize("family", SHOTS)
def test_shots(family: str, *, memory: bool) -> None:
    """The same of 10^7 shots, drawn, sorted, counted, remembered, and written as a message."""
    shots = 10**6 if memory and "wide" in family else 10**7
    check(shard_of(SHOTS[family], shots=shots, memory=memory))


@pytest.mark.rule(8)
@pytest.mark.parametrize("family", NOISY)
def test_noise(family: str) -> None:
    """The same of density matrices and of trajectories: wide ones, long ones, and many shots."""
    method, shots, circuit = NOISY[family]
    shard = shard_of(circuit, shots=shots, method=method)
    assert engine_for(circuit, shard.options) is (DENSITY_MATRIX if "density" in method else TRAJECTORIES)
    check(shard)


@pytest.mark.rule(8)
@pytest.mark.parametrize("memory", [False, True], ids=["counts", "memory"])
@pytest.mark.parametrize("rows", [2, 10_000])
def test_sweeps(rows: int, *, memory: bool) -> None:
    """The same of rows of many shots, and of many rows."""
    check(sweep_of(rows, shots=4 * 10**6 // rows, memory=memory))


@pytest.mark.rule(8)
@pytest.mark.parametrize(
    ("rows", "num_qubits", "shots"), [(1000, 4, 1000), (3, 4, 10**6), (40, 8, 1000), (4, 10, 10)]
)
def test_noisy_sweeps(rows: int, num_qubits: int, shots: int) -> None:
    """The same of rows with noise, whose matrices are made together."""
    check(noisy_sweep_of(rows, num_qubits, shots=shots))


@pytest.mark.rule(8)
def test_long_programs() -> None:
    """The same of what is long in a program: gates, rounds of a loop."""
    check(shard_of(many_gates(100_000), shots=10))
    check(shard_of(counting_loop(20_000), shots=10))


@pytest.mark.rule(8)
def test_wide_registers() -> None:
    """A Store of 2^20 clbits takes time that grows with their number, not with its square."""
    assert longest_gap(shard_of(register_written(), shots=2), 1.0) < 1.0


def test_a_part_in_pieces_is_the_same_message() -> None:
    """Whatever is long in a part, its bytes are those that msgspec writes at once."""
    outline = program(1, 1, global_phase=0.5)
    keys = [hex(number) for number in range(70_000)]
    counts = dict(zip(keys, range(70_000), strict=True))
    state = Array.over(np.arange(1 << 18) + 0j)
    numbers = Array.counting(np.arange(70_000))
    ends = Array.counting(np.arange(1, 70_001))
    sweep = SweepOutcome(50, tuple(range(70_000)), 1, outline, numbers, numbers, ends, names=tuple(keys))
    long = "0x" + "f" * (1 << 20)
    outcomes = [
        *(Outcome(index, 5, 10, outline, counts=counts if index % 9 == 1 else {}) for index in range(20)),
        Outcome(20, 5, 10, outline, counts={"0x1": 3, long: 7}, memory=["0x1"] * 3 + [long] * 7),
        Outcome(21, 5, 10, outline, memory=keys * 2),
        Outcome(22, 5, 10, outline, state=state),
    ]
    for part in (Part(tuple(outcomes)), Part((*outcomes, sweep)), Part((sweep,)), Part(tuple(outcomes[:1]))):
        looks = Counter[str]()
        written = wire.encode_part(part, partial(looks.update, "1"))
        assert bytes(written) == wire.encode(part)
        assert len(part.outcomes) == 1 or looks["1"] > 20


def resident() -> int:
    """The bytes of memory that this process has touched."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@pytest.mark.rule(8)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("family", ["ghz", "ladder", "fourier", "initialize few"])
def test_new_memory_is_touched_in_pieces(family: str) -> None:
    """Between two checkpoints a run touches some MiB of new memory, which a host may be slow to give."""
    steps = json.loads(printed_by(__file__, family))
    assert max(steps) - steps[0] > 100 << 20
    assert max(np.diff(steps)) < 24 << 20


def main(family: str) -> None:
    """Print the memory that this process has at each checkpoint of a run, nothing of which is left of others."""
    use_threads(1)
    shard = shard_of(program(24, 24, *EVOLUTIONS[family](24), on_all(24), *measures(24)), shots=10)
    steps = [resident()]
    run_shard(shard, monitor=Monitor(lambda: steps.append(resident())))
    sys.stdout.write(json.dumps(steps))


if __name__ == "__main__":
    main(*sys.argv[1:])
