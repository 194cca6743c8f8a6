"""What a circuit does, by `qiskit.quantum_info`: every history of its measurements and resets, one by one.

Shares no code with the simulator; classical values are read by `support.differential.oracle`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import CASE_DEFAULT, ClassicalRegister, Clbit
from qiskit.circuit.classical import expr
from qiskit.circuit.library import StatePreparation
from qiskit.quantum_info import Operator, Statevector
from support.differential.oracle import evaluate

#: What an operation makes of one history.
_Act: TypeAlias = Callable[[Any, list[int], list[int], "History"], list["History"]]
#: Histories that are less likely are rounding.
NEGLIGIBLE = 1e-12


@dataclass(frozen=True)
class History:
    """One way that a run can go."""

    probability: float
    #: Of norm 1.
    psi: Statevector
    clbits: tuple[int, ...]
    variables: dict[expr.Var, Any] = field(default_factory=dict)
    #: "break_loop" or "continue_loop", on its way to the loop.
    jump: str = ""

    @property
    def key(self) -> str:
        """The hex key of the clbits."""
        return hex(sum(bit << index for index, bit in enumerate(self.clbits)))


def histories_of(circuit: QuantumCircuit, initial: Any = None) -> list[History]:
    """Return all that may become of a circuit, from a state; None: from |0...0>."""
    psi = Statevector.from_int(0, 1 << circuit.num_qubits) if initial is None else Statevector(initial)
    start = History(1.0, psi, (0,) * circuit.num_clbits)
    return _Block(circuit, range(circuit.num_qubits), range(circuit.num_clbits)).run([start])


def distribution(histories: list[History]) -> dict[str, float]:
    """Hex key -> probability."""
    keys = {each.key for each in histories}
    return {key: sum(each.probability for each in histories if each.key == key) for key in keys}


class _Block:
    """A circuit on some bits of the whole."""

    def __init__(self, circuit: QuantumCircuit, qubits: Sequence[int], clbits: Sequence[int]) -> None:
        self.circuit = circuit
        self.qubits = dict(zip(circuit.qubits, qubits, strict=True))
        self.clbits = dict(zip(circuit.clbits, clbits, strict=True))

    def run(self, histories: list[History]) -> list[History]:
        """Return what becomes of histories; those that jump wait."""
        factor = np.exp(1j * float(self.circuit.global_phase))
        histories = [replace(each, psi=each.psi * factor) for each in histories]
        for instruction in self.circuit.data:
            qubits = [self.qubits[qubit] for qubit in instruction.qubits]
            clbits = [self.clbits[clbit] for clbit in instruction.clbits]
            act = getattr(self, f"_{instruction.name}", None) or self._other(instruction.operation, clbits)
            after = [
                history
                for each in histories
                for history in ([each] if each.jump else act(instruction.operation, qubits, clbits, each))
            ]
            histories = [each for each in after if each.probability > NEGLIGIBLE]
        return histories

    def _other(self, op: Any, clbits: list[int]) -> _Act:
        """What has a definition only, or a matrix: the same for all histories."""
        if clbits:
            return lambda op, qubits, clbits, history: _Block(op.definition, qubits, clbits).run([history])
        matrix = Operator(op)
        return lambda _op, qubits, _, history: [replace(history, psi=history.psi.evolve(matrix, qubits))]

    def _nothing(self, _op: Any, _qubits: list[int], _clbits: list[int], history: History) -> list[History]:
        return [history]

    _barrier = _delay = _nothing

    def _measure(self, _: Any, qubits: list[int], clbits: list[int], history: History) -> list[History]:
        return [
            replace(each, clbits=_changed(each.clbits, clbits, outcome))
            for outcome, each in enumerate(self._projected(history, Operator.from_label("0"), qubits))
        ]

    def _pauli_product_measurement(
        self, op: Any, qubits: list[int], clbits: list[int], history: History
    ) -> list[History]:
        plus = (Operator.from_label("I" * len(qubits)) + Operator(op.pauli())) / 2
        return [
            replace(each, clbits=_changed(each.clbits, clbits, outcome))
            for outcome, each in enumerate(self._projected(history, plus, qubits))
        ]

    def _reset(self, _: Any, qubits: list[int], _clbits: list[int], history: History) -> list[History]:
        zero, one = self._projected(history, Operator.from_label("0"), qubits)
        return [zero, replace(one, psi=one.psi.evolve(Operator.from_label("X"), qubits))]

    def _initialize(self, op: Any, qubits: list[int], _: list[int], history: History) -> list[History]:
        histories = [history]
        for qubit in qubits:
            histories = [after for each in histories for after in self._reset(None, [qubit], [], each)]
        prepared = Operator(StatePreparation(_state_of(op)))
        return [replace(each, psi=each.psi.evolve(prepared, qubits)) for each in histories]

    def _projected(self, history: History, projector: Operator, qubits: list[int]) -> list[History]:
        """Return the part that a projector keeps, and the rest."""
        kept = history.psi.evolve(projector, qubits).data
        parts = (kept, history.psi.data - kept)
        norms = [float(np.linalg.norm(part)) for part in parts]
        return [
            replace(history, probability=history.probability * norm**2, psi=Statevector(part / (norm or 1)))
            for part, norm in zip(parts, norms, strict=True)
        ]

    def _store(self, op: Any, _qubits: list[int], _clbits: list[int], history: History) -> list[History]:
        target, value = op.lvalue.var, self._value(op.rvalue, history)
        if isinstance(target, Clbit):
            return [replace(history, clbits=_changed(history.clbits, [self.clbits[target]], value))]
        if isinstance(target, ClassicalRegister):
            return [
                replace(history, clbits=_changed(history.clbits, [self.clbits[each] for each in target], value))
            ]
        return [replace(history, variables=history.variables | {op.lvalue: value})]

    def _if_else(self, op: Any, qubits: list[int], clbits: list[int], history: History) -> list[History]:
        blocks = [*op.blocks, None]
        block = blocks[0] if self._value(op.condition, history) else blocks[1]
        return [history] if block is None else _Block(block, qubits, clbits).run([history])

    def _switch_case(self, op: Any, qubits: list[int], clbits: list[int], history: History) -> list[History]:
        value = int(self._value(op.target, history))
        taken = (block for labels, block in op.cases_specifier() if CASE_DEFAULT in labels or value in labels)
        block = next(taken, None)
        return [history] if block is None else _Block(block, qubits, clbits).run([history])

    def _box(self, op: Any, qubits: list[int], clbits: list[int], history: History) -> list[History]:
        return _Block(op.body, qubits, clbits).run([history])

    def _break_loop(self, op: Any, _qubits: list[int], _clbits: list[int], history: History) -> list[History]:
        return [replace(history, jump=op.name)]

    _continue_loop = _break_loop

    def _while_loop(self, op: Any, qubits: list[int], clbits: list[int], history: History) -> list[History]:
        done, going = [], [history]
        while going:
            done += [each for each in going if not self._value(op.condition, each)]
            ready = [each for each in going if self._value(op.condition, each)]
            going, left = _round(_Block(op.blocks[0], qubits, clbits).run(ready))
            done += left
        return done

    def _for_loop(self, op: Any, qubits: list[int], clbits: list[int], history: History) -> list[History]:
        indices, index, body = op.params
        done, going = [], [history]
        for value in indices:
            block = body
            if isinstance(index, expr.Var):
                going = [replace(each, variables=each.variables | {index: value}) for each in going]
            elif index in body.parameters:
                block = body.assign_parameters({index: value})
            going, left = _round(_Block(block, qubits, clbits).run(going))
            done += left
        return done + going

    def _value(self, node: Any, history: History) -> Any:
        if isinstance(node, tuple):
            node = expr.lift_legacy_condition(node)
        clbits = {clbit: history.clbits[index] for clbit, index in self.clbits.items()}
        return evaluate(expr.lift(node), clbits, history.variables)


def _changed(clbits: tuple[int, ...], indices: list[int], value: Any) -> tuple[int, ...]:
    new = list(clbits)
    for order, index in enumerate(indices):
        new[index] = int(value) >> order & 1
    return tuple(new)


def _round(histories: list[History]) -> tuple[list[History], list[History]]:
    """Those that go on with the next round, and those that left the loop."""
    left = [replace(each, jump="") for each in histories if each.jump == "break_loop"]
    return [replace(each, jump="") for each in histories if each.jump != "break_loop"], left


def _state_of(op: Any) -> Statevector:
    """Return the state that an `Initialize` was given: amplitudes, a label, or a number."""
    if len(op.params) == 1 << op.num_qubits:
        return Statevector(np.array(op.params, complex))
    if isinstance(op.params[0], str):
        return Statevector.from_label("".join(op.params))
    return Statevector.from_int(int(op.params[0].real), 1 << op.num_qubits)
