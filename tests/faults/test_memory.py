"""Rule 25: no run is begun that its node has no memory for; it waits, goes elsewhere, or says what it needs."""

from __future__ import annotations

import pytest
from processes import RedisServer, Worker, eventually
from qiskit import QuantumCircuit
from qiskit.providers import JobError

from jobs import BasicAerProvider

#: A statevector of 20 qubits and its working copy.
NEEDED = 2 * 16 << 20


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
    return Worker(server.url, folder, name=name, slots=slots, BASICAER_MEMORY=str(memory), BASICAER_LEASE="2")


def wide(gates=1):
    circuit = QuantumCircuit(20)
    for _ in range(gates):
        circuit.h(range(20))
        circuit.cx(0, 1)
    return circuit


def test_too_large_for_any(server, backend, tmp_path):
    """Submitted while no worker was up to ask, it ends as ERROR with the required and the available bytes."""
    job = backend.run(wide())
    worker = node(server, tmp_path, "small", NEEDED).ready()
    try:
        with pytest.raises(JobError, match=rf"MemoryRefusedError: .*needs {NEEDED} bytes .*\d+ available"):
            job.result(timeout=20)
        assert backend.max_qubits == 19
    finally:
        worker.stop()


def test_goes_to_a_wider_worker(server, backend, tmp_path):
    """What does not fit one node is handed back, without a lapse, until a wider one takes it."""
    small, large = (
        node(server, tmp_path, name, memory).ready() for name, memory in (("small", NEEDED), ("large", 4 * NEEDED))
    )
    try:
        jobs = [backend.run(wide()) for _ in range(6)]
        for job in jobs:
            assert job.result(timeout=30).success
        with backend.provider.reaching() as connection:
            assert [connection.store.read(job.job_id()).lapses for job in jobs] == [0] * 6
        assert "needs" in small.log.read_text()
    finally:
        small.stop()
        large.stop()


def test_waits_for_a_neighbour(server, backend, tmp_path):
    """Two runs that fit one at a time share a node with two slots: both end, none fails."""
    jobs = [backend.run(wide(20), seed_simulator=1) for _ in range(3)]
    worker = node(server, tmp_path, "two", int(NEEDED / 0.9) + NEEDED // 2, slots=2).ready()
    try:
        for job in jobs:
            assert job.result(timeout=60).success
        with backend.provider.reaching() as connection:
            assert [connection.store.read(job.job_id()).lapses for job in jobs] == [0, 0, 0]
        eventually(lambda: "needs" in worker.log.read_text(), what="a run that had to wait")
    finally:
        worker.stop()
