"""Runs that last: no stretch without a checkpoint in them is long, and none of them is taken for a death."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import psutil
import pytest
from qiskit import QuantumCircuit
from support.checkpoint_gaps import EVOLUTIONS, SHOTS, longest_gap, many_gates, shard_of
from support.faults.farm import Farm
from support.processes import eventually
from support.programs import measures, on_all, program

from simulator.kernels.threads import use_threads
from worker.record import keys

#: Seconds: twice the 0.05 of 26 qubits for one more, and what other tests at the same time add.
LONGEST = 0.15
#: Bytes that the widest of these takes, and the machine needs beside it.
_NEEDED = 9 << 30
#: The default.
LEASE = 10.0
#: Tests of one group run one after another.
pytestmark = [pytest.mark.long, pytest.mark.timeout(1800), pytest.mark.xdist_group("memory")]


@pytest.fixture(params=[1, 2])
def threads(request: pytest.FixtureRequest) -> Iterator[None]:
    use_threads(request.param)
    yield
    use_threads(None)


def need(num_bytes: int) -> None:
    if psutil.virtual_memory().available < num_bytes:
        pytest.skip(f"needs {num_bytes >> 30} GiB of memory")


@pytest.mark.rule(8)
@pytest.mark.usefixtures("threads")
@pytest.mark.parametrize("family", EVOLUTIONS)
def test_evolutions(family: str) -> None:
    """At 27 qubits, too, no stretch of CPU time without a checkpoint is much longer than 50 ms."""
    need(_NEEDED)
    width = {"dense": 22, "branches": 25, "resets": 25}.get(family, 27)
    circuit = program(width, width, *EVOLUTIONS[family](width), on_all(width), *measures(width))
    shard = shard_of(circuit, shots=10**5)
    assert longest_gap(shard, LONGEST, tries=2) < LONGEST


@pytest.mark.rule(8)
def test_a_statevector() -> None:
    """The same of a statevector of 26 qubits, until it is a message."""
    need(_NEEDED)
    shard = shard_of(program(26, 0, *EVOLUTIONS["fourier"](26)), output="statevector")
    assert longest_gap(shard, LONGEST, tries=2) < LONGEST


@pytest.mark.rule(8)
@pytest.mark.parametrize("memory", [False, True], ids=["counts", "memory"])
@pytest.mark.parametrize("family", SHOTS)
def test_shots(family: str, *, memory: bool) -> None:
    """The same of 10^8 shots, and of 10^7 whose outcomes are wide and remembered."""
    need(_NEEDED)
    shots = 10**7 if memory and "wide" in family else 10**8
    assert longest_gap(shard_of(SHOTS[family], shots=shots, memory=memory), LONGEST, tries=2) < LONGEST


@pytest.mark.rule(8)
def test_a_million_gates() -> None:
    """The same of a long program, from its estimate to its end."""
    assert longest_gap(shard_of(many_gates(10**6), shots=10), LONGEST, tries=2) < LONGEST


def ladder(num_qubits: int) -> QuantumCircuit:
    """Up a ladder of CX gates, and down again: what is left is the first qubit's state."""
    circuit = QuantumCircuit(num_qubits, num_qubits)
    circuit.h(0)
    for qubit in range(1, num_qubits):
        circuit.cx(qubit - 1, qubit)
    for qubit in reversed(range(1, num_qubits)):
        circuit.cx(qubit - 1, qubit)
    circuit.measure(range(num_qubits), range(num_qubits))
    return circuit


@pytest.fixture
def patient() -> Iterator[Farm]:
    """A farm with the default lease, and one worker."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="basicaer-farm-"))
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        farm = Farm(folder, LEASE, stack)
        farm.hire(BASICAER_MEMORY="8g")
        yield farm
        farm.check()


@pytest.mark.rule(8, 12)
def test_a_ladder_on_28_qubits_is_alive_in_the_middle(patient: Farm) -> None:
    """A wide job keeps its lease of 10 s all the way, and ends with its counts, at once."""
    need(_NEEDED)
    job = patient.backend.run(ladder(28), shots=1000, seed_simulator=1)
    leases: set[float] = set()

    def renewed() -> bool:
        end = patient.client.zscore(f"{keys.PREFIX}held", f"{job.job_id()}/0")
        leases.update(() if end is None else (end,))
        return len(leases) > 1 or patient.record(job).state == "DONE"

    eventually(renewed, within=120, what="a lease that is renewed, or the end")
    counts = job.result(timeout=900).get_counts()
    assert sum(counts.values()) == 1000
    assert set(counts) == {"0" * 28, "0" * 27 + "1"}
    assert patient.record(job).lapses == 0
    patient.check_state(job, "DONE", "SUCCESS")
