"""Expressions and stores, by value."""

from __future__ import annotations

import math
import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulator.circuit.expression import (
    Binary,
    Bits,
    Bool,
    Cast,
    Clbit,
    Constant,
    Duration,
    Expression,
    Float,
    Index,
    LValue,
    Type,
    Uint,
    Unary,
    Var,
)
from simulator.circuit.program import Variable
from simulator.dynamic.classical import Classical, Evaluator, Length, Value
from simulator.errors import InvalidProgramError, ProgramRuntimeError

DECLARED = (Variable("a", Uint(8)), Variable("b", Bool()), Variable("unset", Float()))
STATE = Classical(0b1011, (0xA5, True, None))
EVALUATOR = Evaluator(DECLARED)


def uint(value: int, width: int = 8) -> Constant:
    return Constant(Uint(width), hex(value))


def number(value: float) -> Constant:
    return Constant(Float(), value)


def length(amount: float, unit: str = "s") -> Constant:
    return Constant(Duration(), amount, unit)


def value(expression: Expression) -> Value:
    return EVALUATOR.value(expression, STATE)


def stored(target: LValue, new: Value) -> Classical:
    return EVALUATOR.assigned(target, new, STATE)


@pytest.mark.rule(30)
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (Clbit(0), True),
        (Clbit(2), False),
        (Bits((3, 2, 0)), 0b101),
        (Var(0), 0xA5),
        (Var(1), True),
        (uint(2**100, 101), 2**100),
        (length(1.5, "dt"), Length(1.5, "dt")),
        (Index(Var(0), uint(2)), True),
        (Index(Bits((0, 2)), uint(1, 1)), False),
        (Unary("bit_not", Uint(8), uint(5)), 250),
        (Unary("bit_not", Bool(), Clbit(0)), False),
        (Unary("logic_not", Bool(), Clbit(2)), True),
        (Unary("negate", Float(), number(2.5)), -2.5),
        (Unary("negate", Duration(), length(2.5)), Length(-2.5, "s")),
    ],
)
def test_values(expression: Expression, expected: Value) -> None:
    """Clbits, registers, variables, constants, bits and the unary operators."""
    assert value(expression) == expected
    assert type(value(expression)) is type(expected)


@pytest.mark.rule(30)
@pytest.mark.parametrize(
    ("type_", "operand", "expected"),
    [
        (Uint(4), uint(0xAB), 0xB),
        (Uint(16), uint(0xAB), 0xAB),
        (Bool(), uint(0), False),
        (Bool(), uint(2), True),
        (Uint(4), Clbit(0), 1),
        (Float(), uint(3), 3.0),
        (Float(), Clbit(0), 1.0),
        (Uint(8), number(3.99), 3),
        (Uint(8), number(259.0), 3),
        (Bool(), number(0.1), True),
        (Bool(), number(-0.0), False),
        (Duration(), length(1.0), Length(1.0, "s")),
    ],
)
def test_casts(type_: Type, operand: Expression, expected: Value) -> None:
    """Integers are cut to the width, floats toward zero, and anything but 0 is true."""
    assert value(Cast(type_, operand)) == expected
    assert type(value(Cast(type_, operand))) is type(expected)


@pytest.mark.rule(30)
@pytest.mark.parametrize("bad", [-1.0, math.nan, math.inf])
def test_a_float_that_is_no_unsigned_integer(bad: float) -> None:
    """Negative, infinite and undefined floats do not become integers; the error names them."""
    with pytest.raises(ProgramRuntimeError, match=str(bad)):
        value(Cast(Uint(8), number(bad)))


@pytest.mark.rule(30)
def test_an_integer_that_is_no_float() -> None:
    """An integer that a float cannot hold is an error, not a crash."""
    huge = uint(2**1100, 1200)
    with pytest.raises(ProgramRuntimeError, match="1101 bits"):
        value(Cast(Float(), huge))
    with pytest.raises(ProgramRuntimeError, match="too large"):
        value(Binary("mul", Duration(), length(1.0), huge))


