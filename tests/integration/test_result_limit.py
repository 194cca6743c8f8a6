"""BASICAER_MAX_RESULT_BYTES: what the client accepts, the worker does not refuse once it is simulated."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from qiskit import QuantumCircuit
from support.patience import deadline
from support.processes import RedisServer, Worker, environment

from jobs import BasicAerError, BasicAerProvider
from simulator.sizes import size

#: The bytes of a statevector of 10 qubits, or a unitary of 5, in double precision.
LIMIT = 16 << 10


@pytest.fixture(scope="module")
def limited() -> Iterator[BasicAerProvider]:
    """A provider and a worker whose results may weigh LIMIT bytes."""
    folder = Path(tempfile.mkdtemp(prefix="basicaer-test-"))
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        server = RedisServer(folder).start()
        stack.callback(server.stop)
        node = Worker(server.url, folder, BASICAER_MAX_RESULT_BYTES=str(LIMIT))
        stack.callback(node.stop)
        node.ready()
        with environment(BASICAER_MAX_RESULT_BYTES=str(LIMIT)):
            provider = BasicAerProvider(server.url)
        stack.callback(provider.close)
        yield provider


@pytest.mark.rule(23, 36)
@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize("name", ["statevector_simulator", "unitary_simulator"])
def test_the_widest_state(limited: BasicAerProvider, name: str, precision: str) -> None:
    """A state of as many bytes as are allowed arrives; a wider one is refused at run()."""
    width = 10 + (precision == "single") if name == "statevector_simulator" else 5
    circuit = QuantumCircuit(width, name="a" * 300)
    circuit.h(range(width))
    backend = limited.get_backend(name)

    result = backend.run(circuit, precision=precision).result(timeout=deadline(30))

    assert result.success
    wider = QuantumCircuit(width + 1)
    with pytest.raises(BasicAerError, match=f"the limit is {size(LIMIT)}: submit fewer or narrower"):
        backend.run(wider, precision=precision)
    # A list counts as a whole.
    with pytest.raises(BasicAerError, match="the result has"):
        backend.run([circuit, circuit, circuit], precision=precision)


@pytest.mark.rule(23, 36)
def test_memory(limited: BasicAerProvider) -> None:
    """A memory that is too large is refused before it is drawn; without, the shots run."""
    circuit = QuantumCircuit(1, 1)
    circuit.h(0)
    circuit.measure(0, 0)
    backend = limited.get_backend()

    assert backend.run(circuit, shots=LIMIT // 4 - 10, memory=True).result(timeout=deadline(30)).success
    with pytest.raises(BasicAerError, match="take fewer shots or no memory, or raise BASICAER_MAX_RESULT_BYTES"):
        backend.run(circuit, shots=LIMIT // 4 + 1, memory=True)
    assert backend.run(circuit, shots=LIMIT).result(timeout=deadline(30)).success
