"""qiskit-experiments: `run(backend)` without a further argument gives what the ideal device would."""

import json
from functools import partial

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import CXGate
from qiskit_aer.noise import NoiseModel, depolarizing_error
from qiskit_experiments.framework import BaseExperiment, ExperimentData, ExperimentDecoder, ExperimentEncoder
from qiskit_experiments.library import (
    InterleavedRB,
    LocalReadoutError,
    ProcessTomography,
    QuantumVolume,
    StandardRB,
    StateTomography,
    T2Ramsey,
)
from qiskit_experiments.library.characterization.analysis import T1Analysis
from support.patience import deadline
from support.processes import elsewhere

from jobs import BasicAerSampler

BELL = QuantumCircuit(2)
BELL.h(0)
BELL.cx(0, 1)


def finished(data):
    """Wait for jobs and analysis; neither may have failed."""
    data.block_for_results(timeout=deadline(60))
    assert data.status().name == "DONE", data.errors()
    return data


def value(data, name):
    """The first analysis result of this name."""
    table = data.analysis_results(dataframe=True)
    return table[table.name == name].iloc[0].value


class Damping(BaseExperiment):
    """What T1 measures, by a damping of known rate: the qubit gives to another, which is reset, over and over."""

    #: Steps of a microsecond, and the angle of each.
    STEPS, ANGLE = (0, 2, 4, 8, 16, 24, 32), 0.6
    #: Seconds after which a share 1/e is still excited.
    T1 = -1e-6 / np.log(np.cos(ANGLE / 2) ** 2)

    def __init__(self):
        super().__init__((0, 1), analysis=T1Analysis())
        self.analysis.set_options(outcome="1")

    def circuits(self):
        made = []
        for steps in self.STEPS:
            circuit = QuantumCircuit(2, 1, metadata={"xval": steps * 1e-6})
            circuit.x(0)
            for _ in range(steps):
                circuit.cry(self.ANGLE, 0, 1)
                circuit.cx(1, 0)
                circuit.reset(1)
            circuit.measure(0, 0)
            made.append(circuit)
        return made


def test_damping(backend):
    """The analysis of T1 finds the rate of a damping that is done by resets on the way."""
    data = finished(Damping().run(backend, shots=4000, seed_simulator=1))
    assert value(data, "T1").nominal_value == pytest.approx(Damping.T1, rel=0.05)


def test_ramsey(backend):
    """The frequency of a phase that the experiment puts in is what its analysis finds."""
    ramsey = T2Ramsey([0], np.linspace(0, 30e-6, 20), osc_freq=1e5)
    assert value(finished(ramsey.run(backend)), "Frequency").nominal_value == pytest.approx(1e5, rel=0.02)


@pytest.mark.parametrize(
    ("tomography", "name"), [(StateTomography, "state_fidelity"), (ProcessTomography, "process_fidelity")]
)
def test_tomography(backend, tomography, name):
    """A Bell pair, as a state and as a process, is what it should be, but for the noise of the shots."""
    assert value(finished(tomography(BELL).run(backend)), name) > 0.95


@pytest.mark.parametrize(
    "benchmarking", [StandardRB, partial(InterleavedRB, CXGate())], ids=["standard", "interleaved"]
)
def test_randomised_benchmarking(backend, benchmarking):
    """Sequences of Cliffords that undo each other do nothing."""
    data = finished(benchmarking(physical_qubits=[0, 1], lengths=[1, 5, 20], num_samples=2, seed=1).run(backend))
    assert [each["counts"] for each in data.data()] == [{"00": 1024}] * len(data.data())


def test_randomised_benchmarking_of_noise(backend):
    """What is found of a noise model is the error that it has: a two-qubit Clifford has 1.5 CX on average."""
    noise = NoiseModel()
    noise.add_all_qubit_quantum_error(depolarizing_error(0.02, 2), ["cx"])
    benchmarking = StandardRB([0, 1], lengths=[1, 10, 20, 40], num_samples=5, seed=1)
    benchmarking.set_transpile_options(basis_gates=["h", "s", "sdg", "x", "z", "cx"])
    data = finished(benchmarking.run(backend, noise_model=noise, seed_simulator=1))
    assert value(data, "alpha").nominal_value == pytest.approx(0.98**1.5, abs=0.01)


def test_quantum_volume(backend):
    """Four qubits without noise have a quantum volume of 16."""
    # Of an odd number one is never measured, and the analysis miscounts, with any backend.
    data = finished(QuantumVolume(range(4), trials=100, seed=3).run(backend))
    assert value(data, "quantum_volume") == 16
    # What random circuits of this depth give.
    assert value(data, "mean_HOP").nominal_value == pytest.approx(0.84, abs=0.05)


def test_readout(backend):
    """Nothing is read wrongly."""
    mitigator = value(finished(LocalReadoutError([0, 1, 2]).run(backend)), "Local Readout Mitigator")
    np.testing.assert_array_equal(mitigator.assignment_matrix(), np.eye(8))


@pytest.mark.rule(13)
@pytest.mark.parametrize("by", ["backend", "sampler"])
def test_saved_and_reloaded(provider, backend, by):
    """By their ids, in another process too, an experiment's jobs are analysed again, to the same values."""
    how = {"backend": {"backend_run": True, "backend": backend}, "sampler": {"sampler": BasicAerSampler(provider)}}
    data = finished(StateTomography(BELL).run(**how[by]))

    saved = json.loads(json.dumps(data, cls=ExperimentEncoder), cls=ExperimentDecoder)
    assert value(saved, "state_fidelity") == value(data, "state_fidelity")
    assert saved.job_ids == data.job_ids

    again = ExperimentData(experiment=StateTomography(BELL), backend=backend)
    again.add_jobs([provider.job(job_id) for job_id in saved.job_ids])
    finished(StateTomography(BELL).analysis.run(again))
    assert value(again, "state_fidelity") == pytest.approx(value(data, "state_fidelity"))

    code = (
        "from qiskit import QuantumCircuit\n"
        "from qiskit_experiments.framework import ExperimentData\n"
        "from qiskit_experiments.library import StateTomography\n"
        "bell = QuantumCircuit(2); bell.h(0); bell.cx(0, 1)\n"
        "data = ExperimentData(experiment=StateTomography(bell))\n"
        "data.add_jobs([provider.job(job_id) for job_id in sys.argv[1:]])\n"
        "done = StateTomography(bell).analysis.run(data).block_for_results()\n"
        "table = done.analysis_results(dataframe=True)\n"
        "print(table[table.name == 'state_fidelity'].iloc[0].value)\n"
    )
    there = elsewhere(provider.settings.url, code, *saved.job_ids)
    assert float(there) == pytest.approx(value(data, "state_fidelity"))


@pytest.mark.rule(14)
def test_the_job_of_a_default_run_is_listed(provider, backend):
    """Its default way hides our job behind one of IBM's, whose id nobody else knows: the list of jobs has ours."""
    data = finished(StateTomography(BELL).run(backend))
    newest = provider.jobs(limit=1)[0]
    assert newest.job_id() not in data.job_ids
    assert [newest.result().get_counts(i) for i in range(9)] == [each["counts"] for each in data.data()]
