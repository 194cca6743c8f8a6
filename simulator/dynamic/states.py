"""What a method of simulation gives to dynamic circuits: quantum states that can be evolved, measured and merged.

`evolve.statevectors` is the first implementation. `Branch` and `Interpreter` know nothing of amplitudes: another
representation of states is another class with these verbs.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from simulator.evolve import Evolution
from simulator.monitor import Checkpoint, Monitor
from simulator.typing import Indices

if TYPE_CHECKING:
    from typing_extensions import Self  # of `typing` from Python 3.11 on

S = TypeVar("S", bound="States")


class States(Protocol):
    """Several states of the same qubits, numbered from 0 on; what says that it changes them does so in place.

    Whatever may take long calls the ``checkpoint`` that it is given.
    """

    @property
    def count(self) -> int:
        """How many states there are."""

    @property
    def kind(self) -> object:
        """Equal for states that can be joined, and be compared."""

    def state_bytes(self, more: int = 0) -> int:
        """Return the bytes that one state takes at most, if it had so many qubits more."""

    def evolve(self, evolution: Evolution, monitor: Monitor) -> None:
        """Change all states without randomness."""

    def allocate(self, qubits: Sequence[int], checkpoint: Checkpoint) -> None:
        """Add qubits, in |0>, to all states."""

    def probabilities(self, qubit: int, checkpoint: Checkpoint) -> NDArray[np.float64]:
        """Return how probable the outcomes 0 and 1 are in each state: shape (count, 2), of any norm."""

    def project(
        self, qubit: int, outcomes: Indices, norms: NDArray[np.float64], checkpoint: Checkpoint, *, reset: bool
    ) -> None:
        """Change each state to that after its outcome, of probability ``norms``; ``reset``: with 0 there."""

    def reduced(self, qubits: Sequence[int], checkpoint: Checkpoint) -> NDArray[Any]:
        """Return the density matrix of some qubits in each state: shape (count, 2^k, 2^k), of any norm."""

    def apply(
        self, qubits: Sequence[int], matrices: NDArray[Any], choices: Indices, checkpoint: Checkpoint
    ) -> None:
        """Multiply each state by the matrix of its choice, and give it norm 1."""

    def freed(self, qubit: int, sides: Indices, norms: NDArray[np.float64], checkpoint: Checkpoint) -> Self:
        """Return states without a measured qubit; ``sides`` are twice a state's number, and the outcome in it."""

    def take(self, indices: Indices, checkpoint: Checkpoint) -> Self:
        """Return copies of some states, by their numbers."""

    def join(self, other: Self, checkpoint: Checkpoint) -> None:
        """Take in other states of the same kind, behind these."""

    def canonicalize(self, checkpoint: Checkpoint) -> None:
        """Change states that differ in their global phase, and in rounding, to equal ones."""

    def fingerprints(self, checkpoint: Checkpoint) -> list[int]:
        """Return a number for each state; those of equal states are equal."""

    def equals(self, index: int, other: Self, other_index: int, checkpoint: Checkpoint) -> bool:
        """Whether a state is the same as another of this kind."""
