"""Readout errors in a distribution: what is read is as likely as the tables say, whatever else is read with it."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.exact import assert_likely
from support.examples import examples
from support.programs import measures, program, random_vector, ry

from simulator import run
from simulator.circuit.array import Array
from simulator.circuit.instructions import Initialize, Instruction, Measure, Readout
from simulator.sampling.readout_errors import misread, tables_of_bits

FLIPS = np.array([[0.9, 0.1], [0.3, 0.7]])


def readout(*clbits: int, table: NDArray[np.float64] = FLIPS) -> Readout:
    """A readout error of some clbits."""
    return Readout(clbits, Array.of(table))


@examples(60)
@given(
    bits=st.integers(1, 5),
    rows=st.integers(1, 4),
    misreads=st.lists(st.tuples(st.integers(0, 4), st.floats(0, 1), st.floats(0, 1)), max_size=6),
    seed=st.integers(0, 99),
)
def test_a_distribution_is_read_by_its_tables(
    bits: int, rows: int, misreads: list[tuple[int, float, float]], seed: int
) -> None:
    """As the product of each bit's table says; and each row as it is alone, bit for bit."""
    masses = np.random.default_rng(seed).random((rows, 1 << bits))
    tables = [(bit % bits, np.array([[1 - up, up], [down, 1 - down]])) for bit, up, down in misreads]
    found = misread(masses, tables)
    expected = masses
    for bit, table in tables:
        alone = [table if place == bit else np.eye(2) for place in reversed(range(bits))]
        expected = expected @ reduce(np.kron, alone)
    assert np.abs(found - expected).max() < 1e-12
    assert all(np.array_equal(misread(masses[row : row + 1], tables)[0], found[row]) for row in range(rows))


@pytest.mark.parametrize(
    ("readouts", "bit_of_clbit", "bits"),
    [
        ([readout(0, 1, table=np.eye(4))], {0: 0, 1: 1}, 2),
        ([readout(2)], {0: 0, 1: 1}, 2),
        ([readout(0)], {0: 0, 1: 0}, 1),
        ([readout(0)], {clbit: clbit for clbit in range(13)}, 13),
    ],
    ids=["clbits that are misread together", "a clbit without a measurement", "one of two copies", "many bits"],
)
def test_shots_that_are_read_one_by_one(readouts: list[Readout], bit_of_clbit: dict[int, int], bits: int) -> None:
    """Where the bits of an outcome do not say by themselves what is read."""
    assert tables_of_bits(readouts, bit_of_clbit, bits) is None


def test_without_errors_no_outcome_is_read_by_itself() -> None:
    """However many bits it has: to look each shot up takes longer than to count sorted draws."""
    assert tables_of_bits((), {clbit: clbit for clbit in range(20)}, 20) == ()


def test_copies_that_are_not_misread() -> None:
    """Of a qubit that is measured into two clbits neither need be misread."""
    found = tables_of_bits([readout(5)], {5: 0, 1: 1, 2: 1}, 2)
    assert found is not None
    ((bit, table),) = found
    assert bit == 0
    assert np.array_equal(table, FLIPS)


@pytest.mark.rule(41)
@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize("qubits", [3, 13])
def test_counts_are_of_what_is_read(qubits: int, *, memory: bool) -> None:
    """Read in one draw with the outcome, or by themselves, the counts are those of the tables."""
    prepared = Initialize(Array.of(random_vector(4, 3)), (0, 1, 2))
    rest: list[Instruction] = [ry(np.pi, qubit) for qubit in range(3, qubits)]
    circuit = program(qubits, qubits, prepared, *rest, *measures(qubits), readout(0), readout(2), readout(0))
    shares = np.abs(random_vector(4, 3)) ** 2
    shares = misread(shares[None], [(0, FLIPS), (2, FLIPS), (0, FLIPS)])[0]
    result = run(circuit, seed=3, shots=20_000, memory=memory)
    high = sum(1 << qubit for qubit in range(3, qubits))
    assert_likely(result.counts, {hex(value | high): share for value, share in enumerate(shares.tolist())})
    if memory:
        assert {key: result.memory.count(key) for key in result.counts} == result.counts


def test_a_state_goes_with_what_was_measured() -> None:
    """In the output of a state, the one shot's state is that of the outcome, and not of what is read of it."""
    always = np.array([[0.0, 1.0], [1.0, 0.0]])
    circuit = program(1, 1, ry(1.2, 0), Measure(0, 0), readout(0, table=always))
    for seed in range(20):
        result = run(circuit, seed=seed, output="statevector", shots=1)
        assert result.counts == {hex(1 - int(np.abs(result.state[1]) > 0.5)): 1}
