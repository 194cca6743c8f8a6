"""A circuit as layers: what is in one is on different qubits, so it is done to arrays of rows at once.

Gates on one qubit are in no layer. They are put off behind all else: a controlled Pauli behind a gate on one of
its qubits is another controlled Pauli before that gate, and so are a measurement and a Pauli of noise. Their signs
become Paulis, which are put off, too.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.expression import Expression, LValue
from simulator.stabilizer.layering.rows import PauliRows
from simulator.typing import Indices

#: The number of a row of shots that a `Test` was true for.
Flag: TypeAlias = int


@dataclass(frozen=True, slots=True, eq=False)
class Measures:
    """Measurements of a Pauli of each qubit."""

    rows: PauliRows
    #: Whether -P is measured.
    negative: NDArray[np.bool_]
    clbits: Indices
    #: Those whose qubits are not reset at once, and the numbers of the coins by which frames are multiplied by P.
    undetermined: PauliRows | None
    coins: Indices


@dataclass(frozen=True, slots=True, eq=False)
class Resets:
    """Resets of each qubit into the state in which a Pauli is certain."""

    rows: PauliRows
    negative: NDArray[np.bool_]
    coins: Indices


@dataclass(frozen=True, slots=True, eq=False)
class NoisePlaces:
    """Where one channel is in a circuit; places are in the order of layers."""

    channel: int
    #: Shape (places, k).
    qubits: Indices
    #: The gate on each qubit that is put off behind the channel.
    pending: Indices


@dataclass(frozen=True, slots=True)
class Test:
    """Set a flag in the shots in which an expression is true, or one of some values."""

    expression: Expression
    flag: Flag
    #: Only shots of this flag are asked; None: all are.
    within: Flag | None = None
    #: Values that are asked for; None: whether it is true.
    values: frozenset[int] | None = None
    #: Whether the flag is set in the shots where it is not so.
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Assign:
    """Write the value of an expression to what is classical, in the shots of a flag, or in all."""

    target: LValue
    value: Expression | int | None
    within: Flag | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ReadoutPlaces:
    """A readout error of some clbits, which have just been written; places are in the order of layers."""

    #: The number of the error.
    error: int
    #: The first place.
    first: int
    #: Shape (places, k).
    clbits: Indices


Classical: TypeAlias = Test | Assign | ReadoutPlaces


@dataclass(frozen=True, slots=True, eq=False)
class Feedback:
    """Paulis on different qubits, each in the shots of a flag."""

    rows: PauliRows
    flags: Indices


@dataclass(slots=True, eq=False)
class Layer:
    """What is done in one layer, in this order."""

    #: Controlled Paulis: their first and their second qubits' Paulis.
    pairs: tuple[PauliRows, PauliRows] | None = None
    measures: Measures | None = None
    resets: Resets | None = None
    #: Channel -> its first place in this layer, and that behind its last.
    noise: dict[int, tuple[int, int]] = field(default_factory=dict)
    classical: list[Classical] = field(default_factory=list)
    feedback: Feedback | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Segment:
    """A program as layers, and what is put off behind them."""

    num_qubits: int
    layers: list[Layer]
    #: How many fair coins its measurements and resets take.
    num_coins: int
    num_flags: int
    #: By channel.
    noise: dict[int, NoisePlaces]
    #: Readout error -> how many places it has.
    readouts: dict[int, int]
    #: Whether it only has gates and measurements after which nothing is done to their qubits.
    final: bool
    #: At its end: where the state of each qubit lies, and the gate on each place that is put off.
    places: Indices
    pending: Indices
