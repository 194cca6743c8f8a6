"""Matrix product states give what statevectors give, and say how far from it they may be where they are cut."""

from __future__ import annotations

import re
from itertools import chain, pairwise

import msgspec
import numpy as np
import pytest
from support.exact import assert_likely
from support.programs import (
    entangled,
    everywhere,
    h,
    measures,
    program,
    random_vector,
    ry,
    unitary_of,
    x,
)
from support.tensors import random_gates, state_of

from simulator.choice import engine_for
from simulator.circuit.array import Array
from simulator.circuit.instructions import (
    Barrier,
    Gate,
    Instruction,
    Measure,
    Readout,
    Save,
)
from simulator.circuit.pauli_sum import PauliSum, mask_of
from simulator.circuit.program import Program
from simulator.errors import InvalidProgramError, MemoryRefusedError
from simulator.method import CircuitResult
from simulator.monitor import SILENT, Monitor, no_checkpoint
from simulator.mps import MATRIX_PRODUCT_STATE, evolve, method
from simulator.mps.evolve import Truncation
from simulator.options import Options
from simulator.shards.metadata import TruncationMetadata
from simulator.shards.shard import Experiment
from simulator.split import split
from simulator.statevector import STATEVECTOR

SEED = 7


def run(
    ran: Program, *, shots: int = 1000, first: int = 0, of_shots: int | None = None, observables=(), **options
) -> tuple[CircuitResult, TruncationMetadata]:
    """What the method gives for some of a job's shots."""
    asked = Options("counts", of_shots or shots, method="matrix_product_state", **options)
    assert engine_for(ran, asked) is MATRIX_PRODUCT_STATE
    prepared = MATRIX_PRODUCT_STATE.prepare(ran, asked, observables, no_checkpoint)
    assert prepared.bytes_required(shots, no_checkpoint) > 0
    result = prepared.run(seed=SEED, first=first, shots=shots, monitor=SILENT)
    return result, prepared.metadata.truncation


class TestSampling:
    @pytest.mark.rule(32)
    @pytest.mark.parametrize("cuts", [(0, 2500), (0, 1024, 2048, 2500), (0, 777, 1500, 2500), (0, 1, 2499, 2500)])
    def test_cut_in_any_way(self, cuts: tuple[int, ...]):
        """Bit for bit: a shot's outcome does not depend on which shots are run with it."""
        ran = program(6, 6, *random_gates(5, 6), *measures(6))
        whole, _ = run(ran, shots=2500, memory=True)
        parts = [
            run(ran, shots=end - start, first=start, of_shots=2500, memory=True)[0].memory
            for start, end in pairwise(cuts)
        ]
        assert list(chain.from_iterable(parts)) == whole.memory
        assert run(ran, shots=2500)[0].counts == whole.counts

    @pytest.mark.parametrize("seed", range(4))
    def test_counts_are_likely(self, seed: int):
        instructions = random_gates(seed, 5)
        counts = run(program(5, 5, *instructions, *measures(5)), shots=20_000)[0].counts
        shares = np.abs(unitary_of(instructions, 5)[:, 0]) ** 2
        assert_likely(counts, {hex(key): share for key, share in enumerate(shares.tolist()) if share > 1e-14})

    @pytest.mark.parametrize("width", [62, 63, 64, 65, 127, 129])
    def test_wide_memories(self, width: int):
        """Counts beyond a word: qubits in a permuted order into clbits in a permuted order."""
        rng = np.random.default_rng(width)
        ones = rng.integers(0, 2, width).tolist()
        clbits = rng.permutation(width).tolist()
        flips = tuple(x(qubit) for qubit in range(width) if ones[qubit])
        written = tuple(Measure(qubit, clbits[qubit]) for qubit in range(width))
        result, _ = run(program(width, width, *flips, *written), shots=3, memory=True)
        expected = hex(sum(1 << clbits[qubit] for qubit in range(width) if ones[qubit]))
        assert (result.counts, result.memory) == ({expected: 3}, [expected] * 3)

    def test_some_qubits_and_a_clbit_twice(self):
        ran = program(3, 2, x(0), x(2, 0), Measure(1, 0), Measure(2, 0), Measure(0, 1))
        assert run(ran)[0].counts == {"0x3": 1000}


