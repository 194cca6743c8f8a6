"""A circuit as a whole: names, registers, metadata, variables."""

from __future__ import annotations

import json

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit, Qubit
from qiskit.circuit.classical import expr, types

from jobs.lowering import LoweringError, lower
from simulator.circuit import expression, instructions, program


@pytest.mark.rule(31)
def test_registers_may_share_bits_and_bits_may_have_none() -> None:
    """A register is a list of places; bits of no register count too."""
    low = QuantumRegister(2, "low")
    circuit = QuantumCircuit([Qubit()], low, ClassicalRegister(1, "c"), [Clbit()])
    circuit.add_register(QuantumRegister(name="alias", bits=[low[1], low[0]]))
    lowered = lower(circuit)
    assert (lowered.num_qubits, lowered.num_clbits) == (3, 2)
    assert lowered.header.qregs == (program.Register("low", (1, 2)), program.Register("alias", (2, 1)))
    assert lowered.header.cregs == (program.Register("c", (0,)),)


@pytest.mark.rule(16)
@pytest.mark.parametrize("metadata", [{}, {"a": [1, 2.5, None, {"b": "ü"}]}])
def test_metadata_travels_as_json(metadata: dict[str, object]) -> None:
    """What JSON can say is kept."""
    text = lower(QuantumCircuit(1, metadata=metadata)).header.metadata
    assert json.loads(text) == metadata


@pytest.mark.rule(17)
@pytest.mark.parametrize("metadata", [{"a": object()}, {1: 2}, {"a": (1, 2)}, {"a": float("nan")}])
def test_metadata_that_json_would_change_stays(metadata: dict[object, object]) -> None:
    """What JSON cannot say exactly does not travel."""
    assert lower(QuantumCircuit(1, metadata=metadata)).header.metadata is None


@pytest.mark.rule(22)
def test_a_later_change_changes_nothing() -> None:
    """The Program is a value, whatever becomes of the circuit."""
    circuit = QuantumCircuit(1)
    circuit.x(0)
    lowered = lower(circuit)
    circuit.h(0)
    assert lowered.instructions == (instructions.Gate("x", (0,)),)


@pytest.mark.rule(22)
def test_only_circuits_are_lowered() -> None:
    """Anything else is refused, saying what it was."""
    with pytest.raises(LoweringError, match="a QuantumCircuit is needed, not str"):
        lower("x")


@pytest.mark.rule(23)
def test_input_variables_are_refused_by_name() -> None:
    """An input variable has no value."""
    circuit = QuantumCircuit(1, inputs=[expr.Var.new("angle", types.Float())], name="open")
    with pytest.raises(LoweringError, match=r'"open" .*input variables have no values: angle'):
        lower(circuit)


@pytest.mark.rule(30)
def test_variables_of_every_scope_have_a_place() -> None:
    """Declared variables are numbered, those of blocks too, although names repeat."""
    circuit = QuantumCircuit(1, 1)
    circuit.add_var("a", expr.lift(3, types.Uint(4)))
    circuit.add_uninitialized_var(expr.Var.new("b", types.Float()))
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.add_var("local", expr.lift(True))
    with otherwise:
        circuit.add_var("local", expr.lift(2, types.Uint(2)))
    assert lower(circuit).variables == (
        program.Variable("a", expression.Uint(4)),
        program.Variable("b", expression.Float()),
        program.Variable("local", expression.Bool()),
        program.Variable("local", expression.Uint(2)),
    )


def test_blocks_nested_too_deeply_are_refused() -> None:
    """Nesting is bounded by the reader's stack, and says so."""
    block = QuantumCircuit(1)
    for _ in range(300):
        outer = QuantumCircuit(1)
        outer.box(block, [0], [])
        block = outer
    with pytest.raises(LoweringError, match="nest too deeply"):
        lower(block)
