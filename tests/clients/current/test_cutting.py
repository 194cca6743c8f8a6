"""qiskit-addon-cutting: a circuit in two halves, run apart, has the expectation values of the whole."""

import numpy as np
import pytest
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import BackendSamplerV2
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_addon_cutting import (
    cut_wires,
    expand_observables,
    generate_cutting_experiments,
    partition_problem,
    reconstruct_expectation_values,
)
from qiskit_addon_cutting.automated_cut_finding import DeviceConstraints, OptimizationParameters, find_cuts
from qiskit_ibm_runtime import SamplerV2

from jobs import BasicAerSampler

OBSERVABLE = SparsePauliOp(["ZZII", "IZZI", "IIZZ", "XIXI"], [1.0, 0.7, -0.4, 0.5])
ANSATZ = efficient_su2(4, entanglement="linear", reps=1)
CIRCUIT = ANSATZ.assign_parameters(np.random.default_rng(3).normal(size=ANSATZ.num_parameters))
EXACT = Statevector(CIRCUIT).expectation_value(OBSERVABLE).real

SAMPLERS = {
    "ours": lambda backend: BasicAerSampler(backend, seed=7),
    "Qiskit's": lambda backend: BackendSamplerV2(backend=backend, options={"seed_simulator": 7}),
    "IBM's": lambda backend: SamplerV2(mode=backend, options={"simulator": {"seed_simulator": 7}}),
}


def value(problem, sampler):
    """The expectation value that the parts of a cut circuit give."""
    experiments, coefficients = generate_cutting_experiments(
        problem.subcircuits, problem.subobservables, num_samples=np.inf
    )
    results = {label: sampler.run(circuits, shots=4096).result() for label, circuits in experiments.items()}
    terms = reconstruct_expectation_values(results, coefficients, problem.subobservables)
    return np.dot(terms, OBSERVABLE.coeffs).real


@pytest.mark.parametrize("sampler", SAMPLERS.values(), ids=SAMPLERS)
def test_a_cut_gate(backend, sampler):
    """One gate is cut, which measures on the way; any sampler on the backend does."""
    problem = partition_problem(CIRCUIT, partition_labels="AABB", observables=OBSERVABLE.paulis)
    # The deviation is some 0.03: a cut triples that of 4,096 shots, and the terms add up.
    assert value(problem, sampler(backend)) == pytest.approx(EXACT, abs=0.15)


def test_cuts_that_are_found(backend):
    """Where to cut for parts of three qubits is found by the library itself."""
    constraints = DeviceConstraints(qubits_per_subcircuit=3)
    circuit = cut_wires(find_cuts(CIRCUIT, OptimizationParameters(seed=1), constraints)[0])
    observables = expand_observables(OBSERVABLE.paulis, CIRCUIT, circuit)
    problem = partition_problem(circuit, observables=observables)
    assert value(problem, BasicAerSampler(backend, seed=8)) == pytest.approx(EXACT, abs=0.15)
