"""The density matrix: exactly Aer's, with noise; counts of it; what it refuses, and when it is taken."""

from __future__ import annotations

import numpy as np
import pytest
import qiskit_aer.library  # noqa: F401 (its methods of circuits)
from hypothesis import given
from hypothesis import strategies as st
from qiskit import QuantumCircuit, transpile
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import SparsePauliOp
from qiskit_aer import AerSimulator
from qiskit_aer.noise import amplitude_damping_error, depolarizing_error, thermal_relaxation_error
from support.exact import assert_likely, distribution
from support.examples import examples
from support.noise import applied, channel, channels, damping, depolarizing, kraus, random_table
from support.programs import dense, h, measures, program, ry, unitary_instructions, x

from jobs.lowering import lower
from simulator.choice import engine_for
from simulator.circuit.array import Array
from simulator.circuit.channel import Pauli
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import IfElse, Initialize, Measure, Noise, Readout, Reset, Save
from simulator.circuit.pauli_sum import PauliSum
from simulator.density import DENSITY_MATRIX
from simulator.errors import InvalidProgramError
from simulator.execution import run_shard
from simulator.monitor import SILENT, no_checkpoint
from simulator.options import Options
from simulator.shards.part import merge
from simulator.shards.shard import Experiment, Shard

EXACT = {"rtol": 0, "atol": 1e-12}
NOISY = program(3, 2, h(0), Noise(0, (0,)), x(2, 0), Noise(0, (2,)), Measure(0, 0), Measure(2, 1),
                channels=(channel(1, (1.0, (kraus(damping(0.3)),))),))  # fmt: skip


def simulated(made, observables=(), **options):
    """What the method gives."""
    wanted = Options(**{"output": "counts", "shots": 100, "method": "density_matrix"} | options)
    assert engine_for(made, wanted) is DENSITY_MATRIX
    prepared = DENSITY_MATRIX.prepare(made, wanted, observables, no_checkpoint)
    return prepared.run(seed=7, first=0, shots=wanted.shots, monitor=SILENT)


@pytest.mark.rule(41)
@pytest.mark.parametrize("num_qubits", [2, 3, 5])
@pytest.mark.parametrize("seed", range(2))
def test_it_is_aers_density_matrix(num_qubits, seed):
    """To 1e-12, with noise of several kinds and resets; so are probabilities and expectation values."""
    rng = np.random.default_rng(seed)
    gates = ["u", "cx", "rzz", "ccx", "h", "s", "cp"]
    plain = transpile(random_circuit(num_qubits, 6, seed=seed), basis_gates=gates, optimization_level=0)
    circuit = QuantumCircuit(num_qubits)
    for each in plain.data:
        qubits = [plain.find_bit(qubit).index for qubit in each.qubits]
        circuit.append(each.operation, qubits)
        circuit.append(depolarizing_error(0.05, 2), rng.permutation(num_qubits)[:2].tolist())
        circuit.append(amplitude_damping_error(0.1), [qubits[0]])
        circuit.append(thermal_relaxation_error(50, 70, 3), [qubits[-1]])
    circuit.reset(0)
    circuit.h(0)
    operator = SparsePauliOp(["X" * num_qubits, "Z" * num_qubits, "Y" + "Z" * (num_qubits - 1)], [0.3, 0.2, 0.7])
    circuit.save_density_matrix([1, 0], label="rho")
    circuit.save_probabilities([0, 1], label="p")
    circuit.save_expectation_value_variance(operator, range(num_qubits), label="e")
    circuit.x(1)
    circuit.save_density_matrix(label="whole")
    expected = AerSimulator(method="density_matrix").run(circuit, shots=1).result().data()
    found = {saved.key: saved.value.ndarray() for saved in simulated(lower(circuit)).saved}
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        np.testing.assert_allclose(found[key], np.asarray(value), **EXACT)


@pytest.mark.rule(41)
@examples(25)
@given(st.data())
def test_any_gates_and_channels(data):
    """On any qubits and controls, up to those that it takes, the matrix is that of the definition."""
    table = (data.draw(channels(1)), data.draw(channels(2)), data.draw(channels(3)))
    parts = []
    for _ in range(data.draw(st.integers(1, 3))):
        parts += data.draw(unitary_instructions(4, widest=3))[:4]
        width = data.draw(st.integers(1, 3))
        parts.append(Noise(width - 1, tuple(data.draw(st.permutations(range(4)))[:width])))
    rho = np.zeros((16, 16), complex)
    rho[0, 0] = 1
    for each in parts:
        if isinstance(each, Noise):
            rho = applied(table[each.channel], each.qubits, rho)
        else:
            rho = dense(each, 4) @ rho @ dense(each, 4).conj().T
    (saved,) = simulated(program(4, 0, *parts, Save("density_matrix", "rho", (0, 1, 2, 3)), channels=table)).saved
    np.testing.assert_allclose(saved.value.ndarray(), rho, **EXACT)


@pytest.mark.rule(41)
def test_initialize_wide_strings_and_swaps():
    """What is no small matrix, or no unitary, is as in branches."""
    wide = channel(6, (0.6, (Pauli(0b101101, 0b011),)), (0.4, ()))
    state = Initialize(Array.of(np.array([0.6, 0, 0, 0.8j])), (4, 1))
    made = program(7, 6, *map(h, range(6)), Noise(0, (0, 2, 1, 3, 5, 4)), state, ry(0.3, 1), x(2, 1), Reset(0),
                   Noise(0, (5, 4, 3, 2, 1, 0)), *measures(6), channels=(wide,))  # fmt: skip
    assert_likely(simulated(made, shots=5000).counts, distribution(made))


