"""How often a run looks whether it is still wanted."""

from __future__ import annotations

import time
from collections.abc import Iterator

import numpy as np
import pytest
from support.programs import h, measures, program, x

from simulator import Shard, run, run_shard
from simulator.circuit.array import Array
from simulator.circuit.instructions import Gate, Instruction
from simulator.evolve.chunks import copy_slowly
from simulator.kernels.threads import use_threads
from simulator.monitor import Monitor
from simulator.options import Options, Output
from simulator.shards.shard import Sweep

#: Seconds: a cancel is seen within a tenth of that, but where other processes have the cores.
LONGEST = 0.5


@pytest.fixture(autouse=True)
def two_threads() -> Iterator[None]:
    use_threads(2)
    yield
    use_threads(None)


def layers(num_qubits: int) -> list[Instruction]:
    rng = np.random.default_rng(1)
    gates: list[Instruction] = []
    for _ in range(6):
        gates += [Gate("u", (qubit,), tuple(rng.uniform(0, 6, 3).tolist())) for qubit in range(num_qubits)]
        order = rng.permutation(num_qubits).tolist()
        gates += [x(a, b) for a, b in zip(order[::2], order[1::2], strict=True)]
    return gates


def longest_gap(output: Output, num_qubits: int, initial_state: np.ndarray | None = None) -> float:
    """The most seconds between two checkpoints, or between one and the beginning or the end."""
    gates = layers(num_qubits)
    circuit = program(num_qubits, num_qubits, *gates, *(measures(num_qubits) if output == "counts" else ()))
    times = [time.perf_counter()]
    run(
        circuit,
        seed=1,
        output=output,
        shots=100_000,
        initial_state=initial_state,
        monitor=Monitor(lambda: times.append(time.perf_counter())),
    )
    times.append(time.perf_counter())
    # How many chunks come to this thread is the scheduler's choice, but some do.
    assert len(times) > 5
    return max(np.diff(times))


@pytest.mark.rule(8)
@pytest.mark.parametrize(("output", "num_qubits"), [("counts", 20), ("statevector", 20), ("unitary", 10)])
def test_gaps(output: Output, num_qubits: int) -> None:
    """From the first amplitude to the counts, or the state in order, checkpoints are never far apart."""
    assert longest_gap(output, num_qubits) < LONGEST


@pytest.mark.rule(8)
def test_gaps_from_an_initial_state() -> None:
    """The same where the state is given."""
    initial_state = np.full(1 << 20, 2.0**-10)
    assert longest_gap("statevector", 20, initial_state) < LONGEST


@pytest.mark.rule(8)
def test_gaps_between_layouts() -> None:
    """The same where nearly all of the work is the way back to the order of qubits."""
    circuit = program(20, 0, *map(h, range(20)), *(Gate("swap", (qubit, 19 - qubit)) for qubit in range(10)))
    times = [time.perf_counter()]
    run(circuit, seed=1, output="statevector", monitor=Monitor(lambda: times.append(time.perf_counter())))
    times.append(time.perf_counter())
    assert len(times) > 5
    assert max(np.diff(times)) < LONGEST


@pytest.mark.rule(8)
@pytest.mark.parametrize("high", [0, 1, 5, 40])
def test_what_is_copied_slowly_is_put(high: int) -> None:
    """All numbers come to their places, however large the state and small the chunk."""
    looks: list[int] = []
    target, numbers = np.zeros((2,) * 6), np.arange(64.0).reshape((2,) * 6)
    copy_slowly(target, numbers, high, lambda: looks.append(1))
    assert np.array_equal(target, numbers)
    assert len(looks) == 1 << min(high, 5)


@pytest.mark.rule(8)
def test_gaps_between_rows() -> None:
    """Also where rows have many shots each."""
    template = program(1, 1, Gate("ry", (0,), (0.0,)), *measures(1))
    sweep = Sweep(0, 1, template, ((0, 0),), Array.of(np.linspace(0, 3, 200)[:, None]))
    times = [time.perf_counter()]
    options = Options(output="counts", shots=100_000)
    run_shard(Shard(options, (sweep,)), monitor=Monitor(lambda: times.append(time.perf_counter())))
    times.append(time.perf_counter())
    assert len(times) > 200
    assert max(np.diff(times)) < LONGEST
