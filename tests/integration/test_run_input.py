"""What `run()` takes, and what it refuses before anything is submitted."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Gate, Parameter
from support.circuits import bell, entangled
from support.patience import deadline

from jobs import BasicAerError, BasicAerProvider
from simulator.shards.wire import WIRE_VERSION
from worker.record.keys import QUOTA
from worker.record.values import WorkerInfo


@pytest.fixture
def nothing_published(quiet):
    """Whatever a test is refused, nothing of it reaches Redis."""
    yield
    with quiet.connection.reaching() as connection:
        assert list(connection.client.scan_iter("*")) == []


class TestInput:
    @pytest.mark.rule(22)
    def test_shapes_of_input(self, provider):
        """Circuit, list, tuple, generator; no circuits give a Result without experiments."""
        backend = provider.get_backend()

        assert len(backend.run(bell()).result().results) == 1
        assert len(backend.run((bell(), bell())).result().results) == 2
        assert len(backend.run(bell() for _ in range(3)).result().results) == 3
        empty = backend.run([]).result()
        assert (empty.success, empty.results) == (True, [])

    @pytest.mark.rule(22)
    def test_a_copy_is_run(self, quiet, quiet_server, tmp_path):
        """Changing a circuit after run() changes nothing."""
        from support.processes import Worker

        circuit = bell()
        job = quiet.get_backend().run(circuit)
        circuit.x(0)
        worker = Worker(quiet_server.url, tmp_path).ready()
        try:
            assert set(job.result(timeout=deadline(20)).get_counts()) == {"00", "11"}
        finally:
            worker.stop()

    @pytest.mark.rule(22)
    def test_max_circuits(self, quiet_server, monkeypatch):
        """Max_circuits is honoured."""
        monkeypatch.setenv("BASICAER_MAX_CIRCUITS", "2")
        provider = BasicAerProvider(quiet_server.url)
        assert provider.get_backend().max_circuits == 2
        with pytest.raises(BasicAerError, match="3 circuits or more, and may have 2"):
            provider.get_backend().run([bell()] * 3)
        provider.close()

    @pytest.mark.rule(23)
    @pytest.mark.parametrize(
        ("backend", "run", "message"),
        [
            ("qasm", lambda b: b.run("bell"), "not str"),
            ("qasm", lambda b: b.run([bell(), 3]), "number 1 is a int"),
            ("qasm", lambda b: b.run(bell(), shots=-1), "shots=-1 must be a whole number from 0"),
            ("qasm", lambda b: b.run(bell(), shots=1.5), r"shots=1\.5"),
            ("qasm", lambda b: b.run(bell(), shots=True), "shots=True"),
            ("qasm", lambda b: b.run(bell(), seed_simulator=-1), "seed_simulator=-1"),
            ("qasm", lambda b: b.run(bell(), seed_simulator=2**63), "to 9223372036854775807"),
            ("qasm", lambda b: b.run(bell(), memory="yes"), "memory='yes' must be True or False"),
            ("qasm", lambda b: b.run(bell(), chop_threshold=-1), "chop_threshold=-1"),
            ("qasm", lambda b: b.run(bell(), job_timeout=0), "job_timeout=0"),
            ("qasm", lambda b: b.run(bell(), job_tags="tag"), "job_tags='tag'"),
            ("qasm", lambda b: b.run(bell(), precision="half"), "precision='half' must be 'double' or 'single'"),
            (
                "qasm",
                lambda b: b.run(bell(), initial_statevector=[1, 0]),
                "initial statevector is incorrect length: 2 != 4",
            ),
            (
                "statevector",
                lambda b: b.run(bell(), initial_statevector=[1, 1, 0, 0]),
                r"initial statevector is not normalized: norm 1\.41.* != 1",
            ),
            ("unitary", lambda b: b.run(QuantumCircuit(1), initial_unitary=[1, 0]), "is not a square matrix"),
            ("unitary", lambda b: b.run(QuantumCircuit(1), initial_unitary=np.ones((2, 2))), "is not unitary"),
            (
                "unitary",
                lambda b: b.run(QuantumCircuit(2), initial_unitary=np.eye(2)),
                r"initial unitary is incorrect shape: \(2, 2\) != \(4, 4\)",
            ),
            (
                "unitary",
                lambda b: b.run(bell("X")),
                'Unsupported "unitary_simulator" instruction "measure" in circuit "X"',
            ),
            (
                "qasm",
                lambda b: b.run(entangled(40, "big")),
                r'Number of qubits 40 is greater than maximum \(30\) for "qasm_.*"big"; .* BASICAER_MAX_QUBITS',
            ),
            (
                "qasm",
                lambda b: b.run(QuantumCircuit(40, 35, name="big").compose(entangled(35), range(35))),
                r'Number of qubits 35 is greater .* \(30\).*"big", which has 40 and uses 35 at once',
            ),
            (
                "qasm",
                lambda b: b.run(QuantumCircuit(20_000, name="big")),
                r"20000 qubits and 0 clbits; there may be 0 to 10000.*",
            ),
            (
                "statevector",
                lambda b: b.run(QuantumCircuit(40, name="big")),
                r'Number of qubits 40 is greater than maximum \(30\) for "statevector_simulator"\..*"big"',
            ),
            ("statevector", lambda b: b.run(QuantumCircuit(28, name="big")), 'result has 4 GiB or more.*"big"'),
        ],
    )
    @pytest.mark.usefixtures("nothing_published")
    def test_refused(self, quiet, backend, run, message):
        """Refused at run(), naming circuit, value and limit; nothing is published."""
        with pytest.raises(BasicAerError, match=message):
            run(quiet.get_backend(f"{backend}_simulator"))

    @pytest.mark.rule(23)
    @pytest.mark.usefixtures("nothing_published")
    def test_refused_circuits(self, quiet):
        """Unbound parameters and unknown instructions, by name."""
        unbound = QuantumCircuit(1, name="open")
        unbound.rx(Parameter("angle"), 0)
        opaque = QuantumCircuit(1, name="strange")
        opaque.append(Gate("mystery", 1, []), [0])
        reset = QuantumCircuit(1, name="R")
        reset.reset(0)

        with pytest.raises(BasicAerError, match=r"(?s)open.*angle"):
            quiet.get_backend().run(unbound)
        with pytest.raises(BasicAerError, match=r"(?s)mystery.*strange"):
            quiet.get_backend().run(opaque)
        with pytest.raises(BasicAerError, match='instruction "reset" in circuit "R"'):
            quiet.get_backend("unitary_simulator").run(reset)

    @pytest.mark.rule(23)
    def test_numpy_integers(self, provider):
        """NumPy's ints are ints."""
        result = provider.get_backend().run(bell(), shots=np.int32(12), seed_simulator=np.uint8(3)).result()
        assert sum(result.get_counts().values()) == 12
        assert type(result.results[0].seed_simulator) is int

    @pytest.mark.rule(36)
    def test_quota(self, quiet, quiet_server, monkeypatch):
        """Over the store's quota: bytes and cure, nothing is kept; a client's setting is none."""
        monkeypatch.setenv("BASICAER_STORE_QUOTA", "0")
        with quiet_server.client() as client:
            client.set(QUOTA, 100)
            with pytest.raises(BasicAerError, match=r"may use 100 bytes in all: submit fewer"):
                quiet.get_backend().run(bell())
            assert client.keys("basicaer:1:job:*") == []

    @pytest.mark.rule(24)
    def test_warnings(self, provider, caplog):
        """No classical registers, no measurements: a warning as in 0.24, and the job runs."""
        backend = provider.get_backend()
        none = backend.run(QuantumCircuit(1, name="A")).result()
        zeros = backend.run(QuantumCircuit(2, 2, name="B"), shots=5).result()

        assert none.get_counts() == {}
        assert zeros.get_counts() == {"00": 5}
        assert 'No classical registers in circuit "A", counts will be empty.' in caplog.text
        assert 'No measurements in circuit "B", classical register will remain all zeros.' in caplog.text

    def test_other_wire_version(self, quiet):
        """Part 4: a client whose version no worker reads refuses clearly."""
        old = WorkerInfo(name="old@lab", slots=1, lanes=("basicaer",), memory=1 << 30, wire=0, versions={})
        with quiet.connection.reaching() as connection:
            connection.store.feed(old)
        with pytest.raises(BasicAerError, match=rf"wire version {WIRE_VERSION}.*old@lab \(wire 0\).*Upgrade"):
            quiet.get_backend().run(bell())

    @pytest.mark.rule(25)
    def test_width_follows_the_workers(self, provider):
        """With workers up, their memory sets the width."""
        backend = provider.get_backend("statevector_simulator")
        with provider.connection.reaching() as connection:
            memory = max(worker.memory for worker in connection.store.workers())

        assert 16 * 2**backend.max_qubits <= memory < 16 * 2 ** (backend.max_qubits + 3)
        assert provider.get_backend("unitary_simulator").max_qubits <= backend.max_qubits // 2 + 1

    @pytest.mark.rule(25)
    def test_width_follows_the_precision(self, provider):
        """In single precision a state takes half the bytes, so one qubit more is accepted."""
        backend = provider.get_backend("statevector_simulator")
        double = backend.max_qubits
        with pytest.raises(BasicAerError, match=rf"maximum \({double + 1}\)"):
            backend.run(QuantumCircuit(double + 2), precision="single")
        backend.set_options(precision="single")
        assert backend.max_qubits == double + 1
