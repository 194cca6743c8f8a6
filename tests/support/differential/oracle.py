"""What Qiskit's classical expressions and certain circuits mean, said again without this project's code.

Durations are numbers in the unit of their expression; a stretch is 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Any

from qiskit import QuantumCircuit
from qiskit.circuit import CASE_DEFAULT, ClassicalRegister, Clbit, Duration
from qiskit.circuit.classical import expr, types

Op = expr.Binary.Op
_BINARY = {
    Op.BIT_AND: lambda a, b: a & b,
    Op.BIT_OR: lambda a, b: a | b,
    Op.BIT_XOR: lambda a, b: a ^ b,
    Op.LOGIC_AND: lambda a, b: a and b,
    Op.LOGIC_OR: lambda a, b: a or b,
    Op.EQUAL: lambda a, b: a == b,
    Op.NOT_EQUAL: lambda a, b: a != b,
    Op.LESS: lambda a, b: a < b,
    Op.LESS_EQUAL: lambda a, b: a <= b,
    Op.GREATER: lambda a, b: a > b,
    Op.GREATER_EQUAL: lambda a, b: a >= b,
    Op.SHIFT_LEFT: lambda a, b: a * 2**b,
    Op.SHIFT_RIGHT: lambda a, b: a // 2**b,
    Op.ADD: lambda a, b: a + b,
    Op.SUB: lambda a, b: a - b,
    Op.MUL: lambda a, b: a * b,
}
_SECONDS = {"dt": 1, "s": 1, "ms": 1e-3, "us": 1e-6, "ns": 1e-9, "ps": 1e-12}


@dataclass
class Machine:
    """Qubits in a basis state, clbits, and variables."""

    qubits: list[int]
    clbits: list[int]
    variables: dict[expr.Var, Any] = field(default_factory=dict)


class _Break(Exception):  # noqa: N818 (a jump, not an error)
    pass


class _Continue(Exception):  # noqa: N818 (a jump, not an error)
    pass


def run(circuit: QuantumCircuit) -> Machine:
    """Return the machine after the circuit, from all zeros."""
    machine = Machine([0] * circuit.num_qubits, [0] * circuit.num_clbits)
    _Block(machine, circuit, range(circuit.num_qubits), range(circuit.num_clbits)).run()
    return machine


def evaluate(node: expr.Expr, clbits: dict[Clbit, int], variables: dict[expr.Var, Any]) -> Any:
    """Return the value of an expression."""
    return _Reader(clbits, variables).value(node)


@dataclass
class _Reader:
    """A method for each kind of node."""

    clbits: dict[Clbit, int]
    variables: dict[expr.Var, Any]

    def value(self, node: expr.Expr) -> Any:
        return getattr(self, f"_{type(node).__name__.lower()}")(node)

    def _var(self, node: expr.Var) -> Any:
        if isinstance(node.var, Clbit):
            return bool(self.clbits[node.var])
        if isinstance(node.var, ClassicalRegister):
            return int("".join(str(self.clbits[clbit]) for clbit in reversed(list(node.var))), 2)
        return self.variables[node]

    def _stretch(self, _node: expr.Stretch) -> float:
        return 0.0

    def _value(self, node: expr.Value) -> Any:
        if isinstance(node.value, Duration):
            return float(node.value.value()) * _SECONDS[node.value.unit()]
        return _cast(node.value, node.type)

    def _cast(self, node: expr.Cast) -> Any:
        return _cast(self.value(node.operand), node.type)

    def _unary(self, node: expr.Unary) -> Any:
        operand = self.value(node.operand)
        if node.op is expr.Unary.Op.NEGATE:
            return -operand
        return 2**node.type.width - 1 - operand if isinstance(node.type, types.Uint) else not operand

    def _binary(self, node: expr.Binary) -> Any:
        left, right = self.value(node.left), self.value(node.right)
        if node.op is Op.DIV:
            return left // right if isinstance(node.type, types.Uint) else left / right
        return _cast(_BINARY[node.op](left, right), node.type)

    def _index(self, node: expr.Index) -> bool:
        return bool(self.value(node.target) // 2 ** self.value(node.index) % 2)


def _cast(value: Any, type_: types.Type) -> Any:
    if isinstance(type_, types.Uint):
        return int(value) % 2**type_.width
    return {types.Bool: bool, types.Float: float, types.Duration: float}[type(type_)](value)


class _Block:
    """A circuit on some bits of the machine."""

    def __init__(self, machine: Machine, circuit: QuantumCircuit, qubits: Any, clbits: Any) -> None:
        self.machine, self.circuit = machine, circuit
        self.qubits = dict(zip(circuit.qubits, qubits, strict=True))
        self.clbits = dict(zip(circuit.clbits, clbits, strict=True))

    def run(self) -> None:
        for instruction in self.circuit.data:
            qubits = [self.qubits[qubit] for qubit in instruction.qubits]
            clbits = [self.clbits[clbit] for clbit in instruction.clbits]
            getattr(self, f"_{instruction.name}")(instruction.operation, qubits, clbits)

    def _value(self, node: Any) -> Any:
        if isinstance(node, tuple):
            node = expr.lift_legacy_condition(node)
        clbits = {clbit: self.machine.clbits[index] for clbit, index in self.clbits.items()}
        return evaluate(expr.lift(node), clbits, self.machine.variables)

    def _sub(self, block: QuantumCircuit, qubits: list[int], clbits: list[int]) -> None:
        _Block(self.machine, block, qubits, clbits).run()

    def _x(self, _op: Any, qubits: list[int], _clbits: list[int]) -> None:
        *controls, target = qubits
        self.machine.qubits[target] ^= all(self.machine.qubits[control] for control in controls)

    _cx = _ccx = _x

    def _rx(self, op: Any, qubits: list[int], _clbits: list[int]) -> None:
        self.machine.qubits[qubits[0]] ^= round(float(op.params[0]) / math.pi) % 2

    def _swap(self, _op: Any, qubits: list[int], _clbits: list[int]) -> None:
        state, (a, b) = self.machine.qubits, qubits
        state[a], state[b] = state[b], state[a]

    def _measure(self, _op: Any, qubits: list[int], clbits: list[int]) -> None:
        self.machine.clbits[clbits[0]] = self.machine.qubits[qubits[0]]

    def _reset(self, _op: Any, qubits: list[int], _clbits: list[int]) -> None:
        self.machine.qubits[qubits[0]] = 0

    def _store(self, op: Any, _qubits: list[int], _clbits: list[int]) -> None:
        self._assign(op.lvalue, self._value(op.rvalue))

    def _assign(self, target: expr.Expr, value: Any) -> None:
        match target:
            case expr.Var(var=Clbit() as clbit):
                self.machine.clbits[self.clbits[clbit]] = int(value)
            case expr.Var(var=ClassicalRegister() as register):
                for clbit, bit in zip(register, reversed(f"{value:0{register.size}b}"), strict=True):
                    self.machine.clbits[self.clbits[clbit]] = int(bit)
            case expr.Var():
                self.machine.variables[target] = value
            case expr.Index():
                power = 2 ** self._value(target.index)
                before = self._value(target.target)
                self._assign(target.target, before + (int(value) - before // power % 2) * power)

    def _if_else(self, op: Any, qubits: list[int], clbits: list[int]) -> None:
        blocks = list(op.blocks)
        if self._value(op.condition):
            self._sub(blocks[0], qubits, clbits)
        elif len(blocks) > 1:
            self._sub(blocks[1], qubits, clbits)

    def _switch_case(self, op: Any, qubits: list[int], clbits: list[int]) -> None:
        value = int(self._value(op.target))
        for labels, block in op.cases_specifier():
            if CASE_DEFAULT in labels or value in labels:
                self._sub(block, qubits, clbits)
                return

    def _box(self, op: Any, qubits: list[int], clbits: list[int]) -> None:
        self._sub(op.body, qubits, clbits)

    def _while_loop(self, op: Any, qubits: list[int], clbits: list[int]) -> None:
        while self._value(op.condition) and self._round(op.blocks[0], qubits, clbits):
            pass

    def _for_loop(self, op: Any, qubits: list[int], clbits: list[int]) -> None:
        indices, index, body = op.params
        for value in indices:
            if isinstance(index, expr.Var):
                self.machine.variables[index] = value
            block = body.assign_parameters({index: value}) if index in body.parameters else body
            if not self._round(block, qubits, clbits):
                return

    def _round(self, block: QuantumCircuit, qubits: list[int], clbits: list[int]) -> bool:
        """Run a loop's body; False: the loop is over."""
        try:
            self._sub(block, qubits, clbits)
        except _Continue:
            return True
        except _Break:
            return False
        return True

    def _break_loop(self, _op: Any, _qubits: list[int], _clbits: list[int]) -> None:
        raise _Break

    def _continue_loop(self, _op: Any, _qubits: list[int], _clbits: list[int]) -> None:
        raise _Continue
