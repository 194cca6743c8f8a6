"""What the client takes in a worker runs: both ask how wide a run is in the same way."""

from __future__ import annotations

import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from support.circuits import entangled
from support.in_process import context_of, ran

from jobs.errors import BasicAerError
from jobs.manifest import Manifest
from jobs.submit import prepare
from jobs.submit.builder import JobBuilder
from simulator import run_shard
from simulator.options import Options
from simulator.shards.shard import Shard


def one_by_one(width: int, angle: object = 0.3) -> QuantumCircuit:
    """One qubit at a time is rotated and measured: with no sampling at the end, each is freed."""
    circuit = QuantumCircuit(width, 1, name="one by one")
    for qubit in range(width):
        circuit.ry(angle, qubit)
        circuit.measure(qubit, 0)
    return circuit


@pytest.mark.rule(25)
@pytest.mark.parametrize("width", [21, 48, 49, 60])
@pytest.mark.parametrize("swept", [False, True])
def test_qubits_that_come_and_go_are_counted_alike(width: int, *, swept: bool) -> None:
    """Without sampling, a circuit of any width of which one qubit is in use at once runs."""
    angle = Parameter("angle")
    options = {"parameter_binds": [{angle: 0.3}, {angle: 0.3}]} if swept else {}
    circuit = one_by_one(width, angle if swept else 0.3)
    for each in ran(circuit, shots=10, seed_simulator=1, allow_sample_measuring=False, **options):
        assert each.failure is None and sum(each.counts.values()) == 10


@pytest.mark.rule(23)
@pytest.mark.parametrize("width", [21, 49])
def test_qubits_that_are_sampled_together_are_refused_by_the_client(width: int) -> None:
    """A circuit that is done with none of its qubits before all were in use has all of them at once."""
    with pytest.raises(BasicAerError, match=rf"{width} is greater than maximum \(20\).*together"):
        ran(entangled(width, "together"), allow_sample_measuring=True)


@pytest.mark.rule(25)
def test_a_sweep_asks_for_no_more_than_its_rows() -> None:
    """Where rows are not run together, each asks for the qubits that it has at once."""
    angle = Parameter("angle")
    builder = JobBuilder(Options("counts", 10, sample_measuring=False), 1, context_of())
    (sweep,) = builder.items(one_by_one(40, angle), [{angle: 0.1}, {angle: 0.2}])
    asked: list[int] = []
    run_shard(Shard(builder.options, (sweep,)), admit=asked.append)
    assert len(asked) == 2 and max(asked) < 1 << 20


@pytest.mark.parametrize("name", ["first", "x" * 500])
def test_a_description_names_the_first_circuit_and_the_widest(name: str) -> None:
    """What an operator reads of a job: the first circuit's name, the beginning of a long one, and the qubits."""
    circuits = [QuantumCircuit(width, 1, name=each) for width, each in ((2, name), (5, "widest"), (3, "last"))]
    for circuit in circuits:
        circuit.measure(0, 0)
    job = prepare(circuits, {}, context_of(), job_id=None, store=None).job
    manifest = Manifest.decode(job.manifest)
    assert (manifest.name, manifest.num_qubits, manifest.num_circuits) == (name[:64], 5, 3)
