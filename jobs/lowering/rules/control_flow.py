"""Control flow, stores and boxes: blocks become bodies, conditions become expressions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType
from typing import Any

from qiskit.circuit import (
    CASE_DEFAULT,
    BoxOp,
    BreakLoopOp,
    ContinueLoopOp,
    ForLoopOp,
    IfElseOp,
    Parameter,
    ParameterExpression,
    QuantumCircuit,
    Store,
    SwitchCaseOp,
    WhileLoopOp,
)
from qiskit.circuit.classical import expr
from qiskit.exceptions import QiskitError

from jobs.errors import LoweringError
from jobs.lowering.expressions import lower_expression, lower_lvalue, lower_type
from jobs.lowering.scope import Rule, Scope
from jobs.lowering.walk import lower_block
from simulator.circuit import instructions
from simulator.circuit.expression import Expression
from simulator.circuit.traversal import walk

#: Instructions that the bodies of one loop may make, where each index needs a body of its own.
MAX_UNROLLED = 1_000_000

Body = tuple[instructions.Instruction, ...]


def _if_else(op: IfElseOp, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope) -> None:
    bodies = [_body(block, qubits, clbits, scope) for block in op.blocks]
    scope.out.append(instructions.IfElse(_condition(op, scope), *bodies))


def _while_loop(op: WhileLoopOp, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope) -> None:
    (block,) = op.blocks
    body = _body(block, qubits, clbits, replace(scope, looped=True))
    scope.out.append(instructions.While(_condition(op, scope), body))


def _for_loop(op: ForLoopOp, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope) -> None:
    indexset, loop_parameter, block = op.params
    scope = replace(scope, looped=True)
    indices = _indices(indexset)
    if isinstance(loop_parameter, Parameter) and loop_parameter in block.parameters:
        if _depends(block, loop_parameter):
            blocks = (_at_index(block, loop_parameter, index, scope) for index in indexset)
            bodies = _unrolled(blocks, _count(indices), qubits, clbits, scope)
            scope.out.append(instructions.For(indices, bodies))
            return
        # The importer of OpenQASM 3 adds `index - index` to the phase of a body that does not use the index.
        block = _at_index(block, loop_parameter, 0, scope)
    variable = None
    if isinstance(loop_parameter, expr.Var):
        variable = scope.builder.declare(loop_parameter, lower_type(loop_parameter.type))
    scope.out.append(instructions.For(indices, (_body(block, qubits, clbits, scope),), variable))


def _indices(indexset: Any) -> instructions.Range | tuple[int, ...]:
    if isinstance(indexset, range):
        return instructions.Range(indexset.start, indexset.stop, indexset.step)
    return tuple(int(index) for index in indexset)


def _depends(block: QuantumCircuit, parameter: Parameter) -> bool:
    """Whether what a block does depends on a parameter that it names."""
    for instruction in block.data:
        blocks = instruction.operation.blocks if instruction.is_control_flow() else ()
        if any(parameter in inner.parameters and _depends(inner, parameter) for inner in blocks):
            return True
        numbers = [number for number in instruction.params if isinstance(number, ParameterExpression)]
        if any(parameter in number.parameters for number in numbers):
            return True
    phase = block.global_phase
    return (
        isinstance(phase, ParameterExpression) and parameter in phase.parameters and phase.gradient(parameter) != 0
    )


def _count(indices: instructions.Range | tuple[int, ...]) -> int:
    if isinstance(indices, tuple):
        return len(indices)
    # As len(range(...)), which does not count beyond the memory that there could be.
    return max(0, -((indices.start - indices.stop) // indices.step))


def _unrolled(
    blocks: Iterable[QuantumCircuit], count: int, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope
) -> tuple[Body, ...]:
    """Lower one body for each of the ``count`` indices; refuse at once what would be too many together."""
    bodies, size = [], 0
    for block in blocks:
        bodies.append(_body(block, qubits, clbits, scope))
        # The body itself counts too.
        size += 1 + sum(1 for _ in walk(bodies[-1]))
        # The first body tells, so far as they are alike.
        if max(size, count * size // len(bodies)) > MAX_UNROLLED:
            raise _too_many(scope)
    return tuple(bodies)


def _at_index(block: QuantumCircuit, parameter: Parameter, index: int, scope: Scope) -> QuantumCircuit:
    """Return a loop's body at an index; refuse one that has no value there."""
    try:
        return block.assign_parameters({parameter: index})
    except (ArithmeticError, QiskitError, TypeError, ValueError) as error:
        raise scope.refusal(
            "for_loop", f"with {parameter.name} = {index}, {type(error).__name__}: {error}"
        ) from error


def _too_many(scope: Scope) -> LoweringError:
    return scope.refusal(
        "for_loop",
        f"its loop parameter needs a body for each index, of more than {MAX_UNROLLED} instructions in all; "
        "loop over an expr.Var instead of a Parameter, or over fewer indices",
    )


def _switch(op: SwitchCaseOp, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope) -> None:
    cases = tuple(
        instructions.Case(_labels(labels), _body(block, qubits, clbits, scope))
        for labels, block in op.cases_specifier()
    )
    scope.out.append(instructions.Switch(lower_expression(expr.lift(op.target), scope), cases))


def _labels(labels: Iterable[Any]) -> tuple[str, ...]:
    """Return the values as hex; none for the default, which takes any value, its own labels too."""
    values = list(labels)
    return () if CASE_DEFAULT in values else tuple(hex(value) for value in values)


def _break_loop(op: BreakLoopOp, _qubits: tuple[int, ...], _clbits: tuple[int, ...], scope: Scope) -> None:
    _refuse_outside(op, scope)
    scope.out.append(instructions.Break())


def _continue_loop(op: ContinueLoopOp, _qubits: tuple[int, ...], _clbits: tuple[int, ...], scope: Scope) -> None:
    _refuse_outside(op, scope)
    scope.out.append(instructions.Continue())


def _refuse_outside(op: BreakLoopOp | ContinueLoopOp, scope: Scope) -> None:
    if not scope.looped:
        raise scope.refusal(op.name, "it is outside of every loop")


def _box(op: BoxOp, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope) -> None:
    scope.out.append(instructions.Box(_body(op.body, qubits, clbits, scope)))


def _store(op: Store, _qubits: tuple[int, ...], _clbits: tuple[int, ...], scope: Scope) -> None:
    scope.out.append(instructions.Store(lower_lvalue(op.lvalue, scope), lower_expression(op.rvalue, scope)))


def _condition(op: IfElseOp | WhileLoopOp, scope: Scope) -> Expression:
    condition = op.condition
    if isinstance(condition, tuple):
        condition = expr.lift_legacy_condition(condition)
    return lower_expression(condition, scope)


def _body(block: QuantumCircuit, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope) -> Body:
    if scope.controls:
        raise scope.refusal("control flow", "it is inside a controlled gate, which must be unitary")
    return lower_block(block, qubits, clbits, scope)


CONTROL_FLOW_RULES: Mapping[type, Rule] = MappingProxyType(
    {
        IfElseOp: _if_else,
        WhileLoopOp: _while_loop,
        ForLoopOp: _for_loop,
        SwitchCaseOp: _switch,
        BreakLoopOp: _break_loop,
        ContinueLoopOp: _continue_loop,
        BoxOp: _box,
        Store: _store,
    }
)
