"""What sets or reads a state (initialize, state_preparation, measure, reset), and what takes time only."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from qiskit.circuit import Barrier, Delay, Measure, ParameterExpression, Reset
from qiskit.circuit.classical import expr
from qiskit.circuit.library import Initialize, StatePreparation

from jobs.lowering.rules.definitions import lower_by_definition
from jobs.lowering.scope import Rule, Scope
from simulator.circuit import instructions
from simulator.circuit.array import Array


def _measure(_measure: Measure, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope) -> None:
    _refuse_controls("measure", scope)
    scope.out.append(instructions.Measure(qubits[0], clbits[0]))


def _reset(_reset: Reset, qubits: tuple[int, ...], _clbits: tuple[int, ...], scope: Scope) -> None:
    _refuse_controls("reset", scope)
    scope.out.append(instructions.Reset(qubits[0]))


def _barrier(_barrier: Barrier, qubits: tuple[int, ...], _clbits: tuple[int, ...], scope: Scope) -> None:
    scope.out.append(instructions.Barrier(qubits))


def _delay(delay: Delay, qubits: tuple[int, ...], _clbits: tuple[int, ...], scope: Scope) -> None:
    duration, unit = delay.duration, delay.unit
    if isinstance(duration, expr.Value):
        duration, unit = duration.value.value(), duration.value.unit()
    if isinstance(duration, expr.Expr):
        # It may stretch: no one number says how long it takes, and nothing here depends on it.
        scope.out.append(instructions.Delay(qubits[0], None, "expr"))
    elif isinstance(duration, ParameterExpression) and duration.parameters:
        raise scope.refusal("delay", f"its duration is {duration}, which has no value")
    else:
        scope.out.append(instructions.Delay(qubits[0], float(duration), unit))


def _initialize(initialize: Initialize, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope) -> None:
    _refuse_controls("initialize", scope)
    amplitudes = _amplitudes(initialize.params, len(qubits))
    if amplitudes is None:
        # Its definition is a reset of each qubit and a gate or two: no vector of 2^n numbers.
        lower_by_definition(initialize, qubits, clbits, scope)
    else:
        scope.out.append(instructions.Initialize(amplitudes, qubits))


def _state_preparation(
    preparation: StatePreparation, qubits: tuple[int, ...], clbits: tuple[int, ...], scope: Scope
) -> None:
    """Lower the amplitudes themselves where the qubits are still in |0>; elsewhere Qiskit's unitary."""
    forward = preparation.name == "state_preparation"
    amplitudes = _amplitudes(preparation.params, len(qubits)) if forward else None
    if amplitudes is not None and _untouched(qubits, scope):
        scope.out.append(instructions.Initialize(amplitudes, qubits, is_preparation=True))
    else:
        lower_by_definition(preparation, qubits, clbits, scope)


def _amplitudes(params: list[Any], num_qubits: int) -> Array | None:
    """Return the vector that an instruction was given; None where it was a label or an int."""
    if len(params) != 1 << num_qubits:
        return None
    return Array.of(np.array(params, np.complex128))


def _untouched(qubits: tuple[int, ...], scope: Scope) -> bool:
    """Whether the qubits are surely in |0>: nothing before this place names them."""
    if not scope.builder.from_ground or not scope.top or scope.controls:
        return False
    return scope.builder.used.by(scope.out).isdisjoint(qubits)


def _refuse_controls(name: str, scope: Scope) -> None:
    if scope.controls:
        raise scope.refusal(name, "it is inside a controlled gate, which must be unitary")


STATE_RULES: Mapping[type, Rule] = MappingProxyType(
    {
        Measure: _measure,
        Reset: _reset,
        Barrier: _barrier,
        Delay: _delay,
        Initialize: _initialize,
        StatePreparation: _state_preparation,
    }
)
