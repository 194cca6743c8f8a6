"""PennyLane on our backend: counts, and a gradient that is followed to the lowest energy.

Needs ``pip install pennylane-qiskit``, which holds Qiskit at 2.3: give it an environment of its own.
"""

import pennylane as qml
from pennylane import numpy as np

from jobs import BasicAerProvider

backend = BasicAerProvider().get_backend("qasm_simulator")
backend.set_options(seed_simulator=7)
device = qml.device("qiskit.remote", wires=2, backend=backend)


def turn(weights: np.ndarray) -> None:
    """Make a state of two qubits that depends on two angles."""
    qml.RY(weights[0], wires=0)
    qml.CNOT([0, 1])
    qml.RY(weights[1], wires=1)


@qml.set_shots(2000)
@qml.qnode(device, diff_method="parameter-shift")
def energy(weights: np.ndarray) -> float:
    """Return two spins' energy, as estimated from counts in two bases."""
    turn(weights)
    return qml.expval(qml.PauliZ(0) @ qml.PauliZ(1) + 0.5 * qml.PauliX(0) + 0.5 * qml.PauliX(1))


@qml.set_shots(1000)
@qml.qnode(device)
def counts(weights: np.ndarray) -> dict[str, int]:
    """Return the counts of both qubits."""
    turn(weights)
    return qml.counts()


weights = np.array([0.4, 0.3], requires_grad=True)
optimizer = qml.GradientDescentOptimizer(0.4)
for _ in range(15):
    weights = optimizer.step(energy, weights)
print({str(outcome): int(count) for outcome, count in counts(weights).items()})
print(f"energy {energy(weights):.2f}")
