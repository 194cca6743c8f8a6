"""Parameters, angles and global phases: numbers at last, or refused by name."""

from __future__ import annotations

import math

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import (
    Instruction,
    Parameter,
    ParameterVector,
)
from support.circuits import lowered

from jobs.lowering import LoweringError, lower
from simulator.circuit import instructions


def test_a_parameter_that_comes_again_is_read_again() -> None:
    """Only gates without parameters are the same wherever they come again."""
    circuit = QuantumCircuit(2)
    for angle in (0.1, 0.2):
        circuit.rx(angle, 0)
        circuit.cp(angle, 0, 1)
    assert lower(circuit).instructions == (
        instructions.Gate("rx", (0,), (0.1,)),
        instructions.Gate("p", (1,), (0.1,), (0,)),
        instructions.Gate("rx", (0,), (0.2,)),
        instructions.Gate("p", (1,), (0.2,), (0,)),
    )


@pytest.mark.rule(31)
def test_global_phases_add_up() -> None:
    """The phases of the circuit, of its definitions and of phase gates are all kept."""
    inner = QuantumCircuit(1, global_phase=0.25)
    circuit = QuantumCircuit(1, global_phase=0.5)
    circuit.append(inner.to_gate(), [0])
    circuit.append(inner.to_gate(), [0])
    lowered_circuit = lower(circuit)
    assert lowered_circuit.global_phase == pytest.approx(1.0)
    assert lowered_circuit.instructions == ()


@pytest.mark.rule(23)
def test_open_parameters_are_named_with_the_cure() -> None:
    """An unbound parameter is refused by name."""
    circuit = QuantumCircuit(1, name="ansatz")
    circuit.rx(Parameter("alpha"), 0)
    circuit.rz(Parameter("beta"), 0)
    with pytest.raises(LoweringError, match=r'"ansatz".* alpha, beta; .*parameter_binds.*assign_parameters'):
        lower(circuit)


@pytest.mark.rule(23)
def test_many_open_parameters_are_counted() -> None:
    """A message stays readable, whatever the ansatz."""
    circuit = QuantumCircuit(1)
    for angle in ParameterVector("theta", 25):
        circuit.rx(angle, 0)
    with pytest.raises(LoweringError, match=r"theta\[0\], .* and 5 more; "):
        lower(circuit)


@pytest.mark.rule(23)
@pytest.mark.parametrize(
    ("place", "named"),
    [
        (lambda circuit, alpha: circuit.rx(alpha, 0), 'Instruction "rx" .*alpha'),
        (lambda circuit, alpha: circuit.delay(alpha, 0), 'Instruction "delay" .*alpha'),
        (lambda circuit, alpha: setattr(circuit, "global_phase", alpha), "global phase is alpha"),
    ],
)
def test_an_open_parameter_in_a_definition_is_named(place: object, named: str) -> None:
    """Also one that the circuit does not know of."""
    instruction = Instruction("secret", 1, 0, [])
    instruction.definition = QuantumCircuit(1)
    place(instruction.definition, Parameter("alpha"))
    with pytest.raises(LoweringError, match=named):
        lowered(instruction)


def test_bound_parameters_are_numbers() -> None:
    """A ParameterExpression without open parameters is its number."""
    alpha = Parameter("alpha")
    circuit = QuantumCircuit(1, global_phase=alpha)
    circuit.rx(2 * alpha, 0)
    bound = lower(circuit.assign_parameters({alpha: 0.25}))
    assert bound.instructions == (instructions.Gate("rx", (0,), (0.5,)),)
    assert bound.global_phase == 0.25


@pytest.mark.rule(23)
@pytest.mark.parametrize("angle", [math.nan, math.inf])
def test_angles_are_finite(angle: float) -> None:
    """A parameter that is no finite number is refused, naming the circuit."""
    circuit = QuantumCircuit(1, name="broken")
    circuit.rx(angle, 0)
    with pytest.raises(LoweringError, match=r'Circuit "broken" cannot be run: .*not finite'):
        lower(circuit)
