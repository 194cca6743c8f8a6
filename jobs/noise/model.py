"""What a noise model answers: the errors of an operation, and how a measurement misreads."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple, Protocol

from simulator.circuit.array import Array
from simulator.circuit.channel import Channel

#: The gates without which no circuit can be written, as Aer has them: a model is for them, errors or none.
USUAL_BASIS = frozenset({"id", "rz", "sx", "cx"})
#: What circuits have or have not, whatever they were transpiled to.
IN_ANY_BASIS = frozenset({"delay", "id", "initialize", "measure", "reset"})
#: Names that one message lists.
_SHOWN = 10


class Placed(NamedTuple):
    """A channel on some of an operation's qubits."""

    channel: Channel
    #: The place of each of its qubits among those of the operation.
    places: tuple[int, ...]


class NoiseModel(Protocol):
    """The errors of operations, by their name or label, and by their qubits."""

    @property
    def names(self) -> AbstractSet[str]:
        """The names and labels that have errors; "measure" also where readouts have."""

    @property
    def basis_gates(self) -> AbstractSet[str]:
        """The gates of the circuits that it is for, those without errors too."""

    def errors(self, name: str, qubits: tuple[int, ...], operation: Any) -> Sequence[Placed]:
        """Return what happens on an operation's qubits, in order: after it, and before it if it measures."""

    def readout_table(self, qubit: int) -> Array | None:
        """Return what a measurement of a qubit reads: ``table[true][read]``, shape (2, 2); None: the truth."""


def listed(names: AbstractSet[str]) -> str:
    """Return names as a message lists them."""
    shown = ", ".join([f'"{name}"' for name in sorted(names)[:_SHOWN]])
    return f"{shown} and {len(names) - _SHOWN} more" if len(names) > _SHOWN else shown
