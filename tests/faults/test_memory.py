"""No run is begun that its node has no memory for; it waits, goes elsewhere, or says what it needs.

And where the system kills one for its memory all the same, that is a death like any other.
"""

from __future__ import annotations

import signal

import pytest
from qiskit import QuantumCircuit
from qiskit.providers import JobError
from support.faults.cgroup import MemoryGroup
from support.faults.farm import Farm, lasting
from support.patience import deadline
from support.processes import RedisServer, Worker, eventually
from support.programs import bytes_of

from jobs import BasicAerProvider, lower
from simulator.sizes import size

pytestmark = pytest.mark.rule(25, 34, 35)

#: Bytes that a node may have beyond what it has when it is idle: less than a state of 23 qubits.
ROOM = 32 << 20


@pytest.fixture
def server(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("r")).start()
    yield server
    server.stop()


@pytest.fixture
def backend(server):
    provider = BasicAerProvider(server.url)
    yield provider.get_backend("statevector_simulator")
    provider.close()


def node(server, folder, name, memory, slots=1):
    return Worker(server.url, folder, name=name, slots=slots, BASICAER_MEMORY=str(memory), BASICAER_LEASE="5")


def wide(gates=1):
    circuit = QuantumCircuit(20)
    for _ in range(gates):
        circuit.h(range(20))
        circuit.cx(0, 1)
    return circuit


#: What a node needs for the statevector of a short circuit like that.
NEEDED = bytes_of(lower(wide()), "statevector")
#: Even for a circuit of that width without instructions.
TOO_LITTLE = int(0.9 * NEEDED)
REFUSAL = (
    f"MemoryRefusedError: .*needs {size(NEEDED, up=True)} .* has {size(TOO_LITTLE)} available: use fewer qubits"
)


def test_too_large_for_any(server, backend, tmp_path):
    """Submitted while no worker was up to ask, it ends as ERROR with the required and the available bytes."""
    job = backend.run(wide())
    worker = node(server, tmp_path, "small", TOO_LITTLE).ready()
    try:
        with pytest.raises(JobError, match=REFUSAL):
            job.result(timeout=deadline(20))
        # What the client knew of workers when it submitted, it keeps for a second.
        eventually(lambda: backend.max_qubits == 19, what="the small worker")
    finally:
        worker.stop()


def test_goes_to_a_wider_worker(server, backend, tmp_path):
    """What does not fit one node is handed back, without a lapse, until a wider one takes it."""
    sizes = (("small", TOO_LITTLE), ("large", 4 * NEEDED))
    small, large = (node(server, tmp_path, name, memory).ready() for name, memory in sizes)
    try:
        # A node that is up is on the register a moment later.
        eventually(lambda: backend.max_qubits >= 20, what="the wider worker")
        jobs = [backend.run(wide()) for _ in range(4)]
        for job in jobs:
            assert job.result(timeout=deadline(30)).success
        with backend.provider.connection.reaching() as connection:
            assert [connection.store.read(job.job_id()).lapses for job in jobs] == [0] * 4
        assert "needs" in small.log.read_text()
    finally:
        small.stop()
        large.stop()


def test_waits_for_a_neighbour(server, backend, tmp_path):
    """Of runs that fit one at a time, on a node with two slots, some wait, and none fails."""
    worker = node(server, tmp_path, "two", NEEDED + NEEDED // 2, slots=2).ready()

    def one_waits() -> bool:
        # A slot that a busy machine keeps from starting begins when the other one has ended.
        jobs = [backend.run(wide(20), seed_simulator=1) for _ in range(3)]
        for job in jobs:
            assert job.result(timeout=deadline(60)).success
        with backend.provider.connection.reaching() as connection:
            assert [connection.store.read(job.job_id()).lapses for job in jobs] == [0, 0, 0]
        return "needs" in worker.log.read_text()

    try:
        eventually(one_waits, within=30, what="a run that had to wait")
    finally:
        worker.stop()


@pytest.fixture
def group():
    """A control group that limits memory; it goes after the nodes in it."""
    group = MemoryGroup()
    yield group
    group.close()


@pytest.fixture
def tight(group, farm):
    """A node in the group, which has no room for `hungry`, and does not know it."""
    # A slot whose process was killed comes back after some 5 s: until then, there is another.
    (node,) = farm.hire(slots=2, command=group.command)
    farm.check_done(farm.run(lasting()))
    group.limit(group.used() + ROOM)
    return node


def hungry():
    """A circuit of 23 qubits: a state of at least 64 MiB."""
    circuit = QuantumCircuit(23, 4)
    for qubit in range(23):
        circuit.rx(0.3 + 0.1 * qubit, qubit)
    for targets in (range(1, 23), range(22, 0, -1)):
        circuit.cx(0, targets)
    circuit.measure([0, 7, 15, 22], range(4))
    return circuit


@pytest.mark.rule(34)
@pytest.mark.parametrize("farm", [0], indirect=True)
@pytest.mark.parametrize("again", ["there", "elsewhere"])
def test_out_of_memory_kill(group: MemoryGroup, farm: Farm, tight: Worker, again: str):
    """A run that the system killed for its memory is run again, there or elsewhere: the same counts."""
    job = farm.run(hungry())
    eventually(group.kills, within=20, what="the kill")
    if again == "there":
        # Whatever had taken the memory gave it back.
        group.limit(1 << 30)
    else:
        tight.process.send_signal(signal.SIGSTOP)
        farm.hire()

    result = job.result(timeout=deadline(30))
    tight.process.send_signal(signal.SIGCONT)

    assert [each.data.counts for each in result.results] == farm.quiet(hungry())
    assert group.kills() == farm.record(job).lapses == 1
    farm.settle()
    assert tight.process.poll() is None
    farm.check_state(job, "DONE", "SUCCESS")


@pytest.mark.rule(35)
@pytest.mark.parametrize("farm", [0], indirect=True)
def test_out_of_memory_three_times(group: MemoryGroup, farm: Farm, tight: Worker):
    """A circuit that takes its node's memory three times is ERROR, and says so; the next job is DONE."""
    job = farm.run(hungry())

    job.wait_for_final_state(timeout=deadline(45))

    assert job.error_message() == "WorkerLostError: worker died 3 times while running it"
    assert group.kills() == farm.record(job).lapses == 3
    farm.check_done(farm.run(lasting()), lapses=[0])
    assert tight.process.poll() is None
    farm.check_state(job, "ERROR", "FAILURE")
