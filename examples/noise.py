"""What noise does to a GHZ state: counts without errors, with those of reading, and with those of gates as well.

``python examples/noise.py`` prints how often all qubits agree, and draws the counts into ``ghz_noise.png``. It
needs matplotlib: ``pip install 'basicaer-celery[plot]'``.
"""

from matplotlib.figure import Figure
from qiskit import QuantumCircuit
from qiskit.visualization import plot_histogram

from jobs import BasicAerProvider, NoiseSpec

QUBITS, SHOTS = 4, 20_000

circuit = QuantumCircuit(QUBITS, name="ghz")
circuit.h(0)
for qubit in range(QUBITS - 1):
    circuit.cx(qubit, qubit + 1)
circuit.measure_all()

reading = NoiseSpec().readout([[0.98, 0.02], [0.05, 0.95]])
gates = reading.depolarizing(0.002, "h").depolarizing(0.03, "cx")

backend = BasicAerProvider().get_backend("qasm_simulator")
jobs = {
    "no errors": backend.run(circuit, shots=SHOTS, seed_simulator=1),
    "readout": backend.run(circuit, noise_model=reading, shots=SHOTS, seed_simulator=1),
    "readout and gates": backend.run(circuit, noise_model=gates, shots=SHOTS, seed_simulator=1),
}
counts = {name: job.result().get_counts() for name, job in jobs.items()}

for name, each in counts.items():
    agree = each["0" * QUBITS] + each["1" * QUBITS]
    print(f"{name:20} all qubits agree in {agree / SHOTS:.1%} of the shots")

figure = Figure(figsize=(11, 5))
plot_histogram(
    list(counts.values()),
    legend=list(counts),
    title=f"GHZ state of {QUBITS} qubits",
    bar_labels=False,
    ax=figure.subplots(),
)
figure.savefig("ghz_noise.png", bbox_inches="tight")
print("drawn into ghz_noise.png")
