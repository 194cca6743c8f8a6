"""Provider, backends, options, and what is refused at run()."""

from __future__ import annotations

import logging
import socket
import time

import numpy as np
import pytest
from qiskit import QuantumCircuit, generate_preset_pass_manager, transpile
from qiskit.circuit import Gate, Parameter
from qiskit.primitives import BackendSamplerV2
from qiskit.providers import BackendV2
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Operator, Statevector
from qiskit.result import MeasLevel
from qiskit.transpiler import CouplingMap
from qiskit.transpiler.exceptions import CircuitTooWideForTarget
from support.circuits import bell, entangled
from support.patience import deadline

from jobs import BasicAerError, BasicAerProvider
from worker.record.keys import QUOTA
from worker.record.values import WorkerInfo


@pytest.fixture
def nothing_published(quiet):
    """Whatever a test is refused, nothing of it reaches Redis."""
    yield
    with quiet.connection.reaching() as connection:
        assert list(connection.client.scan_iter("*")) == []


class TestProvider:
    @pytest.mark.rule(19)
    def test_backends(self, provider):
        """Three backends, each a BackendV2 with a Target of a width that libraries can compare."""
        backends = provider.backends()

        assert [backend.name for backend in backends] == [
            "qasm_simulator",
            "statevector_simulator",
            "unitary_simulator",
        ]
        assert all(isinstance(backend, BackendV2) for backend in backends)
        for backend in backends:
            assert type(backend.num_qubits) is int
            assert backend.num_qubits == backend.target.num_qubits == backend.max_qubits > 10
        with pytest.raises(QiskitBackendNotFoundError, match="unitary_simulator"):
            provider.get_backend("ibmq_qasm_simulator")

    @pytest.mark.rule(19)
    @pytest.mark.parametrize("level", [0, 1, 2, 3])
    def test_transpile(self, provider, level):
        """Transpile and pass managers take the backend at every level, and keep the width."""
        backend = provider.get_backend("unitary_simulator")
        circuit = QuantumCircuit(4)
        circuit.h(0)
        circuit.mcx([0, 1, 2], 3)
        circuit.swap(0, 3)

        for made in (
            transpile(circuit, backend, optimization_level=level),
            generate_preset_pass_manager(optimization_level=level, backend=backend).run(circuit),
        ):
            assert made.num_qubits == 4
            unitary = backend.run(made).result().get_unitary()
            assert np.allclose(unitary, Operator(made).data, atol=1e-10)

    @pytest.mark.rule(19, 25)
    def test_a_circuit_wider_than_the_memory(self, provider):
        """Qiskit's transpiler refuses it by its width; as it is, it runs."""
        backend = provider.get_backend()
        circuit = QuantumCircuit(127, 2)
        circuit.h(3)
        circuit.cx(3, 120)
        circuit.measure([3, 120], [0, 1])
        with pytest.raises(CircuitTooWideForTarget, match=rf"127.* greater than maximum \({backend.num_qubits}\)"):
            transpile(circuit, backend)
        assert backend.run(circuit).result(timeout=30).get_counts().keys() == {"00", "11"}

    @pytest.mark.rule(19, 25)
    @pytest.mark.parametrize("level", [0, 1, 2, 3])
    def test_transpile_to_a_place(self, provider, level):
        """With an initial layout a circuit is as wide as the backend, and takes what it uses."""
        backend = provider.get_backend()
        made = transpile(bell(), backend, optimization_level=level, initial_layout=[7, 5])
        assert made.num_qubits == backend.num_qubits
        assert backend.run(made).result(timeout=30).get_counts().keys() == {"00", "11"}

    @pytest.mark.rule(19)
    def test_a_width_without_workers(self, quiet, monkeypatch, tmp_path):
        """With no worker, Redis or answer, the width is the one configured, and comes at once."""
        silent = socket.create_server(("127.0.0.1", 0))
        port = silent.getsockname()[1]
        monkeypatch.setenv("BASICAER_MAX_QUBITS", "17")
        monkeypatch.setenv("BASICAER_STATE_DIR", str(tmp_path))
        urls = [quiet.settings.url, f"redis://127.0.0.1:{port}/0", "redis://127.0.0.1:1/0", ""]
        for url in urls:
            provider = BasicAerProvider(url)
            backend = provider.get_backend()
            begun = time.monotonic()
            widths = {backend.num_qubits for _ in range(100)} | {backend.target.num_qubits}
            # Half a second for the first; the rest is what a busy machine may take.
            assert time.monotonic() - begun < 3
            assert widths == {17}
            assert transpile(bell(), backend).num_qubits == 2
            provider.close()
        silent.close()
        assert not list(tmp_path.iterdir())

    @pytest.mark.rule(25)
    def test_a_circuit_for_a_device(self, provider):
        """Of a device of 200 qubits only those that are used take memory; sweeps of it run, too."""
        angle = Parameter("angle")
        circuit = QuantumCircuit(3)
        circuit.ry(angle, 0)
        circuit.cx(0, 1)
        circuit.cx(1, 2)
        circuit.measure_all()
        device = GenericBackendV2(200, coupling_map=CouplingMap.from_line(200), seed=1)
        mapped = transpile(circuit, device, initial_layout=[150, 151, 152], optimization_level=1)
        assert mapped.num_qubits == 200

        backend = provider.get_backend("qasm_simulator")
        result = backend.run(mapped, parameter_binds=[{angle: [0, np.pi / 2, np.pi]}], shots=2000).result()

        assert result.results[0].header["n_qubits"] == 200
        zeros, half, ones = (result.get_counts(index) for index in range(3))
        assert (zeros, ones) == ({"000": 2000}, {"111": 2000})
        assert set(half) == {"000", "111"}
        assert abs(half["111"] - 1000) < 5 * np.sqrt(500)

        mapped = mapped.assign_parameters([np.pi])
        mapped.remove_final_measurements()
        mapped.measure_all()
        (key,) = backend.run(mapped, shots=10).result().get_counts()
        assert key == "".join("1" if qubit in {150, 151, 152} else "0" for qubit in reversed(range(200)))

    def test_two_providers(self, provider, quiet):
        """Several providers with other URLs live in one process."""
        queued, done = quiet.get_backend().run(bell()), provider.get_backend().run(bell())

        assert done.result().success
        assert not queued.in_final_state()
        assert queued != done


