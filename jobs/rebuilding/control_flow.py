"""Control flow, stores and boxes -> Qiskit's, their bodies as circuits on just the bits that they use."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from qiskit.circuit import (
    CASE_DEFAULT,
    BoxOp,
    BreakLoopOp,
    ContinueLoopOp,
    ForLoopOp,
    IfElseOp,
    Store,
    SwitchCaseOp,
    WhileLoopOp,
)

from jobs.rebuilding.circuit_builder import CircuitBuilder, Rule
from jobs.rebuilding.expressions import rebuild_expression
from jobs.rebuilding.uses import Uses, uses_of
from simulator.circuit import instructions


def _if_else(op: instructions.IfElse, builder: CircuitBuilder) -> None:
    uses = uses_of(op.true_body, op.false_body, condition=op.condition)
    true_body = builder.block(op.true_body, uses)
    false_body = builder.block(op.false_body, uses) if op.false_body else None
    _append(IfElseOp(rebuild_expression(op.condition, builder), true_body, false_body), uses, builder)


def _while(op: instructions.While, builder: CircuitBuilder) -> None:
    uses = uses_of(op.body, condition=op.condition)
    _append(WhileLoopOp(rebuild_expression(op.condition, builder), builder.block(op.body, uses)), uses, builder)


def _for(op: instructions.For, builder: CircuitBuilder) -> None:
    indices = op.indices.ints() if isinstance(op.indices, instructions.Range) else op.indices
    uses = uses_of(op.bodies[0])
    variable = None if op.variable is None else builder.variables[op.variable]
    _append(ForLoopOp(indices, variable, builder.block(op.bodies[0], uses, op.variable)), uses, builder)


def _switch(op: instructions.Switch, builder: CircuitBuilder) -> None:
    uses = uses_of(*(case.body for case in op.cases), condition=op.target)
    cases = [(_labels(case), builder.block(case.body, uses)) for case in op.cases]
    _append(SwitchCaseOp(rebuild_expression(op.target, builder), cases), uses, builder)


def _labels(case: instructions.Case) -> object:
    return tuple(int(value, 16) for value in case.values) or CASE_DEFAULT


def _break(_: instructions.Break, builder: CircuitBuilder) -> None:
    block = builder.circuit
    block.append(BreakLoopOp(block.num_qubits, block.num_clbits), block.qubits, block.clbits)


def _continue(_: instructions.Continue, builder: CircuitBuilder) -> None:
    block = builder.circuit
    block.append(ContinueLoopOp(block.num_qubits, block.num_clbits), block.qubits, block.clbits)


def _box(op: instructions.Box, builder: CircuitBuilder) -> None:
    uses = uses_of(op.body)
    _append(BoxOp(builder.block(op.body, uses)), uses, builder)


def _store(op: instructions.Store, builder: CircuitBuilder) -> None:
    builder.circuit.append(
        Store(rebuild_expression(op.target, builder), rebuild_expression(op.value, builder)), (), ()
    )


def _append(operation: object, uses: Uses, builder: CircuitBuilder) -> None:
    builder.append_operation(operation, tuple(sorted(uses.qubits)), tuple(sorted(uses.clbits)))


CONTROL_FLOW_RULES: Mapping[type, Rule] = MappingProxyType(
    {
        instructions.IfElse: _if_else,
        instructions.While: _while,
        instructions.For: _for,
        instructions.Switch: _switch,
        instructions.Break: _break,
        instructions.Continue: _continue,
        instructions.Box: _box,
        instructions.Store: _store,
    }
)
