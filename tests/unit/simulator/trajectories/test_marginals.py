"""Trajectories of wide circuits: what is read of each qubit and each pair, beside exact values and Aer's.

All seeds are fixed. A share of shots may be 5 standard deviations from what is expected: of 100 such comparisons,
one in 17,000 goes wrong by chance.
"""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit_aer import AerSimulator
from qiskit_aer.noise import NoiseModel, ReadoutError, depolarizing_error, thermal_relaxation_error

from jobs.lowering import lower
from jobs.noise import Attacher, read_model
from simulator.circuit.instructions import Gate, Instruction, Measure, Noise, Readout
from simulator.circuit.program import Program
from simulator.circuit.traversal import qubits_of
from simulator.density import DENSITY_MATRIX
from simulator.monitor import SILENT, no_checkpoint
from simulator.options import Options
from simulator.trajectories import TRAJECTORIES

SIGMAS = 5
#: T1, T2 and the time of a gate, in seconds: below T1, T2 makes resets, and above it states choose.
RELAXATIONS = {"resets": (50e-6, 40e-6, 1e-6), "choices": (50e-6, 70e-6, 1e-6)}


def trotter(width: int, steps: int) -> QuantumCircuit:
    """A chain of spins in a field, step by step."""
    circuit = QuantumCircuit(width)
    for _ in range(steps):
        circuit.rx(0.7, range(width))
        for start in (0, 1):
            for qubit in range(start, width - 1, 2):
                circuit.rzz(0.5, qubit, qubit + 1)
    circuit.rx(0.4, range(width))
    circuit.measure_all()
    return circuit


