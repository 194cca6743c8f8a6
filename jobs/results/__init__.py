"""From the parts of a job to a Qiskit Result."""
