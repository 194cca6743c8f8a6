"""PennyLane: its device for Qiskit's backends, on ours, beside its own exact device."""

import numpy as np
import pennylane as qml
import pytest
from pennylane import numpy as pnp

SHOTS = 4000
#: Five deviations of a mean of outcomes 1 and -1, at most.
CLOSE = 5 / SHOTS**0.5


def device(backend, wires):
    return qml.device("qiskit.remote", wires=wires, backend=backend)


def test_counts(backend):
    """A Bell pair is counted as such."""

    @qml.set_shots(SHOTS)
    @qml.qnode(device(backend, 2))
    def bell():
        qml.Hadamard(0)
        qml.CNOT([0, 1])
        return qml.counts()

    counts = bell()
    assert counts.keys() == {"00", "11"}
    assert sum(counts.values()) == SHOTS


def energy(weights):
    """Two terms that do not commute, after gates of several kinds."""
    qml.RX(weights[0], wires=0)
    qml.RY(weights[1], wires=1)
    qml.CNOT([0, 1])
    qml.Rot(weights[2], weights[3], 0.3, wires=1)
    qml.MultiRZ(weights[0], wires=[0, 2])
    qml.ctrl(qml.RY, control=[0, 1])(weights[1], wires=2)
    return qml.expval(qml.PauliZ(0) @ qml.PauliZ(1)), qml.expval(qml.PauliX(1) @ qml.PauliZ(2))


def test_a_gradient(backend):
    """Values and their gradient by shifted parameters are the exact ones, but for the noise of the shots."""
    weights = pnp.array([0.4, -0.7, 0.2, 1.1], requires_grad=True)
    sampled = qml.set_shots(qml.QNode(energy, device(backend, 3), diff_method="parameter-shift"), SHOTS)
    exact = qml.QNode(energy, qml.device("default.qubit"))
    np.testing.assert_allclose(sampled(weights), exact(weights), atol=CLOSE)
    # What is multiplied in two gates has a slope that is a sum over both.
    jacobians = [qml.jacobian(lambda w, node=node: pnp.stack(node(w)))(weights) for node in (sampled, exact)]
    np.testing.assert_allclose(*jacobians, atol=3 * CLOSE)


def test_a_descent(backend):
    """An optimiser finds the lowest energy of a qubit in a field, by gradients that shots estimate."""
    weights = pnp.array([0.3, 0.2], requires_grad=True)

    @qml.set_shots(1000)
    @qml.qnode(device(backend, 1), diff_method="parameter-shift")
    def field(weights):
        qml.RX(weights[0], wires=0)
        qml.RY(weights[1], wires=0)
        return qml.expval(0.6 * qml.PauliZ(0) + 0.8 * qml.PauliX(0))

    optimizer = qml.GradientDescentOptimizer(0.6)
    for _ in range(12):
        weights = optimizer.step(field, weights)
    assert field(weights) == pytest.approx(-1, abs=0.1)


def test_all_that_is_measured(backend):
    """Probabilities, samples and variances of one circuit agree with the exact ones."""

    def measured():
        qml.RX(0.6, 0)
        qml.CNOT([0, 1])
        qml.RY(1.1, 2)
        return (
            qml.probs(wires=[0, 1]),
            qml.var(qml.PauliZ(0)),
            qml.expval(qml.PauliX(2)),
            qml.expval(qml.PauliZ(2)),
        )

    sampled = qml.set_shots(qml.QNode(measured, device(backend, 3)), SHOTS)()
    for found, exact in zip(sampled, qml.QNode(measured, qml.device("default.qubit"))(), strict=True):
        np.testing.assert_allclose(found, exact, atol=CLOSE)