def qaoa(width: int) -> QuantumCircuit:
    """Two rounds of a cut of a random graph, where most qubits have three neighbours."""
    rng = np.random.default_rng(width)
    circuit = QuantumCircuit(width)
    circuit.h(range(width))
    edges = {tuple(sorted(rng.choice(width, 2, replace=False).tolist())) for _ in range(3 * width // 2)}
    for gamma, beta in ((0.4, 0.9), (0.8, 0.5)):
        for one, other in sorted(edges):
            circuit.rzz(gamma, one, other)
        circuit.rx(2 * beta, range(width))
    circuit.measure_all()
    return circuit


def model(relaxation: str) -> NoiseModel:
    """Depolarizing, relaxation, and readout errors that prefer 0."""
    relaxed = thermal_relaxation_error(*RELAXATIONS[relaxation])
    found = NoiseModel()
    found.add_all_qubit_quantum_error(depolarizing_error(0.002, 1), "rx")
    found.add_all_qubit_quantum_error(depolarizing_error(0.01, 2).compose(relaxed.expand(relaxed)), "rzz")
    found.add_all_qubit_readout_error(ReadoutError([[0.98, 0.02], [0.06, 0.94]]))
    return found


def noisy(circuit: QuantumCircuit, relaxation: str) -> Program:
    """A circuit with the errors of the model."""
    return lower(circuit, noise=Attacher(read_model(model(relaxation))))


def sampled(made: Program, shots: int) -> NDArray[np.int64]:
    """The bits that each shot of trajectories reads, shape (shots, qubits)."""
    options = Options("counts", shots)
    assert TRAJECTORIES.refusal(made, options, no_checkpoint) is None
    prepared = TRAJECTORIES.prepare(made, options, (), no_checkpoint)
    counts = prepared.run(seed=11, first=0, shots=shots, monitor=SILENT).counts
    assert counts is not None
    return bits({int(key, 16): count for key, count in counts.items()}, made.num_clbits)


def bits(counts: dict[int, int], width: int) -> NDArray[np.int64]:
    keys = np.repeat(np.array(list(counts)), list(counts.values()))
    return keys[:, None] >> np.arange(width) & 1


def exact(made: Program) -> NDArray[np.float64]:
    """The probability of each outcome of the clbits that are measured, readout errors included."""
    options = Options("counts", 0, saves=("probability_distribution",))
    assert DENSITY_MATRIX.refusal(made, options, no_checkpoint) is None
    prepared = DENSITY_MATRIX.prepare(made, options, (), no_checkpoint)
    (saved,) = prepared.run(seed=0, first=0, shots=0, monitor=SILENT).saved
    order = [clbit for (clbit,) in saved.clbits]
    # The first axis is the last bit.
    axes = [len(order) - 1 - order.index(clbit) for clbit in sorted(order, reverse=True)]
    return saved.value.ndarray().reshape((2,) * len(order)).transpose(axes).reshape(-1)


def marginals(values: NDArray[np.int64], weights: NDArray[np.float64] | None = None) -> NDArray[np.float64]:
    """How often each bit is 1, and how often each two bits differ: of rows of bits, or of rows with weights."""
    columns = [
        *values.T,
        *(values[:, one] ^ values[:, other] for one, other in combinations(range(values.shape[1]), 2)),
    ]
    return np.average(np.array(columns), axis=1, weights=weights)


def assert_near(found: NDArray[np.float64], expected: NDArray[np.float64], shots: int) -> None:
    """Shares of so many shots are near the expected ones."""
    sigmas = np.sqrt(expected * (1 - expected) / shots)
    assert (np.abs(found - expected) < SIGMAS * sigmas).all()


def cone(made: Program, clbits: tuple[int, ...]) -> Program:
    """The part of a program on which some clbits depend, on qubits of its own numbers."""
    qubits = {each.qubit for each in made.instructions if isinstance(each, Measure) and each.clbit in clbits}
    kept: list[Instruction] = []
    for each in reversed(made.instructions):
        if isinstance(each, (Measure, Readout)):
            written = {each.clbit} if isinstance(each, Measure) else set(each.clbits)
            if written <= set(clbits):
                kept.append(each)
        elif isinstance(each, (Gate, Noise)) and not qubits.isdisjoint(qubits_of(each)):
            # What is done beside the others' pasts changes nothing of them, also where it is an error.
            qubits |= set(qubits_of(each))
            kept.append(each)
    return Program(made.num_qubits, made.num_clbits, tuple(reversed(kept)), made.header, channels=made.channels)


@pytest.mark.rule(41)
@pytest.mark.parametrize("relaxation", RELAXATIONS)
@pytest.mark.parametrize("circuit", [qaoa(10), trotter(11, 4)], ids=["qaoa", "trotter"])
def test_pairs_beside_a_density_matrix(circuit: QuantumCircuit, relaxation: str) -> None:
    """Up to 11 qubits: all qubits and all pairs of them, of a state that has all correlations."""
    made, shots = noisy(circuit, relaxation), 4000
    every = np.arange(1 << made.num_clbits)[:, None] >> np.arange(made.num_clbits) & 1
    assert_near(marginals(sampled(made, shots)), marginals(every, exact(made)), shots)


@pytest.mark.rule(41)
@pytest.mark.parametrize("relaxation", RELAXATIONS)
def test_neighbours_beside_their_past(relaxation: str) -> None:
    """At 14 qubits: two steps bring at most 10 qubits to two neighbours, whose density matrix is exact."""
    made, shots = noisy(trotter(14, 2), relaxation), 1500
    found = sampled(made, shots)
    for first in range(0, 13, 3):
        pair = (first, first + 1)
        past = cone(made, pair)
        assert len({qubit for each in past.instructions for qubit in qubits_of(each)}) <= 10
        assert_near(
            marginals(found[:, pair]), marginals(np.array([[0, 0], [1, 0], [0, 1], [1, 1]]), exact(past)), shots
        )


@pytest.mark.slow  # Aer runs shots one by one
@pytest.mark.rule(41)
@pytest.mark.parametrize(("circuit", "relaxation"), [(qaoa(14), "resets"), (trotter(14, 2), "choices")])
def test_pairs_beside_aer(circuit: QuantumCircuit, relaxation: str) -> None:
    """At 14 qubits: all qubits and all pairs of them, beside as many shots of Aer's."""
    shots = 300
    aer = AerSimulator(noise_model=model(relaxation), method="statevector", max_parallel_threads=1)
    counts = aer.run(circuit, shots=shots, seed_simulator=5).result().get_counts()
    theirs = marginals(bits({int(key, 2): count for key, count in counts.items()}, 14))
    own = marginals(sampled(noisy(circuit, relaxation), shots))
    assert_near(own, (own + theirs) / 2, 2 * shots)
