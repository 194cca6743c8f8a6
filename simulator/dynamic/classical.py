"""What an expression is worth, and what a Store writes.

Values are Python's: bool, int (a Uint), float, and `Length` (a Duration). An unsigned integer wraps around at the
width of its type, a shift by the width or more gives 0, and an unsigned division rounds down. ``logic_and`` and
``logic_or`` do not look at their right side where the left one decides.
"""

from __future__ import annotations

import math
import operator
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.circuit import expression as ex
from simulator.circuit.program import Variable
from simulator.errors import InvalidProgramError, ProgramRuntimeError

#: Clbits up to which a register's value is put together bit by bit.
_NARROW = 64


@dataclass(frozen=True, slots=True, order=True)
class Length:
    """A length of time. Its operators take lengths of its own unit; `evaluate` sees to that."""

    amount: float
    #: "s" or "dt".
    unit: str

    def __add__(self, other: Length) -> Length:
        return replace(self, amount=self.amount + other.amount)

    def __sub__(self, other: Length) -> Length:
        return replace(self, amount=self.amount - other.amount)

    def __mul__(self, factor: float) -> Length:
        return replace(self, amount=self.amount * factor)

    __rmul__ = __mul__

    def __truediv__(self, other: Length | float) -> Length | float:
        if isinstance(other, Length):
            return self.amount / other.amount
        return replace(self, amount=self.amount / other)

    def __neg__(self) -> Length:
        return replace(self, amount=-self.amount)


Value: TypeAlias = bool | int | float | Length


@dataclass(frozen=True, slots=True)
class Classical:
    """All that is classical about a run: the clbits and the variables."""

    #: Clbit 0 is the least significant bit.
    memory: int
    #: None: not stored yet.
    variables: tuple[Value | None, ...]

    def with_clbit(self, clbit: int, value: object) -> Classical:
        """Return it with one clbit written."""
        return Classical(_with_bit(self.memory, clbit, value), self.variables)

    def with_variable(self, variable: int, value: Value | None) -> Classical:
        """Return it with one variable written."""
        before, after = self.variables[:variable], self.variables[variable + 1 :]
        return Classical(self.memory, (*before, value, *after))


@dataclass(frozen=True, slots=True)
class Evaluator:
    """Reads and writes a classical state by expressions over the declared variables."""

    declared: tuple[Variable, ...]

    def value(self, node: ex.Expression, state: Classical) -> Any:  # noqa: PLR0911 (one return a kind of node)
        """Return an expression's `Value`; `ProgramRuntimeError` where it has none."""
        match node:
            case ex.Clbit(clbit=clbit):
                return bool(state.memory >> clbit & 1)
            case ex.Bits(clbits=clbits):
                return _gathered(state.memory, clbits)
            case ex.Var(variable=variable):
                return self._stored(variable, state)
            case ex.Constant():
                return _constant(node)
            case ex.Cast(type=type_, operand=operand):
                return _cast(self.value(operand, state), type_)
            case ex.Unary(op=op, type=type_, operand=operand):
                return _wrapped(_UNARY[op](self.value(operand, state)), type_)
            case ex.Binary():
                return self._binary(node, state)
            case ex.Index(target=ex.Bits(clbits=clbits)):
                return bool(state.memory >> clbits[self._bit_index(node, state)] & 1)
            case ex.Index(target=target):
                return bool(self.value(target, state) >> self._bit_index(node, state) & 1)

    def assigned(self, target: ex.LValue, value: Any, state: Classical) -> Classical:
        """Return the classical state after a Store of the value."""
        match target:
            case ex.Clbit(clbit=clbit):
                return state.with_clbit(clbit, value)
            case ex.Bits(clbits=clbits):
                return Classical(_spread(state.memory, clbits, int(value)), state.variables)
            case ex.Var(variable=variable):
                return state.with_variable(variable, value)
            case ex.Index(target=ex.Bits(clbits=clbits)):
                return state.with_clbit(clbits[self._bit_index(target, state)], value)
            case ex.Index(target=ex.Var(variable=variable)):
                bit = self._bit_index(target, state)
                return state.with_variable(variable, _with_bit(self._stored(variable, state), bit, value))
            case _:
                raise InvalidProgramError(f"nothing can be written to {target}")

    def with_int(self, variable: int, value: int | None, state: Classical) -> Classical:
        """Return the classical state after an integer, cut to the variable's width, is written; None: unset."""
        wrapped = None if value is None else _wrapped(value, self.declared[variable].type)
        return state.with_variable(variable, wrapped)

    def _stored(self, variable: int, state: Classical) -> Any:
        value = state.variables[variable]
        if value is None:
            name = self.declared[variable].name
            raise ProgramRuntimeError(f'variable "{name}" is read before anything is stored in it')
        return value

    def _binary(self, node: ex.Binary, state: Classical) -> Any:
        left = self.value(node.left, state)
        if node.op in _DECIDED_BY and left == _DECIDED_BY[node.op]:
            return left
        right = self.value(node.right, state)
        if isinstance(left, Length) and isinstance(right, Length) and left.unit != right.unit:
            raise ProgramRuntimeError(
                f"{node.op} of durations in {left.unit!r} and {right.unit!r}: a simulator does not know how long "
                "a dt is; give both in one unit"
            )
        try:
            return _wrapped(_BINARY[node.op](left, right), node.type)
        except ZeroDivisionError:
            raise ProgramRuntimeError(f"division by zero: {_shown(left)} / {_shown(right)}") from None
        except OverflowError:
            raise ProgramRuntimeError(f"{node.op}: an integer that is too large for a float") from None

    def _bit_index(self, node: ex.Index, state: Classical) -> int:
        bit, width = self.value(node.index, state), self._width(node.target)
        if bit >= width:
            raise ProgramRuntimeError(f"bit {bit} of an unsigned integer of {width} bits")
        return int(bit)

    def _width(self, node: ex.Expression) -> int:
        match node:
            case ex.Bits(clbits=clbits):
                return len(clbits)
            case ex.Var(variable=variable):
                type_: ex.Type = self.declared[variable].type
            case ex.Constant() | ex.Cast() | ex.Unary() | ex.Binary():
                type_ = node.type
            case _:
                type_ = ex.Bool()
        if not isinstance(type_, ex.Uint):
            raise InvalidProgramError(f"only an unsigned integer has bits, not {node}")
        return type_.width


