"""A Bell circuit as a job. Run it as it is: ``python examples/bell.py``."""

from qiskit import QuantumCircuit

from jobs import BasicAerProvider

circuit = QuantumCircuit(2, name="bell")
circuit.h(0)
circuit.cx(0, 1)
circuit.measure_all()

provider = BasicAerProvider()  # no URL: a Redis and workers of this user's own, started on first use
backend = provider.get_backend("qasm_simulator")
job = backend.run(circuit, shots=4096, seed_simulator=7)

print("job   ", job.job_id())
print("status", job.status().name)
print("counts", dict(sorted(job.result().get_counts().items())))
