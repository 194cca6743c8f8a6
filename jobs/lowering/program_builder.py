"""The Program of a circuit while it is built: what any scope of the circuit may add to."""

from __future__ import annotations

from dataclasses import dataclass, field

from qiskit.circuit import ParameterExpression
from qiskit.circuit.classical import expr

from simulator.circuit.channel import Channel
from simulator.circuit.expression import Type
from simulator.circuit.instructions import Barrier, Delay, Instruction
from simulator.circuit.program import Variable
from simulator.circuit.traversal import qubits_of, walk


@dataclass(slots=True)
class UsedQubits:
    """Qubits that the top level has used; read on demand, since few circuits ask."""

    qubits: set[int] = field(default_factory=set)
    #: Instructions of the top level that have been read.
    read: int = 0

    def by(self, instructions: list[Instruction]) -> set[int]:
        """Return the qubits used by the top level's instructions so far."""
        for instruction in walk(instructions[self.read :]):
            if not isinstance(instruction, (Barrier, Delay)):
                self.qubits.update(qubits_of(instruction))
        self.read = len(instructions)
        return self.qubits


@dataclass(slots=True)
class UnboundNumbers:
    """Numbers that depend on parameters without a value; the Program's own numbers there mean nothing."""

    #: Index of a gate outside of all control flow, and of the number in it -> what it is.
    of_gates: dict[tuple[int, int], ParameterExpression] = field(default_factory=dict)
    #: To be added to the global phase that the Program has.
    of_phase: list[ParameterExpression] = field(default_factory=list)


@dataclass(slots=True)
class ProgramBuilder:
    """The parts of a Program that any scope may add to."""

    #: The circuit's name.
    name: str
    #: Whether every qubit begins in |0>.
    from_ground: bool
    global_phase: float = 0.0
    variables: list[Variable] = field(default_factory=list)
    #: Qiskit's variable -> its index in ``variables``.
    variable_index: dict[expr.Var, int] = field(default_factory=dict)
    used: UsedQubits = field(default_factory=UsedQubits)
    channels: list[Channel] = field(default_factory=list)
    #: Of each of these objects, its index.
    channel_indices: dict[int, int] = field(default_factory=dict)
    #: None: every number must have a value.
    unbound: UnboundNumbers | None = None

    def declare(self, variable: expr.Var, type_: Type) -> int:
        """Return the index of a variable; add the variable if it is not there yet."""
        if variable not in self.variable_index:
            self.variable_index[variable] = len(self.variables)
            self.variables.append(Variable(variable.name or "", type_))
        return self.variable_index[variable]

    def channel_index(self, channel: Channel) -> int:
        """Return the index of a channel; add it if this object is not there yet."""
        index = self.channel_indices.setdefault(id(channel), len(self.channels))
        if index == len(self.channels):
            self.channels.append(channel)
        return index