def _constant(node: ex.Constant) -> Value:
    if isinstance(node.value, str):
        return ex.uint_of(node.value)
    return Length(node.value, node.unit) if node.unit else node.value


def _cast(value: Any, type_: ex.Type) -> Any:
    """Return a value as another type: an integer is cut to the width, a float is cut to an integer."""
    if isinstance(type_, ex.Duration) != isinstance(value, Length):
        raise InvalidProgramError(f"{_shown(value)} cannot be cast to {type_}")
    match type_:
        case ex.Bool():
            return value != 0
        case ex.Uint() if isinstance(value, float) and not 0 <= value < math.inf:
            raise ProgramRuntimeError(f"{value} cannot become an unsigned integer")
        case ex.Uint():
            return _wrapped(int(value), type_)
        case ex.Float() if isinstance(value, int) and value.bit_length() >= sys.float_info.max_exp:
            raise ProgramRuntimeError(f"an integer of {value.bit_length()} bits is too large for a float")
        case ex.Float():
            return float(value)
        case _:
            return value


def _wrapped(value: Any, type_: ex.Type) -> Any:
    """Return a value cut to its type's width; an integer of another type has none, and would grow for ever."""
    if isinstance(type_, ex.Uint):
        return value & (1 << type_.width) - 1
    if type(value) is int:
        raise InvalidProgramError(f"an integer where the program says {type_}")
    return value


def _with_bit(bits: int, bit: int, value: object) -> int:
    return bits | 1 << bit if value else bits & ~(1 << bit)


def _gathered(memory: int, clbits: tuple[int, ...]) -> int:
    """Return the int whose bit i is clbit ``clbits[i]``, in time that grows with their number."""
    if len(clbits) <= _NARROW:
        return sum((memory >> clbit & 1) << bit for bit, clbit in enumerate(clbits))
    indices = np.fromiter(clbits, np.intp, len(clbits))
    return _int_of(_bits_of(memory, int(indices.max()) + 1)[indices])


def _spread(memory: int, clbits: tuple[int, ...], value: int) -> int:
    """Return the memory with bit i of the value at clbit ``clbits[i]``, the last of those that come twice."""
    if len(clbits) <= _NARROW:
        for bit, clbit in enumerate(clbits):
            memory = _with_bit(memory, clbit, value >> bit & 1)
        return memory
    indices = np.fromiter(clbits, np.intp, len(clbits))
    bits = _bits_of(memory, max(memory.bit_length(), int(indices.max()) + 1))
    bits[indices] = _bits_of(value, len(clbits))
    return _int_of(bits)


def _bits_of(number: int, count: int) -> NDArray[np.uint8]:
    """Return so many of the lowest bits, the least significant first."""
    data = (number & (1 << count) - 1).to_bytes(-(-count // 8), "little")
    return np.unpackbits(np.frombuffer(data, np.uint8), count=count, bitorder="little")


def _int_of(bits: NDArray[np.uint8]) -> int:
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")


def _shown(value: Value) -> str:
    if isinstance(value, Length):
        return f"{value.amount} {value.unit}"
    # An integer may have a million bits, which Python refuses to write in decimal and nobody would read.
    return f"an integer of {value.bit_length()} bits" if type(value) is int and value >> 64 else str(value)


def _shift_left(value: int, distance: int) -> int:
    """Shift, but not so far that the int would fill the memory before it wraps around."""
    return value << distance if distance <= ex.MAX_WIDTH else 0


def _divided(left: Any, right: Any) -> Any:
    return left // right if isinstance(left, int) else left / right


_UNARY: Mapping[str, Callable[[Any], Any]] = MappingProxyType(
    {
        "bit_not": lambda value: not value if isinstance(value, bool) else ~value,
        "logic_not": operator.not_,
        "negate": operator.neg,
    }
)
_BINARY: Mapping[str, Callable[[Any, Any], Any]] = MappingProxyType(
    {
        "bit_and": operator.and_,
        "bit_or": operator.or_,
        "bit_xor": operator.xor,
        "logic_and": lambda left, right: left and right,
        "logic_or": lambda left, right: left or right,
        "equal": operator.eq,
        "not_equal": operator.ne,
        "less": operator.lt,
        "less_equal": operator.le,
        "greater": operator.gt,
        "greater_equal": operator.ge,
        "shift_left": _shift_left,
        "shift_right": operator.rshift,
        "add": operator.add,
        "sub": operator.sub,
        "mul": operator.mul,
        "div": _divided,
    }
)
#: The left operand that makes the right one not matter.
_DECIDED_BY: Mapping[str, bool] = MappingProxyType({"logic_and": False, "logic_or": True})
