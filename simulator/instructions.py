"""What a circuit is made of, as data: gates, measurements, control flow.

Every value here is a frozen ``msgspec`` Struct, checked when it is built. Qubits and clbits are ints, counted from
0 over the whole circuit. Qubit 0 is the least significant bit of a basis state's index; clbit 0 is the least
significant bit of the classical memory. In a matrix or an amplitude vector over ``(q0, q1, ...)``, the first qubit
listed is the least significant bit of the row.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulator.errors import InvalidProgramError
from simulator.expression import Bits, Clbit, Expression, LValue, Var, parts_of, uint_of
from simulator.gates import GATES

_DTYPES: dict[str, np.dtype[Any]] = {"c16": np.dtype("<c16"), "c8": np.dtype("<c8"), "f8": np.dtype("<f8")}


class Array(msgspec.Struct, frozen=True, array_like=True):
    """An ndarray as bytes: little-endian, C order."""

    #: "c16", "c8" or "f8".
    dtype: str
    shape: tuple[int, ...]
    data: bytes

    def __post_init__(self) -> None:
        dtype = _DTYPES.get(self.dtype)
        if dtype is None:
            raise InvalidProgramError(f"array of unknown type {self.dtype!r}; known: {', '.join(_DTYPES)}")
        if any(side < 0 for side in self.shape) or math.prod(self.shape) * dtype.itemsize != len(self.data):
            raise InvalidProgramError(f"an array of {len(self.data)} bytes does not have shape {self.shape}")

    @classmethod
    def of(cls, array: NDArray[np.generic]) -> Array:
        """Copy an ndarray; any complex, real or int dtype becomes one that travels."""
        dtype = "c8" if array.dtype == np.complex64 else "c16" if np.iscomplexobj(array) else "f8"
        return cls(dtype, array.shape, np.ascontiguousarray(array, _DTYPES[dtype]).tobytes())

    def ndarray(self) -> NDArray[np.generic]:
        """Return a read-only view of the bytes, shaped."""
        return np.frombuffer(self.data, _DTYPES[self.dtype]).reshape(self.shape)


class _Node(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """One tagged member of the `Instruction` union."""


class Gate(_Node, frozen=True, tag="gate"):
    """A gate of the table `simulator.gates.GATES`, with any number of controls.

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
        spec = GATES.get(self.name)
        if spec is None:
            raise InvalidProgramError(f"unknown gate {self.name!r}")
        if (len(self.targets), len(self.params)) != (spec.num_qubits, spec.num_params):
            raise InvalidProgramError(
                f"gate {self.name!r} takes {spec.num_qubits} qubits and {spec.num_params} parameters, "
                f"not {len(self.targets)} and {len(self.params)}"
            )
        if not all(map(math.isfinite, self.params)):
            raise InvalidProgramError(f"gate {self.name!r} has a parameter that is not finite: {self.params}")
        _check_controls(self.controls, self.control_state)


class Unitary(_Node, frozen=True, tag="unitary"):
    """A dense matrix of shape (2^k, 2^k) over ``targets`` (k of them), with any number of controls."""

    matrix: Array
    targets: tuple[int, ...]
    controls: tuple[int, ...] = ()
    control_state: int | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        _check_shape("unitary", self.matrix, (1 << len(self.targets), 1 << len(self.targets)))
        _check_controls(self.controls, self.control_state)


class Diagonal(_Node, frozen=True, tag="diagonal"):
    """A diagonal of shape (2^k,) over ``targets``."""

    diagonal: Array
    targets: tuple[int, ...]

    def __post_init__(self) -> None:
        _check_shape("diagonal", self.diagonal, (1 << len(self.targets),))


class Permutation(_Node, frozen=True, tag="permutation"):
    """Qubits change places: the state of ``sources[i]`` moves to ``targets[i]``; both list the same qubits."""

    targets: tuple[int, ...]
    sources: tuple[int, ...]

    def __post_init__(self) -> None:
        if sorted(self.targets) != sorted(self.sources):
            raise InvalidProgramError(f"not a permutation: {self.sources} to {self.targets}")


class Initialize(_Node, frozen=True, tag="initialize"):
    """Reset ``targets``, then give them the amplitudes (shape (2^k,), norm 1)."""

    amplitudes: Array
    targets: tuple[int, ...]
    #: A state preparation: the targets are in |0>, so the reset changes nothing.
    fresh: bool = False

    def __post_init__(self) -> None:
        _check_shape("initialize", self.amplitudes, (1 << len(self.targets),))
        norm = float(np.linalg.norm(self.amplitudes.ndarray()))
        if not abs(norm - 1) < 1e-6:  # noqa: PLR2004 (also refuses NaN)
            raise InvalidProgramError(f"initialize is not normalized: norm {norm} != 1")


class Measure(_Node, frozen=True, tag="measure"):
    """Project a qubit on the computational basis and write the outcome to a clbit."""

    qubit: int
    clbit: int


class Reset(_Node, frozen=True, tag="reset"):
    """Measure a qubit, forget the outcome, and leave the qubit in |0>."""

    qubit: int


class Barrier(_Node, frozen=True, tag="barrier"):
    """Does nothing here; kept so that the circuit can be rebuilt."""

    qubits: tuple[int, ...]


