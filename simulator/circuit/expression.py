"""Classical expressions and variables: the typed tree of `qiskit.circuit.classical.expr`, as data.

Values at run time are Python's: bool, int (a Uint), float, and `Duration` as a pair. An integer wraps around at
the width of its type.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal, TypeAlias

import msgspec

from simulator.errors import InvalidProgramError

#: Bits that an unsigned integer may have.
MAX_WIDTH = 1 << 20


class _Expression(msgspec.Struct, frozen=True, array_like=True, tag_field="kind"):
    """One tagged member of the `Expression` or `Type` union."""


class Bool(_Expression, frozen=True, tag="bool"):
    """True or false; a clbit is one."""


class Uint(_Expression, frozen=True, tag="uint"):
    """An unsigned integer of ``width`` bits; a register is one."""

    width: int

    def __post_init__(self) -> None:
        if not 1 <= self.width <= MAX_WIDTH:
            raise InvalidProgramError(f"an unsigned integer of {self.width} bits; there may be 1 to {MAX_WIDTH}")


class Float(_Expression, frozen=True, tag="float"):
    """A double."""


class Duration(_Expression, frozen=True, tag="duration"):
    """A length of time, in seconds or in the backend's dt; the two do not compare."""


Type: TypeAlias = Bool | Uint | Float | Duration


class Clbit(_Expression, frozen=True, tag="clbit"):
    """The value of one clbit."""

    clbit: int


class Bits(_Expression, frozen=True, tag="bits"):
    """A register's value: the first clbit listed is the least significant."""

    clbits: tuple[int, ...]


class Var(_Expression, frozen=True, tag="var"):
    """The variable at this place of `Program.variables`."""

    variable: int


class Constant(_Expression, frozen=True, tag="literal"):
    """A constant."""

    type: Type
    #: A bool, a float (a Float or a Duration's length), or a Uint in hex, which may be wide ("0x9").
    value: bool | float | str
    #: Of a Duration: "s" or "dt".
    unit: Literal["s", "dt"] | None = None

    def __post_init__(self) -> None:
        if not self._fits():
            raise InvalidProgramError(f"a constant {self.value!r} ({self.unit}) is not of type {self.type}")

    def _fits(self) -> bool:
        if isinstance(self.type, Bool):
            return isinstance(self.value, bool)
        if isinstance(self.type, Uint):
            return isinstance(self.value, str) and uint_of(self.value) >> self.type.width == 0
        return type(self.value) is float and (self.unit is not None) == isinstance(self.type, Duration)


class Cast(_Expression, frozen=True, tag="cast"):
    """The operand's value as another type."""

    type: Type
    operand: Expression


class Unary(_Expression, frozen=True, tag="unary"):
    """One operator, one operand; the names are those of Qiskit's ``Unary.Op``, in lower case."""

    op: Literal["bit_not", "logic_not", "negate"]
    type: Type
    operand: Expression


class Binary(_Expression, frozen=True, tag="binary"):
    """One operator, two operands; the names are those of Qiskit's ``Binary.Op``, in lower case."""

    op: Literal[
        "bit_and", "bit_or", "bit_xor", "logic_and", "logic_or", "equal", "not_equal", "less", "less_equal",
        "greater", "greater_equal", "shift_left", "shift_right", "add", "sub", "mul", "div",
    ]  # fmt: skip
    type: Type
    left: Expression
    right: Expression


class Index(_Expression, frozen=True, tag="index"):
    """One bit of an unsigned integer."""

    target: Expression
    index: Expression


Expression: TypeAlias = Clbit | Bits | Var | Constant | Cast | Unary | Binary | Index
#: What a Store may write to.
LValue: TypeAlias = Clbit | Bits | Var | Index


def uint_of(text: str) -> int:
    """Return the unsigned integer of a hex string, as "0x9"."""
    try:
        value = int(text, 16)
    except ValueError:
        value = -1
    if value < 0:
        raise InvalidProgramError(f"{text[:40]!r} is not an unsigned integer in hex")
    return value


def parts_of(expression: Expression) -> Iterator[Expression]:
    """Yield an expression and everything in it."""
    # A stack, not a recursion: a tree may be as deep as the decoder lets it.
    rest = [expression]
    while rest:
        part = rest.pop()
        yield part
        rest.extend(reversed(_operands_of(part)))


def _operands_of(expression: Expression) -> tuple[Expression, ...]:
    if isinstance(expression, (Cast, Unary)):
        return (expression.operand,)
    if isinstance(expression, Binary):
        return (expression.left, expression.right)
    if isinstance(expression, Index):
        return (expression.target, expression.index)
    return ()
