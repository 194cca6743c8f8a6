"""What Aer's instructions save: of random circuits the values and types that Aer gives; and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import qiskit_aer.library as aer
from qiskit import QuantumCircuit, QuantumRegister, transpile
from qiskit.circuit import Parameter
from qiskit.circuit.random import random_circuit
from qiskit.quantum_info import DensityMatrix, SparsePauliOp, Statevector
from qiskit.result import ProbDistribution
from qiskit_aer import AerSimulator
from support.in_process import outcomes, ran

from jobs.errors import BasicAerError
from jobs.lowering import LoweringError, lower
from jobs.rebuilding import rebuild
from jobs.results.saved import shown_value
from jobs.target import build_target
from simulator.errors import InvalidProgramError
from simulator.options import Options

pytestmark = pytest.mark.rule(40)


def observable(rng: np.random.Generator, num_qubits: int) -> SparsePauliOp:
    """Six random strings, one of them of identities, one of them twice."""
    labels = ["".join(rng.choice(list("IXYZ"), num_qubits)) for _ in range(4)]
    return SparsePauliOp([*labels, labels[0], "I" * num_qubits], rng.normal(size=6))


def with_saves(circuit: QuantumCircuit, rng: np.random.Generator, mark: str = "") -> None:
    """Save everything, of all qubits or of some in any order."""
    width = circuit.num_qubits
    circuit.save_statevector(label="state" + mark)
    some = rng.permutation(width)[: rng.integers(1, width + 1)].tolist()
    circuit.save_density_matrix(some, label="density" + mark)
    circuit.save_probabilities(some, label="probabilities" + mark)
    circuit.save_probabilities_dict(label="distribution" + mark)
    circuit.save_expectation_value(observable(rng, len(some)), some, label="mean" + mark)
    circuit.save_expectation_value_variance(observable(rng, len(some)), some, label="variance" + mark)


def saved(circuits: Any, output: str = "counts", **options: Any) -> list[dict[str, Any]]:
    """What each circuit saves, as a result has it."""
    found = []
    for outcome in outcomes(circuits, output, **options):
        assert not getattr(outcome, "failure", None), outcome.failure
        values = [(each, each.value.ndarray()) for each in outcome.saved]
        rows = len(outcome.indices())
        for row in range(rows):
            alone = hasattr(outcome, "seed")
            found.append({each.key: shown_value(each, value if alone else value[row]) for each, value in values})
    return found


def assert_equal(ours: dict[str, Any], theirs: dict[str, Any], keys: set[str], atol: float = 1e-10) -> None:
    assert set(ours) == keys
    for key in keys:
        mine, other = ours[key], theirs[key]
        if isinstance(other, ProbDistribution):
            assert isinstance(mine, ProbDistribution)
            for outcome in {*mine, *other}:
                assert mine.get(outcome, 0) == pytest.approx(other.get(outcome, 0), abs=atol)
            continue
        kinds = {"Statevector": Statevector, "DensityMatrix": DensityMatrix}
        assert isinstance(mine, kinds.get(type(other).__name__, type(other)))
        np.testing.assert_allclose(np.asarray(mine), np.asarray(other), atol=atol)


@pytest.mark.parametrize("seed", range(12))
def test_all_kinds_in_random_circuits(seed):
    """Between gates and before final measurements, values and types are Aer's to 1e-10."""
    rng = np.random.default_rng(seed)
    width = int(rng.integers(1, 6))
    circuit = QuantumCircuit(width, width)
    circuit.global_phase = 0.4
    for part in range(2):
        circuit.compose(random_circuit(width, 4, seed=seed + 100 * part), inplace=True)
        with_saves(circuit, rng, str(part))
    circuit.measure(range(width), range(width))
    theirs = AerSimulator().run(transpile(circuit, AerSimulator(), optimization_level=0), shots=10).result()
    (ours,) = saved(circuit, shots=10)
    assert_equal(ours, theirs.data(), set(theirs.data()) - {"counts"})


def test_transpiling_keeps_them():
    """`transpile` for our backends leaves an instruction that saves where it is."""
    rng = np.random.default_rng(1)
    circuit = QuantumCircuit(3)
    circuit.ccx(0, 1, 2)
    circuit.h([0, 1])
    with_saves(circuit, rng)
    circuit.h(2)
    for level in range(4):
        made = transpile(circuit, target=build_target("counts"), optimization_level=level)
        assert_equal(*saved([made, circuit]), set(saved(circuit)[0]))


