"""The operation of an instruction, which Qiskit makes when it is asked for, and may fail to make."""

from __future__ import annotations

from typing import Any

from qiskit.circuit import CircuitInstruction
from qiskit.circuit.exceptions import CircuitError

from jobs.errors import LoweringError


def operation_of(instruction: CircuitInstruction, circuit: str) -> Any:
    """Return an instruction's operation; `LoweringError` names it and its circuit where Qiskit refuses to make it.

    So it does where a parameter was given a value that no operation has, as half a ``dt`` to a delay.
    """
    try:
        return instruction.operation
    except CircuitError as error:
        said = f'Instruction "{instruction.name}" in circuit "{circuit}" cannot be run: {error.message}'
        raise LoweringError(said) from error