class Delay(_Node, frozen=True, tag="delay"):
    """Does nothing here; kept so that the circuit can be rebuilt. A stretch has no duration (None)."""

    qubit: int
    duration: float | None
    unit: str


class Store(_Node, frozen=True, tag="store"):
    """Write an expression's value to a variable, a clbit, or a register."""

    target: LValue
    value: Expression


class IfElse(_Node, frozen=True, tag="if"):
    """Run one of two bodies."""

    condition: Expression
    true_body: tuple[Instruction, ...]
    false_body: tuple[Instruction, ...] = ()


class While(_Node, frozen=True, tag="while"):
    """Run the body as long as the condition holds."""

    condition: Expression
    body: tuple[Instruction, ...]


class For(_Node, frozen=True, tag="for"):
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


class Switch(_Node, frozen=True, tag="switch"):
    """Run the body of the first case that has the target's value; a case without values takes any."""

    target: Expression
    cases: tuple[Case, ...]


class Break(_Node, frozen=True, tag="break"):
    """Leave the innermost loop."""


class Continue(_Node, frozen=True, tag="continue"):
    """Go on with the innermost loop's next round."""


class Box(_Node, frozen=True, tag="box"):
    """A group of instructions; runs as they do."""

    body: tuple[Instruction, ...]


Instruction: TypeAlias = (
    Gate | Unitary | Diagonal | Permutation | Initialize | Measure | Reset | Barrier | Delay | Store
    | IfElse | While | For | Switch | Break | Continue | Box
)  # fmt: skip


def qubits_of(instruction: Instruction) -> tuple[int, ...]:
    """Return the qubits that an instruction names itself, bodies excluded; targets first, then controls."""
    if isinstance(instruction, (Gate, Unitary)):
        return instruction.targets + instruction.controls
    if isinstance(instruction, (Diagonal, Permutation, Initialize)):
        return instruction.targets
    if isinstance(instruction, (Measure, Reset, Delay)):
        return (instruction.qubit,)
    if isinstance(instruction, Barrier):
        return instruction.qubits
    return ()


def expressions_of(instruction: Instruction) -> tuple[Expression, ...]:
    """Return the expressions that an instruction holds itself, bodies excluded; what is written to among them."""
    if isinstance(instruction, (IfElse, While)):
        return (instruction.condition,)
    if isinstance(instruction, Switch):
        return (instruction.target,)
    if isinstance(instruction, Store):
        return (instruction.target, instruction.value)
    return ()


def clbits_of(instruction: Instruction) -> tuple[int, ...]:
    """Return the clbits that an instruction reads or writes itself, bodies excluded."""
    if isinstance(instruction, Measure):
        return (instruction.clbit,)
    parts = [part for expression in expressions_of(instruction) for part in parts_of(expression)]
    registers = [part.clbits for part in parts if isinstance(part, Bits)]
    return (
        *(part.clbit for part in parts if isinstance(part, Clbit)),
        *(bit for bits in registers for bit in bits),
    )


def variables_of(instruction: Instruction) -> tuple[int, ...]:
    """Return the variables that an instruction reads or writes itself, bodies excluded."""
    parts = [part for expression in expressions_of(instruction) for part in parts_of(expression)]
    looping = (instruction.variable,) if isinstance(instruction, For) and instruction.variable is not None else ()
    return (*(part.variable for part in parts if isinstance(part, Var)), *looping)


def bodies_of(instruction: Instruction) -> tuple[tuple[Instruction, ...], ...]:
    """Return the bodies of a control-flow instruction; none for any other."""
    if isinstance(instruction, IfElse):
        return (instruction.true_body, instruction.false_body)
    if isinstance(instruction, (While, Box)):
        return (instruction.body,)
    if isinstance(instruction, For):
        return instruction.bodies
    if isinstance(instruction, Switch):
        return tuple(case.body for case in instruction.cases)
    return ()


def walk(instructions: tuple[Instruction, ...]) -> Iterator[Instruction]:
    """Yield every instruction, those in bodies after the one that holds them."""
    rest = list(reversed(instructions))
    while rest:
        instruction = rest.pop()
        yield instruction
        for body in reversed(bodies_of(instruction)):
            rest.extend(reversed(body))


def nesting(instructions: tuple[Instruction, ...]) -> int:
    """Return how deep bodies lie in bodies."""
    depth, level = 0, instructions
    while True:
        holding = [
            instruction for instruction in level if isinstance(instruction, (IfElse, While, For, Switch, Box))
        ]
        if not holding:
            return depth
        depth += 1
        level = tuple(inner for outer in holding for body in bodies_of(outer) for inner in body)


def _check_shape(what: str, array: Array, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise InvalidProgramError(f"{what} has shape {array.shape}; its qubits ask for {shape}")
    if not np.isfinite(array.ndarray()).all():
        raise InvalidProgramError(f"{what} has entries that are not finite")


def _check_controls(controls: tuple[int, ...], control_state: int | None) -> None:
    if control_state is not None and not 0 <= control_state < 1 << len(controls):
        raise InvalidProgramError(f"control state {control_state} of {len(controls)} controls")
