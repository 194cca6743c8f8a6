"""What a circuit is made of, as data: gates, measurements, control flow.

Every value here is a frozen ``msgspec`` Struct, checked when it is built. Qubits and clbits are ints, counted from
0 over the whole circuit. Qubit 0 is the least significant bit of a basis state's index; clbit 0 is the least
significant bit of the classical memory. In a matrix or an amplitude vector over ``(q0, q1, ...)``, the first qubit
listed is the least significant bit of the row.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from types import MappingProxyType
from typing import Any, TypeAlias, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulator.errors import InvalidProgramError
from simulator.expression import Bits, Clbit, Expression, LValue, Var, parts_of, uint_of
from simulator.gates import GATES, pauli_letters

#: Name of a gate -> how many qubits and parameters it takes.
_TAKES = {name: (spec.num_qubits, spec.num_params) for name, spec in GATES.items()}
_DTYPES: dict[str, np.dtype[Any]] = {
    name: np.dtype(f"<{name}") for name in ("c16", "c8", "f8", "u1", "u2", "u4", "u8")
}


class Array(msgspec.Struct, frozen=True, array_like=True):
    """An ndarray as bytes: little-endian, C order."""

    #: "c16", "c8", "f8", or for counts "u1", "u2", "u4" or "u8".
    dtype: str
    shape: tuple[int, ...]
    data: bytes

    def __post_init__(self) -> None:
        dtype = _DTYPES.get(self.dtype)
        if dtype is None:
            raise InvalidProgramError(f"array of unknown type {self.dtype!r}; known: {', '.join(_DTYPES)}")
        if min(self.shape, default=0) < 0 or math.prod(self.shape) * dtype.itemsize != len(self.data):
            raise InvalidProgramError(f"an array of {len(self.data)} bytes does not have shape {self.shape}")

    @classmethod
    def of(cls, array: NDArray[np.generic]) -> Array:
        """Copy an ndarray; any complex, real or int dtype becomes one that travels."""
        if array.dtype == _DTYPES["c16"]:
            return cls("c16", array.shape, array.tobytes())
        dtype = "f8" if array.dtype.kind != "c" else "c8" if array.dtype == np.complex64 else "c16"
        return cls(dtype, array.shape, np.ascontiguousarray(array, _DTYPES[dtype]).tobytes())

    @classmethod
    def counting(cls, numbers: NDArray[np.integer[Any]]) -> Array:
        """Copy whole numbers of at least 0, in the smallest type that holds them."""
        dtype = np.min_scalar_type(int(numbers.max(initial=0))).newbyteorder("<")
        return cls(dtype.str[1:], numbers.shape, numbers.astype(dtype).tobytes())

    @classmethod
    def over(cls, array: NDArray[np.complexfloating]) -> Array:
        """Refer to a complex ndarray, which nobody may change any more; no copy where it lies as it travels."""
        dtype = "c8" if array.dtype == np.complex64 else "c16"
        data = np.ascontiguousarray(array, _DTYPES[dtype]).reshape(-1).view(np.uint8).data
        # A view of bytes travels, compares and is read as bytes are.
        return cls(dtype, array.shape, cast("bytes", data.toreadonly()))

    def ndarray(self) -> NDArray[np.generic]:
        """Return a read-only view of the bytes, shaped."""
        return np.frombuffer(self.data, _DTYPES[self.dtype]).reshape(self.shape)


class _Node(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """One tagged member of the `Instruction` union."""


# Names and numbers only, so never in a cycle: the garbage collector need not know of each.
class Gate(_Node, frozen=True, tag="gate", gc=False):
    """A gate of `simulator.gates`, with any number of controls, but for rotations about Pauli strings.

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


class Unitary(_Node, frozen=True, tag="unitary"):
    """A dense matrix of shape (2^k, 2^k) over ``targets`` (k of them), with any number of controls."""

    matrix: Array
    targets: tuple[int, ...]
    controls: tuple[int, ...] = ()
    control_state: int | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        _check_shape("unitary", self.matrix, (1 << len(self.targets), 1 << len(self.targets)))
        if self.control_state is not None:
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
        # Of any bytes that a message may hold: the norm of what is huge is infinite.
        with np.errstate(over="ignore", invalid="ignore"):
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
    if type(instruction) is Gate:  # by far the most frequent
        return instruction.targets + instruction.controls
    return _QUBITS.get(type(instruction), _none)(instruction)


