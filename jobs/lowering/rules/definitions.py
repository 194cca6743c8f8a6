"""Every other instruction: by its definition, its conversion to an instruction, a synthesis, or its matrix."""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit.circuit import (
    AnnotatedOperation,
    ControlModifier,
    InverseModifier,
    PowerModifier,
    QuantumCircuit,
)
from qiskit.circuit.annotated_operation import Modifier
from qiskit.exceptions import QiskitError
from qiskit.transpiler.passes import HighLevelSynthesis

from jobs.lowering.rules.powers import MAX_MATRIX_QUBITS, lower_power
from jobs.lowering.scope import Rule, Scope
from jobs.lowering.walk import lower_definition, lower_operation
from simulator.circuit.array import Array
from simulator.circuit.instructions import Unitary

#: Whole powers up to this are so many repetitions; those beyond are taken of the matrix.
_MOST_REPEATED = 1000


def lower_by_definition(operation: Any, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope) -> None:
    """Lower an operation by its definition, synthesis or matrix; refuse it by name if it has none of them."""
    name = operation.name
    try:
        # An empty circuit is false, and a definition all the same: so no `or` here.
        circuit = _definition(operation)
        circuit = _synthesis(operation) if circuit is None else circuit
        matrix = _matrix(operation) if circuit is None else None
    except (RecursionError, MemoryError):
        raise
    except Exception as error:  # the user's own code may raise anything
        raise scope.refusal(name, f"its definition failed with {type(error).__name__}: {error}") from error
    if circuit is not None:
        _check_definition(name, circuit, len(qubits), len(clbits), scope)
        lower_definition(circuit, qubits, clbits, scope)
    elif matrix is not None:
        scope.out.append(Unitary(Array.of(matrix), qubits, scope.controls, scope.control_state))
    else:
        raise scope.refusal(
            name,
            f"it has no definition, no synthesis on its own qubits, and no matrix of at most {MAX_MATRIX_QUBITS} "
            "qubits; transpile the circuit for this backend, or give the instruction a definition",
        )


def _check_definition(name: str, circuit: Any, num_qubits: int, num_clbits: int, scope: Scope) -> None:
    """Refuse what cannot stand for an instruction on so many bits."""
    if not isinstance(circuit, QuantumCircuit):
        raise scope.refusal(name, f"its definition is a {type(circuit).__name__}, not a QuantumCircuit")
    if (circuit.num_qubits, circuit.num_clbits) != (num_qubits, num_clbits):
        raise scope.refusal(
            name,
            f"its definition has {circuit.num_qubits} qubits and {circuit.num_clbits} clbits, and the instruction "
            f"{num_qubits} and {num_clbits}; give it a definition of its own width",
        )


def _definition(operation: Any) -> QuantumCircuit | None:
    """Return the definition, or that of what `to_instruction` makes (a Clifford)."""
    if hasattr(operation, "definition"):
        return operation.definition
    if hasattr(operation, "to_instruction"):
        return operation.to_instruction().definition
    return None


def _synthesis(operation: Any) -> QuantumCircuit | None:
    """Return the circuit of Qiskit's high-level synthesis; None where it returns the operation itself."""
    circuit = QuantumCircuit(operation.num_qubits, operation.num_clbits)
    circuit.append(operation, circuit.qubits, circuit.clbits)
    # Nothing is known of the qubits' state here, so no qubit may be taken for a clean one.
    synthesised = HighLevelSynthesis(qubits_initially_zero=False)(circuit)
    unchanged = len(synthesised) == 1 and synthesised.data[0].name == operation.name
    return None if unchanged else synthesised


def _matrix(operation: Any) -> NDArray[np.complex128] | None:
    if operation.num_clbits or operation.num_qubits > MAX_MATRIX_QUBITS:
        return None
    if not hasattr(operation, "to_matrix"):
        return None
    try:
        return np.asarray(operation.to_matrix(), np.complex128)
    except QiskitError:
        # Every Gate has the method; one without a matrix says so here.
        return None


def _annotated(
    operation: AnnotatedOperation, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope
) -> None:
    """Take the controls off, which commute with inverses and powers, and lower what is left.

    Whole powers and inverses are Qiskit's synthesis. It takes others together, as if their order did not matter.
    """
    base, modifiers = _flat(operation)
    rest: list[Modifier] = []
    for modifier in reversed(modifiers):
        # The controls added last come first among the qubits.
        if isinstance(modifier, ControlModifier):
            count = modifier.num_ctrl_qubits
            scope = scope.controlled(qubits[:count], modifier.ctrl_state)
            qubits = qubits[count:]
        else:
            rest.insert(0, modifier)
    powers = _powers(operation.name, rest, scope)
    total = math.prod(powers)
    if abs(total) > _MOST_REPEATED or not all(map(float.is_integer, powers)):
        lower_power(operation.name, base, powers, qubits, scope)
    elif total != 1:
        lower_by_definition(AnnotatedOperation(base, rest), qubits, clbits, scope)
    else:
        lower_operation(base, qubits, clbits, scope)


def _powers(name: str, modifiers: list[Modifier], scope: Scope) -> list[float]:
    """Return the powers that an operation is raised to, one after another: an inverse is the power -1."""
    powers = []
    for modifier in modifiers:
        if isinstance(modifier, InverseModifier):
            powers.append(-1.0)
        elif isinstance(modifier, PowerModifier):
            try:
                powers.append(float(modifier.power))
            except (TypeError, ValueError, OverflowError):
                powers.append(math.nan)
            if not math.isfinite(powers[-1]):
                raise scope.refusal(name, f"its power {modifier.power!r:.200} is not a real number")
        else:
            raise scope.refusal(name, f"its modifier {modifier} is unknown: they are inverse, power and control")
    return powers


def _flat(operation: Any) -> tuple[Any, list[Modifier]]:
    """Return the operation inside all annotations, and their modifiers, innermost first."""
    modifiers: list[Modifier] = []
    while isinstance(operation, AnnotatedOperation):
        modifiers = [*operation.modifiers, *modifiers]
        operation = operation.base_op
    return operation, modifiers


DEFINITION_RULES: Mapping[type, Rule] = MappingProxyType(
    {object: lower_by_definition, AnnotatedOperation: _annotated}
)