class TestOptions:
    @pytest.mark.rule(20)
    def test_defaults(self, provider):
        """1,024 shots, no memory; an explicit None is the default."""
        result = provider.get_backend().run(bell(), shots=None, seed_simulator=None, memory=None).result()

        assert result.results[0].shots == sum(result.get_counts().values()) == 1024
        assert "memory" not in result.data(0)

    @pytest.mark.rule(21)
    def test_set_options(self, provider):
        """Set_options persists, run options do not."""
        backend = provider.get_backend()
        backend.set_options(shots=7)

        assert backend.run(bell(), shots=3).result().results[0].shots == 3
        assert backend.run(bell()).result().results[0].shots == 7
        with pytest.raises(AttributeError):
            backend.set_options(foo=1)
        with pytest.raises(AttributeError):
            type(backend)(provider, foo=1)
        assert type(backend)(provider, shots=5).options.shots == 5

    @pytest.mark.rule(21)
    def test_unknown_option(self, provider):
        """An unknown run option warns, and the job runs."""
        with pytest.warns(UserWarning, match="^Option foo is not used by this backend$"):
            job = provider.get_backend().run(bell(), foo=1)
        assert job.result().success

    @pytest.mark.rule(20, 21)
    @pytest.mark.filterwarnings("error")
    def test_options_of_devices(self, provider, quiet):
        """What asks for nothing is taken in silence; what nobody simulates is refused by name."""
        options = {
            "meas_level": MeasLevel.CLASSIFIED,
            "meas_return": "avg",
            "init_qubits": True,
            "rep_delay": 1e-4,
        }
        assert provider.get_backend().run(bell(), **options).result().success
        with pytest.raises(BasicAerError, match="meas_level=1 is not simulated: leave it out, or give 2"):
            quiet.get_backend().run(bell(), meas_level=1)

    @pytest.mark.rule(20)
    @pytest.mark.parametrize("name", ["statevector_simulator", "unitary_simulator"])
    def test_one_shot_only(self, provider, caplog, name):
        """Statevector and unitary run one shot, and say so at INFO."""
        circuit = QuantumCircuit(1)
        with caplog.at_level(logging.INFO, "jobs"):
            result = provider.get_backend(name).run(circuit, shots=100).result()

        assert result.results[0].shots == 1
        assert f'"{name}" only supports 1 shot. Setting shots=1.' in caplog.text

    @pytest.mark.rule(20)
    def test_initial_statevector(self, provider):
        """The state that a circuit begins with."""
        circuit = QuantumCircuit(2, 2)
        circuit.cx(0, 1)
        circuit.measure([0, 1], [0, 1])

        counts = provider.get_backend().run(circuit, initial_statevector=[0, 1, 0, 0]).result().get_counts()
        assert counts == {"11": 1024}

    @pytest.mark.rule(20)
    def test_initial_unitary(self, provider):
        """The matrix that a circuit begins with."""
        circuit = QuantumCircuit(1)
        circuit.h(0)
        x = np.array([[0, 1], [1, 0]])

        unitary = provider.get_backend("unitary_simulator").run(circuit, initial_unitary=x).result().get_unitary()
        assert np.allclose(unitary, np.array([[1, 1], [-1, 1]]) / np.sqrt(2))

    @pytest.mark.rule(20)
    def test_chop(self, provider):
        """Amplitudes below chop_threshold are zero."""
        circuit = QuantumCircuit(1)
        circuit.ry(2e-3, 0)
        backend = provider.get_backend("statevector_simulator")

        assert backend.run(circuit).result().get_statevector()[1] != 0
        assert backend.run(circuit, chop_threshold=0.01).result().get_statevector()[1] == 0

    @pytest.mark.rule(20)
    def test_parameter_binds(self, provider):
        """Every circuit runs with every binding; Aer's dict of lists works too."""
        theta = Parameter("theta")
        circuit = QuantumCircuit(1, 1)
        circuit.rx(theta, 0)
        circuit.measure(0, 0)
        backend = provider.get_backend()

        for binds in ([{theta: 0.0}, {theta: np.pi}], [{theta: [0.0, np.pi]}]):
            assert backend.run(circuit, parameter_binds=binds).result().get_counts() == [{"0": 1024}, {"1": 1024}]
        with pytest.raises(BasicAerError, match="do not fit"):
            backend.run(bell(), parameter_binds=[{theta: 1.0}])

    @pytest.mark.rule(20, 27)
    @pytest.mark.parametrize("method", ["statevector", "unitary"])
    def test_single_precision(self, provider, method):
        """Precision="single" gives complex64 to 1e-5, and job.options() says so."""
        circuit = QuantumCircuit(4, global_phase=0.3)
        for i in range(4):
            circuit.ry(0.3 + i, i)
            circuit.cp(0.7, i, (i + 1) % 4)
        backend = provider.get_backend(f"{method}_simulator")

        job = backend.run(circuit, precision="single")
        single, double = (done.result().data(0)[method] for done in (job, backend.run(circuit)))
        expected = Operator(circuit).data if method == "unitary" else Statevector(circuit).data
        assert (single.dtype, double.dtype) == (np.complex64, np.complex128)
        assert np.allclose(single, expected, rtol=0, atol=1e-5)
        assert provider.job(job.job_id()).options()["precision"] == "single"

    @pytest.mark.rule(20, 32)
    def test_single_precision_of_counts(self, provider):
        """Counts in single precision are the circuit's, and those of their seed."""
        backend = provider.get_backend()
        backend.set_options(precision="single", seed_simulator=5)

        counts, again = (backend.run(bell(), shots=2000).result().get_counts() for _ in range(2))
        assert counts == again
        assert set(counts) == {"00", "11"}
        assert abs(counts["00"] - 1000) < 5 * 500**0.5

    @pytest.mark.rule(20)
    def test_backend_sampler(self, provider):
        """Qiskit's BackendSamplerV2 runs on it."""
        sampler = BackendSamplerV2(backend=provider.get_backend())
        circuit = QuantumCircuit(2)
        circuit.h(0)
        circuit.cx(0, 1)
        circuit.measure_all()

        counts = sampler.run([circuit], shots=100).result()[0].data.meas.get_counts()
        assert set(counts) <= {"00", "11"}
        assert sum(counts.values()) == 100


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
                lambda b: b.run(QuantumCircuit(5000, name="big")),
                r"5000 qubits and 0 clbits; there may be 0 to 4096.*",
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
        with pytest.raises(BasicAerError, match=r"wire version 1.*old@lab \(wire 0\).*Upgrade"):
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


@pytest.mark.rule(27)
def test_statevector_agrees(provider):
    """The statevector is Qiskit's, complex128, qubit 0 least significant."""
    circuit = QuantumCircuit(3)
    circuit.h(0)
    circuit.cp(0.3, 0, 2)
    circuit.ry(0.7, 1)
    circuit.global_phase = 0.4

    state = provider.get_backend("statevector_simulator").run(circuit).result().get_statevector()
    assert state.dtype == np.complex128
    assert np.allclose(state, Statevector(circuit).data, atol=1e-12)