class TestInitialState:
    @pytest.mark.parametrize("real", [False, True])
    def test_amplitudes_are_split(self, real: bool):
        """Any amplitudes, before gates near and far; with the phase, as a save shows it."""
        vector = random_vector(7, 6)
        vector = vector.real / np.linalg.norm(vector.real) if real else vector
        instructions = random_gates(4, 6)
        ran = program(6, 6, *instructions, *measures(6))
        options = {"initial_state": Array.of(vector), "saves": ("statevector",)}
        found = run(ran, **options)[0].saved[0].value.ndarray()
        assert np.abs(found - unitary_of(instructions, 6) @ vector).max() < 1e-12

    def test_a_wide_state_of_few_bonds(self):
        """A GHZ state of 18 qubits, and a gate between its ends."""
        vector = np.zeros(1 << 18)
        vector[[0, -1]] = np.sqrt(0.5)
        ran = program(18, 18, x(17, 0), *measures(18))
        result, told = run(ran, shots=100, initial_state=Array.of(vector))
        assert set(result.counts) == {"0x0", hex((1 << 17) - 1)}
        assert told.largest_bond == 2

    def test_too_wide(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(method, "MAX_SAVED_QUBITS", 4)
        wide = Options("counts", 1, method="matrix_product_state", initial_state=Array.of(np.eye(1, 32)[0]))
        with pytest.raises(InvalidProgramError, match="initial_statevector of 5 qubits, which may be 4"):
            engine_for(program(5, 0, h(0)), wide)


class TestReadoutErrors:
    TABLE = np.array([[0.9, 0.1], [0.25, 0.75]])

    @pytest.mark.parametrize("width", [3, 63, 64, 130])
    def test_memories_of_any_width(self, width: int):
        """Of two clbits at once and of one; a third of the clbits is of no measurement."""
        both = np.kron(self.TABLE, self.TABLE)
        last = width - 1
        ran = program(
            2,
            width,
            *entangled(2)[:2],
            Measure(0, 0),
            Measure(1, last),
            Readout((0, last), Array.of(both)),
            Readout((1,), Array.of(self.TABLE)),
        )
        result, _ = run(ran, shots=20_000, memory=True)
        pairs = np.array([0.5, 0, 0, 0.5]) @ both
        expected = {
            hex(one | two << last | third << 1): pairs[one + 2 * two] * self.TABLE[0, third]
            for one in (0, 1)
            for two in (0, 1)
            for third in (0, 1)
        }
        assert_likely(result.counts, expected)
        part, _ = run(ran, shots=3000, first=900, of_shots=20_000, memory=True)
        assert part.memory == result.memory[900:3900]

    def test_probabilities_are_of_what_is_read(self):
        ran = program(1, 1, ry(0.7, 0), Measure(0, 0), Readout((0,), Array.of(self.TABLE)))
        found = run(ran, saves=("probability_distribution",))[0].saved[0].value.ndarray()
        assert np.abs(found - np.array([np.cos(0.35) ** 2, np.sin(0.35) ** 2]) @ self.TABLE).max() < 1e-12


class TestNothing:
    @pytest.mark.parametrize("counts", [True, False])
    @pytest.mark.parametrize(
        ("width", "instructions"), [(0, ()), (1, ()), (3, (Barrier((0, 1)),)), (2, measures(2))]
    )
    def test_no_gates(self, width: int, instructions: tuple[Instruction, ...], counts: bool):
        """It costs something, it can be cut, and it gives what there is."""
        ran = program(width, width, *instructions)
        options = Options("counts", 10, method="matrix_product_state", counts=counts)
        assert list(split(options, [Experiment(0, SEED, ran)]))
        result, _ = run(ran, shots=5, first=3, of_shots=10, counts=counts)
        assert result.counts == ({"0x0": 5} if counts and width else {})


class TestExpectations:
    @pytest.mark.parametrize("seed", range(3))
    def test_pauli_strings(self, seed: int):
        """All strings of four qubits, each a sum of its own, and their sum."""
        instructions = random_gates(seed, 4, 12)
        vector = unitary_of(instructions, 4)[:, 0]
        strings = [(flips, signs) for flips in range(16) for signs in range(16)]
        sums = [PauliSum((flips,), (signs,), (1.0,)) for flips, signs in strings]
        sums.append(PauliSum(*zip(*strings, strict=True), tuple(np.linspace(-1, 1, 256).tolist())))
        found = run(program(4, 0, *instructions), observables=sums)[0].expectations
        index = np.arange(16)
        expected = []
        for flips, signs in strings:
            parity = np.array([(int(each) & signs).bit_count() for each in index])
            moved = (1j ** (flips & signs).bit_count()) * (-1.0) ** parity * vector
            expected.append(np.vdot(vector[index ^ flips], moved).real)
        assert np.abs(found[:-1] - expected).max() < 1e-12
        assert found[-1] == pytest.approx(np.linspace(-1, 1, 256) @ expected, abs=1e-11)

    @pytest.mark.parametrize("width", [100, 1000])
    def test_strings_of_any_width(self, width: int):
        """A chain of pairs in a + i b: strings on few, distant and all qubits have the products of their pairs."""
        angles = np.linspace(0.1, 3, width // 2)
        pairs = [
            gate
            for index, angle in enumerate(angles.tolist())
            for gate in (ry(angle, 2 * index), x(2 * index + 1, 2 * index))
        ]
        first, last, whole = np.cos(angles[0]), np.cos(angles[-1]), (1 << width) - 1
        strings = {
            (0, 1): first,
            (0, 1 << (width - 1)): last,
            (0, 1 | 1 << (width - 1)): first * last,
            (3 << (width - 2), 0): np.sin(angles[-1]),
            (3 << (width - 2), 3 << (width - 2)): -np.sin(angles[-1]),
            (0, whole): 1,
            (1 << (width - 1), 0): 0,
        }
        sums = [PauliSum((mask_of(flips),), (mask_of(signs),), (2.0,)) for flips, signs in strings]
        found = run(program(width, 0, *pairs), observables=sums)[0].expectations
        assert np.abs(found - 2 * np.array(list(strings.values()))).max() < 1e-9


class TestSaves:
    def test_all_that_a_statevector_saves(self):
        """Under the same keys, with the global phase, of the instructions and of the options."""
        z = PauliSum((0, 3), (1, 0), (1.0, 0.5))
        instructions = (*random_gates(9, 5), Gate("global_phase", (), (0.7,)))
        saves = (
            Save("density_matrix", "d", (3, 1)),
            Save("probabilities", "p", (4, 0)),
            Save("expectation_value", "e", (2, 0), (z,)),
        )
        ran = msgspec.structs.replace(program(5, 5, *instructions, *saves, *measures(5)), global_phase=0.4)
        options = {"saves": ("statevector", "probability_distribution")}
        asked = Options("counts", 10, method="statevector", **options)
        exact = STATEVECTOR.prepare(ran, asked, (), no_checkpoint).run(seed=1, first=0, shots=10, monitor=SILENT)
        found, _ = run(ran, shots=10, **options)
        assert [each.key for each in found.saved] == [each.key for each in exact.saved]
        for ours, its in zip(found.saved, exact.saved, strict=True):
            assert np.abs(ours.value.ndarray() - its.value.ndarray()).max() < 1e-12

    def test_what_needs_too_many_amplitudes_is_refused(self):
        wide = program(26, 0, *entangled(26), Save("probabilities", "p", (0, 1)))
        with pytest.raises(InvalidProgramError, match=r"its 26 qubits may be 25.*observables="):
            engine_for(wide, Options("counts", 1, method="matrix_product_state"))
        early = program(2, 0, h(0), Save("probabilities", "p", (0, 1)), h(1))
        with pytest.raises(InvalidProgramError, match="instruction 1 is a save of qubits 0, 1"):
            engine_for(early, Options("counts", 1, method="matrix_product_state"))


class TestTruncation:
    def test_a_ghz_has_bonds_of_two(self):
        _, summary = run(program(100, 100, *entangled(100)[:100], *measures(100)))
        assert summary == TruncationMetadata(2, 1.0, 0.0)

    def test_says_what_was_cut(self):
        """The bound holds, and nothing is said to be cut where nothing was."""
        instructions = everywhere(8) + random_gates(3, 8, 40)
        exact = state_of(instructions, 8)
        ran = program(8, 0, *instructions)
        _, whole = run(ran)
        assert whole.estimated_fidelity == pytest.approx(1, abs=1e-12)
        for bond in (15, 12, 8):
            cut = state_of(instructions, 8, Truncation(bond))
            _, summary = run(ran, max_bond=bond)
            assert summary.largest_bond == bond
            assert summary.estimated_fidelity < 1
            assert np.linalg.norm(cut - exact) <= summary.distance_bound + 1e-12 or summary.distance_bound == 2

    def test_at_least_one_value_is_kept(self):
        """A cutoff above all weights leaves the largest, and the norm is 1."""
        result, summary = run(program(4, 4, *everywhere(4), x(1, 0), x(3, 2), *measures(4)), cutoff=0.99)
        assert summary.largest_bond == 1
        assert sum(result.counts.values()) == 1000

    def test_a_run_that_outgrows_its_limit_says_where(self, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setattr(evolve, "MOST_BYTES", 1 << 16)
        with pytest.raises(MemoryRefusedError, match=r"\d+ values in step \d+ of \d+ .* give max_bond"):
            run(program(14, 0, *random_gates(3, 14, 100)))
        assert run(program(14, 0, *random_gates(3, 14, 100)), max_bond=4)[1].largest_bond == 4


class TestRefusals:
    @pytest.mark.parametrize(
        ("ran", "says"),
        [
            (program(6, 0, x(0, 1, 2, 3, 4)), "instruction 0 is x on qubits 0, 1, 2, 3, 4: a gate may have 4"),
        ],
    )
    def test_by_name_and_place(self, ran: Program, says: str):
        with pytest.raises(InvalidProgramError, match=says) as caught:
            engine_for(ran, Options("counts", 10, method="matrix_product_state"))
        assert re.search(r"; method=.*'statevector'.* can$", str(caught.value))

    def test_never_automatic(self):
        ran = program(3, 3, *everywhere(3), *measures(3))
        assert engine_for(ran, Options("counts", 10)).method == "statevector"


def test_it_asks_often_whether_it_is_still_wanted():
    """Each split, each factorization and each site of a block is behind a checkpoint."""
    asked: list[None] = []
    told: list[float] = []
    ran = program(20, 20, *[ry(0.3 * q, q) for q in range(20)], *entangled(20), *measures(20))
    options = Options("counts", 3000, method="matrix_product_state")
    prepared = MATRIX_PRODUCT_STATE.prepare(ran, options, (), no_checkpoint)
    prepared.run(seed=1, first=0, shots=3000, monitor=Monitor(lambda: asked.append(None), told.append))
    assert len(asked) > 38 + 3 * 20
    assert told == sorted(told)
    assert told[-1] == pytest.approx(1)
