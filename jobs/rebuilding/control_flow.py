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

from jobs.rebuilding.expressions import rebuild_expression
from jobs.rebuilding.frame import Frame, Rule
from jobs.rebuilding.uses import Uses, uses_of
from simulator.circuit import instructions


def _if_else(op: instructions.IfElse, frame: Frame) -> None:
    uses = uses_of(op.true_body, op.false_body, condition=op.condition)
    true_body = frame.block(op.true_body, uses)
    false_body = frame.block(op.false_body, uses) if op.false_body else None
    _place(IfElseOp(rebuild_expression(op.condition, frame), true_body, false_body), uses, frame)


def _while(op: instructions.While, frame: Frame) -> None:
    uses = uses_of(op.body, condition=op.condition)
    _place(WhileLoopOp(rebuild_expression(op.condition, frame), frame.block(op.body, uses)), uses, frame)


def _for(op: instructions.For, frame: Frame) -> None:
    indices = op.indices.ints() if isinstance(op.indices, instructions.Range) else op.indices
    uses = uses_of(op.bodies[0])
    variable = None if op.variable is None else frame.variables[op.variable]
    _place(ForLoopOp(indices, variable, frame.block(op.bodies[0], uses, op.variable)), uses, frame)


def _switch(op: instructions.Switch, frame: Frame) -> None:
    uses = uses_of(*(case.body for case in op.cases), condition=op.target)
    cases = [(_labels(case), frame.block(case.body, uses)) for case in op.cases]
    _place(SwitchCaseOp(rebuild_expression(op.target, frame), cases), uses, frame)


def _labels(case: instructions.Case) -> object:
    return tuple(int(value, 16) for value in case.values) or CASE_DEFAULT


def _break(_: instructions.Break, frame: Frame) -> None:
    block = frame.circuit
    block.append(BreakLoopOp(block.num_qubits, block.num_clbits), block.qubits, block.clbits)


def _continue(_: instructions.Continue, frame: Frame) -> None:
    block = frame.circuit
    block.append(ContinueLoopOp(block.num_qubits, block.num_clbits), block.qubits, block.clbits)


def _box(op: instructions.Box, frame: Frame) -> None:
    uses = uses_of(op.body)
    _place(BoxOp(frame.block(op.body, uses)), uses, frame)


def _store(op: instructions.Store, frame: Frame) -> None:
    frame.circuit.append(Store(rebuild_expression(op.target, frame), rebuild_expression(op.value, frame)), (), ())


def _place(operation: object, uses: Uses, frame: Frame) -> None:
    frame.place(operation, tuple(sorted(uses.qubits)), tuple(sorted(uses.clbits)))


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
