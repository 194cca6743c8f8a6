"""Classical expressions and variables: Qiskit's tree -> the program's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Literal, TypeAlias

from qiskit.circuit import Clbit, Duration
from qiskit.circuit.classical import expr, types

from jobs.lowering.scope import Scope
from simulator.circuit import expression

#: What the stretches of one expression are 0 of.
Unit: TypeAlias = Literal["s", "dt"]
#: Of Qiskit's units but dt.
_SECONDS: Mapping[str, float] = MappingProxyType({"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12})


def lower_type(type_: types.Type) -> expression.Type:
    """Return the type of a Qiskit expression or variable."""
    return _TYPES[type_.kind](type_)


def lower_expression(node: expr.Expr, scope: Scope) -> expression.Expression:
    """Return the expression on the bits and variables of the program.

    A stretch is 0, the shortest that it may take, in the unit of the durations beside it.
    """
    return _lower(node, scope, _unit_of(node))


def lower_lvalue(node: expr.Expr, scope: Scope) -> expression.LValue:
    """Return what a Store writes to."""
    target = lower_expression(node, scope)
    if not isinstance(target, expression.LValue):
        raise scope.refusal("store", f"nothing can be written to {node}")
    return target


def _lower(node: expr.Expr, scope: Scope, unit: Unit) -> expression.Expression:
    return _NODES[type(node)](node, scope, unit)


def _var(node: expr.Var, scope: Scope, _unit: Unit) -> expression.Expression:
    if node.standalone:
        if node not in scope.builder.variable_index:
            raise scope.error(f'its variable "{node.name}" is not declared around the place that uses it')
        return expression.Var(scope.builder.variable_index[node])
    if isinstance(node.var, Clbit):
        return expression.Clbit(_clbit_index(node.var, scope))
    bits = expression.Bits(tuple([_clbit_index(bit, scope) for bit in node.var]))
    # Qiskit may read a register as a wider integer than it is.
    type_ = lower_type(node.type)
    return bits if type_ == expression.Uint(len(bits.clbits)) else expression.Cast(type_, bits)


def _clbit_index(clbit: Clbit, scope: Scope) -> int:
    if clbit not in scope.clbits:
        raise scope.error(f"it reads or writes {clbit}, which the place that does so does not have")
    return scope.clbits[clbit]


def _stretch(_node: expr.Stretch, _scope: Scope, unit: Unit) -> expression.Expression:
    return expression.Constant(expression.Duration(), 0.0, unit)


def _value(node: expr.Value, scope: Scope, _unit: Unit) -> expression.Expression:
    value, type_ = node.value, lower_type(node.type)
    if isinstance(value, Duration):
        return expression.Constant(type_, *_length(value))
    if isinstance(type_, expression.Uint):
        # Qiskit takes any number for a Uint; it makes a float of a negative one.
        if value < 0 or value != int(value):
            raise scope.error(
                f"its constant {value} is no unsigned integer of {type_.width} bits: from 0 to 2^{type_.width} - 1"
            )
        return expression.Constant(type_, hex(int(value)))
    return expression.Constant(type_, float(value) if isinstance(type_, expression.Float) else bool(value))


def _cast(node: expr.Cast, scope: Scope, unit: Unit) -> expression.Expression:
    return expression.Cast(lower_type(node.type), _lower(node.operand, scope, unit))


def _unary(node: expr.Unary, scope: Scope, unit: Unit) -> expression.Expression:
    return expression.Unary(node.op.name.lower(), lower_type(node.type), _lower(node.operand, scope, unit))


def _binary(node: expr.Binary, scope: Scope, unit: Unit) -> expression.Expression:
    if node.type.kind is not types.Duration:
        # Where two durations are compared, theirs is the unit, whatever the expression around them has.
        unit = _unit_of(node.left, node.right)
    left, right = _lower(node.left, scope, unit), _lower(node.right, scope, unit)
    return expression.Binary(node.op.name.lower(), lower_type(node.type), left, right)


def _index(node: expr.Index, scope: Scope, unit: Unit) -> expression.Expression:
    return expression.Index(_lower(node.target, scope, unit), _lower(node.index, scope, unit))


def _length(duration: Duration) -> tuple[float, Unit]:
    """Return a duration as a number and its unit: seconds, or dt."""
    unit = duration.unit()
    return (float(duration.value()), "dt") if unit == "dt" else (duration.value() * _SECONDS[unit], "s")


def _unit_of(*nodes: expr.Expr) -> Unit:
    """Return the unit of durations that are compared or added: dt if any part of them is."""
    return "dt" if any(map(_in_dt, nodes)) else "s"


def _in_dt(node: expr.Expr) -> bool:
    if node.type.kind is not types.Duration:
        return False
    if isinstance(node, expr.Value):
        return bool(node.value.unit() == "dt")
    return any(_in_dt(getattr(node, field)) for field in _OPERANDS if hasattr(node, field))


_Node: TypeAlias = Callable[[Any, Scope, Unit], expression.Expression]
_NODES: Mapping[type[expr.Expr], _Node] = MappingProxyType(
    {
        expr.Var: _var,
        expr.Stretch: _stretch,
        expr.Value: _value,
        expr.Cast: _cast,
        expr.Unary: _unary,
        expr.Binary: _binary,
        expr.Index: _index,
    }
)
#: Where a Duration may have parts that are Durations.
_OPERANDS = ("operand", "left", "right")
_TYPES: Mapping[type[types.Type], Callable[[Any], expression.Type]] = MappingProxyType(
    {
        types.Bool: lambda _: expression.Bool(),
        types.Uint: lambda type_: expression.Uint(type_.width),
        types.Float: lambda _: expression.Float(),
        types.Duration: lambda _: expression.Duration(),
    }
)
