"""Copies of a circuit are read without lowering them, and come out as if they had been lowered."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit import Gate, Parameter
from qiskit.circuit.library import CUGate, RYGate, UnitaryGate, XGate
from support.in_process import context_of
from support.programs import Draw

from jobs.errors import BasicAerError
from jobs.lowering import CircuitTemplate, lower
from jobs.submit.builder import JobBuilder
from simulator.options import Options
from simulator.rng import experiment_seed
from simulator.shards.shard import Experiment, Sweep

SEED = 3


def ansatz(first: float, second: float = 0.5) -> QuantumCircuit:
    circuit = QuantumCircuit(2, 2, global_phase=first)
    circuit.ry(first, 0)
    circuit.cx(0, 1)
    circuit.u(second, 0.1, first, 1)
    circuit.barrier()
    circuit.reset(0)
    circuit.measure([0, 1], [1, 0])
    return circuit


def items_of(circuits: object) -> list[Experiment | Sweep]:
    builder = JobBuilder(Options(output="counts", shots=10), SEED, context_of())
    return list(builder.items(circuits, None))


def lowered(circuits: list[QuantumCircuit]) -> list[Experiment]:
    return [
        Experiment(index, experiment_seed(SEED, index), lower(circuit)) for index, circuit in enumerate(circuits)
    ]


@st.composite
def lists(draw: Draw) -> list[QuantumCircuit]:
    """Circuits of a few structures, in any order."""
    angles = st.sampled_from([0.0, -0.0, 0.5, math.pi])
    unitaries = [UnitaryGate(np.eye(2)), UnitaryGate(np.diag([1, -1]))]

    def other() -> QuantumCircuit:
        circuit = ansatz(draw(angles))
        circuit.data[0], circuit.data[1] = circuit.data[1], circuit.data[0]
        return circuit

    def dense() -> QuantumCircuit:
        circuit = QuantumCircuit(1, name=draw(st.sampled_from(["a", "b"])))
        circuit.rx(draw(angles), 0)
        circuit.append(draw(st.sampled_from(unitaries)), [0])
        return circuit

    def controlled() -> QuantumCircuit:
        circuit = QuantumCircuit(2)
        circuit.append(CUGate(draw(angles), 0.1, 0.2, draw(angles)), [0, 1])
        circuit.append(XGate().control(1, ctrl_state=draw(st.integers(0, 1))), [0, 1])
        return circuit

    kinds: list[Callable[[], QuantumCircuit]] = [
        lambda: ansatz(draw(angles), draw(angles)),
        other,
        dense,
        controlled,
    ]
    return [draw(st.sampled_from(kinds))() for _ in range(draw(st.integers(0, 8)))]


@pytest.mark.rule(32)
@given(lists())
def test_copies_are_as_if_lowered(circuits: list[QuantumCircuit]) -> None:
    """However it is read, a job has the same experiments, to the sign of a zero."""
    found = [each for item in items_of(circuits) for each in item.experiments()]
    assert repr(found) == repr(lowered(circuits))


def test_only_the_first_is_lowered() -> None:
    """A copy has numbers, a name and metadata of its own, and nothing else."""
    first, second = ansatz(0.1), ansatz(0.2, 0.3)
    second.metadata = {"run": 2}
    copy = CircuitTemplate(first, lower(first)).row(second)
    assert copy is not None
    assert copy.numbers.tolist() == [0.2, 0.3, 0.1, 0.2, 0.2]
    assert (copy.name, copy.metadata) == (second.name, '{"run": 2}')


def _custom() -> QuantumCircuit:
    circuit = ansatz(0.1)
    circuit.data[0] = circuit.data[0].replace(operation=Gate("ry", 1, [0.1]))
    return circuit


def _with_store() -> QuantumCircuit:
    circuit = ansatz(0.1)
    circuit.add_var("a", False)
    return circuit


def _other_clbits() -> QuantumCircuit:
    circuit = ansatz(0.1)
    circuit.data[-1] = circuit.data[-1].replace(clbits=[circuit.clbits[1]])
    return circuit


def _other_register() -> QuantumCircuit:
    circuit = QuantumCircuit(QuantumRegister(2, "r"), ClassicalRegister(2, "c"))
    circuit.compose(ansatz(0.1), inplace=True)
    return circuit


def _with_four_numbers() -> QuantumCircuit:
    circuit = ansatz(0.1)
    circuit.data[2] = circuit.data[2].replace(operation=CUGate(0.1, 0.2, 0.3, 0.4).control(1).base_gate)
    return circuit


def _open_in_vain() -> QuantumCircuit:
    circuit = ansatz(0.1)
    circuit.data[0] = circuit.data[0].replace(operation=RYGate(0 * Parameter("theta")))
    return circuit


def _not_finite() -> QuantumCircuit:
    circuit = ansatz(0.1)
    circuit.data[0] = circuit.data[0].replace(operation=RYGate(math.inf))
    return circuit


@pytest.mark.parametrize(
    "other",
    [
        ansatz(0.1).compose(QuantumCircuit(2)).reverse_bits(),
        ansatz(Parameter("open")),
        _custom(),
        _with_store(),
        _other_clbits(),
        _other_register(),
        _with_four_numbers(),
        _open_in_vain(),
        _not_finite(),
    ],
)
def test_what_is_not_certain_is_no_copy(other: QuantumCircuit) -> None:
    """Other bits, other operations of the same name, variables and open numbers are for lowering to judge."""
    first = ansatz(0.1)
    assert CircuitTemplate(first, lower(first)).row(other) is None


@pytest.mark.rule(22)
def test_a_stream_may_change_one_circuit() -> None:
    """What was lowered is compared, and not what has become of the circuit."""

    def stream() -> Iterator[QuantumCircuit]:
        circuit = ansatz(0.1)
        for angle in (0.1, 0.2):
            circuit.data[0] = circuit.data[0].replace(operation=RYGate(angle))
            yield circuit
        circuit.data[1] = circuit.data[1].replace(qubits=circuit.qubits[::-1])
        yield circuit

    found = [each.program for item in items_of(stream()) for each in item.experiments()]
    assert [each.instructions[0].params for each in found] == [(0.1,), (0.2,), (0.2,)]
    assert [each.instructions[1].targets for each in found] == [(1,), (1,), (0,)]


@pytest.mark.rule(23)
def test_a_copy_weighs_what_its_own_name_and_metadata_do() -> None:
    """The estimate of the result has each circuit's metadata in it."""
    circuits = [ansatz(0.1), ansatz(0.2)]
    circuits[1].metadata = {"text": "x" * 100_000}
    builder = JobBuilder(Options(output="counts", shots=10), SEED, context_of())
    list(builder.items(circuits, None))
    assert builder.result_bytes > 100_000


@pytest.mark.rule(23)
def test_copies_count() -> None:
    """A copy is a circuit of the job, for its limits too."""
    builder = JobBuilder(Options(output="counts", shots=10), SEED, context_of(max_circuits=2))
    with pytest.raises(BasicAerError, match="3 circuits or more, and may have 2"):
        list(builder.items([ansatz(0.1), ansatz(0.2), ansatz(0.3)], None))
