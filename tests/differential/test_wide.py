"""Wide states against Aer's: the whole gate set, in both precisions, by any number of threads, in smaller chunks.

Here are stages with chunks, chunks that differ by their number, gates wider than a block, and the way back to the
order of qubits; narrow circuits, which are one chunk, have their own tests.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.library import (
    DiagonalGate,
    PermutationGate,
    UnitaryGate,
    get_standard_gate_name_mapping,
)
from qiskit_aer import AerSimulator

import simulator
from jobs.lowering import lower
from simulator.caches import clear_caches
from simulator.circuit.program import Program
from simulator.kernels.threads import use_threads
from simulator.options import Precision
from simulator.tuning import TUNING, Tuning

WIDTHS = (16, 18, 20)
#: Rounding of some hundred operations on amplitudes of about 2^-8, and less.
TOLERANCE = {"double": 1e-13, "single": 1e-7}
#: All that Qiskit calls standard, and that has a matrix.
STANDARD = {
    name: gate
    for name, gate in get_standard_gate_name_mapping().items()
    if name not in {"delay", "measure", "reset", "barrier"}
}
#: Those of them whose matrices are real.
REAL = ("x", "z", "h", "ry", "cx", "cz", "ch", "cry", "ccx", "ccz", "swap", "cswap", "dcx")


class _Random:
    """Adds gates on random qubits, with random angles."""

    def __init__(self, num_qubits: int, names: tuple[str, ...]) -> None:
        self.rng = np.random.default_rng(num_qubits)
        self.circuit = QuantumCircuit(num_qubits)
        # From the start no amplitude is 0.
        for qubit in range(num_qubits):
            self.circuit.ry(0.4 + 0.1 * qubit, qubit)
        for name in self.rng.permutation(names).tolist():
            gate = STANDARD[name].base_class(*self.rng.uniform(-3, 3, len(STANDARD[name].params)))
            if gate.num_qubits and self.rng.random() < 0.3:
                gate = gate.control(2, ctrl_state=int(self.rng.integers(0, 4)), annotated=False)
            self.add(gate)

    def add(self, gate: Any) -> None:
        count = self.circuit.num_qubits
        self.circuit.append(gate, self.rng.permutation(count)[: gate.num_qubits].tolist())

    def unitary(self, num_qubits: int) -> UnitaryGate:
        side = 1 << num_qubits
        real, imag = self.rng.normal(size=(2, side, side))
        return UnitaryGate(np.linalg.qr(real + 1j * imag)[0])


def every_gate(num_qubits: int) -> QuantumCircuit:
    """All standard gates, and matrices, diagonals, permutations, and gates with many controls, of many widths."""
    random = _Random(num_qubits, 2 * tuple(sorted(STANDARD)))
    for count in (1, 2, 3, 4, 5):
        random.add(random.unitary(count))
        random.add(DiagonalGate(np.exp(1j * random.rng.uniform(0, 6, 4 << count)).tolist()))
        random.add(PermutationGate(random.rng.permutation(count + 2).tolist()))
        random.add(STANDARD["p"].base_class(0.3 * count).control(count + 2, annotated=False))
        random.add(STANDARD["x"].base_class().control(count + 1, annotated=False))
    for _ in range(2 * num_qubits):
        random.add(random.unitary(2))
        random.add(STANDARD["rzz"].base_class(1.1))
    random.circuit.global_phase = 0.4
    return random.circuit


def real_gates(num_qubits: int) -> QuantumCircuit:
    """Gates that keep amplitudes real."""
    return _Random(num_qubits, 8 * REAL).circuit


FAMILIES = {"every gate": every_gate, "real": real_gates}


@cache
def lowered(family: str, num_qubits: int) -> Program:
    return lower(FAMILIES[family](num_qubits))


@cache
def state_by_aer(family: str, num_qubits: int) -> NDArray[np.complex128]:
    simulator = AerSimulator(method="statevector")
    # Level 0 takes apart what Aer has no gate for, and nothing else.
    circuit = transpile(FAMILIES[family](num_qubits), simulator, optimization_level=0)
    circuit.save_statevector()
    return np.asarray(simulator.run(circuit).result().data(0)["statevector"])


def state(
    family: str, num_qubits: int, precision: Precision = "double", tuning: Tuning = TUNING
) -> NDArray[np.complexfloating]:
    program = lowered(family, num_qubits)
    found = simulator.run(program, output="statevector", seed=1, precision=precision, tuning=tuning).state
    assert found is not None
    return found


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    yield
    use_threads(None)
    clear_caches()


@pytest.mark.rule(27, 29)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("num_qubits", WIDTHS)
def test_states_are_those_of_aer(family: str, num_qubits: int) -> None:
    """The state is Aer's, and the same, bit by bit, for any number of threads."""
    found = []
    for threads in (1, 2, 4):
        use_threads(threads)
        found.append(state(family, num_qubits))
    np.testing.assert_allclose(found[0], state_by_aer(family, num_qubits), rtol=0, atol=TOLERANCE["double"])
    assert found[0].tobytes() == found[1].tobytes() == found[2].tobytes()


@pytest.mark.rule(27)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("num_qubits", WIDTHS)
def test_states_in_single_precision(family: str, num_qubits: int) -> None:
    """In single precision the state is Aer's, too."""
    found = state(family, num_qubits, "single")
    np.testing.assert_allclose(found, state_by_aer(family, num_qubits), rtol=0, atol=TOLERANCE["single"])


@pytest.mark.rule(29)
@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("num_qubits", "chunk", "low"), [(16, 9, 0), (16, 10, 3), (18, 11, 2), (20, 13, 4)])
def test_smaller_chunks(family: str, num_qubits: int, chunk: int, low: int) -> None:
    """In chunks so small that there are many stages, the state is the same but for rounding."""
    use_threads(2)
    found = state(family, num_qubits, tuning=Tuning(chunk_bits=chunk, wide_chunk_bits=chunk, local_bits=low))
    np.testing.assert_allclose(found, state_by_aer(family, num_qubits), rtol=0, atol=TOLERANCE["double"])