@pytest.mark.parametrize("shots", [1, 1000])
def test_means_over_shots(shots):
    """Behind a measurement, the mean of what shots have there; where all is measured, just what was counted."""
    circuit = QuantumCircuit(3, 3)
    circuit.h([0, 1])
    circuit.cx(1, 2)
    circuit.measure([0, 1, 2], [0, 1, 2])
    circuit.save_probabilities_dict(label="last")
    circuit.save_density_matrix(label="density")
    circuit.save_expectation_value(SparsePauliOp("ZII"), [0, 1, 2])
    circuit.save_statevector()
    (outcome,) = outcomes(circuit, shots=shots, memory=True)
    ours = {each.key: shown_value(each, each.value.ndarray()) for each in outcome.saved}
    shares = {int(key, 16): count / shots for key, count in outcome.counts.items()}
    assert ours["last"] == pytest.approx(shares, abs=1e-12)
    diagonal = np.zeros(8)
    diagonal[list(shares)] = list(shares.values())
    np.testing.assert_allclose(ours["density"].data, np.diag(diagonal), atol=1e-12)
    mean = sum(share * (1 - 2 * (key >> 2)) for key, share in shares.items())
    assert ours["expectation_value"] == pytest.approx(mean, abs=1e-12)
    # That of the first shot.
    assert abs(ours["statevector"].data[int(outcome.memory[0], 16)]) == pytest.approx(1)


def test_means_where_aer_draws_other_shots():
    """In branches, means over 20,000 shots are near Aer's; a save that no shot passes gives nothing."""
    circuit = QuantumCircuit(3, 3)
    circuit.ry(1.1, 0)
    circuit.cx(0, 1)
    circuit.measure(0, 0)
    with circuit.if_test((0, 1)):
        circuit.h(1)
        circuit.save_expectation_value(SparsePauliOp(["XX", "ZI"]), [1, 2], label="branch")
    circuit.rx(0.7, 2)
    circuit.measure(2, 2)
    circuit.save_probabilities([2, 1], label="behind")
    with circuit.if_test((circuit.cregs[0], 6)):
        circuit.x(0)
    circuit.reset(1)
    circuit.save_density_matrix(label="density")
    theirs = AerSimulator().run(circuit, shots=20_000, seed_simulator=1).result().data()
    (ours,) = saved(circuit, shots=20_000, seed_simulator=1)
    assert_equal(ours, theirs, {"branch", "behind", "density"}, atol=0.03)
    # Aer has none in loops.
    looped = QuantumCircuit(1)
    with looped.for_loop(range(3)):
        looped.x(0)
        looped.save_expectation_value(SparsePauliOp("Z"), [0])
    assert saved(looped) == [{"expectation_value": pytest.approx(-1 / 3)}]
    never = QuantumCircuit(1, 1)
    never.measure(0, 0)
    with never.if_test((0, 1)):
        never.save_statevector()
    assert saved(never) == [{}]


def test_a_state_that_is_set():
    """`set_statevector` in the middle, on entangled qubits, and at the beginning."""
    amplitudes = Statevector.from_label("+r0").data
    for before in (False, True):
        circuit = QuantumCircuit(3)
        if before:
            circuit.h(0)
            circuit.cx(0, 1)
        circuit.set_statevector(amplitudes)
        circuit.cx(0, 2)
        circuit.save_statevector()
        theirs = AerSimulator().run(circuit, shots=1).result().data()
        (ours,) = saved(circuit)
        assert ours["statevector"].equiv(Statevector(theirs["statevector"].data))


def test_rows_of_a_sweep_save_as_each_does_alone():
    """Of a list of bound copies, and of one template, each row has the values of the circuit alone, to the bit."""
    angle, rng = Parameter("a"), np.random.default_rng(5)
    circuit = QuantumCircuit(3, 3)
    circuit.global_phase = angle
    circuit.rx(angle, 0)
    circuit.cx(0, 1)
    with_saves(circuit, rng, "0")
    circuit.ry(2 * angle, 2)
    with_saves(circuit, rng, "1")
    circuit.measure([0, 1, 2], [0, 1, 2])
    values = rng.uniform(-3, 3, 5)
    rows = saved(circuit, parameter_binds=[{angle: values}])
    copies = [circuit.assign_parameters({angle: value}) for value in values]
    alone = [saved(copy)[0] for copy in copies]
    for found in (rows, saved(copies)):
        for one, other in zip(found, alone, strict=True):
            assert set(one) == set(other)
            assert all(np.array_equal(_plain(one[key]), _plain(other[key])) for key in one)


def _plain(value: Any) -> Any:
    return sorted(value.items()) if isinstance(value, dict) else np.asarray(value)


