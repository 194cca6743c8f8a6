"""Several matrix product states, as dynamic circuits branch them.

Each has a tensor for every qubit, also for those that are not in use: these are factors of their own, which cost
nothing. The wire of a qubit has the qubit's number, whenever instructions begin. What becomes of a state depends
on nothing but itself and the instructions, so that a shot's outcomes do not depend on the shots beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.evolve import Evolution
from simulator.monitor import Checkpoint, Monitor
from simulator.mps.evolve import onwards
from simulator.mps.gates import LocalCircuit, local_circuit
from simulator.mps.state import MatrixProductState
from simulator.typing import Indices


@dataclass(slots=True, eq=False)
class LocalCircuits:
    """The gates of each evolution, once it was asked for."""

    num_qubits: int
    _found: dict[Evolution, LocalCircuit] = field(default_factory=dict)

    def of(self, evolution: Evolution, checkpoint: Checkpoint) -> LocalCircuit:
        """Return an evolution as gates on few wires."""
        found = self._found.get(evolution)
        if found is None:
            instructions = [each for piece in evolution.pieces for each in piece]
            found = self._found[evolution] = local_circuit(instructions, self.num_qubits, checkpoint)
        return found


@dataclass(slots=True, eq=False)
class MatrixProductStates:
    """The `States` of the method of matrix product states."""

    states: list[MatrixProductState]
    circuits: LocalCircuits
    #: Bytes that no state passes.
    most_bytes: int

    @property
    def count(self) -> int:
        """How many states there are."""
        return len(self.states)

    @property
    def kind(self) -> object:
        """All are alike."""
        return MatrixProductStates

    def state_bytes(self, more: int = 0) -> int:
        """Return the bytes that one state takes at most, whatever qubits are in use."""
        del more
        return self.most_bytes

    def evolve(self, evolution: Evolution, monitor: Monitor) -> None:
        """Do gates on all states."""
        circuit = self.circuits.of(evolution, monitor.checkpoint)
        for index, state in enumerate(self.states):
            after = onwards(state, circuit, Monitor(monitor.checkpoint))
            after.rename(circuit.wire_of)
            self.states[index] = after

    def allocate(self, qubits: Sequence[int], checkpoint: Checkpoint) -> None:
        """Do nothing: all qubits are there, and in |0> until something touches them."""

    def probabilities(self, qubit: int, checkpoint: Checkpoint) -> NDArray[np.float64]:
        """Return how probable the outcomes 0 and 1 are in each state: shape (count, 2), of any norm."""
        checkpoint()
        return np.array([state.probabilities(qubit) for state in self.states])

    def project(
        self, qubit: int, outcomes: Indices, norms: NDArray[np.float64], checkpoint: Checkpoint, *, reset: bool
    ) -> None:
        """Change each state to that after its outcome; ``reset``: with 0 there."""
        del norms
        for state, outcome in zip(self.states, outcomes.tolist(), strict=True):
            checkpoint()
            state.project(qubit, outcome, reset=reset)

    def reduced(self, qubits: Sequence[int], checkpoint: Checkpoint) -> NDArray[Any]:
        """Return the density matrix of some qubits in each state: shape (count, 2^k, 2^k), of any norm."""
        checkpoint()
        return np.array([state.reduced(tuple(qubits)) for state in self.states])

    def apply(
        self, qubits: Sequence[int], matrices: NDArray[Any], choices: Indices, checkpoint: Checkpoint
    ) -> None:
        """Multiply each state by the matrix of its choice, and give it norm 1."""
        identity = np.eye(matrices.shape[1])
        for state, choice in zip(self.states, choices.tolist(), strict=True):
            checkpoint()
            matrix = matrices[choice]
            if not np.array_equal(matrix, matrix[0, 0] * identity):
                state.apply(matrix, tuple(qubits))

    def freed(
        self, qubit: int, sides: Indices, norms: NDArray[np.float64], checkpoint: Checkpoint
    ) -> MatrixProductStates:
        """Return states after measured outcomes, with the qubit in |0>; side 2 r + v is that of v in state r."""
        found = self.take(sides // 2, checkpoint)
        found.project(qubit, sides % 2, norms, checkpoint, reset=True)
        return found

    def take(self, indices: Indices, checkpoint: Checkpoint) -> MatrixProductStates:
        """Return copies of some states."""
        checkpoint()
        states = [self.states[index].copy() for index in indices.tolist()]
        return MatrixProductStates(states, self.circuits, self.most_bytes)

    def join(self, other: MatrixProductStates, checkpoint: Checkpoint) -> None:
        """Take in other states, behind these."""
        checkpoint()
        self.states = self.states + other.states

    def canonicalize(self, checkpoint: Checkpoint) -> None:
        """Leave tensors as they are, since they have no canonical form that rounding would not change."""
        checkpoint()
        for state in self.states:
            state.forget_split()

    def fingerprints(self, checkpoint: Checkpoint) -> list[int]:
        """Return a number for each state; those of equal states are equal."""
        found = []
        for state in self.states:
            checkpoint()
            found.append(state.fingerprint())
        return found

    def equals(self, index: int, other: MatrixProductStates, other_index: int, checkpoint: Checkpoint) -> bool:
        """Whether all tensors of a state are those of another."""
        checkpoint()
        return self.states[index].is_same(other.states[other_index])
