"""Matrix product states for tests: gates near and far, and all amplitudes of what they make."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from support.programs import random_unitary, rotation

from simulator.circuit.array import Array
from simulator.circuit.instructions import Gate, Instruction, Permutation, Unitary
from simulator.monitor import SILENT, no_checkpoint
from simulator.mps.evolve import EXACT, Truncation, evolved
from simulator.mps.gates import local_circuit
from simulator.mps.reading import amplitudes


def state_of(
    instructions: tuple[Instruction, ...], num_qubits: int, truncation: Truncation = EXACT
) -> NDArray[np.complex128]:
    """All amplitudes after the instructions."""
    circuit = local_circuit(instructions, num_qubits)
    state = evolved(circuit, truncation, SILENT)
    state.canonicalize()
    return amplitudes(state, circuit.wire_of, no_checkpoint)


def random_gates(seed: int, num_qubits: int, count: int = 30) -> tuple[Instruction, ...]:
    """Gates on random qubits, near and far, of one to four qubits, some of them swaps."""
    rng = np.random.default_rng(seed)
    made: list[Instruction] = []
    for _ in range(count):
        qubits = tuple(rng.permutation(num_qubits)[: min(num_qubits, rng.integers(1, 5))].tolist())
        kind = int(rng.integers(4))
        if kind == 0 and len(qubits) > 1:
            made.append(rotation(rng, qubits))
        elif kind == 1 and len(qubits) > 1:
            made.append(Permutation(qubits, qubits[1:] + qubits[:1]))
        elif kind == 2 and len(qubits) > 1:
            made.append(Gate("x", qubits[:1], controls=qubits[1:], control_state=int(rng.integers(2))))
        else:
            made.append(Unitary(Array.of(random_unitary(int(rng.integers(1 << 30)), len(qubits))), qubits))
    return tuple(made)
