"""Each method with each option, with noise and without: right counts, or one refusal by run()."""

from __future__ import annotations

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error
from support.exact import assert_likely
from support.patience import deadline

from jobs import BasicAerError

ANGLE = Parameter("angle")
TABLE = np.array([[0.9, 0.1], [0.2, 0.8]])
IDEAL = np.array([0.5, 0, 0, 0.5])
#: A fifth of the pairs is mixed by the CX, then each bit is read by the table.
NOISY = (0.8 * IDEAL + 0.2 / 4) @ np.kron(TABLE, TABLE)
OPTIONS = {
    "none": {},
    "memory": {"memory": True},
    "precision": {"precision": "single"},
    "max_shards": {"max_shards": 3},
    "probabilities": {"probabilities": True},
    "observables": {"observables": [SparsePauliOp("ZZ")]},
    "initial_statevector": {"initial_statevector": np.eye(4)[0]},
    "parameter_binds": {"parameter_binds": [{ANGLE: [0.0, np.pi / 2]}]},
}
#: What a method that is named refuses, with and without noise; "automatic" refuses nothing.
REFUSED = {
    ("statevector", "probabilities", True),
    ("density_matrix", "initial_statevector", False),
    ("density_matrix", "initial_statevector", True),
    ("stabilizer", "probabilities", False),
    ("stabilizer", "probabilities", True),
    ("stabilizer", "initial_statevector", False),
    ("stabilizer", "initial_statevector", True),
    ("matrix_product_state", "probabilities", True),
}


def pair(angle):
    circuit = QuantumCircuit(2)
    circuit.h(0)
    circuit.rz(angle, 0)
    circuit.cx(0, 1)
    circuit.measure_all()
    return circuit


def noise():
    model = NoiseModel()
    model.add_all_qubit_quantum_error(depolarizing_error(0.2, 2), "cx")
    model.add_all_qubit_readout_error(ReadoutError(TABLE))
    return model


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize(
    "method", ["automatic", "statevector", "density_matrix", "stabilizer", "matrix_product_state"]
)
def test_right_counts_or_a_refusal(provider, method, option, noisy):
    """What run() takes ends well; a refusal says what can run it."""
    circuits = pair(ANGLE) if option == "parameter_binds" else [pair(0.0), pair(np.pi / 2)]
    options = {**OPTIONS[option], "noise_model": noise() if noisy else None}
    backend = provider.get_backend()
    if (method, option, noisy) in REFUSED:
        with pytest.raises(BasicAerError, match=r"; method=.* can$"):
            backend.run(circuits, method=method, shots=2000, seed_simulator=5, **options)
        return
    job = backend.run(circuits, method=method, shots=2000, seed_simulator=5, **options)
    result = job.result(timeout=deadline(30))
    expected = {hex(key): share for key, share in enumerate((NOISY if noisy else IDEAL).tolist())}
    assert len(result.results) == 2
    for index in range(2):
        assert_likely(result.data(index)["counts"], expected)
        if option == "observables":
            # A mean over 2,000 shots, where it is not exact.
            (value,) = result.data(index)["expectation_values"]
            assert abs(value - (0.8 if noisy else 1)) < 5 * np.sqrt(0.36 / 2000)