UINT_OPERATORS = {
    "bit_and": operator.and_,
    "bit_or": operator.or_,
    "bit_xor": operator.xor,
    "add": lambda a, b: (a + b) % 256,
    "sub": lambda a, b: (a - b) % 256,
    "mul": lambda a, b: (a * b) % 256,
    "shift_left": lambda a, b: (a << b) % 256,
    "shift_right": operator.rshift,
}
COMPARISONS = {
    "equal": operator.eq,
    "not_equal": operator.ne,
    "less": operator.lt,
    "less_equal": operator.le,
    "greater": operator.gt,
    "greater_equal": operator.ge,
}


@pytest.mark.rule(30)
@pytest.mark.parametrize("op", UINT_OPERATORS)
@given(st.integers(0, 255), st.integers(0, 255))
def test_unsigned_arithmetic_wraps_around(op: str, left: int, right: int) -> None:
    """Unsigned arithmetic is modulo 2^width; a shift by the width or more gives 0."""
    assert value(Binary(op, Uint(8), uint(left), uint(right))) == UINT_OPERATORS[op](left, right)


@pytest.mark.rule(30)
@pytest.mark.parametrize("op", COMPARISONS)
@given(st.integers(0, 3), st.integers(0, 3))
def test_comparisons(op: str, left: int, right: int) -> None:
    """Unsigned integers, floats and durations of one unit compare as numbers do."""
    expected = COMPARISONS[op](left, right)
    assert value(Binary(op, Bool(), uint(left), uint(right))) is expected
    assert value(Binary(op, Bool(), number(float(left)), number(float(right)))) is expected
    assert value(Binary(op, Bool(), length(float(left)), length(float(right)))) is expected


@pytest.mark.rule(30)
@pytest.mark.parametrize(
    ("op", "type_", "left", "right", "expected"),
    [
        ("div", Uint(8), uint(7), uint(2), 3),
        ("div", Float(), number(7.0), number(2.0), 3.5),
        ("add", Float(), number(1e308), number(1e308), math.inf),
        ("add", Duration(), length(1.0), length(0.5), Length(1.5, "s")),
        ("sub", Duration(), length(1.0, "dt"), length(3.0, "dt"), Length(-2.0, "dt")),
        ("mul", Duration(), length(2.0), number(0.5), Length(1.0, "s")),
        ("mul", Duration(), uint(3), length(2.0), Length(6.0, "s")),
        ("div", Duration(), length(3.0), number(2.0), Length(1.5, "s")),
        ("div", Float(), length(3.0), length(2.0), 1.5),
        ("bit_and", Bool(), Clbit(0), Clbit(2), False),
        ("bit_xor", Bool(), Clbit(0), Clbit(2), True),
        ("logic_and", Bool(), Clbit(0), Clbit(1), True),
        ("logic_or", Bool(), Clbit(2), Clbit(2), False),
        ("shift_left", Uint(8), uint(1), uint(2**60, 61), 0),
    ],
)
def test_binary_operators(op: str, type_: Type, left: Expression, right: Expression, expected: Value) -> None:
    """Arithmetic of floats, durations and bools, as Qiskit types it."""
    result = value(Binary(op, type_, left, right))
    assert result == expected
    assert type(result) is type(expected)


@pytest.mark.rule(30)
@pytest.mark.parametrize(
    ("type_", "left", "right"),
    [
        (Uint(8), uint(7), uint(0)),
        (Float(), number(7.0), number(0.0)),
        (Duration(), length(7.0), number(0.0)),
        (Float(), length(7.0), length(0.0)),
    ],
)
def test_division_by_zero_names_itself(type_: Type, left: Expression, right: Expression) -> None:
    """A division by zero is a clear error, of whatever type."""
    with pytest.raises(ProgramRuntimeError, match="division by zero: 7"):
        value(Binary("div", type_, left, right))


