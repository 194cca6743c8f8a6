"""What users of Aer's stabilizer and matrix product states met, by the numbers of its issues: not so here."""

from __future__ import annotations

from itertools import pairwise
from math import pi

import numpy as np
import pytest
from qiskit import QuantumCircuit
from qiskit.circuit.library import UnitaryGate
from qiskit.quantum_info import SparsePauliOp, Statevector, random_clifford, random_unitary
from support.exact import assert_likely
from support.in_process import outcomes

from jobs.errors import BasicAerError
from simulator.shards.result import Outcome

WIDE = ["stabilizer", "matrix_product_state"]
#: Around the bits of a machine's words.
WIDTHS = [63, 64, 65, 127, 129]


def ran_alone(circuit: QuantumCircuit, **options) -> Outcome:
    """Run one circuit where a state may have 1 GiB."""
    (outcome,) = outcomes(circuit, max_qubits=30, **options)
    assert outcome.failure is None
    return outcome


def counts(circuit: QuantumCircuit, **options) -> dict[str, int]:
    outcome = ran_alone(circuit, **{"shots": 200, "seed_simulator": 3} | options)
    return outcome.keyed[0]


@pytest.mark.parametrize("method", WIDE)
@pytest.mark.parametrize("width", WIDTHS)
def test_widths_around_those_of_words(method, width):
    """Aer 2104, 2107, 2410: bits beyond the 64th were lost, in counts and in memory."""
    circuit = QuantumCircuit(width, width)
    ones = {qubit for qubit in range(width) if qubit % 3 == 0 or qubit > width - 3}
    circuit.h(1)
    for qubit in ones:
        circuit.x(qubit)
    circuit.cx(1, width // 2 + 1)
    # Qubit q into clbit width - 1 - q.
    circuit.measure(range(width), reversed(range(width)))
    base = sum(1 << width - 1 - qubit for qubit in ones)
    flipped = base ^ 1 << width - 2 ^ 1 << width - 2 - width // 2
    found, memory = ran_alone(circuit, shots=200, method=method, memory=True, seed_simulator=3).keyed
    assert set(found) == {hex(base), hex(flipped)}
    assert sum(found.values()) == len(memory) == 200
    assert {key: memory.count(key) for key in found} == found


@pytest.mark.parametrize("seed", range(20))
def test_certain_outcomes_of_cliffords(seed):
    """Aer 1888, 2125: measurements whose outcome is certain came out wrong, and with them whole distributions."""
    width = 3 + seed % 5
    circuit = random_clifford(width, seed=seed).to_circuit()
    exact = Statevector(circuit).probabilities()
    circuit.measure_all()
    found = counts(circuit, method="stabilizer", shots=4000)
    assert_likely(found, {hex(key): share for key, share in enumerate(exact.tolist()) if share > 1e-9})


@pytest.mark.parametrize("width", [17, 40, 100])
def test_a_clifford_and_its_inverse(width):
    """Wider than any statevector: all outcomes are certain, and measured on the way they stay so."""
    there = random_clifford(width, seed=width).to_circuit()
    circuit = QuantumCircuit(width, 2 * width)
    circuit.x(range(0, width, 2))
    circuit.compose(there, inplace=True)
    circuit.compose(there.inverse(), inplace=True)
    circuit.measure(range(width), range(width))
    circuit.h(0)
    circuit.h(0)
    circuit.measure(range(width), range(width, 2 * width))
    ones = sum(1 << qubit for qubit in range(0, width, 2))
    assert counts(circuit, method="stabilizer") == {hex(ones | ones << width): 200}


@pytest.mark.parametrize("method", ["automatic", "statevector", *WIDE])
def test_seeds_of_circuits_that_begin_with_a_reset(method):
    """Aer 1916: neighbouring seeds gave nearly the same shots."""

    def memory(seed: int) -> list[str]:
        circuit = QuantumCircuit(1, 1)
        if method != "matrix_product_state":
            circuit.reset(0)
        circuit.h(0)
        circuit.measure(0, 0)
        outcome = ran_alone(circuit, shots=400, memory=True, method=method, seed_simulator=seed)
        return outcome.memory

    memories = [memory(seed) for seed in range(6)]
    for one, other in pairwise(memories):
        equal = sum(a == b for a, b in zip(one, other, strict=True))
        # Five standard deviations of 400 throws.
        assert abs(equal - 200) < 50


def disordered(width: int, seed: int) -> QuantumCircuit:
    """Gates on qubits in any order, far ones too, and a unitary on qubits 2, 0, 1."""
    rng = np.random.default_rng(seed)
    circuit = QuantumCircuit(width)
    for _ in range(3):
        for qubit in range(width):
            circuit.u(*rng.uniform(0, pi, 3), qubit)
        order = rng.permutation(width).tolist()
        circuit.append(UnitaryGate(random_unitary(8, seed=seed)), [2, 0, 1])
        circuit.swap(order[0], order[1])
        circuit.ccx(*order[:3])
        circuit.cx(order[-1], order[0])
        circuit.rzz(rng.uniform(0, pi), order[1], order[-1])
    return circuit


@pytest.mark.parametrize("seed", range(6))
def test_the_order_of_qubits_in_a_matrix_product_state(seed):
    """Aer 1126, 1165, 1256, 582, 2235, 681, 997: inner swaps showed in counts, states and expectation values."""
    width = 4 + seed % 3
    circuit = disordered(width, seed)
    exact = Statevector(circuit)
    labels = ["".join(letters) for letters in np.random.default_rng(seed).choice(list("IXYZ"), (5, width))]
    observables = [SparsePauliOp(label) for label in labels]
    outcome = ran_alone(
        circuit, shots=1, method="matrix_product_state", observables=observables, statevector=True, counts=False
    )
    expected = [exact.expectation_value(each).real for each in observables]
    assert np.abs(outcome.expectations.ndarray() - expected).max() < 1e-10
    (saved,) = outcome.saved
    assert abs(np.vdot(saved.value.ndarray(), exact.data)) == pytest.approx(1, abs=1e-10)
    measured = circuit.copy()
    measured.measure_all()
    shares = {hex(key): share for key, share in enumerate(exact.probabilities().tolist())}
    assert_likely(counts(measured, method="matrix_product_state", shots=4000), shares)


def test_no_estimate_from_depth():
    """Aer 1920, 2056, 2246, 2380, 2381: deep circuits of little entanglement were refused, and widths over 63."""
    circuit = QuantumCircuit(150)
    circuit.h(0)
    for qubit in range(149):
        circuit.cx(qubit, qubit + 1)
    for _ in range(20):
        for qubit in range(149):
            circuit.cz(qubit, qubit + 1)
            circuit.cz(qubit, qubit + 1)
    circuit.measure_all()
    found = counts(circuit, method="matrix_product_state")
    assert set(found) == {hex(0), hex((1 << 150) - 1)}


class TestTruncation:
    """Aer 2286, 2450, 2290, 1247 and its pull request 1094."""

    circuit = disordered(6, 8)

    def ran(self, **options):
        return ran_alone(
            self.circuit,
            shots=1,
            method="matrix_product_state",
            observables=[SparsePauliOp("I" * 6), SparsePauliOp("ZZIIII")],
            counts=False,
            **options,
        )

    def test_it_is_of_one_run(self):
        """What one run truncates, the next does not."""
        exact = Statevector(self.circuit).expectation_value(SparsePauliOp("ZZIIII")).real
        assert self.ran(max_bond=1).expectations.ndarray()[1] != pytest.approx(exact, abs=1e-3)
        assert self.ran().expectations.ndarray()[1] == pytest.approx(exact, abs=1e-10)

    @pytest.mark.parametrize("options", [{"max_bond": 1}, {"max_bond": 2}, {"cutoff": 0.9}])
    def test_something_stays_and_its_norm_is_1(self, options):
        """At least one value stays, however much may be cut, and what was cut is said."""
        outcome = self.ran(**options)
        assert outcome.expectations.ndarray()[0] == pytest.approx(1, abs=1e-10)
        told = outcome.run.truncation
        assert told.largest_bond >= 1
        assert told.estimated_fidelity < 1
        assert told.distance_bound > 0

    def test_nothing_is_cut_without_being_asked(self):
        """The default cuts what is no more than rounding."""
        told = self.ran().run.truncation
        assert told.estimated_fidelity == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("shots", [1, 10_000])
def test_one_way_of_sampling(shots):
    """Aer 770, 944, 1929, 1305: the way was chosen by the shots, and was often the slow one."""
    circuit = QuantumCircuit(25)
    circuit.h(range(0, 25, 5))
    circuit.cx(0, 24)
    circuit.measure_all()
    outcome = ran_alone(circuit, shots=shots, method="matrix_product_state", seed_simulator=1)
    assert sum(outcome.counts.values()) == shots
    assert outcome.run.measure_sampling


CLIFFORD = {
    "rz": lambda circuit: circuit.rz(pi / 2, 0),
    "rx": lambda circuit: circuit.rx(-pi / 2, 0),
    "ry": lambda circuit: circuit.ry(3 * pi / 2, 0),
    "p": lambda circuit: circuit.p(pi, 0),
    "u": lambda circuit: circuit.u(pi / 2, 0, pi, 0),
    "cp": lambda circuit: circuit.cp(pi, 0, 1),
    "rzz": lambda circuit: circuit.rzz(pi / 2, 0, 1),
    "rxx": lambda circuit: circuit.rxx(-pi / 2, 0, 1),
    "ecr": lambda circuit: circuit.ecr(0, 1),
    "unitary": lambda circuit: circuit.append(UnitaryGate(np.diag([1, 1j, 1, -1j])), [0, 1]),
    "named ccx": lambda circuit: circuit.append(named_ccx(), [0, 1]),
}


def named_ccx():
    """A gate with a name that says more than it does."""
    inner = QuantumCircuit(2, name="ccx_inner")
    inner.h(0)
    inner.cx(0, 1)
    return inner.to_gate()


@pytest.mark.parametrize("kind", CLIFFORD)
def test_what_is_clifford_is_decided_by_its_matrix(kind):
    """Aer 1928, 2122, 2164, 1236: rotations, u, and gates of certain names were refused."""
    circuit = QuantumCircuit(2)
    circuit.h([0, 1])
    CLIFFORD[kind](circuit)
    circuit.s(0)
    circuit.h([0, 1])
    exact = Statevector(circuit).probabilities()
    circuit.measure_all()
    found = counts(circuit, method="stabilizer", shots=4000)
    assert_likely(found, {hex(key): share for key, share in enumerate(exact.tolist()) if share > 1e-9})


def test_what_is_not_clifford_is_refused():
    circuit = QuantumCircuit(1)
    circuit.h(0)
    circuit.rz(pi / 2 + 1e-4, 0)
    circuit.measure_all()
    with pytest.raises(BasicAerError, match=r'^method "stabilizer" cannot run .*"rz\(1.5709\)" on qubit 0'):
        counts(circuit, method="stabilizer")
