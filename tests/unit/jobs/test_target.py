"""Qiskit's transpiler works for each simulator, at each level, and keeps what a circuit does and its width."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Duration
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import DiagonalGate, PermutationGate, RZZGate
from qiskit.quantum_info import Operator, random_unitary
from qiskit.transpiler import generate_preset_pass_manager
from support.strategies import STANDARD_GATES

from jobs.lowering import lower
from jobs.lowering.rules import SAVES
from jobs.target import build_target

LEVELS = pytest.mark.parametrize("level", range(4))


def _gates() -> QuantumCircuit:
    circuit = QuantumCircuit(4)
    circuit.h(0)
    circuit.ccx(0, 1, 3)
    circuit.cx(0, 1, ctrl_state=0)
    circuit.mcx([0, 1, 2], 3)
    circuit.append(RZZGate(0.3).control(1), [2, 0, 1])
    circuit.unitary(random_unitary(8, seed=3), [0, 2, 3])
    circuit.append(DiagonalGate([1, 1j, -1, 1]), [1, 2])
    circuit.append(PermutationGate([2, 0, 1]), [0, 1, 2])
    circuit.pauli("XYZ", [0, 1, 3])
    circuit.delay(100, 1, "ns")
    circuit.barrier()
    circuit.prepare_state([0.6, 0.8], 2)
    return circuit


def _states() -> QuantumCircuit:
    circuit = QuantumCircuit(3, 2)
    circuit.initialize([0.6, 0, 0, 0.8], [0, 2])
    circuit.measure(0, 0)
    circuit.reset(0)
    circuit.h(1)
    circuit.measure(1, 1)
    return circuit


def _control_flow() -> QuantumCircuit:
    circuit = QuantumCircuit(QuantumRegister(4, "q"), ClassicalRegister(2, "c"))
    circuit.h(0)
    circuit.measure(0, 0)
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.x(1)
    with otherwise:
        circuit.mcx([0, 1, 2], 3)
    with circuit.for_loop(range(3)) as index:
        circuit.rx(index, 2)
        with circuit.if_test((circuit.clbits[1], 1)):
            circuit.break_loop()
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.continue_loop()
    with circuit.while_loop((circuit.clbits[0], 1)):
        circuit.x(0)
        circuit.measure(0, 0)
    with circuit.switch(circuit.cregs[0]) as case:
        with case(0, 1):
            circuit.x(2)
        with case(case.DEFAULT):
            circuit.y(2)
    return circuit


def _variables() -> QuantumCircuit:
    circuit = QuantumCircuit(3, 2)
    number = circuit.add_var("number", expr.lift(3, types.Uint(4)))
    stretch = circuit.add_stretch("stretch")
    circuit.h(0)
    circuit.measure(0, 0)
    circuit.store(number, expr.add(number, expr.cast(circuit.clbits[0], types.Uint(4))))
    with circuit.if_test(expr.equal(number, 3)):
        circuit.x(1)
    with circuit.box():
        circuit.cx(0, 2)
        circuit.delay(expr.add(stretch, Duration.ns(3)), 1)
    circuit.measure(1, 1)
    return circuit


@pytest.mark.rule(19)
@LEVELS
@pytest.mark.parametrize("output", ["counts", "statevector", "unitary"])
@pytest.mark.parametrize("num_qubits", [None, 24])
def test_transpiled_gates_are_the_same_operator(output: str, level: int, num_qubits: int | None) -> None:
    """At every level, with or without a width of the target, the operator and the width stay."""
    circuit, target = _gates(), build_target(output, num_qubits)
    transpiled = transpile(circuit, target=target, optimization_level=level, seed_transpiler=1)
    assert transpiled.num_qubits == circuit.num_qubits
    # 1e-7: the transpiler may leave out gates that are that close to the identity.
    np.testing.assert_allclose(Operator.from_circuit(transpiled).data, Operator(circuit).data, atol=1e-7)


@pytest.mark.rule(19)
@LEVELS
@pytest.mark.parametrize("build", [_states, _control_flow, _variables])
def test_whole_circuits_pass_through(build: object, level: int) -> None:
    """The preset pass managers take initialize, control flow, boxes, stores and variables."""
    circuit = build()
    manager = generate_preset_pass_manager(level, target=build_target("counts"), seed_transpiler=1)
    transpiled = manager.run(circuit)
    assert transpiled.num_qubits == circuit.num_qubits
    kept = {"initialize", "if_else", "for_loop", "while_loop", "switch_case", "box", "store"}
    assert set(transpiled.count_ops()) & kept == set(circuit.count_ops()) & kept
    assert lower(transpiled).num_clbits == circuit.num_clbits


@pytest.mark.rule(19)
def test_what_is_in_the_target_is_left_alone() -> None:
    """Instructions of the target are not taken apart."""
    circuit = _gates()
    transpiled = transpile(circuit, target=build_target("counts"), optimization_level=0)
    names = {"unitary", "diagonal", "permutation", "pauli", "delay", "barrier"}
    assert names <= set(transpiled.count_ops())


@pytest.mark.rule(19)
@pytest.mark.parametrize("output", ["counts", "statevector", "unitary"])
def test_the_target_lists_what_the_simulator_runs(output: str) -> None:
    """All standard gates; the unitary simulator has nothing that is not unitary."""
    names = set(build_target(output).operation_names)
    always = {*STANDARD_GATES, "unitary", "diagonal", "permutation", "pauli", "delay", "barrier"}
    states = {"initialize", "reset", "measure"}
    flow = {"if_else", "while_loop", "for_loop", "switch_case", "break_loop", "continue_loop", "box", "store"}
    saves = {*SAVES, "set_statevector"}
    assert names == (always if output == "unitary" else always | states | flow | saves)
