"""The same seed on other kernels of BLAS, and with other numbers of its threads: processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from support.programs import h, measures, program, random_unitary, ry, x

from simulator import run
from simulator.circuit.array import Array
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import Gate, IfElse, Instruction, Measure, Reset, Unitary
from simulator.circuit.program import Program

pytestmark = pytest.mark.slow  # starts processes

SHOTS = 50_000
#: The kernels that OpenBLAS is told to use, the oldest first: each sums up products in its own order.
OLD, NEW, NEWEST = "Nehalem", "Haswell", "SkylakeX"
TOLERANCE = {"rtol": 0, "atol": 1e-13}


def pairs(num_qubits: int) -> list[Instruction]:
    """Dense matrices on random pairs, six layers."""
    rng = np.random.default_rng(num_qubits)
    gates: list[Instruction] = []
    for layer in range(6):
        order = rng.permutation(num_qubits).tolist()
        for a, b in zip(order[::2], order[1::2], strict=False):
            gates.append(Unitary(Array.of(random_unitary(100 * layer + a, 2)), (a, b)))
    return gates


def rotations(num_qubits: int) -> list[Instruction]:
    """Real gates only."""
    rng = np.random.default_rng(num_qubits)
    gates: list[Instruction] = []
    for _ in range(5):
        gates += [ry(float(rng.uniform(0, 6)), qubit) for qubit in range(num_qubits)]
        order = rng.permutation(num_qubits).tolist()
        gates += [x(a, b) for a, b in zip(order[::2], order[1::2], strict=False)]
    return gates


def phases(num_qubits: int) -> list[Instruction]:
    """A Fourier transform of a product state."""
    gates: list[Instruction] = [ry(0.3 * qubit, qubit) for qubit in range(num_qubits)]
    for qubit in reversed(range(num_qubits)):
        gates.append(h(qubit))
        gates += [Gate("p", (low,), (np.pi / 2 ** (qubit - low),), (qubit,)) for low in range(qubit)]
    return gates


def feedback() -> list[Instruction]:
    """Rounds of measuring, a condition, and a reset."""
    gates: list[Instruction] = []
    for round_ in range(4):
        gates += [ry(0.7 + round_, 0), Gate("u", (1,), (1.1, 0.3, 0.2)), x(1, 0), x(2, 1), Measure(1, round_)]
        gates += [IfElse(Clbit(round_), (Gate("rx", (2,), (0.9,)),)), Reset(0), h(0), x(2, 0)]
    return [*gates, Measure(0, 4), Measure(1, 5), Measure(2, 6)]


STATES = {
    f"{make.__name__}, {num_qubits}": program(num_qubits, 0, *make(num_qubits))
    for make in (pairs, rotations, phases)
    for num_qubits in (5, 12, 16)
}
COUNTS: dict[str, Program] = {
    **{
        name: program(each.num_qubits, 16, *each.instructions, *measures(each.num_qubits))
        for name, each in STATES.items()
    },
    "feedback": program(3, 7, *feedback()),
}


@dataclass(frozen=True)
class Found:
    """What a process found."""

    states: dict[str, NDArray[np.complex128]]
    counts: dict[str, dict[str, int]]


def found(folder: Path, environment: dict[str, str]) -> Found:
    """Run everything in a process of its own."""
    folders = os.pathsep.join(map(str, (Path(__file__).parents[2], Path(__file__).parents[3])))
    variables = os.environ | environment | {"PYTHONPATH": folders, "OPENBLAS_VERBOSE": "2"}
    done = subprocess.run(
        [sys.executable, __file__, str(folder)],
        env=variables,
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    core = environment.get("OPENBLAS_CORETYPE")
    if core is not None and f"Core: {core}" not in done.stdout + done.stderr:
        pytest.skip(f"this NumPy has no kernels for {core}")
    with np.load(folder / "states.npz") as states:
        return Found(dict(states), json.loads((folder / "counts.json").read_text(encoding="ascii")))


def assert_same(one: Found, other: Found) -> None:
    assert one.counts == other.counts
    for name, psi in one.states.items():
        np.testing.assert_allclose(psi, other.states[name], **TOLERANCE)


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Found:
    return found(tmp_path_factory.mktemp("usual"), {"OPENBLAS_NUM_THREADS": "1"})


def has(flag: str) -> bool:
    cpu = Path("/proc/cpuinfo")
    return cpu.exists() and flag in cpu.read_text(encoding="ascii", errors="replace").split()


@pytest.mark.rule(28)
@pytest.mark.parametrize(
    "core",
    [
        pytest.param(core, marks=pytest.mark.skipif(not has(flag), reason=f"this processor has no {flag}"))
        for core, flag in ((OLD, "sse4_2"), (NEW, "avx2"), (NEWEST, "avx512f"))
    ],
)
def test_kernels_of_blas(core: str, usual: Found, tmp_path: Path) -> None:
    """On other kernels of BLAS counts are the same, and states but for rounding."""
    assert_same(usual, found(tmp_path, {"OPENBLAS_CORETYPE": core}))


@pytest.mark.rule(28)
@pytest.mark.parametrize("threads", ["2", "4"])
def test_threads_of_blas(threads: str, usual: Found, tmp_path: Path) -> None:
    """With other numbers of threads in BLAS, counts are the same, and states bit by bit."""
    other = found(tmp_path, {"OPENBLAS_NUM_THREADS": threads})
    assert_same(usual, other)
    assert all(psi.tobytes() == other.states[name].tobytes() for name, psi in usual.states.items())


def main(folder: str) -> None:
    """Write all states and counts."""
    states = {name: run(each, output="statevector", seed=1).state for name, each in STATES.items()}
    counts = {name: run(each, seed=7, shots=SHOTS).counts for name, each in COUNTS.items()}
    np.savez(Path(folder) / "states.npz", **{name: psi for name, psi in states.items() if psi is not None})
    (Path(folder) / "counts.json").write_text(json.dumps(counts), encoding="ascii")


if __name__ == "__main__":
    main(sys.argv[1])
