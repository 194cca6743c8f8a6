"""mqt.bench: each of its circuits, the smallest there is, has counts like Aer's."""

import pytest
from mqt.bench import get_benchmark_alg
from mqt.bench.benchmarks import get_available_benchmark_names
from qiskit import QuantumCircuit, transpile
from qiskit_aer import AerSimulator
from scipy.stats import chi2

SHOTS = 4000
#: Its smallest has 41,000 gates on 18 qubits: a minute of Aer's time. `make bench-engine ARGS=--mqt` runs it.
LARGE = {"shor"}


def smallest(name: str) -> QuantumCircuit:
    """The circuit of the fewest qubits, at least four, as this width has one that is no trifle."""
    for width in range(4, 18):
        try:
            circuit = get_benchmark_alg(name, width)
        except ValueError:  # it has none of this width
            continue
        if not circuit.clbits:
            circuit.measure_all()
        return circuit
    raise AssertionError(name)


def differ(counts: dict[str, int], others: dict[str, int]) -> tuple[float, float]:
    """Chi-squared of two samples of as many shots, and what it exceeds once in a million times."""
    both = [(counts.get(key, 0), others.get(key, 0)) for key in counts.keys() | others.keys()]
    found = sum((ours - theirs) ** 2 / (ours + theirs) for ours, theirs in both)
    return found, chi2.isf(1e-6, max(1, len(both) - 1))


@pytest.mark.parametrize("name", sorted(set(get_available_benchmark_names()) - LARGE))
def test_a_circuit(backend, name):
    """Counts of as many shots come from one distribution."""
    circuit, aer = smallest(name), AerSimulator(seed_simulator=2)
    counts = backend.run(circuit, shots=SHOTS, seed_simulator=1).result().get_counts()
    theirs = aer.run(transpile(circuit, aer, optimization_level=0), shots=SHOTS).result().get_counts()
    found, limit = differ(counts, theirs)
    assert sum(counts.values()) == SHOTS
    assert found <= limit
