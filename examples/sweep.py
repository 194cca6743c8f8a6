"""One circuit at 10,000 angles, as one job; its probabilities are drawn into ``sweep.png``, or the file named.

Needs matplotlib: ``pip install "basicaer-celery[plot]"``.
"""

import sys

import matplotlib as mpl
import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter

from jobs import BasicAerProvider

mpl.use("agg")  # no window
from matplotlib import pyplot as plt

POINTS, SHOTS = 10_000, 200

# An interferometer with two arms, of which one turns the phase twice as fast.
theta = Parameter("theta")
circuit = QuantumCircuit(2, name="interferometer")
circuit.h([0, 1])
circuit.p(theta, 0)
circuit.cp(2 * theta, 0, 1)
circuit.h([0, 1])
circuit.measure_all()

angles = np.linspace(0, 2 * np.pi, POINTS)
backend = BasicAerProvider().get_backend("qasm_simulator")
job = backend.run(circuit, parameter_binds=[{theta: angles}], shots=SHOTS, seed_simulator=7)
result = job.result(progress=True)  # a bar on a terminal and in a notebook, nothing elsewhere

dark = np.array([result.get_counts(point).get("00", 0) / SHOTS for point in range(POINTS)])
# The four paths to 00 have the phases 0, theta, 0 and 3 theta, and a quarter of the amplitude each.
exact = abs(1 + np.exp(1j * angles) + 1 + np.exp(3j * angles)) ** 2 / 16

plt.plot(angles, dark, ".", markersize=1, label=f"{SHOTS} shots a point")
plt.plot(angles, exact, label="exact")
plt.xlabel("theta")
plt.ylabel("probability of 00")
plt.legend()
file = sys.argv[1] if len(sys.argv) > 1 else "sweep.png"
plt.savefig(file)
print(
    f"{POINTS} points in {file}; from the exact curve they are {np.abs(dark - exact).mean():.3f} away on average"
)
