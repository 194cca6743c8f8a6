"""mitiq on a noisy backend: what the noise costs is what cancelling it wins back."""

from __future__ import annotations

import pytest
from mitiq import pec
from mitiq.pec.representations import represent_operations_in_circuit_with_global_depolarizing_noise as represented
from qiskit import QuantumCircuit

from jobs import NoiseSpec

SHOTS = 20_000
#: Of the noise of each gate.
LEVEL = 0.02


def executor(backend, model):
    """How likely a circuit ends where it began, by counts of a noisy job; circuits may come in lists."""

    def counted(circuits) -> list[float]:
        measured = [circuit.measure_all(inplace=False) for circuit in circuits]
        result = backend.run(measured, noise_model=model, shots=SHOTS, seed_simulator=4).result()
        return [result.get_counts(number).get("00", 0) / SHOTS for number in range(len(measured))]

    return counted


def test_probabilistic_error_cancellation(backend):
    """With the noise represented exactly, the mean of the sampled circuits is the truth within its own error."""
    circuit = QuantumCircuit(2)
    for _ in range(2):
        circuit.cx(0, 1)
        circuit.cx(0, 1)
    # mitiq's probability is that of the 15 strings but the identity.
    model = NoiseSpec().depolarizing(16 / 15 * LEVEL, "cx")
    representations = represented(circuit, LEVEL)
    counted = executor(backend, model)
    (bare,) = counted([circuit])
    mitigated = pec.execute_with_pec(
        circuit, counted, representations=representations, num_samples=150, random_state=3
    )
    assert bare < 0.96
    assert mitigated == pytest.approx(1, abs=0.04)
