"""Several statevectors, as dynamic circuits branch them: rows of one array."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.evolve.evolution import Evolution
from simulator.evolve.plan_cache import is_narrow
from simulator.evolve.statevector import Statevector, with_qubits, without_qubit
from simulator.kernels import measure, operators
from simulator.monitor import Checkpoint, Monitor
from simulator.piecewise import concatenate, slices, take_rows
from simulator.tuning import CACHE_BITS, Tuning
from simulator.typing import Amplitudes, Indices

#: log2 of the amplitudes that are evolved at once, where they are of several states.
TOGETHER_BITS = CACHE_BITS


@dataclass(slots=True, eq=False)
class Statevectors:
    """The `States` of the statevector method."""

    #: One state behind the other: amplitudes of shape (count * 2^n,).
    state: Statevector

    @property
    def rows(self) -> Amplitudes:
        """The states, shape (count, 2^n)."""
        return self.state.amplitudes.reshape(-1, 1 << len(self.state.bit_of))

    @property
    def bit_of(self) -> Mapping[int, int]:
        """Qubit -> its bit in the index of a state."""
        return self.state.bit_of

    @property
    def tuning(self) -> Tuning:
        """The sizes that work on them is cut by."""
        return self.state.tuning

    @property
    def count(self) -> int:
        """How many states there are."""
        return self.state.amplitudes.size >> len(self.state.bit_of)

    @property
    def kind(self) -> object:
        """Equal where the qubits lie alike, and numbers are of one type."""
        return self.state.amplitudes.dtype, tuple(self.state.bit_of.items())

    def state_bytes(self, more: int = 0) -> int:
        """Return the bytes of one state with so many qubits more, as if it were complex: it may become so."""
        dtype = self.state.amplitudes.dtype
        return dtype.itemsize << len(self.state.bit_of) + (dtype.kind == "f") + more

    def evolve(self, evolution: Evolution, monitor: Monitor) -> None:
        """Evolve all states; narrow ones several at once."""
        num_bits = len(self.state.bit_of)
        together = max(1, 1 << TOGETHER_BITS >> num_bits) if is_narrow(num_bits, self.tuning) else 1
        if self.count <= together:
            evolution.run(self.state, monitor)
            return
        before = self.state
        for start in range(0, before.amplitudes.size, together << num_bits):
            part = before.amplitudes[start : start + (together << num_bits)]
            self.state = before.with_amplitudes(part)
            evolution.run(self.state, monitor)
            part[...] = self.state.amplitudes
        self.state.amplitudes = before.amplitudes

    def allocate(self, qubits: Sequence[int], checkpoint: Checkpoint) -> None:
        """Add qubits, in |0>, to all states."""
        self.state = with_qubits(self.state, qubits, checkpoint)

    def probabilities(self, qubit: int, checkpoint: Checkpoint) -> NDArray[np.float64]:
        """Return the squared norms of each state's halves, where the qubit is 0 and 1: shape (count, 2)."""
        return measure.bit_probabilities(self.rows, self.state.bit_of[qubit], checkpoint, self.state.tuning)

    def project(
        self, qubit: int, outcomes: Indices, norms: NDArray[np.float64], checkpoint: Checkpoint, *, reset: bool
    ) -> None:
        """Keep the half of each state's outcome, whose squared norm is given; ``reset``: as the half of 0."""
        bit, factors = self.state.bit_of[qubit], norms**-0.5
        measure.project(self.rows, bit, outcomes, factors, checkpoint, self.state.tuning, reset=reset)
        if reset:
            self.state.maybe_excited &= ~(1 << qubit)

    def reduced(self, qubits: Sequence[int], checkpoint: Checkpoint) -> NDArray[Any]:
        """Return the density matrix of some qubits in each state: shape (count, 2^k, 2^k), of any norm."""
        return operators.reduced(self.rows, self._bits(qubits), checkpoint)

    def apply(
        self, qubits: Sequence[int], matrices: NDArray[Any], choices: Indices, checkpoint: Checkpoint
    ) -> None:
        """Multiply each state by the matrix of its choice, and give it norm 1."""
        operators.apply(
            self.rows, self._bits(qubits), matrices.astype(self.rows.dtype, copy=False), choices, checkpoint
        )
        self.state.maybe_excited |= sum(1 << qubit for qubit in qubits)

    def _bits(self, qubits: Sequence[int]) -> list[int]:
        return [self.state.bit_of[qubit] for qubit in qubits]

    def freed(
        self, qubit: int, sides: Indices, norms: NDArray[np.float64], checkpoint: Checkpoint
    ) -> Statevectors:
        """Return halves of states, without the qubit; half 2 r + v is that of its value v in state r."""
        bit, factors = self.state.bit_of[qubit], norms**-0.5
        halves = measure.kept_halves(self.rows, bit, sides, factors, checkpoint, self.state.tuning)
        return Statevectors(without_qubit(self.state, qubit, halves))

    def take(self, indices: Indices, checkpoint: Checkpoint) -> Statevectors:
        """Return copies of some states."""
        amplitudes = take_rows(self.rows, indices, checkpoint).reshape(-1)
        return Statevectors(self.state.with_amplitudes(amplitudes))

    def join(self, other: Statevectors, checkpoint: Checkpoint) -> None:
        """Take in other states of the same kind, behind these."""
        self.state.amplitudes = concatenate([self.state.amplitudes, other.state.amplitudes], checkpoint)
        self.state.maybe_excited |= other.state.maybe_excited

    def canonicalize(self, checkpoint: Checkpoint) -> None:
        """Take each state's global phase away, and round it to a fixed grid."""
        measure.canonicalize(self.rows, checkpoint, self.state.tuning)

    def fingerprints(self, checkpoint: Checkpoint) -> list[int]:
        """Return a hash of each state's amplitudes."""
        found: list[int] = measure.fingerprints(self.rows, checkpoint, self.state.tuning).tolist()
        return found

    def equals(self, index: int, other: Statevectors, other_index: int, checkpoint: Checkpoint) -> bool:
        """Whether all amplitudes of a state are those of another."""
        one, two = self.rows[index], other.rows[other_index]
        return all(np.array_equal(one[some], two[some]) for some in slices(one.size, checkpoint))
