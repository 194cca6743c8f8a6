"""Lowering a circuit, instruction by instruction."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from qiskit.circuit import ParameterExpression, QuantumCircuit, Qubit

from jobs.errors import BasicAerError
from jobs.lowering.expressions import lower_type
from jobs.lowering.scope import Scope
from jobs.lowering.standard import ANGLE_GATES, CONSTANT_GATES, add_standard, add_unitary, constant_gate
from jobs.operation import operation_of
from simulator.circuit.instructions import Gate, Instruction
from simulator.errors import InvalidProgramError

#: The name of a UnitaryGate, whose matrix can be read without building it; of another, it is None.
_UNITARY = "unitary"
#: What stands for a gate that is not added in place.
_UNKNOWN = ("", 0, -1)


def lower_instructions(circuit: QuantumCircuit, scope: Scope) -> None:
    """Add what the circuit holds to the scope, whose bits must be the circuit's."""
    add_phase(circuit.global_phase, scope)
    for variable in circuit.iter_declared_vars():
        scope.builder.declare(variable, lower_type(variable.type))
    qubit_of, out = scope.qubits.__getitem__, scope.out
    # What comes again is made once: the indices of qubits, and gates without parameters, which are values.
    indices: dict[tuple[Qubit, ...], tuple[int, ...]] = {}
    constants: dict[tuple[str, tuple[int, ...]], Gate] = {}
    plain = {} if scope.controls else ANGLE_GATES
    around = None if scope.noise is None else scope.noise.around
    behind: Sequence[Instruction] = ()
    # One slice is read faster than the data item by item.
    for instruction in circuit.data[:]:
        bits = instruction.qubits
        qubits = indices.get(bits)
        if qubits is None:
            qubits = indices[bits] = tuple(map(qubit_of, bits))
        if around is not None:
            before, behind = around(instruction, qubits, scope.clbits)
            out += before
        # Asking for `.operation` builds a Python object; a standard gate's name and parameters say it all.
        name = instruction.name
        if not instruction.is_standard_gate():
            _lower_other(instruction, name, qubits, scope)
        elif name in CONSTANT_GATES:
            gate = constants.get((name, qubits))
            if gate is None:
                gate = constants[name, qubits] = constant_gate(name, qubits, scope)
            out.append(gate)
        else:
            # As `add_standard` does, in place: most gates with angles come by here, and a call is a tenth of it.
            base, count, takes = plain.get(name, _UNKNOWN)
            try:
                angles = tuple(map(float, instruction.params))
            except (TypeError, ValueError, OverflowError):
                angles = ()
            if len(angles) == takes:
                out.append(Gate(base, qubits[count:], angles, qubits[:count]))
            else:
                add_standard(name, instruction.params, qubits, scope)
        out += behind


def _lower_other(instruction: Any, name: str, qubits: tuple[int, ...], scope: Scope) -> None:
    """Add an instruction that is no standard gate."""
    matrix = instruction.matrix if name == _UNITARY else None
    if matrix is not None:
        add_unitary(matrix, instruction.label, qubits, scope)
    else:
        clbits = tuple(map(scope.clbits.__getitem__, instruction.clbits))
        lower_operation(operation_of(instruction, scope.builder.name), qubits, clbits, scope)


def lower_operation(operation: Any, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope) -> None:
    """Add one operation by the rule of its class; the rule of ``object`` serves all that have none.

    What a rule cannot make of it is refused by its name: parameters can be anything, and definitions are others'
    code.
    """
    rules = scope.rules
    rule = rules[object]
    for kind in type(operation).__mro__:
        if kind in rules:
            rule = rules[kind]
            break
    try:
        rule(operation, qubits, clbits, scope)
    except (BasicAerError, InvalidProgramError, RecursionError, MemoryError):
        raise
    except Exception as error:
        raise scope.refusal(operation.name, f"{type(error).__name__}: {error}") from error


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


def add_phase(phase: Any, scope: Scope) -> None:
    """Add a global phase in radians, which may be an expression."""
    if scope.may_stay_unbound(phase):
        scope.add_unbound_phase(phase)
    elif isinstance(phase, ParameterExpression) and phase.parameters:
        raise scope.error(f"its global phase is {phase}, which has no value")
    else:
        scope.add_phase(float(phase))
