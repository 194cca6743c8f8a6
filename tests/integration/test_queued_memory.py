"""What a queued circuit takes in Redis, and what the budget of its owner says that it takes."""

from __future__ import annotations

import pytest
from qiskit import QuantumCircuit
from support.circuits import bell

from jobs import BasicAerError, BasicAerProvider
from worker.record.keys import PREFIX, QUOTA

#: Bytes for a queued job of one small circuit, all keys together, and for each further circuit of a job.
A_JOB, A_CIRCUIT = 1900, 160


def memory(client) -> int:
    """Return the bytes that all keys take in Redis."""
    return sum(client.memory_usage(key, samples=0) for key in client.scan_iter(count=1000))


def budgeted(client) -> int:
    """Return the bytes that all owners' jobs count for."""
    return sum(map(int, client.hvals(f"{PREFIX}used")))


def test_many_small_jobs(quiet, quiet_server):
    """A queued job of one small circuit takes a bounded memory, and its owner's budget counts most of it."""
    for number in range(300):
        quiet.get_backend().run(bell(), shots=100, job_tags=["x"] if number % 3 == 0 else None)
    with quiet_server.client() as client:
        assert memory(client) / 300 < A_JOB
        assert 0.75 < budgeted(client) / memory(client) < 1.25


def test_one_large_job(quiet, quiet_server):
    """Each circuit of a list takes little more than its instructions."""
    quiet.get_backend().run([bell()] * 1000, shots=100)
    with quiet_server.client() as client:
        assert memory(client) / 1000 < A_CIRCUIT


@pytest.mark.parametrize("over", ["programs", "results"])
def test_over_the_budget(quiet_server, quiet, over):
    """At run() a job over its owner's budget is refused with bytes, limit and cure; what was queued stays."""
    large = QuantumCircuit(16)
    for _ in range(3000 if over == "programs" else 1):
        large.rz(0.1, 0)
    with quiet_server.client() as client:
        client.set(QUOTA, 100_000 if over == "programs" else 3_000_000)
        provider = BasicAerProvider(quiet_server.url)
        backend = provider.get_backend("qasm_simulator" if over == "programs" else "statevector_simulator")
        taken = []
        over_it = r"would take .*iB of the store.* may use .*iB in all, and uses .*iB: delete"
        with pytest.raises(BasicAerError, match=over_it) as refused:
            taken.extend(backend.run(large) for _ in range(50))
        assert 1 <= len(taken) < 50
        assert "BASICAER_STORE_QUOTA" in str(refused.value)
        assert {job.status().name for job in taken} == {"QUEUED"}
        # What is given back can be used again.
        assert taken[0].cancel()
        provider.delete_job(taken[0].job_id())
        backend.run(large)
        provider.close()
    with quiet_server.client() as client:
        assert not list(client.scan_iter(f"{PREFIX}upload:*"))


@pytest.mark.rule(36)
def test_a_stream_over_the_budget_is_not_read_to_its_end(quiet, quiet_server):
    """A stream is refused as soon as it is more than its owner may have."""
    read = []

    def stream():
        for number in range(1000):
            read.append(number)
            wide = QuantumCircuit(16)
            for gate in range(200 + number):
                wide.rx(0.1, gate % 16)
            yield wide

    with quiet_server.client() as client:
        client.set(QUOTA, 20 << 20)
        quiet.get_backend().run(bell())
        with pytest.raises(BasicAerError, match=r"may use 20 MiB in all: submit fewer"):
            quiet.get_backend("statevector_simulator").run(stream())
        assert len(read) < 200
        assert not list(client.scan_iter(f"{PREFIX}upload:*"))
