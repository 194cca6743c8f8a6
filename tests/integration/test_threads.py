"""The threads of a worker's slots."""

from __future__ import annotations

from pathlib import Path

import psutil
import pytest
from qiskit import QuantumCircuit
from support.patience import deadline
from support.processes import RedisServer, Worker

from jobs import BasicAerProvider


def wide() -> QuantumCircuit:
    """A circuit of several chunks."""
    circuit = QuantumCircuit(18)
    circuit.h(range(18))
    circuit.rx(0.3, range(18))
    circuit.measure_all()
    return circuit


def counts_and_threads(server: RedisServer, folder: Path, threads: int) -> tuple[dict[str, int], int]:
    """Run on a worker of one slot; return the counts, and how many threads its child has then."""
    node = Worker(server.url, folder, name=f"t{threads}", BASICAER_THREADS=str(threads)).ready()
    try:
        provider = BasicAerProvider(server.url)
        job = provider.get_backend().run(wide(), shots=1000, seed_simulator=5)
        counts = job.result(timeout=deadline(60)).get_counts()
        provider.close()
        (child,) = psutil.Process(node.process.pid).children()
        return counts, child.num_threads()
    finally:
        node.stop()


@pytest.mark.rule(32)
def test_threads_of_a_slot(short_folder: Path) -> None:
    """BASICAER_THREADS gives a slot so many threads, and changes no count."""
    server = RedisServer(short_folder).start()
    try:
        (one, few), (three, many) = (counts_and_threads(server, short_folder, threads) for threads in (1, 3))
    finally:
        server.stop()
    assert one == three
    # A pool starts a thread only while none of its own is idle: a quick first helper may do the second one's work.
    assert 1 <= many - few <= 2
