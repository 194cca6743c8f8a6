"""Matrix product states of programs that measure, reset, branch or have noise on the way."""

from __future__ import annotations

from itertools import chain, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.dynamic_programs import PROGRAMS
from support.dynamic_strategies import dynamic_programs, noisy_programs
from support.exact import assert_likely, distribution
from support.examples import examples
from support.programs import (
    entangled,
    everywhere,
    h,
    measures,
    moved_to,
    program,
    random_unitary,
    random_vector,
    ry,
    x,
)

from simulator.choice import engine_for
from simulator.circuit.array import Array
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import (
    Gate,
    IfElse,
    Initialize,
    Instruction,
    Measure,
    Readout,
    Reset,
    Save,
    Unitary,
)
from simulator.circuit.pauli_sum import PauliSum
from simulator.circuit.program import Program
from simulator.dynamic import limits
from simulator.errors import InvalidProgramError, MemoryRefusedError
from simulator.method import CircuitResult
from simulator.monitor import SILENT, Monitor, no_checkpoint
from simulator.mps import MATRIX_PRODUCT_STATE, method, states
from simulator.options import Options
from simulator.shards.metadata import RunMetadata, TruncationMetadata
from simulator.shards.shard import Experiment
from simulator.split import split
from simulator.statevector import STATEVECTOR

SEED = 11
#: Three qubits as far apart as they can be among eight, and the other way round.
FAR = {0: 7, 1: 0, 2: 4}


def ran(
    circuit: Program, *, shots: int = 2000, first: int = 0, observables=(), monitor: Monitor = SILENT, **options
) -> tuple[CircuitResult, RunMetadata]:
    """What the method gives for some shots, and what it says of them."""
    asked = Options("counts", shots, method="matrix_product_state", expectations=bool(observables), **options)
    assert engine_for(circuit, asked) is MATRIX_PRODUCT_STATE
    prepared = MATRIX_PRODUCT_STATE.prepare(circuit, asked, observables, no_checkpoint)
    assert prepared.bytes_required(shots, no_checkpoint) > 0
    result = prepared.run(seed=SEED, first=first, shots=shots, monitor=monitor)
    return result, prepared.metadata


def random_dynamic(seed: int, num_qubits: int) -> Program:
    """Gates near and far, with measurements, resets, conditions and misread clbits between them."""
    rng = np.random.default_rng(seed)

    def gate() -> Unitary:
        qubits = tuple(rng.permutation(num_qubits)[: rng.integers(1, 4)].tolist())
        return Unitary(Array.of(random_unitary(int(rng.integers(1 << 30)), len(qubits))), qubits)

    made: list[Instruction] = [*everywhere(num_qubits)]
    for index in range(6):
        made += [gate() for _ in range(3)]
        qubit, clbit = int(rng.integers(num_qubits)), int(rng.integers(3))
        flipped = Gate("swap", tuple(rng.permutation(num_qubits)[:2].tolist()))
        made += [
            [Measure(qubit, clbit)],
            [Measure(qubit, clbit), Readout((clbit,), Array.of(np.array([[0.8, 0.2], [0.1, 0.9]])))],
            [IfElse(Clbit(clbit), (gate(), flipped), (gate(), Measure(qubit, clbit)))],
            [Initialize(Array.of(random_vector(seed, 2)), tuple(rng.permutation(num_qubits)[:2].tolist()))],
            [Reset(qubit)],
            [Measure(qubit, clbit), IfElse(Clbit(clbit), (x(qubit),))],
        ][index]
    return program(num_qubits, 5, *made, Measure(0, 3), Measure(num_qubits - 1, 4))


