"""A circuit fetched from another process looks like the one that was submitted."""

from __future__ import annotations

import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Clbit, Duration, Instruction, Parameter, Qubit
from qiskit.circuit.classical import expr, types
from qiskit.circuit.library import MCPhaseGate, MCXGate, PauliEvolutionGate, StatePreparation
from qiskit.quantum_info import SparsePauliOp
from support.circuits import since_qiskit_2_5

from jobs.lowering import lower
from jobs.rebuilding import rebuild


@pytest.mark.rule(16)
def test_a_plain_circuit_is_the_same_circuit() -> None:
    """Registers, names, metadata, phase and gates: equal by Qiskit's own comparison."""
    circuit = QuantumCircuit(
        QuantumRegister(3, "a"), QuantumRegister(2, "b"), ClassicalRegister(2, "c"), name="mine", global_phase=0.5
    )
    circuit.metadata = {"run": 1}
    circuit.h(0)
    circuit.cx(0, 1, ctrl_state=0)
    circuit.rzz(0.25, 3, 4)
    circuit.append(MCXGate(4), range(5))
    circuit.append(MCPhaseGate(0.5, 3), range(4))
    circuit.unitary([[0, 1], [1, 0]], 0, label="flip")
    circuit.initialize([0.6, 0.8], 1)
    circuit.append(StatePreparation([0.6, 0.8]), [0])
    circuit.delay(1.5, 0, "us")
    circuit.barrier()
    circuit.reset(1)
    circuit.measure([0, 4], [1, 0])
    # StatePreparation comes on a used qubit, so it would come back as its gates.
    del circuit.data[7]
    rebuilt = rebuild(lower(circuit))
    assert rebuilt == circuit
    assert (rebuilt.name, rebuilt.metadata, rebuilt.qregs) == (circuit.name, circuit.metadata, circuit.qregs)


@pytest.mark.rule(16)
def test_rotations_about_pauli_strings_come_back() -> None:
    """One gate for each term of an evolution, which a product formula of one step is."""
    circuit = QuantumCircuit(4)
    circuit.append(PauliEvolutionGate(SparsePauliOp(["XYZI", "IIYX"], [0.5, 2.0]), time=0.25), range(4))
    expected = QuantumCircuit(4)
    expected.append(PauliEvolutionGate(SparsePauliOp("XYZ"), time=0.125), [1, 2, 3])
    expected.append(PauliEvolutionGate(SparsePauliOp("YX"), time=0.5), [0, 1])
    rebuilt = rebuild(lower(circuit))
    assert rebuilt == expected
    assert lower(rebuilt).instructions == lower(circuit).instructions


@pytest.mark.rule(16)
def test_shared_and_lone_bits_come_back() -> None:
    """Registers that share bits share them again, and bits of no register are there."""
    low, shared = ClassicalRegister(2, "low"), [Clbit()]
    circuit = QuantumCircuit([Qubit()], QuantumRegister(1, "q"), low, shared)
    circuit.add_register(ClassicalRegister(name="both", bits=[shared[0], low[0]]))
    rebuilt = rebuild(lower(circuit))
    assert (rebuilt.num_qubits, rebuilt.num_clbits) == (2, 3)
    indices = [[rebuilt.find_bit(bit).index for bit in register] for register in rebuilt.cregs]
    assert ([register.name for register in rebuilt.cregs], indices) == (["low", "both"], [[0, 1], [2, 0]])


@pytest.mark.rule(17)
def test_metadata_that_stayed_behind_is_empty() -> None:
    """Metadata that is not JSON is not invented."""
    assert rebuild(lower(QuantumCircuit(1, metadata={"a": object()}))).metadata == {}


@pytest.mark.rule(16)
def test_a_fresh_state_preparation_is_a_gate_again() -> None:
    """A circuit that has a unitary still has one, although its amplitudes travelled."""
    circuit = QuantumCircuit(1)
    circuit.append(StatePreparation([0.6, 0.8]), [0])
    assert rebuild(lower(circuit)) == circuit


@pytest.mark.rule(16)
def test_a_stretch_is_a_stretch_again() -> None:
    """A delay that may stretch has a new stretch, in blocks too."""
    circuit = QuantumCircuit(1, 1)
    stretch = circuit.add_stretch("s")
    circuit.delay(stretch, 0)
    with circuit.if_test((circuit.clbits[0], 1)):
        circuit.delay(expr.add(stretch, Duration.ns(3)), 0)
    lowered = lower(circuit)
    assert lower(rebuild(lowered)) == lowered


@pytest.mark.rule(16)
@since_qiskit_2_5
def test_variables_keep_their_names_where_they_can() -> None:
    """Names of variables stay; one that a block used again gets a number."""
    circuit = QuantumCircuit(1, 1)
    circuit.add_var("flag", expr.lift(True))
    with circuit.if_test((circuit.clbits[0], 1)) as otherwise:
        circuit.add_var("local", expr.lift(2, types.Uint(2)))
    with otherwise:
        circuit.add_var("local", expr.lift(0.5))
    with circuit.for_loop(range(3), expr.Var.new("i", types.Uint(2))) as index:
        circuit.add_var("copy", index)
    rebuilt = rebuild(lower(circuit))
    assert [variable.name for variable in rebuilt.iter_declared_vars()] == ["flag", "local", "local_1"]
    loop = rebuilt.data[-1].operation
    assert loop.params[1].name == "i"
    assert [variable.name for variable in loop.blocks[0].iter_declared_vars()] == ["copy"]


@pytest.mark.rule(16)
def test_a_loop_over_a_parameter_is_a_loop_with_a_counter() -> None:
    """The parameter is bound and gone; the loop has its bodies in a switch, and still breaks."""
    circuit = QuantumCircuit(1, 1)
    with circuit.for_loop((4, 2), Parameter("i")) as index:
        circuit.rx(index, 0)
        with circuit.if_test((circuit.clbits[0], 1)):
            circuit.break_loop()
    rebuilt = rebuild(lower(circuit))
    assert [instruction.name for instruction in rebuilt.data] == ["store", "for_loop"]
    body = rebuilt.data[1].operation.blocks[0]
    assert [instruction.name for instruction in body.data] == ["store", "switch_case"]
    angles = [block.data[0].params for block in body.data[1].operation.blocks]
    assert angles == [[4.0], [2.0]]


@pytest.mark.rule(16)
def test_a_loop_over_nothing_is_nothing() -> None:
    """A loop that never runs is left out where it had a parameter."""
    circuit = QuantumCircuit(1)
    with circuit.for_loop(range(0), Parameter("i")) as index:
        circuit.rx(index, 0)
    assert rebuild(lower(circuit)).data == []


def test_a_register_inside_a_definition_is_added() -> None:
    """A definition may read a register of its own, which the circuit then has to have."""
    inner = QuantumCircuit(QuantumRegister(1), ClassicalRegister(2, "own"))
    with inner.if_test((inner.cregs[0], 2)):
        inner.x(0)
    circuit = QuantumCircuit(QuantumRegister(1, "q"), ClassicalRegister(3, "c"))
    conditional = Instruction("conditional", 1, 2, [])
    conditional.definition = inner
    circuit.append(conditional, [0], [2, 1])
    lowered = lower(circuit)
    rebuilt = rebuild(lowered)
    assert lower(rebuilt).instructions == lowered.instructions
    assert [register.name for register in rebuilt.cregs] == ["c", "inner_0"]
