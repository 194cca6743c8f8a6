"""qiskit-algorithms: variational and search algorithms reach the answers that are known."""

import math

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import efficient_su2
from qiskit.primitives import BackendSamplerV2
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_algorithms import (
    QAOA,
    VQE,
    AmplificationProblem,
    EstimationProblem,
    FasterAmplitudeEstimation,
    Grover,
    IterativeAmplitudeEstimation,
    MaximumLikelihoodAmplitudeEstimation,
    NumPyMinimumEigensolver,
    PhaseEstimation,
)
from qiskit_algorithms.gradients import ParamShiftEstimatorGradient
from qiskit_algorithms.optimizers import COBYLA, SLSQP

from jobs import BasicAerEstimator, BasicAerSampler

#: Electrons of H2 at 0.735 angstrom on two qubits, in hartree.
H2 = SparsePauliOp(
    ["II", "IZ", "ZI", "ZZ", "XX"],
    [-1.052373245772859, 0.39793742484318045, -0.39793742484318045, -0.01128010425623538, 0.18093119978423156],
)
H2_GROUND = -1.857275030202


@pytest.mark.parametrize("gradient", [False, True], ids=["differences", "parameter shift"])
def test_vqe_reaches_the_energy_of_hydrogen(provider, gradient):
    """Exact expectation values lead to the ground state's energy to a microhartree."""
    estimator = BasicAerEstimator(provider)
    ansatz = efficient_su2(2, reps=1)
    shift = ParamShiftEstimatorGradient(estimator) if gradient else None
    start = np.random.default_rng(7).normal(size=ansatz.num_parameters)
    vqe = VQE(estimator, ansatz, SLSQP(maxiter=100), gradient=shift, initial_point=start)
    found = vqe.compute_minimum_eigenvalue(H2, aux_operators=[SparsePauliOp("ZZ")])
    assert found.eigenvalue == pytest.approx(H2_GROUND, abs=1e-6)
    exact = NumPyMinimumEigensolver().compute_minimum_eigenvalue(H2, aux_operators=[SparsePauliOp("ZZ")])
    assert found.aux_operators_evaluated[0][0] == pytest.approx(exact.aux_operators_evaluated[0][0], abs=1e-3)


def test_qaoa_cuts_a_ring(provider):
    """Of a ring of four, the most likely outcome is one of the two cuts through all edges."""
    edges = [(0, 1), (1, 2), (2, 3), (3, 0)]
    cost = SparsePauliOp.from_sparse_list([("ZZ", edge, 0.5) for edge in edges], num_qubits=4)
    qaoa = QAOA(BasicAerSampler(provider, seed=3), COBYLA(maxiter=40), reps=2, initial_point=[0.5, 0.5, 0.5, 0.5])
    found = qaoa.compute_minimum_eigenvalue(cost)
    assert found.best_measurement["bitstring"] in {"0101", "1010"}
    assert found.eigenvalue.real < -1.0


def test_grover_finds_the_marked_state(backend):
    """One of eight states is marked, and found, on Qiskit's own sampler over the backend."""
    oracle = Statevector.from_label("101")
    found = Grover(sampler=BackendSamplerV2(backend=backend)).amplify(
        AmplificationProblem(oracle, is_good_state=["101"])
    )
    assert found.oracle_evaluation
    assert found.top_measurement == "101"


def test_phase_estimation_reads_a_phase(provider):
    """The phase 5/16 has four bits, which are all that is measured."""
    unitary, state = QuantumCircuit(1), QuantumCircuit(1)
    unitary.p(2 * math.pi * 5 / 16, 0)
    state.x(0)
    found = PhaseEstimation(4, BasicAerSampler(provider, seed=5)).estimate(unitary, state)
    assert found.phase == 5 / 16


class Rotation(QuantumCircuit):
    """Rotates |0> to a state in which 1 has a probability."""

    def __init__(self, probability):
        super().__init__(1)
        self.angle = 2 * math.asin(math.sqrt(probability))
        self.ry(self.angle, 0)


class Grovers(QuantumCircuit):
    """Its Grover operator, whose powers are rotations by multiples."""

    def __init__(self, angle):
        super().__init__(1)
        self.angle = angle
        self.ry(2 * angle, 0)

    def power(self, power, *_, **__):
        return Grovers(power * self.angle)


@pytest.mark.parametrize(
    "estimation",
    [
        lambda sampler: IterativeAmplitudeEstimation(0.01, 0.05, sampler=sampler),
        lambda sampler: MaximumLikelihoodAmplitudeEstimation(4, sampler=sampler),
        lambda sampler: FasterAmplitudeEstimation(0.05, 3, sampler=sampler, rescale=False),
    ],
    ids=["iterative", "maximum likelihood", "faster"],
)
def test_amplitude_estimation_finds_a_probability(provider, estimation):
    """A probability of 0.2 is estimated to 0.02, by three ways."""
    rotation = Rotation(0.2)
    problem = EstimationProblem(rotation, objective_qubits=[0], grover_operator=Grovers(rotation.angle))
    found = estimation(BasicAerSampler(provider, default_shots=4096, seed=11)).estimate(problem)
    assert found.estimation == pytest.approx(0.2, abs=0.02)
