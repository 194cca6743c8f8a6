"""qiskit-ibm-runtime in its local mode: its sampler and estimator, given our backend in place of IBM's."""

import math

import numpy as np
import pytest
from qiskit import ClassicalRegister, QuantumCircuit, QuantumRegister
from qiskit.circuit.library import efficient_su2
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit.transpiler import generate_preset_pass_manager
from qiskit_ibm_runtime import Batch, EstimatorV2, SamplerV2, Session
from support.circuits import bell


def test_sampler(backend):
    """Under its seed and shots, the counts are those of the backend."""
    options = {"default_shots": 300, "simulator": {"seed_simulator": 5}}
    isa = generate_preset_pass_manager(3, backend=backend).run(bell())
    counts = SamplerV2(mode=backend, options=options).run([isa]).result()[0].data.c.get_counts()
    assert counts == backend.run(isa, shots=300, seed_simulator=5).result().get_counts()
    assert counts.keys() == {"00", "11"}


@pytest.mark.parametrize("mode", [Session, Batch])
def test_sessions(backend, mode):
    """A session and a batch are taken as a backend is."""
    with mode(backend=backend) as opened:
        data = SamplerV2(mode=opened).run([bell()], shots=100).result()[0].data
    assert sum(data.c.get_counts().values()) == 100


@pytest.mark.parametrize("precision", [0.01, 0.05])
def test_estimator(backend, precision):
    """Expectation values at many points are the exact ones, to five of the deviations that were asked for."""
    ansatz, observable = efficient_su2(3), SparsePauliOp(["ZZI", "IXX"], [1, 0.5])
    isa = generate_preset_pass_manager(1, backend=backend).run(ansatz)
    points = np.random.default_rng(1).normal(size=(5, ansatz.num_parameters))
    estimator = EstimatorV2(mode=backend, options={"default_precision": precision})
    job = estimator.run([(isa, observable.apply_layout(isa.layout), points)])
    exact = [Statevector(ansatz.assign_parameters(point)).expectation_value(observable).real for point in points]
    # Each of the two terms has the precision.
    np.testing.assert_allclose(job.result()[0].data.evs, exact, atol=5 * precision * math.hypot(1, 0.5))


def test_a_dynamic_circuit(backend):
    """A branch on a register that was measured on the way does what the register says."""
    qubits, first, then = QuantumRegister(2), ClassicalRegister(1, "first"), ClassicalRegister(1, "then")
    circuit = QuantumCircuit(qubits, first, then)
    circuit.h(0)
    circuit.measure(0, first[0])
    with circuit.if_test((first, 1)):
        circuit.x(1)
    circuit.measure(1, then[0])
    isa = generate_preset_pass_manager(1, backend=backend).run(circuit)
    data = SamplerV2(mode=backend).run([isa]).result()[0].data
    np.testing.assert_array_equal(data.first.array, data.then.array)
    assert 0 < data.first.array.sum() < 4096
