"""A whole Program: its bits, registers, metadata and variables."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit, Qubit
from qiskit.circuit.classical import expr

from jobs.rebuilding.circuit_builder import CircuitBuilder, Names, Rule
from jobs.rebuilding.control_flow import CONTROL_FLOW_RULES
from jobs.rebuilding.expressions import rebuild_type
from jobs.rebuilding.gates import INSTRUCTION_RULES
from jobs.rebuilding.loops import with_single_bodies
from jobs.rebuilding.uses import uses_of
from simulator.circuit import instructions, program
from simulator.circuit.program import Program
from simulator.circuit.traversal import walk

RULES: Mapping[type, Rule] = MappingProxyType({**INSTRUCTION_RULES, **CONTROL_FLOW_RULES})


def rebuild(program_: Program) -> QuantumCircuit:
    """Return a circuit that does what the Program does, with the names, registers and metadata of the original.

    Gates that were lowered by their definition come back as what the definition holds, a stretch as a new
    stretch, and a loop over a Parameter as a loop with a counter. Metadata that was not JSON is empty.
    """
    program_ = with_single_bodies(program_)
    header = program_.header
    qregs, qubits = _registers(header.qregs, program_.num_qubits, QuantumRegister, Qubit)
    cregs, clbits = _registers(header.cregs, program_.num_clbits, ClassicalRegister, Clbit)
    circuit = QuantumCircuit(
        qubits,
        clbits,
        *qregs,
        *cregs,
        name=header.name,
        global_phase=program_.global_phase,
        metadata=json.loads(header.metadata or "{}"),
    )
    names = Names()
    builder = CircuitBuilder(
        circuit=circuit,
        rules=RULES,
        qubits=qubits,
        clbits=clbits,
        variables=[
            expr.Var.new(names.unused(variable.name), rebuild_type(variable.type))
            for variable in program_.variables
        ],
        registers=dict(_readable(program_, circuit, clbits)),
        names=names,
        channels=program_.channels,
        visible=_outermost(program_),
    )
    for variable in sorted(builder.visible):
        circuit.add_uninitialized_var(builder.variables[variable])
    for instruction in program_.instructions:
        builder.append(instruction)
    return circuit


def _registers(
    outlines: tuple[program.Register, ...], num_bits: int, register_class: Any, bit_class: Any
) -> tuple[list[Any], list[Any]]:
    """Return the registers and all bits, those of no register too. A register owns its bits unless it shares."""
    bits: list[Any] = [None] * num_bits
    owners: dict[int, Any] = {}
    for number, outline in enumerate(outlines):
        if all(bits[index] is None for index in outline.bits):
            owners[number] = register_class(len(outline.bits), outline.name)
            for index, bit in zip(outline.bits, owners[number], strict=True):
                bits[index] = bit
    bits = [bit_class() if bit is None else bit for bit in bits]
    registers = [
        owners[number]
        if number in owners
        else register_class(name=outline.name, bits=[bits[index] for index in outline.bits])
        for number, outline in enumerate(outlines)
    ]
    return registers, bits


def _readable(
    program_: Program, circuit: QuantumCircuit, clbits: list[Clbit]
) -> Iterator[tuple[tuple[int, ...], ClassicalRegister]]:
    """Yield a register for each list of clbits that an expression reads as one number."""
    known = {
        outline.bits: register for outline, register in zip(program_.header.cregs, circuit.cregs, strict=True)
    }
    yield from known.items()
    # A definition may read a register of its own, which the circuit does not have: it gets one more.
    for number, bits in enumerate(sorted(uses_of(program_.instructions).registers - known.keys())):
        register = ClassicalRegister(name=f"inner_{number}", bits=[clbits[bit] for bit in bits])
        circuit.add_register(register)
        yield bits, register


def _outermost(program_: Program) -> frozenset[int]:
    """Return the variables of the circuit itself: all but those that only loops with a variable know."""
    closed = {
        variable
        for loop in walk(program_.instructions)
        if isinstance(loop, instructions.For) and loop.variable is not None
        for variable in (loop.variable, *uses_of(*loop.bodies).variables)
    }
    inside = closed - uses_of(program_.instructions).variables
    return frozenset(range(len(program_.variables))) - inside
