"""Expressions, variables and control flow: the simulator against an interpreter of a few lines."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit
from qiskit.circuit.classical import expr, types
from support.classical_strategies import (
    Leaves,
    bool_expression,
    classical_circuits,
    float_expression,
    uint_expression,
)
from support.differential import oracle
from support.differential.checks import assert_travels
from support.examples import examples

import simulator
from jobs.lowering import lower
from jobs.rebuilding import rebuild
from simulator.errors import ProgramRuntimeError

#: Drawing a circuit takes longer than running it.
FIXED = settings(
    derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def outcome(circuit: QuantumCircuit) -> int:
    """The clbits after one shot, as an int."""
    (key,) = simulator.run(lower(circuit), shots=1, seed=1).counts
    return int(key, 16)


@pytest.mark.rule(30)
@examples(250, FIXED)
@given(classical_circuits())
def test_circuits_with_one_outcome_have_it(circuit: QuantumCircuit) -> None:
    """Control flow, jumps, stores, variables and blocks within blocks do what Qiskit says."""
    program = lower(circuit)
    assert_travels(program)
    clbits = oracle.run(circuit).clbits
    assert outcome(circuit) == sum(bit << index for index, bit in enumerate(clbits))


@pytest.mark.rule(16)
@examples(120, FIXED)
@given(classical_circuits())
def test_rebuilt_circuits_have_it_too(circuit: QuantumCircuit) -> None:
    """Control flow, variables and expressions come back as circuits that do the same."""
    rebuilt = rebuild(lower(circuit))
    assert oracle.run(rebuilt) == _without_variables(oracle.run(circuit), oracle.run(rebuilt))
    assert outcome(rebuilt) == outcome(circuit)


def _without_variables(machine: oracle.Machine, other: oracle.Machine) -> oracle.Machine:
    # A rebuilt variable is another object.
    return oracle.Machine(machine.qubits, machine.clbits, other.variables)


@st.composite
def _readers(draw: Any) -> tuple[QuantumCircuit, expr.Expr]:
    """A circuit whose clbits and variables have random values, and an expression that reads them."""
    low, high = ClassicalRegister(3, "low"), ClassicalRegister(2, "high")
    circuit = QuantumCircuit(low, high)
    circuit.store(low, expr.lift(draw(st.integers(0, 7)), types.Uint(3)))
    circuit.store(high, expr.lift(draw(st.integers(0, 3)), types.Uint(2)))
    number = circuit.add_var("number", expr.lift(draw(st.integers(0, 15)), types.Uint(4)))
    wide = circuit.add_var("wide", expr.lift(draw(st.integers(0, 2**200 - 1)), types.Uint(200)))
    real = circuit.add_var("real", draw(st.integers(-99, 99)) / 16)
    leaves = Leaves(
        bools=(*low, circuit.add_var("flag", draw(st.booleans()))),
        uints={3: [low], 2: [high], 4: [number], 200: [wide]},
        floats=(real,),
        stretches=(circuit.add_stretch("stretch"),),
    )
    make = draw(st.sampled_from([bool_expression, float_expression, 1, 2, 3, 4, 5, 200]))
    return circuit, uint_expression(draw, leaves, make, 4) if isinstance(make, int) else make(draw, leaves, 4)


@pytest.mark.rule(30)
@examples(400, FIXED)
@given(_readers())
def test_expressions_have_the_values_of_an_independent_reading(case: tuple[QuantumCircuit, expr.Expr]) -> None:
    """Every node, type and operator, with wrap-around; floats to the last bit."""
    circuit, node = case
    machine = oracle.run(circuit)
    value = oracle.evaluate(node, dict(zip(circuit.clbits, machine.clbits, strict=True)), machine.variables)
    if isinstance(node.type, types.Uint):
        result = ClassicalRegister(node.type.width, "result")
        circuit.add_register(result)
        circuit.store(result, node)
    else:
        # A float shows as the outcome of a comparison with what it should be.
        value = expr.lift(value, node.type) if isinstance(node.type, types.Float) else value
        result = ClassicalRegister(1, "result")
        circuit.add_register(result)
        circuit.store(result[0], expr.equal(node, value))
        value = 1
    assert outcome(circuit) >> 5 == value


@pytest.mark.rule(30)
@pytest.mark.parametrize(
    ("left", "right"),
    [(expr.lift(5, types.Uint(3)), expr.lift(0, types.Uint(3))), (expr.lift(1.0), expr.lift(0.0))],
)
def test_division_by_zero_is_an_error(left: expr.Expr, right: expr.Expr) -> None:
    """A division by zero ends the run with a clear error."""
    circuit = QuantumCircuit(0, 1)
    circuit.store(circuit.clbits[0], expr.equal(expr.div(left, right), left))
    with pytest.raises(ProgramRuntimeError, match="division by zero"):
        simulator.run(lower(circuit), shots=1, seed=1)
