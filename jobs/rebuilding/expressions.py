"""The program's classical expressions -> Qiskit's."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from qiskit.circuit import Duration
from qiskit.circuit.classical import expr, types

from jobs.rebuilding.circuit_builder import CircuitBuilder
from simulator.circuit import expression


def rebuild_type(type_: expression.Type) -> types.Type:
    """Return Qiskit's type."""
    return _TYPES[type(type_)](type_)


def rebuild_expression(node: expression.Expression, builder: CircuitBuilder) -> expr.Expr:
    """Return Qiskit's expression on the bits and variables of the builder."""
    return _NODES[type(node)](node, builder)


def _clbit(node: expression.Clbit, builder: CircuitBuilder) -> expr.Expr:
    return expr.Var(builder.clbits[node.clbit], types.Bool())


def _bits(node: expression.Bits, builder: CircuitBuilder) -> expr.Expr:
    return expr.Var(builder.registers[node.clbits], types.Uint(len(node.clbits)))


def _var(node: expression.Var, builder: CircuitBuilder) -> expr.Expr:
    return builder.variables[node.variable]


def _constant(node: expression.Constant, _frame: CircuitBuilder) -> expr.Expr:
    value: Any = node.value
    if isinstance(node.type, expression.Uint):
        value = int(str(node.value), 16)
    elif isinstance(node.type, expression.Duration):
        value = Duration.dt(int(float(node.value))) if node.unit == "dt" else Duration.s(float(node.value))
    return expr.Value(value, rebuild_type(node.type))


def _cast(node: expression.Cast, builder: CircuitBuilder) -> expr.Expr:
    return expr.Cast(rebuild_expression(node.operand, builder), rebuild_type(node.type))


def _unary(node: expression.Unary, builder: CircuitBuilder) -> expr.Expr:
    op = expr.Unary.Op[node.op.upper()]
    return expr.Unary(op, rebuild_expression(node.operand, builder), rebuild_type(node.type))


def _binary(node: expression.Binary, builder: CircuitBuilder) -> expr.Expr:
    left, right = rebuild_expression(node.left, builder), rebuild_expression(node.right, builder)
    return expr.Binary(expr.Binary.Op[node.op.upper()], left, right, rebuild_type(node.type))


def _index(node: expression.Index, builder: CircuitBuilder) -> expr.Expr:
    target, index = rebuild_expression(node.target, builder), rebuild_expression(node.index, builder)
    return expr.Index(target, index, types.Bool())


_NODES: Mapping[type, Callable[[Any, CircuitBuilder], expr.Expr]] = MappingProxyType(
    {
        expression.Clbit: _clbit,
        expression.Bits: _bits,
        expression.Var: _var,
        expression.Constant: _constant,
        expression.Cast: _cast,
        expression.Unary: _unary,
        expression.Binary: _binary,
        expression.Index: _index,
    }
)
_TYPES: Mapping[type, Callable[[Any], types.Type]] = MappingProxyType(
    {
        expression.Bool: lambda _: types.Bool(),
        expression.Uint: lambda type_: types.Uint(type_.width),
        expression.Float: lambda _: types.Float(),
        expression.Duration: lambda _: types.Duration(),
    }
)
