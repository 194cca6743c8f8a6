"""Through a circuit, instruction by instruction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qiskit.circuit import ParameterExpression, QuantumCircuit

from jobs.lowering.expressions import lower_type
from jobs.lowering.scope import Scope
from jobs.lowering.standard import add_standard
from simulator.instructions import Instruction


def lower_instructions(circuit: QuantumCircuit, scope: Scope) -> None:
    """Add what the circuit holds to the scope, whose bits must be the circuit's."""
    scope.add_phase(_phase(circuit, scope))
    for variable in circuit.iter_declared_vars():
        scope.draft.declare(variable, lower_type(variable.type))
    qubits, clbits = scope.qubits, scope.clbits
    for instruction in circuit.data:
        targets = tuple([qubits[qubit] for qubit in instruction.qubits])
        # Asking for `.operation` builds a Python object; a standard gate's name and parameters say it all.
        if instruction.is_standard_gate():
            add_standard(instruction.name, instruction.params, targets, scope)
        else:
            bits = tuple([clbits[clbit] for clbit in instruction.clbits])
            lower_operation(instruction.operation, targets, bits, scope)


def lower_operation(operation: Any, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope) -> None:
    """Add one operation by the rule of its class; the rule of ``object`` serves all that have none."""
    rule = next(scope.rules[kind] for kind in type(operation).__mro__ if kind in scope.rules)
    rule(operation, qubits, clbits, scope)


def lower_definition(circuit: QuantumCircuit, qubits: Sequence[int], clbits: Sequence[int], scope: Scope) -> None:
    """Add a definition in place of the instruction that it defines, under the controls of the scope."""
    lower_instructions(circuit, scope.definition(circuit, qubits, clbits))


def lower_block(
    circuit: QuantumCircuit, qubits: Sequence[int], clbits: Sequence[int], scope: Scope
) -> tuple[Instruction, ...]:
    """Return the instructions of a control-flow block."""
    inside = scope.block(circuit, qubits, clbits)
    lower_instructions(circuit, inside)
    return tuple(inside.out)


def _phase(circuit: QuantumCircuit, scope: Scope) -> float:
    phase = circuit.global_phase
    if isinstance(phase, ParameterExpression) and phase.parameters:
        raise scope.error(f"its global phase is {phase}, which has no value")
    return float(phase)