@pytest.mark.rule(33, 41)
def test_counts_with_readout_errors():
    """Counts have the exact distribution, and probabilities are of what is read."""
    tables = (Readout((0,), random_table(1, 1)), Readout((1, 0), random_table(2, 2)))
    made = program(3, 2, *NOISY.instructions, *tables, channels=NOISY.channels)
    found = simulated(made, shots=4000, saves=("probability_distribution",))
    exact = distribution(made)
    assert_likely(found.counts, exact)
    (saved,) = found.saved
    np.testing.assert_allclose(saved.value.ndarray(), [exact[hex(key)] for key in range(4)], **EXACT)


@pytest.mark.rule(41)
def test_probabilities_of_a_qubit_that_nothing_acts_on():
    """It is measured, and misread, as all others are."""
    table = np.array([[0.9, 0.1], [0.3, 0.7]])
    misread = [Readout((clbit,), Array.of(table)) for clbit in range(2)]
    made = program(2, 2, h(0), Noise(0, (0,)), *measures(2), *misread, channels=(depolarizing(0.1),))
    (saved,) = simulated(made, saves=("probability_distribution",)).saved
    expected = np.kron(table[0], [0.6, 0.4])
    assert np.allclose(saved.value.ndarray(), expected, **EXACT)


@pytest.mark.rule(32)
def test_the_cut_changes_no_shot():
    """Shots that are run apart are the same that they are together, and the method's name is in the result."""
    options = Options("counts", 300, memory=True, method="density_matrix")
    whole = run_shard(Shard(options, (Experiment(0, 5, NOISY),)))
    parts = [
        Shard(options, (Experiment(0, 5, NOISY, first, shots),)) for first, shots in [(0, 7), (7, 200), (207, 93)]
    ]
    joined = merge(map(run_shard, parts)).outcomes[0]
    assert joined.memory == whole.outcomes[0].memory and joined.counts == whole.outcomes[0].counts
    assert whole.outcomes[0].run.method == "density_matrix"
    assert set(joined.memory) == {"0x0", "0x1", "0x3"}


@pytest.mark.rule(41)
def test_expectation_values_are_exact():
    """Also of qubits that nothing touches, and without a shot."""
    sums = (
        PauliSum((0, 0b1), (0b1, 0), (1.0, 0.5)),
        PauliSum((0,), (0b010,), (2.0,)),
        PauliSum((0b10,), (0,), (1.0,)),
    )
    found = simulated(NOISY, sums, shots=0, expectations=True).expectations
    # <Z> of damped |+> is gamma, and its coherence is gone, as qubit 2 has a copy of it.
    np.testing.assert_allclose(found, [0.3, 2.0, 0.0], **EXACT)


@pytest.mark.rule(23)
@pytest.mark.parametrize(
    ("instructions", "text"),
    [
        ((Measure(0, 0), IfElse(Clbit(0), (h(1),))), "instruction 0 is a measure of qubit 0.*no one outcome"),
        ((x(0, 1, 2, 3, 4),), "instruction 0 is a gate on 5 qubits, and may be on 4: transpile it"),
        ((Save("statevector", "s", tuple(range(5))),), "it saves a statevector"),
    ],
)
def test_what_it_refuses(instructions, text):
    """The first instruction, its place, and the way out."""
    with pytest.raises(
        InvalidProgramError, match=f"method \"density_matrix\" cannot run.*{text}.*; method=.*'statevector'.* can"
    ):
        engine_for(program(5, 1, *instructions), Options("counts", 1, method="density_matrix"))


@pytest.mark.rule(42)
def test_when_it_is_taken():
    """With noise, where it takes less than shots do, or where means over shots would be no exact values."""

    def method(made, shots, **options):
        return engine_for(made, Options("counts", shots, **options)).method

    plain = program(2, 2, h(0), *measures(2))
    assert method(plain, 10**6) == "statevector"
    assert method(NOISY, 10**6) == "density_matrix"
    noise = (depolarizing(0.01),)
    wide = program(20, 20, *[ry(0.3, qubit) for qubit in range(20)], Noise(0, (3,)), *measures(20), channels=noise)
    assert method(wide, 1) == "statevector"
    saving = program(4, 0, *map(h, range(4)), Noise(0, (3,)), Save("density_matrix", "r", (3,)), channels=noise)
    assert method(saving, 1) == "density_matrix"
    assert method(NOISY, 1, method="statevector") == "statevector"
    for width, turned, clifford in ((12, "density_matrix", "density_matrix"), (13, "statevector", "stabilizer")):
        body = [*map(h, range(width)), Noise(0, (3,))]
        assert method(program(width, 0, *body, channels=noise), 1, expectations=True) == clifford
        assert method(program(width, 0, *body, ry(0.3, 0), channels=noise), 1, expectations=True) == turned
    # Of few qubits in use, no other is asked: also where a circuit was transpiled for a wide device.
    turned = [ry(0.3, qubit) for qubit in range(8)]
    for width in (8, 30):
        few = program(width, 8, *turned, Noise(0, (3,)), *measures(8), channels=noise)
        assert {method(few, shots) for shots in (1, 10**6)} == {"density_matrix"}
    strings = (channel(40, (0.5, ()), (0.5, (Pauli((1 << 40) - 1, 5),))),)
    assert (
        method(program(40, 1, Noise(0, tuple(range(40))), ry(0.1, 0), Measure(0, 0), channels=strings), 9)
        != "density_matrix"
    )
