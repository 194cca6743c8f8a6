"""What a circuit is made of, as data: gates, measurements, control flow.

Every value here is a frozen ``msgspec`` Struct, checked when it is built. Qubits and clbits are ints, counted from
0 over the whole circuit. Qubit 0 is the least significant bit of a basis state's index; clbit 0 is the least
significant bit of the classical memory. In a matrix or an amplitude vector over ``(q0, q1, ...)``, the first qubit
listed is the least significant bit of the row.
"""

from __future__ import annotations

import math
from typing import TypeAlias

import msgspec
import numpy as np

from simulator.circuit.array import Array, check_entries
from simulator.circuit.channel import check_table
from simulator.circuit.expression import Expression, LValue, uint_of
from simulator.circuit.gates import GATES, pauli_letters
from simulator.circuit.pauli_sum import PauliSum, check_qubits
from simulator.circuit.saved import SUMS_OF, Saved
from simulator.errors import InvalidProgramError

#: Characters of a save's key.
MAX_KEY = 1000
#: Name of a gate -> how many qubits and parameters it takes.
_TAKES = {name: (spec.num_qubits, spec.num_params) for name, spec in GATES.items()}


class _Instruction(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """One tagged member of the `Instruction` union."""


# Names and numbers only, so never in a cycle: the garbage collector need not know of each.
class Gate(_Instruction, frozen=True, tag="gate", gc=False):
    """A gate of `simulator.circuit.gates`, with any number of controls, but for rotations about Pauli strings.

    ``targets`` has the table's ``num_qubits``; a ``global_phase`` has none, so under controls it is a
    multi-controlled phase.
    """

    name: str
    targets: tuple[int, ...] = ()
    params: tuple[float, ...] = ()
    controls: tuple[int, ...] = ()
    #: Bit i is the value that ``controls[i]`` must have; None: all ones.
    control_state: int | None = None

    def __post_init__(self) -> None:
        # Of every gate of every program, on both sides of the wire: each line here costs.
        takes, params = _TAKES.get(self.name), self.params
        if takes is None:
            takes = self._rotation_takes()
        if takes != (len(self.targets), len(params)):
            if takes is None:
                raise InvalidProgramError(f"unknown gate {self.name!r}")
            raise InvalidProgramError(
                f"gate {self.name!r} takes {takes[0]} qubits and {takes[1]} parameters, "
                f"not {len(self.targets)} and {len(params)}"
            )
        for param in params:
            if not math.isfinite(param):
                raise InvalidProgramError(f"gate {self.name!r} has a parameter that is not finite: {params}")
        if self.control_state is not None:
            _check_controls(self.controls, self.control_state)

    def _rotation_takes(self) -> tuple[int, int] | None:
        letters = pauli_letters(self.name)
        if letters and self.controls:
            raise InvalidProgramError(f"gate {self.name!r} takes no controls")
        return (len(letters), 1) if letters else None


class Unitary(_Instruction, frozen=True, tag="unitary"):
    """A dense matrix of shape (2^k, 2^k) over ``targets`` (k of them), with any number of controls."""

    matrix: Array
    targets: tuple[int, ...]
    controls: tuple[int, ...] = ()
    control_state: int | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        check_entries("unitary", self.matrix, (1 << len(self.targets), 1 << len(self.targets)))
        if self.control_state is not None:
            _check_controls(self.controls, self.control_state)


class Diagonal(_Instruction, frozen=True, tag="diagonal"):
    """A diagonal of shape (2^k,) over ``targets``."""

    diagonal: Array
    targets: tuple[int, ...]

    def __post_init__(self) -> None:
        check_entries("diagonal", self.diagonal, (1 << len(self.targets),))


class Permutation(_Instruction, frozen=True, tag="permutation"):
    """Qubits change places: the state of ``sources[i]`` moves to ``targets[i]``; both list the same qubits."""

    targets: tuple[int, ...]
    sources: tuple[int, ...]

    def __post_init__(self) -> None:
        if sorted(self.targets) != sorted(self.sources):
            raise InvalidProgramError(f"not a permutation: {self.sources} to {self.targets}")


class Initialize(_Instruction, frozen=True, tag="initialize"):
    """Reset ``targets``, then give them the amplitudes (shape (2^k,), norm 1)."""

    amplitudes: Array
    targets: tuple[int, ...]
    #: Whether the targets are in |0>, so that the reset changes nothing.
    is_preparation: bool = False

    def __post_init__(self) -> None:
        check_entries("initialize", self.amplitudes, (1 << len(self.targets),))
        # Of any bytes that a message may hold: the norm of what is huge is infinite.
        with np.errstate(over="ignore", invalid="ignore"):
            norm = float(np.linalg.norm(self.amplitudes.ndarray()))
        if not abs(norm - 1) < 1e-6:  # noqa: PLR2004 (also refuses NaN)
            raise InvalidProgramError(f"initialize is not normalized: norm {norm} != 1")


class Measure(_Instruction, frozen=True, tag="measure"):
    """Project a qubit on the computational basis and write the outcome to a clbit."""

    qubit: int
    clbit: int


class Reset(_Instruction, frozen=True, tag="reset"):
    """Measure a qubit, forget the outcome, and leave the qubit in |0>."""

    qubit: int


class Noise(_Instruction, frozen=True, tag="noise"):
    """Apply a channel of `Program.channels`, by its index; its first qubit is the first one listed."""

    channel: int
    qubits: tuple[int, ...]


class Readout(_Instruction, frozen=True, tag="readout"):
    """Replace the values of some clbits, as measurements have just written them, by those that are read."""

    clbits: tuple[int, ...]
    #: ``table[true][read]`` is the probability, shape (2^k, 2^k): bit i of an index is ``clbits[i]``.
    table: Array

    def __post_init__(self) -> None:
        check_table(self.table, len(self.clbits))
        if len(set(self.clbits)) != len(self.clbits):
            raise InvalidProgramError(f"a readout error names a clbit twice: {self.clbits}")


class Barrier(_Instruction, frozen=True, tag="barrier"):
    """Does nothing here; kept so that the circuit can be rebuilt."""

    qubits: tuple[int, ...]


class Delay(_Instruction, frozen=True, tag="delay"):
    """Does nothing here; kept so that the circuit can be rebuilt. A stretch has no duration (None)."""

    qubit: int
    duration: float | None
    unit: str


class Save(_Instruction, frozen=True, tag="save"):
    """Keep something of the state, under a key of the result: as a mean over shots, but for a statevector.

    A statevector is that of the first shot that comes by. Bit i of an index, and of a mask, is ``qubits[i]``.
    """

    what: Saved
    key: str
    qubits: tuple[int, ...]
    #: Of "expectation_value": the observable. Of "expectation_value_variance": it, and its square.
    sums: tuple[PauliSum, ...] = ()
    #: For each qubit, the clbits that its measurement writes, where probabilities are of these.
    clbits: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        check_qubits(self.sums, len(self.qubits))
        if len(self.sums) != SUMS_OF.get(self.what, 0):
            raise InvalidProgramError(f"a save of {self.what!r} with {len(self.sums)} observables")
        if len(self.key) > MAX_KEY:
            raise InvalidProgramError(
                f"the key {self.key[:40]!r}... of a save has {len(self.key)} characters, and may have {MAX_KEY}"
            )
        if len(self.clbits) not in {0, len(self.qubits)}:
            raise InvalidProgramError(f"a save of {len(self.qubits)} qubits, {len(self.clbits)} of them measured")


class Store(_Instruction, frozen=True, tag="store"):
    """Write an expression's value to a variable, a clbit, or a register."""

    target: LValue
    value: Expression


class IfElse(_Instruction, frozen=True, tag="if"):
    """Run one of two bodies."""

    condition: Expression
    true_body: tuple[Instruction, ...]
    false_body: tuple[Instruction, ...] = ()


class While(_Instruction, frozen=True, tag="while"):
    """Run the body as long as the condition holds."""

    condition: Expression
    body: tuple[Instruction, ...]


class For(_Instruction, frozen=True, tag="for"):
    """Run a body once per index, in order.

    ``indices`` is a tuple of ints or ``Range``. With one body, it serves every index; with more (a loop
    parameter that the gates use, bound at lowering), body i belongs to the i-th index.
    """

    indices: Range | tuple[int, ...]
    bodies: tuple[tuple[Instruction, ...], ...]
    #: The variable that holds the index, if the loop has one.
    variable: int | None = None

    def __post_init__(self) -> None:
        count = len(self.indices.ints() if isinstance(self.indices, Range) else self.indices)
        if len(self.bodies) not in {1, count}:
            raise InvalidProgramError(f"a for loop of {count} indices cannot have {len(self.bodies)} bodies")


# Not array-like as the others: that is how msgspec tells it from a tuple of ints.
class Range(msgspec.Struct, frozen=True):
    """The ints of Python's ``range(start, stop, step)``."""

    start: int
    stop: int
    step: int = 1

    def __post_init__(self) -> None:
        if self.step == 0:
            raise InvalidProgramError("a range cannot have step 0")

    def ints(self) -> range:
        """Return it as Python's range."""
        return range(self.start, self.stop, self.step)


class Case(msgspec.Struct, frozen=True, array_like=True):
    """One body of a `Switch`. No values: the default."""

    #: Hex strings, since a register may be wider than an int of msgpack ("0x9").
    values: tuple[str, ...]
    body: tuple[Instruction, ...]

    def __post_init__(self) -> None:
        for value in self.values:
            uint_of(value)


class Switch(_Instruction, frozen=True, tag="switch"):
    """Run the body of the first case that has the target's value; a case without values takes any."""

    target: Expression
    cases: tuple[Case, ...]


class Break(_Instruction, frozen=True, tag="break"):
    """Leave the innermost loop."""


class Continue(_Instruction, frozen=True, tag="continue"):
    """Go on with the innermost loop's next round."""


class Box(_Instruction, frozen=True, tag="box"):
    """A group of instructions; runs as they do."""

    body: tuple[Instruction, ...]


Instruction: TypeAlias = (
    Gate | Unitary | Diagonal | Permutation | Initialize | Measure | Reset | Noise | Readout | Barrier | Delay
    | Save | Store | IfElse | While | For | Switch | Break | Continue | Box
)  # fmt: skip


def _check_controls(controls: tuple[int, ...], control_state: int) -> None:
    if not 0 <= control_state < 1 << len(controls):
        raise InvalidProgramError(f"control state {control_state} of {len(controls)} controls")
