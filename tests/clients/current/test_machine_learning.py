"""qiskit-machine-learning: gradients of quantum neural networks, kernels, and a classifier that learns."""

import numpy as np
from qiskit.circuit.library import real_amplitudes, zz_feature_map
from qiskit.quantum_info import SparsePauliOp, Statevector
from qiskit_machine_learning.algorithms import NeuralNetworkClassifier
from qiskit_machine_learning.gradients import ParamShiftEstimatorGradient, ParamShiftSamplerGradient
from qiskit_machine_learning.kernels import FidelityQuantumKernel, FidelityStatevectorKernel
from qiskit_machine_learning.neural_networks import EstimatorQNN, SamplerQNN
from qiskit_machine_learning.optimizers import COBYLA
from qiskit_machine_learning.state_fidelities import ComputeUncompute

from jobs import BasicAerEstimator, BasicAerSampler

FEATURES, ANSATZ = zz_feature_map(2, reps=1), real_amplitudes(2, reps=1)
CIRCUIT = FEATURES.compose(ANSATZ)
INPUTS = np.array([[0.3, -0.4], [1.1, 0.2], [-0.7, 0.9]])
WEIGHTS = np.array([0.2, -0.5, 0.8, 0.1])


def _values(inputs, weights):
    """The exact expectation values of ZZ and XI."""
    bound = CIRCUIT.assign_parameters(
        dict(zip(FEATURES.parameters, inputs, strict=True)) | dict(zip(ANSATZ.parameters, weights, strict=True))
    )
    state = Statevector(bound)
    return [state.expectation_value(SparsePauliOp(label)).real for label in ("ZZ", "XI")]


def test_the_gradient_of_an_estimator_network_is_its_slope(provider):
    """Forward and backward agree with exact states, the gradient with central differences."""
    estimator = BasicAerEstimator(provider)
    network = EstimatorQNN(
        circuit=CIRCUIT,
        estimator=estimator,
        observables=[SparsePauliOp("ZZ"), SparsePauliOp("XI")],
        input_params=FEATURES.parameters,
        weight_params=ANSATZ.parameters,
        gradient=ParamShiftEstimatorGradient(estimator),
        default_precision=0.0,
    )
    exact = [_values(row, WEIGHTS) for row in INPUTS]
    np.testing.assert_allclose(network.forward(INPUTS, WEIGHTS), exact, atol=1e-12)
    _, slope = network.backward(INPUTS, WEIGHTS)
    step = 1e-5
    for number, unit in enumerate(np.eye(len(WEIGHTS))):
        ahead, behind = (
            np.array([_values(row, WEIGHTS + sign * step * unit) for row in INPUTS]) for sign in (1, -1)
        )
        np.testing.assert_allclose(slope[:, :, number], (ahead - behind) / (2 * step), atol=1e-8)


def test_a_sampler_network_gives_probabilities(provider):
    """Its outputs are the probabilities of the parities, and its gradient sums to nothing."""
    sampler = BasicAerSampler(provider, default_shots=20_000, seed=2)
    network = SamplerQNN(
        circuit=CIRCUIT,
        sampler=sampler,
        input_params=FEATURES.parameters,
        weight_params=ANSATZ.parameters,
        interpret=lambda outcome: outcome.bit_count() % 2,
        output_shape=2,
        gradient=ParamShiftSamplerGradient(sampler),
    )
    outputs = network.forward(INPUTS, WEIGHTS)
    even = [(1 + _values(row, WEIGHTS)[0]) / 2 for row in INPUTS]
    # Five deviations of a mean over 20,000 shots.
    np.testing.assert_allclose(outputs[:, 0], even, atol=0.018)
    _, slope = network.backward(INPUTS, WEIGHTS)
    np.testing.assert_allclose(slope.sum(axis=1), 0, atol=1e-12)


def test_a_kernel_is_that_of_exact_states(provider):
    """Fidelities by compute and uncompute, as sampled, beside those of statevectors."""
    fidelity = ComputeUncompute(BasicAerSampler(provider, default_shots=20_000, seed=4))
    sampled = FidelityQuantumKernel(feature_map=FEATURES, fidelity=fidelity).evaluate(INPUTS)
    exact = FidelityStatevectorKernel(feature_map=FEATURES).evaluate(INPUTS)
    np.testing.assert_allclose(sampled, exact, atol=0.018)


def test_a_classifier_learns(provider):
    """Points that its own network tells apart by some weights are told apart after training from others."""
    points = np.random.default_rng(5).uniform(-1, 1, (16, 2))
    labels = np.sign([_values(point, WEIGHTS)[0] for point in points])
    network = EstimatorQNN(
        circuit=CIRCUIT,
        estimator=BasicAerEstimator(provider),
        input_params=FEATURES.parameters,
        weight_params=ANSATZ.parameters,
        default_precision=0.0,
    )
    start = np.random.default_rng(6).normal(size=len(WEIGHTS))
    classifier = NeuralNetworkClassifier(network, optimizer=COBYLA(maxiter=60), initial_point=start)
    assert classifier.fit(points, labels).score(points, labels) >= 0.9
    assert set(labels) == {-1, 1}
