"""The options of `run()` and of a backend."""

from __future__ import annotations

import logging

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.primitives import BackendSamplerV2
from qiskit.quantum_info import Operator, Statevector
from qiskit.result import MeasLevel
from support.circuits import bell

from jobs import BasicAerError


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
