"""The state that gates make of a matrix product state: all amplitudes, whatever the order and the way."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.programs import (
    everywhere,
    h,
    random_vector,
    unitary_instructions,
    unitary_of,
    x,
)
from support.tensors import random_gates, state_of

from simulator.circuit.array import Array
from simulator.circuit.instructions import (
    Gate,
    Initialize,
    Instruction,
)
from simulator.monitor import no_checkpoint
from simulator.mps import evolve
from simulator.mps.evolve import EXACT
from simulator.mps.gates import local_circuit
from simulator.mps.reading import amplitudes
from simulator.mps.scheduling import nearest_first


def spins(count: int) -> tuple[Gate, ...]:
    """Neighbours that turn about both their Z."""
    return tuple(Gate("rzz", (qubit, qubit + 1), (0.3,)) for qubit in range(count - 1))


def random_neighbours(seed: int, num_qubits: int) -> tuple[Instruction, ...]:
    """Gates on one to three neighbours, in any order of them; two in three are diagonal."""
    rng = np.random.default_rng(seed)
    made: list[Instruction] = [*everywhere(num_qubits)]
    for _ in range(60):
        first, width = int(rng.integers(num_qubits - 2)), int(rng.integers(1, 4))
        qubits = tuple((first + rng.permutation(width)).tolist())
        kinds = [
            Gate("x", qubits[:1], controls=qubits[1:]),
            Gate("p", qubits[:1], (float(rng.uniform(0, 6)),), controls=qubits[1:]),
            Gate("z", qubits[:1], controls=qubits[1:]),
        ]
        made += [kinds[rng.integers(3)], Gate("rx", (first,), (0.4,))][: 1 + (rng.random() < 0.3)]
        if rng.random() < 0.2:
            made.append(made[-1])
    return tuple(made)


class TestState:
    @given(st.integers(1, 5).flatmap(lambda n: st.tuples(st.just(n), unitary_instructions(n))))
    def test_any_gates(self, case: tuple[int, tuple[Instruction, ...]]):
        """All amplitudes, but for the global phase of gates without qubits."""
        num_qubits, instructions = case
        expected = unitary_of(instructions, num_qubits)[:, 0]
        assert abs(np.vdot(state_of(instructions, num_qubits), expected)) == pytest.approx(1, abs=1e-12)

    @pytest.mark.parametrize("seed", range(8))
    def test_many_gates(self, seed: int):
        instructions = random_gates(seed, 8)
        expected = unitary_of(instructions, 8)[:, 0]
        assert np.abs(state_of(instructions, 8) - expected).max() < 1e-12

    @pytest.mark.parametrize("seed", range(6))
    def test_gates_on_neighbours(self, seed: int):
        """Many are diagonal, and may be done in another order; some wait, and some undo what waits."""
        instructions = random_neighbours(seed, 7)
        expected = unitary_of(instructions, 7)[:, 0]
        assert np.abs(state_of(instructions, 7) - expected).max() < 1e-12

    def test_diagonal_gates_are_done_to_and_fro(self):
        """A chain of spins: the second step goes left, since the first ended at the right."""
        steps = [part for _ in range(2) for part in (*spins(6), *[Gate("rx", (q,), (0.2,)) for q in range(6)])]
        circuit = local_circuit(steps, 6)
        pairs = [gate.wires[0] for gate in nearest_first(circuit.gates, range(6)) if len(gate.wires) > 1]
        assert pairs == [0, 1, 2, 3, 4, 4, 3, 2, 1, 0]

    @pytest.mark.parametrize("first", [0, 1, 2, 5])
    def test_initialize(self, first: int):
        """Amplitudes that are given to some of the qubits; the first may be 0."""
        vector = random_vector(3, 3)
        vector[:first] = 0
        vector /= np.linalg.norm(vector)
        found = state_of((Initialize(Array.of(vector), (4, 0, 2)), h(1)), 5)
        index = np.arange(32)
        given_ = vector[(index >> 4 & 1) | (index & 1) << 1 | (index >> 2 & 1) << 2]
        expected = np.where(index >> 3 & 1, 0, given_ * np.sqrt(0.5))
        assert np.abs(found - expected).max() < 1e-14

    def test_every_way_is_the_same_state(self, monkeypatch: pytest.MonkeyPatch):
        """Orders of qubits, and whether they walk back, change how long a run takes and nothing else."""
        instructions = random_gates(11, 7)
        circuit = local_circuit(instructions, 7)
        ways = evolve._ways(circuit, EXACT, no_checkpoint, None)
        assert len(ways) == 3
        expected = unitary_of(instructions, 7)[:, 0]
        for way in ways:
            monkeypatch.setattr(evolve, "_ways", lambda *_, way=way: [way])
            assert np.abs(state_of(instructions, 7) - expected).max() < 1e-12

    @pytest.mark.parametrize("seed", range(4))
    def test_a_try_that_is_given_up_leaves_nothing(self, seed: int, monkeypatch: pytest.MonkeyPatch):
        """Ways are tried again with more work from where they began, whatever waited when one was given up."""
        monkeypatch.setattr(evolve, "_FIRST_WORK", 1)
        monkeypatch.setattr(evolve, "WORK_OF_A_SPLIT", 1)
        instructions = random_gates(seed, 8, 60)
        expected = unitary_of(instructions, 8)[:, 0]
        assert np.abs(state_of(instructions, 8) - expected).max() < 1e-12

    def test_a_copy_changes_by_itself(self):
        """What waits on one is not done on the other."""
        circuit = local_circuit((h(0), x(1, 0)), 2)
        start = evolve.begun(2, EXACT, None, no_checkpoint)
        changed = start.copy()
        for gate in circuit.gates:
            changed.gate(gate, walks_back=False)
        start.finish()
        assert amplitudes(start, circuit.wire_of, no_checkpoint).tolist() == [1, 0, 0, 0]
        changed.finish()
        found = amplitudes(changed, circuit.wire_of, no_checkpoint)
        assert np.abs(found) == pytest.approx([0.5**0.5, 0, 0, 0.5**0.5])