def test_options_that_save():
    """`statevector` and `probabilities` are of the state before the final measurements, in any order of these."""
    circuit = QuantumCircuit(QuantumRegister(3), name="mixed")
    circuit.add_register(*QuantumCircuit(4, 4).cregs)
    circuit.h(0)
    circuit.cx(0, 1)
    circuit.measure(0, 3)
    circuit.ry(0.4, 2)
    circuit.measure(2, 0)
    circuit.measure(1, 1)
    circuit.measure(0, 2)
    (ours,) = saved(circuit, statevector=True, probabilities=True)
    state = Statevector(circuit.remove_final_measurements(inplace=False))
    np.testing.assert_allclose(ours["statevector"].data, state.data, atol=1e-12)
    exact: dict[int, float] = {}
    for index, share in enumerate(state.probabilities()):
        zero, one, two = (index >> bit & 1 for bit in range(3))
        if share > 1e-15:
            exact[two | one << 1 | zero << 2 | zero << 3] = share
    assert ours["probabilities"] == pytest.approx(exact, abs=1e-12)
    # They change nothing else.
    plain, saving = (ran(circuit, seed_simulator=1, statevector=each) for each in (False, True))
    assert plain == saving


def test_rebuilt_circuits_save_the_same():
    """A circuit that is fetched by its job's id is submitted again without Aer."""
    circuit = QuantumCircuit(2, 2)
    circuit.h(0)
    circuit.cx(0, 1)
    with_saves(circuit, np.random.default_rng(3))
    circuit.measure([0, 1], [0, 1])
    program = lower(circuit)
    assert lower(rebuild(program)).instructions == program.instructions


@pytest.mark.parametrize(
    ("instruction", "words"),
    [
        (aer.SaveStatevector(2, pershot=True), ["save_statevector", "pershot=True", "shots=1"]),
        (aer.SaveDensityMatrix(2, conditional=True), ["save_density_matrix", "conditional=True", "if_test"]),
        (aer.SaveProbabilities(2, unnormalized=True), ["save_probabilities", "unnormalized=True", "mean"]),
        (aer.SaveState(2), ["save_state", "save_statevector"]),
        (aer.SaveStatevectorDict(2), ["save_statevector_dict", "save_statevector"]),
        (aer.SaveUnitary(2), ["save_unitary", "unitary_simulator"]),
        (aer.SaveAmplitudes(2, [0]), ["save_amplitudes", "save_statevector"]),
        (aer.SaveMatrixProductState(2), ["save_matrix_product_state", "save_statevector"]),
        (aer.SaveStabilizer(2), ["save_stabilizer", "save_statevector"]),
        (aer.SaveClifford(2), ["save_clifford", "unitary_simulator"]),
        (aer.SaveSuperOp(2), ["save_superop", "unitary_simulator"]),
        (aer.SetDensityMatrix(np.eye(4) / 4), ["set_density_matrix", "initial_statevector"]),
        (aer.SetUnitary(np.eye(4)), ["set_unitary", "initial_unitary"]),
        (aer.SetSuperOp(np.eye(16)), ["set_superop", "initial_unitary"]),
    ],
)
def test_what_is_refused(instruction, words):
    """By its name, with what there is instead."""
    circuit = QuantumCircuit(2, name="asks")
    circuit.append(instruction, [0, 1])
    with pytest.raises(LoweringError) as refused:
        lower(circuit)
    assert all(word in str(refused.value) for word in [*words, "asks"])


def test_where_it_is_refused():
    """Under controls, under a key twice, of too few qubits, and in a unitary."""
    circuit = QuantumCircuit(2)
    circuit.save_statevector()
    circuit.save_statevector()
    with pytest.raises(LoweringError, match="under the key 'statevector'"):
        lower(circuit)
    circuit = QuantumCircuit(3)
    circuit.append(aer.SaveStatevector(2), [0, 1])
    with pytest.raises(LoweringError, match="a statevector of 2 qubits, and the circuit has 3"):
        lower(circuit)
    with pytest.raises(InvalidProgramError, match="a unitary has no expectation values, and no state to save"):
        Options("unitary", 1, saves=("statevector",))
    circuit = QuantumCircuit(1, name="plain")
    circuit.save_statevector()
    with pytest.raises(BasicAerError, match='Unsupported "unitary_simulator" instruction "save_statevector"'):
        saved(circuit, "unitary")
    with pytest.raises(BasicAerError, match=r'"plain": it saves under .statevector., as the option'):
        saved(circuit, statevector=True)
    circuit = QuantumCircuit(1, 1, name="random")
    circuit.reset(0)
    with pytest.raises(BasicAerError, match=r'"random": it has a reset on its way.*save_density_matrix'):
        saved(circuit, statevector=True)
    circuit.measure(0, 0)
    circuit.h(0)
    with pytest.raises(BasicAerError, match='"random": it has a reset on its way'):
        saved(circuit, probabilities=True)


def test_a_users_own_instruction_of_such_a_name():
    """An instruction with a definition is that definition, whatever it is called."""
    inner = QuantumCircuit(1, name="save_my_soul")
    inner.x(0)
    circuit = QuantumCircuit(1, 1)
    circuit.append(inner.to_instruction(), [0])
    circuit.measure(0, 0)
    assert ran(circuit)[0].counts == {"0x1": 1024}
