"""Submit in one process, fetch in another.

``python examples/come_back.py`` submits and prints the job's id; ``python examples/come_back.py ID`` fetches.
"""

import sys

from qiskit import QuantumCircuit

from jobs import BasicAerProvider


def submit() -> None:
    """Submit a GHZ state of 18 qubits and leave."""
    circuit = QuantumCircuit(18, name="ghz")
    circuit.h(0)
    for qubit in range(17):
        circuit.cx(qubit, qubit + 1)
    circuit.measure_all()
    backend = BasicAerProvider().get_backend("qasm_simulator")
    job = backend.run(circuit, shots=1000, seed_simulator=7, job_tags=["example"])
    print(job.job_id())


def fetch(job_id: str) -> None:
    """Find the job again, whoever submitted it."""
    job = BasicAerProvider().job(job_id)
    counts = job.result().get_counts()
    print(job.status().name, job.creation_date, job.tags)
    print(dict(sorted(counts.items())))


if len(sys.argv) > 1:
    fetch(sys.argv[1])
else:
    submit()
