"""Code: a program as a flat list of operations, with jumps in place of nested bodies. `flow` makes it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from simulator.circuit.expression import Expression
from simulator.circuit.instructions import Measure, Reset, Store
from simulator.circuit.program import Variable
from simulator.evolve.evolution import Evolution
from simulator.monitor import Checkpoint, no_checkpoint

#: A place in the code, known before its address is: an index of `Code.addresses`.
Label: TypeAlias = int


@dataclass(frozen=True, slots=True)
class Evolve:
    """Change the state without randomness."""

    evolution: Evolution


@dataclass(frozen=True, slots=True)
class Bring:
    """Add qubits, in |0>."""

    qubits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Retire:
    """Measure a qubit, and take it out, since it is reset or nothing touches it any more.

    States then do not differ in it.
    """

    qubit: int
    #: Where the outcome goes; None: it is forgotten.
    clbit: int | None


@dataclass(frozen=True, slots=True)
class Jump:
    """Go on at the label."""

    label: Label


@dataclass(frozen=True, slots=True)
class Unless:
    """Go on at the label if the condition does not hold."""

    condition: Expression
    label: Label


@dataclass(frozen=True, slots=True)
class Select:
    """Go on at the label of the target's value."""

    target: Expression
    labels: Mapping[int, Label]
    default: Label


@dataclass(frozen=True, slots=True)
class Assign:
    """Write a constant to a variable."""

    variable: int
    value: int | None


@dataclass(frozen=True, slots=True)
class Count:
    """Begin the next round of a for loop, or go on at the label if all rounds are done."""

    #: The variable that counts the rounds.
    counter: int
    indices: Sequence[int]
    #: The program's own variable that takes the index.
    variable: int | None
    label: Label


@dataclass(frozen=True, slots=True)
class Meet:
    """Shots of different histories may be in the same state again here."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of every code; what is left is to measure `Code.final`."""


#: What concerns classical values only.
Classic: TypeAlias = Store | Assign | Jump | Unless | Select | Count
Operation: TypeAlias = Evolve | Bring | Measure | Retire | Reset | Classic | Meet | End


@dataclass(frozen=True, slots=True)
class Code:
    """What `branching` runs."""

    operations: tuple[Operation, ...]
    #: By label.
    addresses: tuple[int, ...]
    #: The program's variables, then the counters of its loops.
    variables: tuple[Variable, ...]
    #: Measured at the end, all at once.
    final: tuple[Measure, ...]
    #: The qubits that are there at the start.
    qubits: tuple[int, ...]

    @property
    def real(self) -> bool:
        """Whether real amplitudes stay real on every way through it."""
        return self.stays_real(no_checkpoint)

    def stays_real(self, checkpoint: Checkpoint) -> bool:
        """Whether real amplitudes stay real on every way through it; calls ``checkpoint`` now and then."""
        evolutions = [operation.evolution for operation in self.operations if isinstance(operation, Evolve)]
        return all(evolution.stays_real(checkpoint) for evolution in evolutions)
