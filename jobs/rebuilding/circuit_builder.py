"""The circuit that is being rebuilt, and how the program's numbers become its bits and variables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any, TypeAlias

from qiskit.circuit import ClassicalRegister, Clbit, QuantumCircuit, Qubit
from qiskit.circuit.classical import expr

from jobs.rebuilding.uses import Uses
from simulator.circuit.channel import Channel
from simulator.circuit.instructions import Instruction

#: Appends one instruction of the program to the builder's circuit.
Rule: TypeAlias = Callable[[Any, "CircuitBuilder"], None]


@dataclass(slots=True)
class Names:
    """Names of variables, no two alike: blocks of the original may have repeated one."""

    taken: set[str] = field(default_factory=set)

    def unused(self, name: str) -> str:
        """Return the name, or the first of name_1, name_2, ... that is free."""
        candidate, number = name, count(1)
        while candidate in self.taken:
            candidate = f"{name}_{next(number)}"
        self.taken.add(candidate)
        return candidate


@dataclass(frozen=True, slots=True)
class CircuitBuilder:
    """One circuit under construction: the outermost, or a block."""

    circuit: QuantumCircuit
    rules: Mapping[type, Rule]
    #: The bits and variables at the program's indices; blocks share them.
    qubits: list[Qubit]
    clbits: list[Clbit]
    variables: list[expr.Var]
    #: The register that holds just these clbits.
    registers: dict[tuple[int, ...], ClassicalRegister]
    names: Names
    #: Of the program.
    channels: tuple[Channel, ...]
    #: Variables declared in this circuit or around it.
    visible: frozenset[int]

    def append(self, instruction: Instruction) -> None:
        """Append one instruction."""
        self.rules[type(instruction)](instruction, self)

    def append_operation(self, operation: Any, qubits: tuple[int, ...] = (), clbits: tuple[int, ...] = ()) -> None:
        """Append Qiskit's operation on these bits of the program."""
        self.circuit.append(
            operation, [self.qubits[qubit] for qubit in qubits], [self.clbits[clbit] for clbit in clbits]
        )

    def block(self, body: tuple[Instruction, ...], uses: Uses, loop_variable: int | None = None) -> QuantumCircuit:
        """Return a body as a circuit on the bits of ``uses``.

        A block with a loop variable is one that Qiskit cannot enclose: its other variables are its own.
        """
        outer = uses.variables & self.visible
        own = uses.variables - self.visible - {loop_variable}
        block = QuantumCircuit(
            [self.qubits[qubit] for qubit in sorted(uses.qubits)],
            [self.clbits[clbit] for clbit in sorted(uses.clbits)],
            *(self.registers[bits] for bits in sorted(uses.registers)),
            inputs=[] if loop_variable is None else [self.variables[loop_variable]],
            captures=[self.variables[variable] for variable in sorted(outer - {loop_variable})],
        )
        for variable in sorted(own):
            block.add_uninitialized_var(self.variables[variable])
        inside = {loop_variable} if loop_variable is not None else set()
        builder = replace(self, circuit=block, visible=self.visible | own | inside)
        for instruction in body:
            builder.append(instruction)
        return block
