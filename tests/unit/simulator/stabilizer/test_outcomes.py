"""What stabilizers give, beside the statevector engine, exact probabilities, and stim."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray
from support.cliffords import random_gates
from support.programs import h, program, x

from benchmarks.common.stim_circuits import bits_of, depolarizing, memory_circuit, program_of, random_circuit
from simulator.circuit.array import Array
from simulator.circuit.channel import Channel, Pauli
from simulator.circuit.expression import Binary, Bits, Bool, Clbit, Constant, Uint, Var
from simulator.circuit.instructions import (
    Case,
    For,
    Gate,
    IfElse,
    Initialize,
    Instruction,
    Measure,
    Noise,
    Range,
    Readout,
    Reset,
    Store,
    Switch,
    Unitary,
)
from simulator.circuit.program import Header, Program, Variable
from simulator.monitor import SILENT, no_checkpoint
from simulator.options import Options
from simulator.stabilizer import STABILIZER
from simulator.stabilizer.elimination import final_outcomes
from simulator.stabilizer.layering.compiler import compile_program
from simulator.stabilizer.run import run_shots
from simulator.statevector import run


def bits(
    circuit: Program, shots: int, seed: int = 1, first: int = 0, *, frames: bool = False
) -> NDArray[np.uint8]:
    """Each shot's clbits; ``frames``: also where final measurements would be eliminated."""
    compiled = compile_program(circuit, no_checkpoint)
    if frames:
        compiled = replace(compiled, segment=replace(compiled.segment, final=False))
    rows = np.concatenate(list(run_shots(compiled, seed=seed, shots=shots, first=first)))
    return np.unpackbits(rows, axis=1, bitorder="little")[:, : circuit.num_clbits]


def indices(found: NDArray[np.uint8]) -> NDArray[np.int64]:
    return found.astype(np.int64) @ (1 << np.arange(found.shape[1]))


def assert_alike(one: NDArray[np.int64], other: NDArray[np.int64]) -> None:
    """Chi-squared of two samples of the same size, to 5 sigma."""
    values, codes = np.unique(np.concatenate([one, other]), return_inverse=True)
    first, second = (np.bincount(part, minlength=values.size) for part in np.split(codes, 2))
    chi, free = float(((first - second) ** 2 / (first + second)).sum()), values.size - 1
    assert chi <= free + 5 * np.sqrt(2 * free) + 5


