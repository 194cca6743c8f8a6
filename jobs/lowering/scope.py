"""Where instructions land while a circuit is lowered: on which bits, under which controls, in which list.

A `Scope` is one place of a Program in the making: the top level, a block of a control-flow instruction, or the
inside of a definition. A scope is frozen; the builder and the list that it leads to are not.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from qiskit.circuit import Clbit, ParameterExpression, QuantumCircuit, Qubit

from jobs.errors import LoweringError
from jobs.lowering.model_noise import ModelNoise
from jobs.lowering.program_builder import ProgramBuilder
from simulator.circuit.instructions import Gate, Instruction

#: Lowers one operation onto these qubits and clbits of the program.
Rule: TypeAlias = Callable[[Any, tuple[int, ...], tuple[int, ...], "Scope"], None]
#: Definitions within definitions. Qiskit's own stay below 20; more is one that holds itself.
MAX_DEPTH = 100


@dataclass(frozen=True, slots=True)
class Scope:
    """One place of a Program in the making."""

    builder: ProgramBuilder
    #: Class of an operation -> what lowers it; looked up along the class's bases.
    rules: Mapping[type, Rule]
    qubits: Mapping[Qubit, int]
    clbits: Mapping[Clbit, int]
    #: Where the instructions go, in order.
    out: list[Instruction]
    #: What the enclosing controlled gates ask for; None: all ones.
    controls: tuple[int, ...] = ()
    control_state: int | None = None
    #: Definitions around this place.
    depth: int = 0
    #: Whether it runs exactly once: not in a block of a control-flow instruction.
    top: bool = True
    #: Whether a loop is around this place.
    looped: bool = False
    #: What puts errors around operations here; None: nothing does.
    noise: ModelNoise | None = None

    def controlled(self, controls: tuple[int, ...], control_state: int | None) -> Scope:
        """Return the same place with more controls, after those that are there."""
        return replace(
            self,
            controls=self.controls + controls,
            control_state=_joined(len(self.controls), self.control_state, len(controls), control_state),
        )

    def definition(self, circuit: QuantumCircuit, qubits: Sequence[int], clbits: Sequence[int]) -> Scope:
        """Return the inside of a definition, on these bits of the program."""
        if self.depth >= MAX_DEPTH:
            raise self.error(f"its definitions nest deeper than {MAX_DEPTH}: does one of them hold itself?")
        return replace(
            self,
            qubits=dict(zip(circuit.qubits, qubits, strict=True)),
            clbits=dict(zip(circuit.clbits, clbits, strict=True)),
            depth=self.depth + 1,
            noise=None,
        )

    def block(self, circuit: QuantumCircuit, qubits: Sequence[int], clbits: Sequence[int]) -> Scope:
        """Return the inside of a control-flow block, with a list of instructions of its own."""
        return replace(
            self,
            qubits=dict(zip(circuit.qubits, qubits, strict=True)),
            clbits=dict(zip(circuit.clbits, clbits, strict=True)),
            out=[],
            top=False,
        )

    def apart(self) -> Scope:
        """Return a place of its own, under no controls: nothing that lands there is in the Program."""
        return replace(self, out=[], controls=(), control_state=None, top=False)

    def gate(
        self, name: str, targets: tuple[int, ...], params: tuple[float, ...], controls: tuple[int, ...]
    ) -> Gate:
        """Return a gate of the table under the scope's controls, and others that must all be 1."""
        state = self.control_state
        if state is not None:
            state = _joined(len(self.controls), state, len(controls), None)
        return Gate(name, targets, params, self.controls + controls, state)

    def add_gate(
        self,
        name: str,
        targets: tuple[int, ...],
        params: tuple[float, ...] = (),
        controls: tuple[int, ...] = (),
    ) -> None:
        """Add a gate of the table under the scope's controls, and others that must all be 1."""
        self.out.append(self.gate(name, targets, params, controls))

    def add_phase(self, angle: float) -> None:
        """Add a global phase in radians: under controls it is a phase of theirs."""
        if angle == 0:
            return
        if self.top and not self.controls:
            self.builder.global_phase += angle
        else:
            self.add_gate("global_phase", (), (angle,))

    def may_stay_unbound(self, number: Any) -> bool:
        """Whether a number is without a value, and may be, here."""
        if self.builder.unbound is None or not self.top or not isinstance(number, ParameterExpression):
            return False
        return bool(number.parameters)

    def leave_unbound(self, index: int, number: ParameterExpression) -> None:
        """Note that a number of the next gate has no value."""
        if self.builder.unbound is not None:
            self.builder.unbound.of_gates[len(self.out), index] = number

    def add_unbound_phase(self, angle: ParameterExpression) -> None:
        """Add a global phase that has no value."""
        if self.controls:
            self.leave_unbound(0, angle)
            self.add_gate("global_phase", (), (0.0,))
        elif self.builder.unbound is not None:
            self.builder.unbound.of_phase.append(angle)

    def error(self, what: str) -> LoweringError:
        """Return an error that names the circuit."""
        return LoweringError(f'Circuit "{self.builder.name}" cannot be run: {what}')

    def refusal(self, name: str, why: str) -> LoweringError:
        """Return an error that names the instruction and the circuit."""
        return LoweringError(f'Instruction "{name}" in circuit "{self.builder.name}" cannot be run: {why}')


def _joined(first: int, first_state: int | None, second: int, second_state: int | None) -> int | None:
    """Return the control state of ``first`` controls followed by ``second`` others."""
    if first_state is None and second_state is None:
        return None
    low = (1 << first) - 1 if first_state is None else first_state
    high = (1 << second) - 1 if second_state is None else second_state
    state = low | high << first
    return None if state == (1 << first + second) - 1 else state
