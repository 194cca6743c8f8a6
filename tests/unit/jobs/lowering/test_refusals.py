"""Circuits that Qiskit builds and nothing can run: each is one clear error, whatever is raised underneath."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import (
    AnnotatedOperation,
    BreakLoopOp,
    CircuitInstruction,
    ClassicalRegister,
    Clbit,
    ContinueLoopOp,
    Gate,
    IfElseOp,
    Instruction,
    Measure,
    Parameter,
    PowerModifier,
    QuantumRegister,
)
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import MCXVChain, PauliGate, PermutationGate
from support.circuits import since_qiskit_2_5
from support.in_process import ran

from jobs.errors import BasicAerError
from jobs.lowering import lower


def _circuit() -> QuantumCircuit:
    return QuantumCircuit(QuantumRegister(2, "q"), ClassicalRegister(2, "c"), name="mine")


def _with(operation: Any, qubits: list[int], clbits: list[int] | None = None) -> QuantumCircuit:
    circuit = _circuit()
    circuit.append(operation, qubits, clbits)
    return circuit


def _defined(definition: Any) -> QuantumCircuit:
    gate = Gate("odd", 2, [])
    gate.definition = definition
    return _with(gate, [0, 1])


def _raising(error: Exception) -> QuantumCircuit:
    class Odd(Gate):
        def _define(self) -> None:
            raise error

    return _with(Odd("odd", 1, []), [0])


def _matrix(matrix: Callable[[], Any]) -> QuantumCircuit:
    class Odd(Gate):
        def to_matrix(self) -> Any:
            return matrix()

    return _with(Odd("odd", 1, []), [0])


def _if(condition: Any) -> QuantumCircuit:
    circuit = _circuit()
    circuit._append(CircuitInstruction(IfElseOp(condition, QuantumCircuit(2, 2)), circuit.qubits, circuit.clbits))
    return circuit


def _outside(jump: Any) -> QuantumCircuit:
    """A jump in a condition that is in no loop."""
    block = QuantumCircuit(2, 2)
    block._append(CircuitInstruction(jump, block.qubits, block.clbits))
    circuit = _circuit()
    circuit.append(IfElseOp((circuit.clbits[0], 1), block), circuit.qubits, circuit.clbits)
    return circuit


def _stored(value: Any) -> QuantumCircuit:
    circuit = _circuit()
    circuit.add_var("number", expr.Value(value, types.Uint(4)))
    return circuit


def _changed(gate: Gate, params: list[Any]) -> QuantumCircuit:
    gate.params = params
    return _with(gate, [0, 1])


def _looped(indices: Any, angle: Callable[[Any], Any]) -> QuantumCircuit:
    circuit = _circuit()
    with circuit.for_loop(indices) as index:
        circuit.rx(angle(index), 0)
    return circuit


def _rotated(angle: Any) -> QuantumCircuit:
    circuit = _circuit()
    circuit.rx(angle, 0)
    return circuit


def _waiting(duration: float, unit: str) -> QuantumCircuit:
    """A delay whose parameter was given a duration that Qiskit makes no delay of."""
    time = Parameter("time")
    circuit = QuantumCircuit(1, 1, name="mine")
    circuit.delay(time, 0, unit)
    return circuit.assign_parameters({time: duration})


def _inside(circuit: QuantumCircuit) -> QuantumCircuit:
    around = QuantumCircuit(1, 1, name="mine")
    around.append(circuit.to_instruction(), [0], [0])
    return around


def _named(name: str) -> QuantumCircuit:
    circuit = _circuit()
    circuit.name = name
    return circuit


CASES: dict[str, tuple[Callable[[], QuantumCircuit], list[str]]] = {
    "equal to a negative number": (lambda: _if(expr.equal(_circuit().cregs[0], -1)), ["mine", "-1", "2 bits"]),
    "less than a negative number": (lambda: _if(expr.less(_circuit().cregs[0], -3)), ["mine", "-3"]),
    "a negative unsigned integer": (lambda: _stored(-1), ["mine", "-1", "4 bits"]),
    "half an unsigned integer": (lambda: _stored(1.5), ["mine", "1.5", "4 bits"]),
    "a clbit of nowhere": (lambda: _if((Clbit(), 1)), ["mine", "Clbit"]),
    "a register of nowhere": (lambda: _if((ClassicalRegister(2, "zz"), 1)), ["mine", "zz"]),
    "a narrow definition": (lambda: _defined(QuantumCircuit(1)), ["odd", "mine", "1 qubits", "2 and 0"]),
    "a wide definition": (lambda: _defined(QuantumCircuit(3)), ["odd", "mine", "3 qubits", "2 and 0"]),
    "a definition with clbits": (lambda: _defined(QuantumCircuit(2, 1)), ["odd", "mine", "1 clbits"]),
    "a definition that is text": (lambda: _defined("x"), ["odd", "mine", "str"]),
    "a definition that fails": (lambda: _raising(KeyError("boo")), ["odd", "mine", "KeyError", "boo"]),
    "a definition that divides by 0": (lambda: _raising(ZeroDivisionError()), ["odd", "ZeroDivisionError"]),
    "a definition that is not there": (lambda: _raising(NotImplementedError()), ["odd", "NotImplementedError"]),
    "a matrix of another size": (lambda: _matrix(lambda: [[1.0]]), ["mine", "unitary", "(1, 1)"]),
    "a matrix that fails": (lambda: _matrix(lambda: {}["x"]), ["odd", "mine", "KeyError"]),
    "a permutation of nothing": (lambda: _changed(PermutationGate([1, 0]), [[0, 5]]), ["permutation", "mine"]),
    "a Pauli string too long": (lambda: _changed(PauliGate("XY"), ["XYZ"]), ["pauli", "mine"]),
    "the root of a measurement": (
        lambda: _with(AnnotatedOperation(Measure(), PowerModifier(0.5)), [0], [0]),
        ["annotated", "mine", "measure", "not unitary"],
    ),
    "an index that has no value": (
        lambda: _looped(range(2), lambda index: 1 / index),
        ["for_loop", "mine", "= 0"],
    ),
    "more indices than bodies": (
        lambda: _looped(range(10**9), lambda index: index * 0.1),
        ["for_loop", "1000000"],
    ),
    "a break outside of a loop": (lambda: _outside(BreakLoopOp(2, 2)), ["break_loop", "mine", "outside"]),
    "a continue outside of a loop": (lambda: _outside(ContinueLoopOp(2, 2)), ["continue_loop", "mine", "outside"]),
    "an angle that is no float": (lambda: _rotated(10**400), ["rx", "mine", "not real numbers"]),
    "an infinite angle": (lambda: _rotated(math.inf), ["mine", "rx", "inf"]),
    "half a dt": (lambda: _waiting(0.5, "dt"), ['"delay" in circuit "mine', "cannot be run: Integer duration"]),
    "a delay into the past": (lambda: _waiting(-1.0, "s"), ["delay", "mine", "positive", "-1.0"]),
    "half a dt in a definition": (lambda: _inside(_waiting(0.5, "dt")), ['"delay" in circuit "mine"']),
    "a name that is no text": (lambda: _named("\ud800"), ["number 0", "ud800"]),
}
#: Cases of delays.
WAITING = ("half a dt", "a delay into the past", "half a dt in a definition")


@pytest.mark.rule(18, 23)
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=since_qiskit_2_5) if name in WAITING else name for name in CASES]
)
def test_what_cannot_be_lowered_is_one_clear_error(name: str) -> None:
    """It is refused at `run()`, naming the circuit, and the instruction or the value."""
    build, words = CASES[name]
    with pytest.raises(BasicAerError) as caught:
        ran(build())
    assert all(word in str(caught.value) for word in words), str(caught.value)


@pytest.mark.rule(23)
@since_qiskit_2_5
def test_a_delay_that_qiskit_does_not_make_behind_another_circuit() -> None:
    """It is named as it is when it comes first, also where it stands in place of a measurement of a copy."""
    first = QuantumCircuit(1, 1, name="mine")
    first.measure(0, 0)
    with pytest.raises(BasicAerError, match='"delay" in circuit "mine'):
        ran([first, _waiting(0.5, "dt")])


@pytest.mark.rule(29)
def test_a_chain_that_needs_no_ancilla_has_none_in_its_definition() -> None:
    """A v-chain of three controls is an x on the fourth qubit, and nothing on the fifth."""
    circuit = QuantumCircuit(5, 5)
    circuit.x([0, 1, 2, 4])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        circuit.append(MCXVChain(3, dirty_ancillas=True), range(5))
    circuit.measure(range(5), range(5))
    (result,) = ran(circuit, shots=3)
    assert result.counts == {"0x1f": 3}


@pytest.mark.rule(23)
def test_an_instruction_inside_another_is_the_one_that_is_named() -> None:
    """It is the part that cannot be run that the error names."""
    inner = QuantumCircuit(1, name="outer")
    inner.append(Instruction("unknown", 1, 0, []), [0])
    with pytest.raises(BasicAerError, match='"unknown" in circuit "mine"'):
        lower(_with(inner.to_instruction(), [0]))
