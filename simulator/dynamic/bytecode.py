"""Bytecode: a program as a flat list of operations, with jumps in place of nested bodies; `compiler` makes it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.expression import Expression
from simulator.circuit.instructions import Measure, Readout, Reset, Save, Store
from simulator.circuit.program import Variable
from simulator.dynamic.timeline import Timeline
from simulator.evolve import Evolution

#: A position in the bytecode, known before its address is: an index of `Bytecode.addresses`.
Label: TypeAlias = int


@dataclass(frozen=True, slots=True)
class Evolve:
    """Change the state without randomness."""

    evolution: Evolution


@dataclass(frozen=True, slots=True)
class AllocateQubits:
    """Add qubits, in |0>."""

    qubits: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MeasureAndFree:
    """Measure a qubit, and take it out, since it is reset or nothing touches it any more.

    States then do not differ in it.
    """

    qubit: int
    #: Where the outcome goes; None: it is forgotten.
    clbit: int | None


@dataclass(frozen=True, slots=True, eq=False)
class Choose:
    """Draw an outcome for each shot: which of some operators happens, or which alternative of a channel."""

    qubits: tuple[int, ...]
    #: Shape (outcomes, 2^k, 2^k): K^dagger K of each operator K; of no outcomes where no state has a say.
    effects: NDArray[Any]
    #: Of the outcomes, where no state has a say.
    probabilities: NDArray[np.float64] | None


@dataclass(frozen=True, slots=True, eq=False)
class ApplyChosen:
    """Multiply each state by the operator of its outcome, and forget the outcome."""

    qubits: tuple[int, ...]
    #: Shape (outcomes, 2^k, 2^k).
    matrices: NDArray[Any]


@dataclass(frozen=True, slots=True)
class JumpUnlessChosen:
    """Go on at the label with all that has another outcome; forget this one."""

    outcome: int
    label: Label


@dataclass(frozen=True, slots=True)
class Jump:
    """Go on at the label."""

    label: Label


@dataclass(frozen=True, slots=True)
class JumpIfFalse:
    """Go on at the label if the condition does not hold."""

    condition: Expression
    label: Label


@dataclass(frozen=True, slots=True)
class JumpTable:
    """Go on at the label of the target's value."""

    target: Expression
    labels: Mapping[int, Label]
    default: Label


@dataclass(frozen=True, slots=True)
class SetVariable:
    """Write a constant to a variable."""

    variable: int
    value: int | None


@dataclass(frozen=True, slots=True)
class NextIteration:
    """Begin the next round of a for loop, or go on at the label if all rounds are done."""

    #: The variable that counts the rounds.
    counter: int
    indices: Sequence[int]
    #: The program's own variable that takes the index.
    variable: int | None
    label: Label


@dataclass(frozen=True, slots=True)
class MergePoint:
    """Merge what came here on different ways: shots of different histories may be in the same state again."""


@dataclass(frozen=True, slots=True)
class End:
    """The end of every program; what is left is to measure `Timeline.final`."""


#: What concerns classical values only.
Classic: TypeAlias = Store | SetVariable | Jump | JumpIfFalse | JumpTable | NextIteration
Operation: TypeAlias = (
    Evolve
    | AllocateQubits
    | Measure
    | MeasureAndFree
    | Reset
    | Save
    | Classic
    | MergePoint
    | End
    | Choose
    | ApplyChosen
    | JumpUnlessChosen
    | Readout
)


@dataclass(frozen=True, slots=True, eq=False)
class Bytecode:
    """A compiled program: what is known of its run, and what the interpreter does."""

    timeline: Timeline
    operations: tuple[Operation, ...]
    #: Index of an operation, by label.
    addresses: tuple[int, ...]
    #: The program's variables, then the counters of its loops.
    variables: tuple[Variable, ...]
    #: The qubits that are there at the start.
    qubits: tuple[int, ...]
    #: Whether real amplitudes stay real on every way through it.
    real: bool

    @property
    def evolutions(self) -> list[Evolution]:
        """Its evolutions, in their order."""
        return evolutions_of(self.operations)


def evolutions_of(operations: Iterable[Operation]) -> list[Evolution]:
    """Return the evolutions among some operations, in their order."""
    return [operation.evolution for operation in operations if isinstance(operation, Evolve)]