class TestDistribution:
    @pytest.mark.parametrize("name", PROGRAMS)
    @pytest.mark.parametrize("far", [False, True])
    def test_every_kind_of_control_flow(self, name: str, far: bool):
        circuit = PROGRAMS[name]()
        expected = distribution(circuit)
        if far:
            circuit = moved_to(circuit, FAR | {3: 2}, 8)
        assert_likely(ran(circuit)[0].counts, expected)

    @examples(40)
    @given(dynamic_programs())
    def test_any_program(self, circuit: Program):
        assert_likely(ran(moved_to(circuit, FAR, 8))[0].counts, distribution(circuit))

    @examples(25)
    @given(noisy_programs())
    def test_any_noise(self, circuit: Program):
        """Channels of one and two qubits, and readout errors, also under conditions."""
        assert_likely(ran(circuit)[0].counts, distribution(circuit))

    @pytest.mark.parametrize("seed", range(4))
    def test_wide_gates_and_swaps(self, seed: int):
        circuit = random_dynamic(seed, 5)
        assert_likely(ran(circuit, shots=1500)[0].counts, distribution(circuit))

    @pytest.mark.parametrize("seed", range(4))
    def test_measurements_on_the_way_are_those_of_statevectors(self, seed: int):
        """Shot for shot, since both draw the same numbers: also the mean expectation values are the same."""
        circuit = random_dynamic(seed, 8)
        # Measurements and readout errors that are final are drawn all at once, each method in its way.
        last = (*[IfElse(Clbit(clbit), (x(0),)) for clbit in range(3)], *everywhere(8))
        circuit = program(8, 5, *circuit.instructions, *last)
        sums = (PauliSum((1, 0, 130), (0, 192, 128), (0.5, -1.0, 0.25)),)
        found, _ = ran(circuit, shots=200, memory=True, observables=sums)
        options = Options("counts", 200, memory=True, method="statevector", expectations=True)
        prepared = STATEVECTOR.prepare(circuit, options, sums, no_checkpoint)
        expected = prepared.run(seed=SEED, first=0, shots=200, monitor=SILENT)
        assert found.memory == expected.memory
        assert np.abs(found.expectations - expected.expectations).max() < 1e-7

    def test_from_an_initial_state(self):
        vector = random_vector(5, 4)
        circuit = program(4, 2, x(3, 0), Measure(0, 0), IfElse(Clbit(0), (h(3),)), Measure(3, 1))
        given_ = program(4, 2, Initialize(Array.of(vector), (0, 1, 2, 3)), *circuit.instructions)
        assert_likely(ran(circuit, initial_state=Array.of(vector))[0].counts, distribution(given_))


class TestShots:
    @pytest.mark.rule(32)
    @examples(15, derandomize=True)
    @given(st.one_of(dynamic_programs(), noisy_programs()))
    def test_cut_in_any_way(self, circuit: Program):
        """Bit for bit: neither the shots beside it nor how many branches wait changes a shot's outcome."""
        circuit = moved_to(circuit, FAR, 8)
        whole = ran(circuit, shots=300, memory=True)[0]
        for cuts in ((0, 1, 150, 300), (0, 299, 300)):
            parts = [
                ran(circuit, shots=end - start, first=start, memory=True)[0].memory
                for start, end in pairwise(cuts)
            ]
            assert list(chain.from_iterable(parts)) == whole.memory
        assert ran(circuit, shots=300)[0].counts == whole.counts
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(limits, "WAITING", 1)
            assert ran(circuit, shots=300, memory=True)[0].memory == whole.memory

    def test_final_measurements_do_not_depend_on_other_shots(self):
        """Large bonds behind a measurement, where the shots of a history are sampled in rows."""
        circuit = random_dynamic(2, 8)
        circuit = program(8, 12, *circuit.instructions[:-2], *[Measure(qubit, 4 + qubit) for qubit in range(8)])
        whole = ran(circuit, shots=1500, memory=True)[0].memory
        parts = [ran(circuit, shots=100, first=first, memory=True)[0].memory for first in range(0, 1500, 100)]
        assert list(chain.from_iterable(parts)) == whole

    def test_shots_of_one_history_share_a_state(self, monkeypatch: pytest.MonkeyPatch):
        evolved = []
        onwards = states.onwards
        monkeypatch.setattr(states, "onwards", lambda *args: (evolved.append(args), onwards(*args))[1])
        ran(program(3, 3, *entangled(3)[:3], Measure(0, 0), h(0), Measure(0, 1), h(0), *measures(3)[2:]))
        assert len(evolved) == 1 + 2 + 4

    def test_resets_of_what_is_not_entangled_part_no_shots(self, monkeypatch: pytest.MonkeyPatch):
        evolved = []
        onwards = states.onwards
        monkeypatch.setattr(states, "onwards", lambda *args: (evolved.append(args), onwards(*args))[1])
        again = tuple(part for _ in range(10) for part in (ry(1.0, 3), Reset(3)))
        result, _ = ran(program(4, 4, *entangled(3)[:3], *again, *measures(4)))
        assert len(evolved) == 10
        assert_likely(result.counts, {"0x0": 0.5, "0x7": 0.5})

    def test_jobs_are_cut_where_most_shots_have_histories_of_their_own(self):
        options = Options("counts", 8192, method="matrix_product_state")
        few = program(8, 8, *everywhere(8), Measure(0, 0), h(0), *measures(8))
        many = program(8, 8, *[part for _ in range(20) for part in (h(0), Measure(0, 0), x(1, 0), h(0))])
        shards = [list(split(options, [Experiment(0, SEED, circuit)])) for circuit in (few, many)]
        assert (len(shards[0]), len(shards[1])) == (1, 8)


