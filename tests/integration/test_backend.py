"""Provider, backends, options, and what is refused at run()."""

from __future__ import annotations

import socket
import time

import numpy as np
import pytest
from qiskit import QuantumCircuit, generate_preset_pass_manager, transpile
from qiskit.circuit import Parameter
from qiskit.providers import BackendV2
from qiskit.providers.exceptions import QiskitBackendNotFoundError
from qiskit.providers.fake_provider import GenericBackendV2
from qiskit.quantum_info import Operator, Statevector
from qiskit.transpiler import CouplingMap
from qiskit.transpiler.exceptions import CircuitTooWideForTarget
from support.circuits import bell
from support.patience import deadline

from jobs import BasicAerProvider


class TestProvider:
    @pytest.mark.rule(19)
    def test_backends(self, provider):
        """Six backends, each a BackendV2 with a Target of a width that libraries can compare."""
        backends = provider.backends()

        assert [backend.name for backend in backends] == [
            "qasm_simulator",
            "statevector_simulator",
            "unitary_simulator",
            "stabilizer_simulator",
            "mps_simulator",
            "density_matrix_simulator",
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
        assert backend.run(circuit).result(timeout=deadline(30)).get_counts().keys() == {"00", "11"}

    @pytest.mark.rule(19, 25)
    @pytest.mark.parametrize("level", [0, 1, 2, 3])
    def test_transpile_to_a_place(self, provider, level):
        """With an initial layout a circuit is as wide as the backend, and takes what it uses."""
        backend = provider.get_backend()
        made = transpile(bell(), backend, optimization_level=level, initial_layout=[7, 5])
        assert made.num_qubits == backend.num_qubits
        assert backend.run(made).result(timeout=deadline(30)).get_counts().keys() == {"00", "11"}

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
