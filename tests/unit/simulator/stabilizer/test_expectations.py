"""Expectation values of stabilizers, beside statevectors, density matrices and stim."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
import stim
from numpy.typing import NDArray
from support.cliffords import random_gates
from support.noise import channel, depolarizing
from support.programs import h, program, x

from benchmarks.common.stim_circuits import memory_circuit, program_of, random_circuit
from simulator.choice import engine_for
from simulator.circuit.array import Array
from simulator.circuit.channel import Channel, Pauli
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import Gate, IfElse, Initialize, Instruction, Measure, Noise, Readout, Reset
from simulator.circuit.pauli_sum import PauliSum, mask_of
from simulator.circuit.program import Program
from simulator.execution import run_shard
from simulator.options import Method, Options
from simulator.shards.result import Outcome
from simulator.shards.shard import Experiment, Shard, Sweep
from simulator.split import expected_seconds, split
from simulator.stabilizer import STABILIZER
from simulator.statevector import STATEVECTOR


def ran(
    circuit: Program,
    sums: Sequence[PauliSum],
    method: Method = "stabilizer",
    *,
    shots: int = 0,
    seed: int = 1,
    counts: bool = True,
) -> Outcome:
    options = Options("counts", shots, expectations=True, method=method, counts=counts)
    (outcome,) = run_shard(Shard(options, (Experiment(0, seed, circuit, observables=tuple(sums)),))).outcomes
    assert isinstance(outcome, Outcome)
    assert outcome.failure is None, outcome.failure
    return outcome


def values(*args: object, **more: object) -> NDArray[np.float64]:
    found = ran(*args, **more).expectations  # type: ignore[arg-type]
    assert found is not None
    return found.ndarray()


def string(x_mask: int, z_mask: int, coefficient: float = 1.0) -> PauliSum:
    return PauliSum((mask_of(x_mask),), (mask_of(z_mask),), (coefficient,))


def random_strings(rng: np.random.Generator, num_qubits: int, count: int) -> list[PauliSum]:
    """Strings on some of the qubits, sums of several of them, one of none, and the identity twice in one."""
    masks = rng.integers(0, 1 << num_qubits, (count, 3)).tolist()
    found = [string(x_mask & where, z_mask & where) for x_mask, z_mask, where in masks]
    found += [string(0, 1 << qubit) for qubit in range(num_qubits)]
    columns = zip(*[(each.x[0], each.z[0]) for each in found], strict=True)
    found.append(PauliSum(*columns, tuple(rng.normal(size=len(found)).tolist())))
    return [*found, PauliSum((), (), ()), PauliSum((0, 0), (0, 0), (0.25, -1.0))]


@pytest.mark.parametrize("seed", range(27))
def test_random_circuits_have_the_values_of_statevectors(seed: int) -> None:
    """To the last bit where a string is alone: 1, -1 or 0; with measurements at the end, and without."""
    rng = np.random.default_rng(seed)
    count = 2 + seed % 9
    # Wide and deep, nearly all strings have the value 0.
    gates = random_gates(count, 20 if count < 6 else count, rng)
    sums = random_strings(rng, count, 100)
    circuit = program(count, count, *gates)
    expected = values(circuit, sums, "statevector")
    found = values(circuit, sums)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    assert set(found[:-3].tolist()) <= {-1.0, 0.0, 1.0}
    assert set(found[:-3].tolist()) > {0.0}
    measured = program(count, count, *gates, *(Measure(qubit, qubit) for qubit in range(count)))
    both = ran(measured, sums, shots=1500, seed=seed)
    assert both.expectations is not None and np.array_equal(both.expectations.ndarray(), found)
    assert both.counts == ran(measured, (), shots=1500, seed=seed).counts
    assert ran(measured, sums, counts=False).counts is None


def test_states_that_are_prepared() -> None:
    """Initialize of qubits that are in |0>, and a reset of one, leave values exact."""
    bell = Initialize(Array.of(np.array([1, 0, 0, -1j]) / np.sqrt(2)), (2, 0))
    circuit = program(3, 0, Reset(1), bell, x(1, 0))
    sums = random_strings(np.random.default_rng(2), 3, 60)
    np.testing.assert_allclose(values(circuit, sums), values(circuit, sums, "statevector", shots=1), atol=1e-12)


def random_channel(rng: np.random.Generator, num_qubits: int) -> Channel:
    """Up to six Pauli strings, each of its probability."""
    weights = rng.random(7)
    strings = rng.integers(0, 1 << num_qubits, (6, 2)).tolist()
    parts = zip(weights[:6] / weights.sum(), strings, strict=True)
    alternatives = [(float(weight), (Pauli(*masks),)) for weight, masks in parts]
    return channel(num_qubits, (1 - sum(weight for weight, _ in alternatives), ()), *alternatives)


@pytest.mark.parametrize("seed", range(8))
def test_noise_is_exact(seed: int) -> None:
    """Channels of Paulis on one to three qubits, between gates, before all and behind all: as density matrices."""
    rng = np.random.default_rng(seed)
    count = 3 + seed % 3
    channels = (depolarizing(0.1), depolarizing(0.2, 2), random_channel(rng, 1), random_channel(rng, 3))
    widths = (1, 2, 1, 3)
    found: list[Instruction] = []
    for gates in (0, 3, 6, 6, 6, 1):
        found += random_gates(count, gates, rng)
        for number in rng.integers(4, size=2).tolist():
            found.append(Noise(number, tuple(rng.permutation(count)[: widths[number]].tolist())))
    readout = Readout((0,), Array.of(np.array([[0.9, 0.1], [0.2, 0.8]])))
    circuit = program(count, count, *found, *(Measure(q, q) for q in range(count)), readout, channels=channels)
    sums = [string(x_mask, z_mask) for x_mask in range(1 << count) for z_mask in range(1 << count)]
    exact = values(circuit, sums, "density_matrix")
    np.testing.assert_allclose(values(circuit, sums), exact, rtol=0, atol=1e-12)
    assert len(set(np.abs(exact).round(9).tolist())) > 3
    assert engine_for(circuit, Options("counts", 0, expectations=True, method="stabilizer")).is_exact(
        circuit, Options("counts", 0, expectations=True)
    )


def test_noise_on_many_qubits_at_many_places() -> None:
    """A thousand qubits in a GHZ state, with as many channels before it as behind it, are as a product says."""
    count, p = 1000, 0.001
    noise = tuple(Noise(0, (qubit,)) for qubit in range(count))
    chain = (h(0), *(x(qubit + 1, qubit) for qubit in range(count - 1)))
    circuit = program(count, 0, *noise, *chain, *noise, channels=(depolarizing(p),))
    whole = (1 << count) - 1
    found = values(circuit, [string(0, 3), string(whole, 0), string(0, 1)])
    # Of Z0 Z1: Z on qubit 1 before it. Of X on all: X on qubit 0, which is in |0> before the H, so Z there.
    np.testing.assert_allclose(found, [(1 - p) ** 3, (1 - p) ** (count + 1), 0], rtol=1e-12)


@pytest.mark.parametrize("size", [63, 64, 65, 200])
def test_wide_states_have_stims_values(size: int) -> None:
    """Generators of the state, their products, the same with one Pauli more, and random strings."""
    circuit = random_circuit(size, 6, size)[:-1]
    simulator = stim.TableauSimulator()
    simulator.do(circuit)
    rng = np.random.default_rng(size)
    generators = simulator.canonical_stabilizers()
    strings = [generators[index] for index in rng.permutation(size)[:40]]
    for _ in range(40):
        product = stim.PauliString(size)
        for index in rng.permutation(size)[: int(rng.integers(2, size))].tolist():
            product *= generators[index]
        strings.append(product)
    strings += [each * stim.PauliString(f"Z{rng.integers(size)}") for each in strings[:10]]
    strings += [stim.PauliString.random(size) for _ in range(10)]
    expected, sums = [], []
    for each in strings:
        bare = each * each.sign.conjugate()
        bits = bare.to_numpy(bit_packed=True)
        sums.append(string(*(int.from_bytes(part.tobytes(), "little") for part in bits)))
        expected.append(simulator.peek_observable_expectation(bare))
    assert {-1, 0, 1} <= set(expected)
    assert values(program_of(circuit), sums).tolist() == expected


def teleported(seed: int) -> Program:
    """The state of a random Clifford circuit on two qubits, brought from qubits 0 and 1 to 4 and 5."""
    found = random_gates(2, 12, np.random.default_rng(seed))
    for qubit in (0, 1):
        found += [h(2 + qubit), x(4 + qubit, 2 + qubit), x(2 + qubit, qubit), h(qubit)]
        found += [Measure(qubit, 2 * qubit), Measure(2 + qubit, 2 * qubit + 1)]
        found += [
            IfElse(Clbit(2 * qubit + 1), (x(4 + qubit),)),
            IfElse(Clbit(2 * qubit), (Gate("z", (4 + qubit,)),)),
        ]
    return program(6, 4, *found)


@pytest.mark.parametrize("seed", range(6))
def test_what_is_certain_in_all_shots_is_so_in_their_mean(seed: int) -> None:
    """A teleported state has the values of the state, whatever was measured on the way."""
    gates = random_gates(2, 12, np.random.default_rng(seed))
    strings = [(flips, signs) for flips in range(4) for signs in range(4)]
    expected = values(program(2, 0, *gates), [string(*each) for each in strings], "statevector")
    moved = [string(flips << 4, signs << 4) for flips, signs in strings]
    assert np.array_equal(values(teleported(seed), moved, shots=1500), expected.round())


@pytest.mark.parametrize("seed", range(4))
def test_means_over_shots_are_as_on_statevectors(seed: int) -> None:
    """Measurements, resets, feedback and noise on the way: the same values, to 5 sigma of 20,000 shots."""
    rng = np.random.default_rng(seed)
    found: list[Instruction] = [*random_gates(3, 8, rng)]
    for step in range(3):
        one, other, third = map(int, rng.permutation(3))
        found += [Measure(one, step), Reset(other) if step == 1 else Noise(0, (other,))]
        found += [
            IfElse(Clbit(int(rng.integers(step + 1))), (x(third), Gate("y", (one,))), (Gate("z", (other,)),))
        ]
        found += random_gates(3, 5, rng)
    circuit = program(3, 3, *found, channels=(depolarizing(0.3),))
    sums = random_strings(rng, 3, 80)[:-3]
    ours = values(circuit, sums, shots=20_000, seed=seed)
    theirs = values(circuit, sums, "statevector", shots=20_000, seed=seed)
    assert np.abs(ours - theirs).max() < 5 * np.sqrt(2 / 20_000)
    assert np.abs(theirs).max() > 0.3


def test_readout_errors_change_no_state() -> None:
    """Of more clbits than a number has bits, too, final measurements are left out of expectation values."""
    flips = Readout((0,), Array.of(np.array([[0.5, 0.5], [0.5, 0.5]])))
    circuit = program(70, 70, h(0), x(69, 0), *(Measure(q, q) for q in range(70)), flips)
    assert values(circuit, [string(1 | 1 << 69, 0), string(1, 0)]).tolist() == [1, 0]


def test_a_mean_needs_a_shot_and_is_not_cut() -> None:
    """Without shots the error says so; with a million, one shard has them all."""
    circuit = program_of(memory_circuit("surface_code:rotated_memory_z", 3, 0.001))
    asked = Options("counts", 0, expectations=True, method="stabilizer")
    experiment = Experiment(0, 1, circuit, observables=(string(0, 1),))
    (outcome,) = run_shard(Shard(asked, (experiment,))).outcomes
    assert isinstance(outcome, Outcome) and outcome.failure is not None
    assert "need a shot at least" in outcome.failure.text
    assert not STABILIZER.is_exact(circuit, asked)
    many = Options("counts", 1_000_000, expectations=True, method="stabilizer")
    assert len(list(split(many, [experiment], 8))) == 1


def test_rows_with_open_angles_are_not_expected_to_be_clifford() -> None:
    """A sweep whose template is Clifford by its numbers is cut by what statevectors take; rows run either way."""
    count = 18
    gates = (*(Gate("rx", (qubit,), (0.0,)) for qubit in range(count)), *(x(q + 1, q) for q in range(count - 1)))
    rows = Array.of(np.array([[0.0] * count, [0.7] * count]))
    sweep = Sweep(
        0, 1, program(count, 0, *gates), tuple((q, 0) for q in range(count)), rows, observables=(string(0, 1),)
    )
    asked = Options("counts", 0, expectations=True, counts=False)
    assert engine_for(sweep.template, asked) is STABILIZER
    shard = Shard(asked, (sweep,))
    (of_statevectors,) = list(split(asked, [Experiment(0, 1, next(iter(sweep.rows(1, 2).experiments())).program)]))
    assert expected_seconds(shard) > expected_seconds(of_statevectors)
    first, second = run_shard(shard).outcomes
    assert isinstance(first, Outcome) and isinstance(second, Outcome)
    assert first.run is not None and second.run is not None
    assert (first.run.method, second.run.method) == ("stabilizer", "statevector")
    assert first.expectations is not None and second.expectations is not None
    assert first.expectations.ndarray().tolist() == [1]
    assert second.expectations.ndarray()[0] == pytest.approx(np.cos(0.7), abs=1e-12)


@pytest.mark.parametrize(
    ("circuit", "taken"),
    [
        (program(17, 0, *map(h, range(17))), True),
        (program(16, 0, *map(h, range(16))), False),
        (program(17, 0, *map(h, range(17)), Gate("t", (3,))), False),
        (program(3, 1, h(0), Measure(0, 0), h(0)), False),
        (program(17, 1, *map(h, range(17)), Measure(0, 0), h(0)), True),
    ],
)
def test_automatic_takes_it_where_statevectors_are_wide(circuit: Program, taken: bool) -> None:
    """From 17 qubits on; what is narrower is left to statevectors."""
    engine = engine_for(circuit, Options("counts", 10, expectations=True))
    assert engine is (STABILIZER if taken else STATEVECTOR)