class TestWide:
    def test_a_ghz_of_sixty(self):
        """One of its qubits is measured, reset, and joined again; the memory has 64 clbits."""
        again = (Measure(30, 60), Reset(30), x(30, 29), Measure(12, 63))
        chain_ = (h(0), *[x(qubit + 1, qubit) for qubit in range(59)])
        result, told = ran(program(60, 64, *chain_, *again, x(59), *measures(60)), shots=500)
        ones = sum(1 << bit for bit in (*range(59), 60, 63))
        assert set(result.counts) == {hex(1 << 59), hex(ones)}
        assert abs(result.counts[hex(ones)] - 250) < 60
        assert told == RunMetadata("matrix_product_state", 60, False, TruncationMetadata(2, 1.0, 0.0))

    def test_a_ghz_by_measurements(self):
        """In constant depth: parities of neighbours are measured, and what differs is flipped."""
        data, parities = range(0, 61, 2), range(1, 61, 2)
        made = [h(qubit) for qubit in data]
        made += [x(qubit, control) for qubit in parities for control in (qubit - 1, qubit + 1)]
        made += [Measure(qubit, qubit) for qubit in parities]
        made += [IfElse(Clbit(qubit), tuple(x(behind) for behind in data if behind > qubit)) for qubit in parities]
        made += [Measure(qubit, qubit) for qubit in data]
        result, _ = ran(program(61, 61, *made), shots=40)
        every = sum(1 << qubit for qubit in data)
        found = [int(key, 16) & every for key in result.counts]
        assert set(found) == {0, every}
        assert len(result.counts) > 35

    def test_bonds_shrink_behind_measurements(self):
        """In every round the chain is entangled, and then all of it is measured and reset."""
        pairs = tuple(x(qubit + 1, qubit) for qubit in range(39))
        rounds = (*everywhere(40), *pairs, *[Gate("t", (qubit,)) for qubit in range(40)], *map(h, range(40)))
        every = tuple(Reset(qubit) for qubit in range(40))
        result, told = ran(program(40, 1, *(rounds + every) * 3, Measure(3, 0)), shots=5)
        assert result.counts == {"0x0": 5}
        assert told.truncation.largest_bond <= 2


class TestLimits:
    def test_too_large(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(method, "_MOST_BRANCH_BYTES", 1 << 11)
        circuit = random_dynamic(3, 8)
        with pytest.raises(MemoryRefusedError, match=r"tensors together may have 2 KiB: give max_bond"):
            ran(circuit)
        assert ran(circuit, max_bond=2)[1].truncation.largest_bond == 2

    def test_says_what_the_worst_state_lost(self):
        _, told = ran(random_dynamic(4, 8), shots=50, max_bond=3)
        assert told.truncation.largest_bond == 3
        assert told.truncation.estimated_fidelity < 1
        assert 0 < told.truncation.distance_bound <= 2

    @pytest.mark.parametrize(
        ("circuit", "says"),
        [
            (
                program(6, 1, Measure(0, 0), IfElse(Clbit(0), (h(0), x(0, 1, 2, 3, 4)))),
                r"instruction 1, in a body of instruction 1, is x on qubits 0, 1, 2, 3, 4: a gate may have 4",
            ),
            (
                program(2, 1, h(0), Measure(0, 0), h(0), Save("probabilities", "p", (0, 1))),
                "instruction 3 is a save of qubits 0, 1",
            ),
        ],
    )
    def test_refusals(self, circuit: Program, says: str):
        with pytest.raises(InvalidProgramError, match=says):
            engine_for(circuit, Options("counts", 10, method="matrix_product_state"))

    def test_it_asks_often_whether_it_is_still_wanted(self):
        asked: list[None] = []
        told: list[float] = []
        circuit = program(20, 2, *entangled(20), Measure(0, 0), h(0), Measure(19, 1), h(19))
        ran(circuit, shots=100, monitor=Monitor(lambda: asked.append(None), told.append))
        assert len(asked) > 38
        assert told == sorted(told)
        assert told[-1] == pytest.approx(1)
