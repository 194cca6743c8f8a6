"""What is refused before a job is submitted: each error names the circuit, the value and the limit."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.quantum_info import SparsePauliOp
from support.circuits import entangled
from support.in_process import context_of, outcomes

from jobs.errors import BasicAerError
from jobs.lowering import lower
from jobs.noise import NoiseSpec
from jobs.submit.checks import SubmitContext, check_circuit, check_input, check_program, check_totals
from simulator.choice import engine_for
from simulator.circuit.array import Array
from simulator.options import Options


def measured(width: int = 2) -> QuantumCircuit:
    """A circuit of so many qubits, all of them measured at its end."""
    circuit = QuantumCircuit(width, width, name="the one")
    circuit.h(range(width))
    circuit.measure(range(width), range(width))
    return circuit


def checked(circuit: QuantumCircuit, options: Options, context: SubmitContext) -> None:
    """Check a circuit as submission does."""
    program = lower(circuit)
    check_program(circuit, program, engine_for(program, options), options, context)


@pytest.mark.rule(22)
@pytest.mark.parametrize(
    ("run_input", "message"),
    [
        ("h q[0];", "not str"),
        (7, "not int"),
        ([measured(), "x"], "number 1 is a str: 'x'"),
        ([measured(), None], "number 1 is a NoneType: None"),
    ],
)
def test_what_is_no_circuit(run_input, message):
    """Whatever is no circuit, and no list of circuits, is refused, by its number in a list."""
    with pytest.raises(BasicAerError, match=message):
        list(check_input(run_input))


@pytest.mark.rule(22)
def test_circuits_in_any_form():
    """One circuit, a list, a tuple, a generator, a Program, and none at all are taken."""
    one, program = measured(), lower(measured())
    for given, count in ((one, 1), ([one, program], 2), ((one,), 1), (iter([one]), 1), (program, 1), ([], 0)):
        assert len(list(check_input(given))) == count


@pytest.mark.rule(23)
@pytest.mark.parametrize("output", ["statevector", "unitary"])
def test_a_state_that_is_too_wide_is_refused_before_it_is_lowered(output):
    """Where the whole state is the result, a circuit's width is all there is to know."""
    context = context_of(output, max_qubits=3)
    check_circuit(measured(3), Options(output, 1), context)
    with pytest.raises(BasicAerError, match=rf'^Number of qubits 4 .* maximum \(3\) for "{output}_sim.*"the one"'):
        check_circuit(measured(4), Options(output, 1), context)


@pytest.mark.rule(23, 25)
def test_counts_are_refused_by_the_qubits_in_use():
    """For counts it is the qubits in use at once that are too many, and the error says both."""
    idle = QuantumCircuit(9, 9, name="the one")
    idle.compose(entangled(4), range(4), range(4), inplace=True)
    options = Options("counts", 10)
    checked(idle, options, context_of(max_qubits=4))
    with pytest.raises(BasicAerError, match=r'^Number of qubits 4 .*\(3\).*"the one", which has 9 and uses 4'):
        checked(idle, options, context_of(max_qubits=3))


@pytest.mark.rule(23)
@pytest.mark.parametrize(
    ("output", "shape", "message"),
    [
        ("counts", (2,), r"initial statevector is incorrect length: 2 != 4"),
        ("statevector", (8,), r"initial statevector is incorrect length: 8 != 4"),
        ("unitary", (2, 2), r"initial unitary is incorrect shape: \(2, 2\) != \(4, 4\)"),
    ],
)
def test_an_initial_state_of_another_width(output, shape, message):
    """An initial state that does not fit a circuit is refused with both sizes and the circuit's name."""
    options = Options(output, 1, initial_state=Array.of(np.zeros(shape, complex)))
    with pytest.raises(BasicAerError, match=f'^{message}, for circuit "the one"'):
        check_circuit(measured(), options, context_of(output))


@pytest.mark.rule(23)
def test_what_has_no_unitary():
    """An instruction without a unitary is named, with the backend and the circuit."""
    with pytest.raises(BasicAerError) as error:
        checked(measured(), Options("unitary", 1), context_of("unitary"))
    assert str(error.value) == 'Unsupported "unitary_simulator" instruction "measure" in circuit "the one".'


@pytest.mark.rule(24)
def test_counts_that_will_say_nothing(caplog):
    """A circuit without clbits, or without a measurement, is run with BasicAer's warning."""
    bare, unmeasured = QuantumCircuit(1, name="bare"), QuantumCircuit(1, 1, name="unmeasured")
    with caplog.at_level(logging.WARNING):
        for circuit in (bare, unmeasured, measured()):
            checked(circuit, Options("counts", 10), context_of())
    assert caplog.messages == [
        'No classical registers in circuit "bare", counts will be empty.',
        'No measurements in circuit "unmeasured", classical register will remain all zeros.',
    ]


@pytest.mark.rule(22, 36)
def test_totals():
    """Too many circuits, or a result that no worker may store: refused with limit and cure."""
    context = context_of(max_circuits=2, max_result_bytes=1000)
    check_totals(measured(), 2, 1000, Options("counts", 10), context)
    with pytest.raises(BasicAerError, match=r"3 circuits or more, and may have 2: .*BASICAER_MAX_CIRCUITS"):
        check_totals(measured(), 3, 1000, Options("counts", 10), context)
    with pytest.raises(BasicAerError, match=r'"the one" \(2 qubits\); .*no memory, or raise BASICAER_MAX_RESULT'):
        check_totals(measured(), 1, 1001, Options("counts", 10, memory=True), context)


def test_means_of_what_could_be_exact():
    """Expectation values of wide noisy circuits are means over shots: a warning, or an error."""
    wide = QuantumCircuit(13, name="wide")
    wide.h(range(13))
    wide.t(0)  # or stabilizers have them exactly
    observables, spec = [SparsePauliOp("Z" * 13)], NoiseSpec().depolarizing(0.1, "h")
    said = r'circuit "wide" has noise, so its expectation values are means over shots: {}.*method="density_matrix"'
    with pytest.warns(UserWarning, match=said.format("100 here")):
        outcomes(wide, shots=100, observables=observables, noise_model=spec, counts=False, max_qubits=30)
    with pytest.raises(BasicAerError, match=said.format("shots=0 must be at least 1")):
        outcomes(wide, shots=0, observables=observables, noise_model=spec, counts=False)
