"""Dynamic circuits with chance in them: counts against Aer's, by chi-squared.

Aer runs neither boxes nor variables, nor all expressions; those are compared with an interpreter elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.classical import expr
from qiskit_aer import AerSimulator
from scipy.stats import chi2_contingency

import simulator
from jobs.lowering import lower
from jobs.rebuilding import rebuild

SHOTS = 4000
#: With fixed seeds a test passes or fails for ever; this is how unlikely a lucky draw would have been.
SIGNIFICANCE = 1e-4


def _circuit() -> QuantumCircuit:
    return QuantumCircuit(QuantumRegister(3, "q"), ClassicalRegister(2, "low"), ClassicalRegister(2, "high"))


def _teleportation() -> QuantumCircuit:
    circuit = _circuit()
    circuit.ry(1.1, 0)
    circuit.h(1)
    circuit.cx(1, 2)
    circuit.cx(0, 1)
    circuit.h(0)
    circuit.measure([0, 1], [0, 1])
    with circuit.if_test((circuit.clbits[1], 1)):
        circuit.x(2)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.z(2)
    circuit.measure(2, 2)
    return circuit


def _until_success() -> QuantumCircuit:
    circuit = _circuit()
    circuit.ry(2.0, 0)
    circuit.measure(0, 0)
    with circuit.while_loop((circuit.clbits[0], 1)):
        circuit.ry(1.3, 1)
        circuit.cx(0, 1)
        circuit.measure(1, 2)
        circuit.reset(0)
        circuit.h(0)
        circuit.measure(0, 0)
    circuit.measure(1, 3)
    return circuit


def _register_conditions() -> QuantumCircuit:
    circuit = _circuit()
    circuit.h([0, 1])
    circuit.cry(0.7, 0, 2)
    circuit.measure([0, 1], [0, 1])
    with circuit.if_test((circuit.cregs[0], 2)) as otherwise:
        circuit.ry(0.9, 2)
    with otherwise, circuit.if_test((circuit.cregs[0], 3)):
        circuit.h(2)
    circuit.measure(2, 3)
    return circuit


def _switch() -> QuantumCircuit:
    circuit = _circuit()
    circuit.h(0)
    circuit.ry(1.0, 1)
    circuit.measure([0, 1], [0, 1])
    with circuit.switch(circuit.cregs[0]) as case:
        with case(0, 3):
            circuit.ry(0.5, 2)
        with case(1):
            circuit.ry(1.5, 2)
        with case(case.DEFAULT):
            circuit.x(2)
    circuit.measure(2, 2)
    return circuit


def _loop_with_break() -> QuantumCircuit:
    circuit = _circuit()
    with circuit.for_loop(range(1, 5)) as index:
        circuit.ry(0.3 * index, 0)
        circuit.measure(0, 0)
        circuit.h(1)
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.break_loop()
        circuit.cx(1, 2)
    circuit.measure([1, 2], [2, 3])
    return circuit


def _loop_with_continue() -> QuantumCircuit:
    circuit = _circuit()
    with circuit.for_loop((1, 2, 3)):
        circuit.h(0)
        circuit.measure(0, 0)
        with circuit.if_test((circuit.clbits[0], 0)):
            circuit.continue_loop()
        circuit.ry(0.8, 1)
    circuit.measure(1, 1)
    return circuit


def _expressions() -> QuantumCircuit:
    circuit = _circuit()
    circuit.h([0, 1])
    circuit.measure([0, 1], [0, 1])
    circuit.measure(0, 2)
    with circuit.if_test(expr.logic_or(circuit.clbits[1], expr.logic_not(circuit.clbits[2]))):
        circuit.ry(0.4, 2)
    with circuit.if_test(expr.less(expr.bit_xor(circuit.cregs[0], circuit.cregs[1]), 2)):
        circuit.ry(1.4, 2)
    circuit.measure(2, 3)
    return circuit


def _entangled_reset_and_initialize() -> QuantumCircuit:
    circuit = _circuit()
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.cx(1, 2)
    circuit.reset(0)
    circuit.initialize([0.6, 0.8j], 1)
    circuit.cx(1, 0)
    circuit.measure([0, 1, 2], [0, 1, 2])
    return circuit


def _repeated_measurement() -> QuantumCircuit:
    circuit = _circuit()
    circuit.ry(1.2, 0)
    circuit.measure(0, 0)
    circuit.measure(0, 1)
    circuit.ry(0.4, 0)
    circuit.measure(0, 2)
    circuit.measure(1, 0)
    circuit.measure(0, 3)
    return circuit


CIRCUITS = [
    _teleportation,
    _until_success,
    _register_conditions,
    _switch,
    _loop_with_break,
    _loop_with_continue,
    _expressions,
    _entangled_reset_and_initialize,
    _repeated_measurement,
]


def _counts_by_aer(circuit: QuantumCircuit) -> dict[int, int]:
    # Aer wants its own initialize taken apart no further, and says nothing about the order of keys.
    result = AerSimulator(method="statevector").run(circuit, shots=SHOTS, seed_simulator=7).result()
    return {int(key, 16): count for key, count in result.data(0)["counts"].items()}


@pytest.mark.rule(30, 31)
@pytest.mark.parametrize("build", CIRCUITS)
@pytest.mark.parametrize(
    "path", [lower, lambda circuit: lower(rebuild(lower(circuit)))], ids=["lowered", "rebuilt"]
)
def test_counts_are_distributed_as_aers(build: Callable[[], QuantumCircuit], path: Callable) -> None:
    """Dynamic circuits, and what is rebuilt of them, have the distribution that Aer finds."""
    expected = _counts_by_aer(build())
    counts = simulator.run(path(build()), shots=SHOTS, seed=11).counts
    ours = {int(key, 16): count for key, count in counts.items()}
    keys = sorted(ours.keys() | expected.keys())
    table = np.array([[ours.get(key, 0) for key in keys], [expected.get(key, 0) for key in keys]])
    assert table.sum(axis=1).tolist() == [SHOTS, SHOTS]
    assert len(keys) > 1
    assert chi2_contingency(table).pvalue > SIGNIFICANCE
