"""A user's script that optimises, is killed, and whose jobs are found again by their ids."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import StatevectorEstimator
from support.patience import deadline
from support.processes import ROOT

SCRIPT = """
import json, time
import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from jobs import BasicAerEstimator, BasicAerProvider, BasicAerSampler

def tell(what, job, told=None):
    print(json.dumps([what, job.job_id(), told]), flush=True)

provider = BasicAerProvider()
ansatz, energy = efficient_su2(3, reps=1), {"ZZI": -1.0, "IZZ": -1.0, "XII": -0.5, "IXI": -0.5, "IIX": -0.5}
estimator = BasicAerEstimator(provider)
point = np.random.default_rng(1).normal(size=ansatz.num_parameters)
shift = np.pi / 2 * np.eye(len(point))
for _ in range(8):
    # The energy, and each parameter shifted both ways, as one PUB: a gradient by the rule of parameter shift.
    job = estimator.run([(ansatz, energy, np.concatenate([[point], point + shift, point - shift]))])
    evs = job.result()[0].data.evs
    tell("vqe", job, evs.tolist())
    point = point - 0.3 * (evs[1 : len(point) + 1] - evs[len(point) + 1 :]) / 2
dynamic = QuantumCircuit(2, 2)
dynamic.h(0)
dynamic.measure(0, 0)
with dynamic.if_test((0, 1)):
    dynamic.x(1)
dynamic.measure(1, 1)
tell("sampler", BasicAerSampler(provider, seed=5).run([dynamic], shots=2000))
time.sleep(600)
"""


@pytest.mark.rule(13, 39)
def test_a_script_that_is_killed(provider, server, tmp_path):
    """A VQE by gradient descent, and a sampled dynamic circuit, of another folder: all are there after a kill."""
    script = tmp_path / "mine.py"
    script.write_text(SCRIPT)
    environment = os.environ | {"BASICAER_URL": server.url, "PYTHONPATH": str(ROOT)}
    told = []
    with subprocess.Popen(
        [sys.executable, script], env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as process:
        for line in process.stdout:
            told.append(json.loads(line))
            if told[-1][0] == "sampler":
                process.send_signal(signal.SIGKILL)
    assert [what for what, _, _ in told] == ["vqe"] * 8 + ["sampler"]
    energies = []
    for _, job_id, values in told[:-1]:
        evs = provider.job(job_id).result()[0].data.evs
        assert evs.tolist() == values
        energies.append(evs[0])
    assert energies[-1] < energies[0] - 0.5
    assert all(after < before for before, after in pairwise(energies))
    point = np.random.default_rng(1).normal(size=12)
    energy = {"ZZI": -1.0, "IZZ": -1.0, "XII": -0.5, "IXI": -0.5, "IIX": -0.5}
    exact = StatevectorEstimator().run([(efficient_su2(3, reps=1), energy, point)]).result()[0].data.evs
    assert abs(energies[0] - exact) < 1e-12
    sampled = provider.job(told[-1][1])
    bits = sampled.result(timeout=deadline(60))[0].data.c
    run = provider.get_backend().run(sampled.circuits(), shots=2000, seed_simulator=5, memory=True).result()
    assert bits.get_bitstrings() == run.get_memory()
    assert set(bits.get_counts()) == {"00", "11"}
    assert isinstance(sampled.circuits()[0], QuantumCircuit)
