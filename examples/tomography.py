"""The state of a GHZ circuit, as qiskit-experiments reconstructs it from 27 measurement circuits of one job.

Needs ``pip install qiskit-experiments``.
"""

from qiskit import QuantumCircuit
from qiskit_experiments.library import StateTomography

from jobs import BasicAerProvider, BasicAerSampler

ghz = QuantumCircuit(3, name="ghz")
ghz.h(0)
ghz.cx(0, [1, 2])

# `run(backend)` works, too; by our sampler the job has our id, under which it is found tomorrow.
data = StateTomography(ghz).run(sampler=BasicAerSampler(BasicAerProvider(), seed=7)).block_for_results()
print("job", *data.job_ids)
fidelity = data.analysis_results("state_fidelity", dataframe=True).iloc[0].value
print(f"fidelity {fidelity:.2f}")
