"""The memory that a run takes, the most that is resident in a process of its own; and what it is said to take."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from support.processes import printed_by
from support.programs import h, measures, program, random_unitary, ry, x

from simulator import cost, run_shard
from simulator.circuit.array import Array
from simulator.circuit.instructions import Gate, Instruction, Save, Unitary
from simulator.circuit.program import Program
from simulator.kernels.buffers import keep_what_is_freed
from simulator.kernels.threads import use_threads
from simulator.monitor import no_checkpoint
from simulator.options import Options
from simulator.shards import wire
from simulator.shards.shard import Experiment, Shard, Sweep

pytestmark = pytest.mark.slow  # starts processes

SHOTS = 100_000
#: Beside states: buffers, plans, and what allocators keep.
BESIDE = 16 << 20
#: Counts of 10^5 shots: numbers, and texts.
READOUT = 20 << 20


def layers(num_qubits: int, depth: int, *, real: bool) -> list[Instruction]:
    rng = np.random.default_rng(1)
    gates: list[Instruction] = []
    for _ in range(depth):
        for qubit in range(num_qubits):
            angles = tuple(rng.uniform(0, 6, 3).tolist())
            gates.append(ry(angles[0], qubit) if real else Gate("u", (qubit,), angles))
        order = rng.permutation(num_qubits).tolist()
        gates += [x(a, b) for a, b in zip(order[::2], order[1::2], strict=bool(num_qubits % 2 == 0))]
    return gates


def saving(what: str, num_kept: int) -> Callable[[int], list[Instruction]]:
    """Layers, behind which something is saved of the first qubits."""
    return lambda num_qubits: [
        *layers(num_qubits, 3, real=False),
        Save(what, "k", tuple(range(num_kept or num_qubits))),
    ]


def on_changing_qubits(what: str) -> Callable[[int], list[Instruction]]:
    """A thousand instructions, each on other qubits than the last; the matrices of "dense" ones are large, too."""

    def gates(num_qubits: int) -> list[Instruction]:
        rng = np.random.default_rng(1)
        orders = [rng.permutation(num_qubits).tolist() for _ in range(1000)]
        if what == "dense":
            return [Unitary(Array.of(random_unitary(order[0], 4)), tuple(order[:4])) for order in orders]
        return [Gate("p", (order[0],), (1.0,), tuple(order[1:3])) for order in orders]

    return gates


FAMILIES = {
    "dense": on_changing_qubits("dense"),
    "phases": on_changing_qubits("phases"),
    "state": saving("statevector", 0),
    "probabilities": saving("probabilities", 0),
    "density": saving("density_matrix", 10),
    "layers": lambda num_qubits: layers(num_qubits, 6, real=False),
    "real layers": lambda num_qubits: layers(num_qubits, 6, real=True),
    "deep": lambda num_qubits: layers(num_qubits, 300, real=False),
    "ghz": lambda num_qubits: [h(0), *(x(qubit + 1, qubit) for qubit in range(num_qubits - 1))],
}


def circuit(family: str, num_qubits: int, output: str) -> Program:
    gates = FAMILIES[family](num_qubits)
    if output != "counts":
        return program(num_qubits, 0, *gates)
    return program(num_qubits, num_qubits, *gates, *measures(num_qubits))


def measured(*arguments: str) -> list[int]:
    """Run `main` in a process of its own."""
    figures: list[int] = json.loads(printed_by(__file__, *arguments))
    return figures


@dataclass
class Case:
    """A run, and the bytes of its state."""

    family: str
    num_qubits: int
    output: str
    precision: str
    state: int

    def __str__(self) -> str:
        return f"{self.family}-{self.num_qubits}-{self.output}-{self.precision}"


CASES = [
    Case("layers", 22, "counts", "double", 16 << 22),
    Case("layers", 22, "counts", "single", 8 << 22),
    Case("ghz", 23, "counts", "double", 8 << 23),
    Case("real layers", 23, "counts", "single", 4 << 23),
    Case("layers", 22, "statevector", "double", 16 << 22),
    Case("layers", 22, "statevector", "single", 8 << 22),
    Case("ghz", 22, "statevector", "double", 16 << 22),
    Case("layers", 11, "unitary", "double", 16 << 22),
    Case("layers", 11, "unitary", "single", 8 << 22),
    Case("deep", 14, "counts", "double", 16 << 14),
]


@pytest.mark.rule(25)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_resident_memory(case: Case) -> None:
    """A run takes its state, once, and a little; with its message, never more than it is said to."""
    running, sending, estimate, readout = measured(case.family, str(case.num_qubits), case.output, case.precision)
    if case.family != "deep":
        assert running < 1.1 * case.state + BESIDE + (READOUT if case.output == "counts" else 0)
    assert sending < estimate
    # The texts of counts are an upper bound: shots may have few outcomes.
    assert estimate < 1.1 * sending + BESIDE + readout + (16 << 20 if case.family == "deep" else 0)


@pytest.mark.rule(25, 40)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(
    ("family", "saved"), [("state", 16 << 21), ("probabilities", 8 << 21), ("density", 16 << 20)]
)
def test_what_is_saved(family: str, saved: int) -> None:
    """A run that saves takes what it is said to, which is not much more than its states and what is saved."""
    _, sending, estimate, readout = measured(family, "21", "counts", "double")
    assert saved < sending < estimate
    assert estimate < 2 * (16 << 21) + 4 * saved + BESIDE + readout + (4 << 20)


@pytest.mark.rule(25)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("family", ["dense", "phases"])
def test_narrow_states(family: str) -> None:
    """Index arrays and matrices of a long circuit are counted, too, where they take more than the states."""
    _, sending, estimate, _ = measured(family, "12", "counts", "double")
    assert sending < estimate
    assert estimate < 100 << 20


@pytest.mark.rule(25)
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_rows_of_a_long_circuit() -> None:
    """However many rows there are, few have their matrices at once, and these are counted."""
    _, sending, estimate, _ = measured("sweep", "1", "counts", "double")
    assert sending < estimate
    assert estimate < 100 << 20


def sweep(num_qubits: int) -> Sweep:
    gates = [ry(0.0, index % num_qubits) for index in range(1000)]
    template = program(num_qubits, num_qubits, *gates, *measures(num_qubits))
    values = np.random.default_rng(1).uniform(0, 6, (500, 1000))
    return Sweep(0, 1, template, tuple((index, 0) for index in range(1000)), Array.of(values))


def main(family: str, num_qubits: str, output: str, precision: str) -> None:
    """Print the most bytes that a run took, and with its message; what it is said to take, and for its shots."""
    use_threads(2)
    # As a worker does.
    keep_what_is_freed()
    options = Options(output, SHOTS, precision=precision)
    # So that what is loaded and allocated once by a process is there.
    run_shard(Shard(options, (Experiment(0, 1, circuit("layers", 4, output)),)))
    width = int(num_qubits)
    item = sweep(width) if family == "sweep" else Experiment(0, 1, circuit(family, width, output))
    shard = Shard(options, (item,))
    program_ = item.template if isinstance(item, Sweep) else item.program
    asked: list[int] = []
    before = resident("VmRSS")
    part = run_shard(shard, admit=asked.append)
    running = resident("VmHWM") - before
    wire.encode_part(part, no_checkpoint)
    sending = resident("VmHWM") - before
    readout = cost.shots_bytes(program_, output, SHOTS, memory=False)
    sys.stdout.write(json.dumps([running, sending, asked[0], readout]))


def resident(name: str) -> int:
    """Return what the system says of this process: unlike `getrusage`, nothing of the one that started it."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    if found is None:
        raise LookupError(name)
    return int(found[1]) * 1024


if __name__ == "__main__":
    main(*sys.argv[1:])
