"""Channels: what noise does to a few qubits, and readout errors to clbits, as data.

A channel is a mixture of alternatives, each with a probability in which no state has a say. An alternative is a
tuple of steps, one after the other: Pauli strings, and Kraus operators, of which a state chooses one. None at all
is the identity.

Every value is checked when it is built. The first qubit of a channel is the least significant bit of its matrices'
rows and of its masks.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulator.circuit.array import Array, check_entries
from simulator.circuit.pauli_sum import MASK_BITS
from simulator.errors import InvalidProgramError

#: Qubits that Kraus operators may act on, and clbits of one readout error.
MAX_KRAUS_QUBITS, MAX_READOUT_CLBITS = 4, 8
#: Alternatives of a channel, and steps of an alternative.
MAX_ALTERNATIVES, MAX_STEPS = 1 << 14, 1 << 8
#: How far a sum of probabilities, or an entry of the sum of K^dagger K, may be from what it is to be.
TOLERANCE = 1e-8
_DOUBLES = frozenset({"c16", "f8"})
#: Bytes of operators, and of tables, that are checked once, where they come again; and how many are known.
_SHORT, _KEPT = 1 << 12, 1 << 10


def _check_operators(operators: Array, shape: tuple[int, int, int]) -> None:
    """Refuse what are no Kraus operators of this shape."""
    _check_doubles("a list of Kraus operators", operators, shape)
    # One product of two long matrices: the sum over K and its rows r of conj(K[r, i]) K[r, j].
    rows = operators.ndarray().reshape(-1, shape[-1]).astype(np.complex128)
    with np.errstate(over="ignore", invalid="ignore"):
        far = float(np.abs(rows.conj().T @ rows - np.eye(shape[-1])).max())
    if not far <= TOLERANCE:  # also refuses NaN
        raise InvalidProgramError(
            f"Kraus operators do not preserve the trace: the sum of K^dagger K is {far:.3g} from the "
            f"identity, and may be {TOLERANCE:g}"
        )


#: Those that were right are known, as a channel has the same ones in many alternatives.
_check_short_operators = lru_cache(maxsize=_KEPT)(_check_operators)


class _Step(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """One tagged member of the `Step` union."""


class Pauli(_Step, frozen=True, tag="pauli"):
    """A Pauli string, up to a phase. Bit i of a mask is the channel's qubit i."""

    #: The qubits with X or Y.
    x: int
    #: The qubits with Z or Y.
    z: int


class Kraus(_Step, frozen=True, tag="kraus"):
    """Operators K with sum of K^dagger K = 1; K happens with probability |K psi|^2. A single one is a unitary."""

    #: Which of the channel's qubits; the first one is the least significant bit of a row.
    places: tuple[int, ...]
    #: Shape (operators, 2^k, 2^k) over k places.
    operators: Array

    def __post_init__(self) -> None:
        width = len(self.places)
        if not 1 <= width <= MAX_KRAUS_QUBITS:
            raise InvalidProgramError(
                f"Kraus operators on {width} qubits; they may act on 1 to {MAX_KRAUS_QUBITS}: give a wider "
                "channel as a product of narrower ones, or as Pauli strings"
            )
        most, count = 1 << 2 * width, self.operators.shape[0] if self.operators.shape else 0
        if not 1 <= count <= most:
            raise InvalidProgramError(
                f"{count} Kraus operators on {width} qubits; there may be 1 to {most}, which say any channel: "
                "Qiskit's Kraus(SuperOp(channel)) has as many"
            )
        shape = (count, 1 << width, 1 << width)
        if len(self.operators.data) <= _SHORT:
            _check_short_operators(self.operators, shape)
        else:
            _check_operators(self.operators, shape)

    @property
    def is_reset(self) -> bool:
        """Whether it leaves its only qubit in |0>, whatever the state: then it is a reset."""
        return len(self.places) == 1 and not self.operators.ndarray()[:, 1].any()


Step: TypeAlias = Pauli | Kraus


class Channel(msgspec.Struct, frozen=True, array_like=True):
    """A mixture of alternatives on so many qubits."""

    num_qubits: int
    #: Of each alternative; their sum is 1.
    probabilities: tuple[float, ...]
    #: Each is done step by step; () does nothing.
    alternatives: tuple[tuple[Step, ...], ...]

    def __post_init__(self) -> None:
        if not 1 <= self.num_qubits <= MASK_BITS:
            raise InvalidProgramError(f"a channel on {self.num_qubits} qubits; there may be 1 to {MASK_BITS}")
        count = len(self.alternatives)
        if not 1 <= count <= MAX_ALTERNATIVES or len(self.probabilities) != count:
            raise InvalidProgramError(
                f"a channel of {count} alternatives and {len(self.probabilities)} probabilities; there may be 1 "
                f"to {MAX_ALTERNATIVES}, as many of the one as of the other"
            )
        check_probabilities("a channel", np.array(self.probabilities, np.float64))
        if any(len(steps) > MAX_STEPS for steps in self.alternatives):
            raise InvalidProgramError(f"an alternative of a channel has more than {MAX_STEPS} steps")
        for steps in self.alternatives:
            for step in steps:
                self._check_step(step)

    def _check_step(self, step: Step) -> None:
        """Refuse what acts on other qubits than the channel's."""
        if isinstance(step, Pauli):
            if not 0 <= min(step.x, step.z) <= max(step.x, step.z) < 1 << self.num_qubits:
                raise InvalidProgramError(
                    f"a Pauli string with masks {step.x} and {step.z} in a channel on {self.num_qubits} qubits"
                )
        elif len(set(step.places)) != len(step.places) or not set(step.places) <= set(range(self.num_qubits)):
            raise InvalidProgramError(
                f"Kraus operators at places {step.places} of a channel on {self.num_qubits} qubits"
            )


def check_probabilities(what: str, rows: NDArray[np.float64]) -> None:
    """Raise InvalidProgramError where a row of probabilities has one below 0, or does not add up to 1."""
    if not (rows >= 0).all():  # also refuses NaN
        raise InvalidProgramError(f"{what} has a probability that is negative or not a number: {rows.min()}")
    sums = rows.sum(axis=-1).reshape(-1)
    far = int(np.abs(sums - 1).argmax())
    if not math.isclose(sums[far], 1, rel_tol=0, abs_tol=TOLERANCE):
        raise InvalidProgramError(f"the probabilities of {what} add up to {sums[far]:.12g}, and must to 1")


def check_table(table: Array, num_clbits: int) -> None:
    """Raise InvalidProgramError where a table is none of so many clbits' readout."""
    (_check_short_table if len(table.data) <= _SHORT else _check_table)(table, num_clbits)


def _check_table(table: Array, num_clbits: int) -> None:
    if not 1 <= num_clbits <= MAX_READOUT_CLBITS:
        raise InvalidProgramError(f"a readout error of {num_clbits} clbits; it may have 1 to {MAX_READOUT_CLBITS}")
    if table.dtype != "f8":
        raise InvalidProgramError(f"a readout error's table of type {table.dtype!r}, which must be 'f8'")
    check_entries("a readout error's table", table, (1 << num_clbits, 1 << num_clbits))
    check_probabilities("a readout error's table", table.ndarray().astype(np.float64))


#: The same tables come at each measurement, and again at each run.
_check_short_table = lru_cache(maxsize=_KEPT)(_check_table)


def _check_doubles(what: str, array: Array, shape: tuple[int, ...]) -> None:
    if array.dtype not in _DOUBLES:
        raise InvalidProgramError(f"{what} of type {array.dtype!r}, which must be 'c16' or 'f8'")
    check_entries(what, array, shape)