@pytest.mark.rule(30)
@pytest.mark.parametrize("op", ["add", "sub", "less", "equal"])
def test_durations_of_two_units_do_not_mix(op: str) -> None:
    """Seconds and dt do not mix; the error says so."""
    with pytest.raises(ProgramRuntimeError, match=r"'s' and 'dt'.*one unit"):
        value(Binary(op, Bool(), length(1.0, "s"), length(1.0, "dt")))


def test_logic_stops_where_it_is_decided() -> None:
    """The right side of a decided "and" or "or" is not looked at."""
    unset = Cast(Bool(), Var(2))
    assert value(Binary("logic_and", Bool(), Clbit(2), unset)) is False
    assert value(Binary("logic_or", Bool(), Clbit(0), unset)) is True


@pytest.mark.rule(30)
def test_an_unset_variable_is_named() -> None:
    """Reading a variable before anything is stored in it names the variable."""
    with pytest.raises(ProgramRuntimeError, match='"unset"'):
        value(Var(2))


@pytest.mark.rule(30)
@pytest.mark.parametrize("index", [8, 255])
def test_a_bit_beyond_the_width(index: int) -> None:
    """A bit that an integer does not have is neither read nor written."""
    for target in (Var(0), Bits(tuple(range(4)))):
        with pytest.raises(ProgramRuntimeError, match=f"bit {index} of an unsigned integer of"):
            value(Index(target, uint(index)))
        with pytest.raises(ProgramRuntimeError, match=f"bit {index} of an unsigned integer of"):
            stored(Index(target, uint(index)), new=True)


@pytest.mark.rule(30)
@pytest.mark.parametrize(
    ("target", "new", "memory", "variables"),
    [
        (Clbit(2), True, 0b1111, STATE.variables),
        (Clbit(0), False, 0b1010, STATE.variables),
        (Bits((3, 0)), 0b10, 0b0011, STATE.variables),
        (Var(2), 1.5, 0b1011, (0xA5, True, 1.5)),
        (Index(Bits((1, 2)), uint(1, 1)), True, 0b1111, STATE.variables),
        (Index(Var(0), uint(1)), True, 0b1011, (0xA7, True, None)),
        (Index(Var(0), uint(0)), False, 0b1011, (0xA4, True, None)),
    ],
)
def test_stores(target: LValue, new: Value, memory: int, variables: tuple[Value | None, ...]) -> None:
    """A store writes a clbit, a register, a variable, or one bit of either; all else stays."""
    assert stored(target, new) == Classical(memory, variables)


@pytest.mark.rule(30)
def test_a_bit_of_an_unset_variable_cannot_be_written() -> None:
    """One bit of nothing is nothing; the variable is named."""
    evaluator = Evaluator((Variable("counter", Uint(4)),))
    with pytest.raises(ProgramRuntimeError, match='"counter"'):
        evaluator.assigned(Index(Var(0), uint(0)), True, Classical(0, (None,)))


@pytest.mark.parametrize(
    "action",
    [
        lambda: value(Index(Clbit(0), uint(0))),
        lambda: stored(Index(Index(Var(0), uint(0)), uint(0)), new=True),
        lambda: value(Cast(Duration(), uint(1))),
        lambda: value(Cast(Uint(8), length(1.0))),
    ],
)
def test_what_has_no_meaning_is_refused(action: object) -> None:
    """An expression that Qiskit's types would not allow is an error of the program, not a crash."""
    with pytest.raises(InvalidProgramError):
        action()


@pytest.mark.rule(36)
@pytest.mark.parametrize(
    "build",
    [
        lambda: Constant(Uint(3), "0x8"),
        lambda: Constant(Uint(3), "-0x1"),
        lambda: Constant(Uint(3), "three"),
        lambda: Constant(Uint(3), 1.0),
        lambda: Constant(Bool(), 1.0),
        lambda: Constant(Float(), 1.0, "s"),
        lambda: Constant(Duration(), 1.0),
        lambda: Uint(0),
        lambda: Uint(2**40),
    ],
)
def test_constants_are_checked_when_they_are_built(build: object) -> None:
    """No half-valid constant or type exists, wherever it came from."""
    with pytest.raises(InvalidProgramError):
        build()