def expressions_of(instruction: Instruction) -> tuple[Expression, ...]:
    """Return the expressions that an instruction holds itself, bodies excluded; what is written to among them."""
    return _EXPRESSIONS.get(type(instruction), _none)(instruction)


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
    if type(instruction) is For:
        return () if instruction.variable is None else (instruction.variable,)
    parts = [part for expression in expressions_of(instruction) for part in parts_of(expression)]
    return tuple([part.variable for part in parts if isinstance(part, Var)])


def bodies_of(instruction: Instruction) -> tuple[tuple[Instruction, ...], ...]:
    """Return the bodies of a control-flow instruction; none for any other."""
    return _BODIES.get(type(instruction), _none)(instruction)


def walk(instructions: Sequence[Instruction]) -> Iterator[Instruction]:
    """Return an iterator over every instruction, those in bodies after the one that holds them."""
    return _walk_bodies(instructions) if _any_bodies(instructions) else iter(instructions)


def nesting(instructions: Sequence[Instruction]) -> int:
    """Return how deep bodies lie in bodies."""
    depth, level = 0, instructions
    while _any_bodies(level):
        depth += 1
        level = [inner for outer in level for body in bodies_of(outer) for inner in body]
    return depth


def _walk_bodies(instructions: Sequence[Instruction]) -> Iterator[Instruction]:
    rest = list(reversed(instructions))
    while rest:
        instruction = rest.pop()
        yield instruction
        for body in reversed(bodies_of(instruction)):
            rest.extend(reversed(body))


def _any_bodies(instructions: Sequence[Instruction]) -> bool:
    """Whether any is a control-flow instruction; asked of every program, most of which have none."""
    return not _BODIES.keys().isdisjoint(map(type, instructions))


def _check_shape(what: str, array: Array, shape: tuple[int, ...]) -> None:
    if array.shape != shape:
        raise InvalidProgramError(f"{what} has shape {array.shape}; its qubits ask for {shape}")
    entries = np.frombuffer(array.data, _DTYPES[array.dtype])
    # Counted, since `all` takes several times as long of a matrix as small as most are.
    if np.count_nonzero(np.isfinite(entries)) != entries.size:
        raise InvalidProgramError(f"{what} has entries that are not finite")


def _check_controls(controls: tuple[int, ...], control_state: int) -> None:
    if not 0 <= control_state < 1 << len(controls):
        raise InvalidProgramError(f"control state {control_state} of {len(controls)} controls")


def _none(_: Instruction) -> tuple[()]:
    return ()


# By exact class, one look-up each: an `isinstance` of a Struct that is not the first one asked for is slow.
_QUBITS: Mapping[type, Callable[[Any], tuple[int, ...]]] = MappingProxyType(
    {
        Unitary: lambda unitary: unitary.targets + unitary.controls,
        Diagonal: attrgetter("targets"),
        Permutation: attrgetter("targets"),
        Initialize: attrgetter("targets"),
        Measure: lambda measure: (measure.qubit,),
        Reset: lambda reset: (reset.qubit,),
        Delay: lambda delay: (delay.qubit,),
        Barrier: attrgetter("qubits"),
    }
)
_EXPRESSIONS: Mapping[type, Callable[[Any], tuple[Expression, ...]]] = MappingProxyType(
    {
        IfElse: lambda branch: (branch.condition,),
        While: lambda loop: (loop.condition,),
        Switch: lambda switch: (switch.target,),
        Store: attrgetter("target", "value"),
    }
)
_BODIES: Mapping[type, Callable[[Any], tuple[tuple[Instruction, ...], ...]]] = MappingProxyType(
    {
        IfElse: attrgetter("true_body", "false_body"),
        While: lambda loop: (loop.body,),
        For: attrgetter("bodies"),
        Switch: lambda switch: tuple(case.body for case in switch.cases),
        Box: lambda box: (box.body,),
    }
)
#: What may name clbits or variables, besides in bodies.
CLASSICAL = frozenset({Measure, For, *_EXPRESSIONS})