@pytest.mark.parametrize("frames", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_random_circuits_have_exact_probabilities(seed: int, frames: bool) -> None:
    """No outcome that is impossible comes, and the others come as often as they should: also certain ones."""
    rng = np.random.default_rng(seed)
    count = 2 + seed % 5
    gates = random_gates(count, 30, rng)
    state = run(program(count, 0, *gates), seed=0, output="statevector").state
    assert state is not None
    expected = np.abs(state) ** 2 * 4096
    circuit = program(count, count, *gates, *(Measure(qubit, qubit) for qubit in range(count)))
    found = np.bincount(indices(bits(circuit, 4096, seed, frames=frames)), minlength=1 << count)
    possible = expected > 1e-6
    assert not found[~possible].any()
    chi = float(((found - expected)[possible] ** 2 / expected[possible]).sum())
    free = int(possible.sum()) - 1
    assert chi <= free + 5 * np.sqrt(2 * free) + 5


@pytest.mark.parametrize("seed", range(8))
def test_dynamic_circuits_are_as_on_statevectors(seed: int) -> None:
    """Measurements and resets on the way, and Paulis under conditions with an else."""
    rng = np.random.default_rng(seed)
    count, steps = 2 + seed % 3, 3
    found: list[Instruction] = random_gates(count, 10, rng)
    for step in range(steps):
        qubits = [int(qubit) for qubit in rng.integers(count, size=5)]
        found.append(Measure(qubits[0], count + step))
        if seed % 2:
            found.append(Reset(qubits[1]))
        condition = Clbit(count + int(rng.integers(step + 1)))
        paulis = (x(qubits[2]), Gate("y", (qubits[3],)))
        found.append(IfElse(condition, paulis, (Gate("z", (qubits[4],)),)))
        found += random_gates(count, 6, rng)
    found += [Measure(qubit, qubit) for qubit in range(count)]
    circuit = program(count, count + steps, *found)
    counts = run(circuit, seed=3, shots=8192).counts
    assert counts is not None
    expected = np.repeat([int(key, 16) for key in counts], list(counts.values()))
    assert_alike(expected, indices(bits(circuit, 8192, seed)))


@pytest.mark.parametrize("size", [63, 64, 65, 127, 129, 300])
def test_wide_circuits_obey_stims_parities(size: int) -> None:
    """Outcomes that follow from others do so in stim's samples, too, and the free ones are as many (Aer #2104)."""
    circuit = random_circuit(size, 3, size)
    outcomes = final_outcomes(compile_program(program_of(circuit), no_checkpoint).segment, no_checkpoint)
    samples = circuit.compile_sampler(seed=2).sample(outcomes.free.size + 64).astype(np.uint8)
    sums = np.unpackbits(outcomes.sums, axis=1, bitorder="little")[:, : outcomes.free.size]
    implied = (samples[:, outcomes.free].astype(int) @ sums.T.astype(int) + outcomes.constants) % 2
    assert np.array_equal(samples[:, outcomes.rest], implied)
    differences = samples[1:] ^ samples[:1]
    rows, rank = [int("".join(map(str, row)), 2) for row in differences], 0
    while rows:
        row = rows.pop()
        if row:
            rank += 1
            rows = [other ^ row if other & row & -row else other for other in rows]
    assert rank == outcomes.free.size
    ours = bits(program_of(circuit), 1024, frames=True).astype(int)
    assert np.array_equal(ours[:, outcomes.rest], (ours[:, outcomes.free] @ sums.T + outcomes.constants) % 2)


@pytest.mark.parametrize(
    ("kind", "distance"), [("surface_code:rotated_memory_z", 3), ("repetition_code:memory", 7)]
)
def test_detection_events_are_as_frequent_as_stims(kind: str, distance: int) -> None:
    """Rates of detection events and of pairs of them, to 5 sigma; without noise there is none."""
    shots = 20_000
    for probability in (0.0, 0.01):
        circuit = memory_circuit(kind, distance, probability)
        found = bits(program_of(circuit), shots, 3).astype(bool)
        events = circuit.compile_m2d_converter().convert(measurements=found, append_observables=True)
        expected = circuit.compile_detector_sampler(seed=1).sample(shots, append_observables=True)
        for ours, stims in (
            (events, expected),
            (events[:, 1:] & events[:, :-1], expected[:, 1:] & expected[:, :-1]),
        ):
            rate, other = ours.mean(0), stims.mean(0)
            assert np.all(np.abs(rate - other) <= 5 * np.sqrt(2 * (other + 1e-4) / shots) * bool(probability))


@pytest.mark.rule(32)
@pytest.mark.parametrize("noisy", [False, True])
def test_shots_are_the_same_however_they_are_cut(noisy: bool) -> None:
    """At any place, in any number of parts: also where a part begins inside of a block."""
    circuit = program_of(memory_circuit("surface_code:rotated_memory_z", 3, 0.01 if noisy else 0.0))
    readout = Readout((0,), Array.of(np.array([[0.9, 0.1], [0.2, 0.8]])))
    circuit = msgspec.structs.replace(circuit, instructions=(*circuit.instructions, readout))
    whole = bits(circuit, 9000, 7)
    parts = [bits(circuit, count, 7, first) for first, count in ((0, 1), (1, 1999), (2000, 3700), (5700, 3300))]
    assert np.array_equal(whole, np.concatenate(parts))
    assert not np.array_equal(whole[:1024], whole[1024:2048])
    assert not np.array_equal(whole, bits(circuit, 9000, 8))


@pytest.mark.rule(33)
def test_blocks_are_independent() -> None:
    """A coin is fair, and that of one shot says nothing of the next block's."""
    found = bits(program(2, 2, h(0), Measure(0, 0), h(0), Measure(0, 1)), 1 << 16)
    assert abs(found.mean() - 0.5) < 5 * 0.5 / np.sqrt(found.size)
    for one, other in ((found[:-1024, 0], found[1024:, 0]), (found[:-1, 0], found[1:, 0]), found.T):
        assert abs((one ^ other).mean() - 0.5) < 5 * 0.5 / np.sqrt(one.size)


def test_a_reset_of_a_qubit_in_its_first_state_draws_nothing() -> None:
    """Counts of a circuit that begins with resets are those without them (Aer #1916)."""
    gates = (h(0), x(1, 0), Measure(0, 0), Measure(1, 1))
    assert np.array_equal(bits(program(2, 2, *gates), 2000), bits(program(2, 2, Reset(0), Reset(1), *gates), 2000))


def test_any_condition_may_guard_paulis() -> None:
    """Registers, expressions, variables, switches, nested conditions and loops with an index."""
    uint = Uint(2)
    register = Bits((0, 1))
    stored = Case(("0x1", "0x3"), (Store(Clbit(5), Clbit(0)),))
    default = Case((), (x(2), Store(Clbit(6), Clbit(1))))
    sum_of_both = Binary("add", uint, register, Var(0))
    circuit = program(
        5,
        7,
        h(0),
        h(1),
        Measure(0, 0),
        Measure(1, 1),
        Store(Var(0), register),
        IfElse(Binary("equal", Bool(), register, Constant(uint, "0x2")), (x(2),)),
        IfElse(Binary("less", Bool(), sum_of_both, Constant(uint, "0x2")), (IfElse(Clbit(0), (x(3),)),), (x(4),)),
        Switch(register, (stored, default)),
        For(Range(0, 3), ((Store(Var(0), Binary("add", uint, Var(0), Var(1))), x(3)),), variable=1),
        IfElse(Binary("bit_xor", Bool(), Clbit(0), Clbit(1)), (x(4),)),
        *(Measure(qubit, qubit) for qubit in (2, 3, 4)),
        variables=(Variable("total", uint), Variable("index", uint)),
    )  # fmt: skip
    found = indices(bits(circuit, 4000))
    counts = run(circuit, seed=1, shots=4000).counts
    assert counts is not None
    assert set(np.unique(found).tolist()) == {int(key, 16) for key in counts}


def test_channels_of_paulis_have_their_probabilities() -> None:
    """A channel of unequal Paulis, composed of steps, behind gates that are put off."""
    channel = Channel(2, (0.7, 0.2, 0.1), ((), (Pauli(1, 0), Pauli(0, 2)), (Pauli(2, 2),)))
    gates = (h(0), h(1), Gate("s", (1,)), Noise(0, (0, 1)), Gate("sdg", (1,)), h(1), h(0))
    measures = (Measure(0, 0), Measure(1, 1))
    circuit = Program(2, 2, (*gates, *measures), Header("noisy"), channels=(channel,))
    found = np.bincount(indices(bits(circuit, 1 << 17)), minlength=4) / (1 << 17)
    # X on the first does nothing to |+>, Z on the second flips |+i>, and Y leaves it.
    assert np.all(np.abs(found - [0.8, 0, 0.2, 0]) < 5 * np.sqrt(0.2 * 0.8 / (1 << 17)))


def test_readout_errors_of_two_clbits_together() -> None:
    """What is read has the probabilities of the row of what is true; it is what conditions see."""
    table = np.array([[0.5, 0.25, 0.25, 0], [0, 1, 0, 0], [0.1, 0.2, 0.3, 0.4], [0, 0, 0, 1]])
    for true in range(4):
        flips = tuple(x(qubit) for qubit in range(2) if true >> qubit & 1)
        circuit = program(
            3, 3, *flips, Measure(0, 0), Measure(1, 1), Readout((0, 1), Array.of(table)),
            IfElse(Clbit(0), (x(2),)), Measure(2, 2),
        )  # fmt: skip
        found = bits(circuit, 1 << 16)
        assert np.array_equal(found[:, 0], found[:, 2])
        shares = np.bincount(indices(found[:, :2]), minlength=4) / (1 << 16)
        assert np.all(np.abs(shares - table[true]) <= 5 * np.sqrt(table[true] * (1 - table[true]) / (1 << 16)))


def test_states_are_initialized() -> None:
    """A basis state, and a Bell pair after a measurement of its qubits."""
    bell = Array.of(np.array([1, 0, 0, 1j]) / np.sqrt(2))
    basis = Array.of(np.array([0, 0, 1, 0], complex))
    instructions = (h(0), Measure(0, 0), Initialize(bell, (0, 1)), Initialize(basis, (2, 3)))
    found = bits(program(4, 5, *instructions, *(Measure(qubit, qubit + 1) for qubit in range(4))), 1000)
    assert np.array_equal(found[:, 1], found[:, 2])
    assert 300 < found[:, 1].sum() < 700
    assert not found[:, 3].any() and found[:, 4].all()


def test_counts_and_memory_are_of_the_same_shots() -> None:
    """Keys are lower case and unpadded, in the order of shots, and counts ascend."""
    for count in (60, 70):
        circuit = program(count, count, *map(h, range(count)), *(Measure(qubit, qubit) for qubit in range(count)))
        options = Options("counts", 3000, memory=True)
        prepared = STABILIZER.prepare(circuit, options, (), no_checkpoint)
        result = prepared.run(seed=1, first=0, shots=3000, monitor=SILENT)
        counts, memory = result.keyed
        assert memory is not None and counts is not None
        assert len(memory) == 3000
        assert {key: memory.count(key) for key in set(memory)} == counts
        numbers = [int(key, 16) for key in counts]
        assert numbers == sorted(numbers) and [hex(number) for number in numbers] == list(counts)
        assert np.array_equal(bits_of(memory, count), bits(circuit, 3000))


def test_a_dense_clifford_under_noise_runs_wide() -> None:
    """1,000 qubits with a matrix, noise on each, and a GHZ state's parities."""
    count = 1000
    swap = Unitary(Array.of(np.eye(4)[[0, 2, 1, 3]].astype(complex)), (0, 1))
    chain = [x(qubit + 1, qubit) for qubit in range(count - 1)]
    measures = [Measure(qubit, qubit) for qubit in range(count)]
    noise = [Noise(0, (qubit,)) for qubit in range(count)]
    instructions = (h(0), swap, swap, *chain, *noise, *measures)
    circuit = Program(count, count, instructions, Header("wide"), channels=(depolarizing(0.003, 1),))
    found = bits(circuit, 2000)
    flipped = np.minimum(found.sum(axis=1), count - found.sum(axis=1))
    assert abs(flipped.mean() - 2.0) < 5 * np.sqrt(2 / 2000)
