"""Which bits, registers and variables a body needs from the circuit around it."""

from __future__ import annotations

from dataclasses import dataclass, field

from simulator.circuit.expression import Bits, Expression, Var, parts_of
from simulator.circuit.expression import Clbit as ClbitValue
from simulator.circuit.instructions import For, Instruction, Measure, Readout
from simulator.circuit.traversal import bodies_of, expressions_of, qubits_of


@dataclass(slots=True)
class Uses:
    """What some instructions name, blocks included."""

    qubits: set[int] = field(default_factory=set)
    clbits: set[int] = field(default_factory=set)
    #: Clbits that are read or written as one register.
    registers: set[tuple[int, ...]] = field(default_factory=set)
    #: But for those inside loops that have a variable, which share none with what is outside.
    variables: set[int] = field(default_factory=set)


def uses_of(*bodies: tuple[Instruction, ...], condition: Expression | None = None) -> Uses:
    """Return what the bodies and the condition use together."""
    uses = Uses()
    if condition is not None:
        _add_expression(condition, uses)
    for body in bodies:
        for instruction in body:
            _add_instruction(instruction, uses)
    return uses


def _add_instruction(instruction: Instruction, uses: Uses) -> None:
    uses.qubits.update(qubits_of(instruction))
    if isinstance(instruction, Readout):
        uses.clbits.update(instruction.clbits)
    if isinstance(instruction, Measure):
        uses.clbits.add(instruction.clbit)
    for expression in expressions_of(instruction):
        _add_expression(expression, uses)
    inside = uses_of(*bodies_of(instruction))
    uses.qubits |= inside.qubits
    uses.clbits |= inside.clbits
    uses.registers |= inside.registers
    if not (isinstance(instruction, For) and instruction.variable is not None):
        uses.variables |= inside.variables


def _add_expression(expression: Expression, uses: Uses) -> None:
    for part in parts_of(expression):
        if isinstance(part, ClbitValue):
            uses.clbits.add(part.clbit)
        elif isinstance(part, Bits):
            uses.clbits.update(part.clbits)
            uses.registers.add(part.clbits)
        elif isinstance(part, Var):
            uses.variables.add(part.variable)
