"""The numbers of a plan, for one row of angles and for many."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from support.programs import random_unitary, x

from simulator.circuit.array import Array
from simulator.circuit.instructions import Diagonal, Gate, Unitary
from simulator.evolve.prepared_plan import PreparedPlan
from simulator.evolve.scaling import Entries, PairVector
from simulator.matrices import Swept
from simulator.plan import Evolving

ROWS = 7


def template(num_qubits: int, angles: Sequence[float]) -> tuple[list[Evolving], dict[int, list[tuple[int, int]]]]:
    """Rotations, phases and matrices, and which parameter is which column of the angles."""
    rng = np.random.default_rng(num_qubits)
    gates: list[Evolving] = []
    columns: dict[int, list[tuple[int, int]]] = {}

    def swept(name: str, targets: tuple[int, ...], count: int, controls: tuple[int, ...] = ()) -> None:
        first = sum(map(len, columns.values()))
        columns[len(gates)] = [(number, first + number) for number in range(count)]
        gates.append(Gate(name, targets, tuple(angles[first : first + count]), controls))

    for layer in range(3):
        for qubit in range(num_qubits):
            swept("u", (qubit,), 3)
            swept("rz", (qubit,), 1)
        order = rng.permutation(num_qubits).tolist()
        for a, b in zip(order[::2], order[1::2], strict=False):
            gates.append(x(a, b))
            swept("rzz", (a, b), 1)
        swept("p", (order[0],), 1, (order[1],))
        gates.append(Unitary(Array.of(random_unitary(layer, 2)), (order[1], order[2])))
        gates.append(Diagonal(Array.of(np.exp(1j * np.arange(8))), tuple(order[:3])))
    return gates, columns


@pytest.mark.rule(32)
@pytest.mark.parametrize("num_qubits", [4, 8, 11, 13])
def test_a_row_has_the_numbers_that_it_has_alone(num_qubits: int) -> None:
    """The matrices of a row are the same bits, however many rows there are."""
    count = 200
    values = np.random.default_rng(1).uniform(-7, 7, (ROWS, count))
    gates, columns = template(num_qubits, values[0].tolist())
    prepared = PreparedPlan(gates, tuple(range(num_qubits)), real=False)
    together = prepared.matrix_plan.operation_matrices(gates, Swept(values, columns))
    blocks = prepared.matrix_plan.block_matrices(together)
    pairs = prepared.matrix_plan.pairs(together)
    for row in range(ROWS):
        alone = prepared.matrix_plan.operation_matrices(template(num_qubits, values[row].tolist())[0])
        for size, stack in prepared.matrix_plan.block_matrices(alone).items():
            assert stack.tobytes() == blocks[size][row].tobytes()
        assert prepared.matrix_plan.pairs(alone).tobytes() == pairs[row].tobytes()


@pytest.mark.parametrize("size", [0, 1, 2, 5])
def test_pair_vectors(size: int) -> None:
    """A vector of diagonals is their product, also for many rows; those on no bit are factors of all."""
    rng = np.random.default_rng(size)
    numbers = np.exp(1j * rng.uniform(0, 6, (ROWS, 200)))
    members = [Entries(3, 1, ()), *(Entries(10 * bit, 3, (bit,)) for bit in range(size))]
    members += [
        Entries(60 + 10 * a + b, 5, (a, b)) for a in range(size) for b in range(size) if a != b and (a + b) % 3
    ]
    expected = np.ones((ROWS, 1 << size), np.complex128)
    for first, step, bits in members:
        values = sum((np.arange(1 << size) >> bit & 1) << place for place, bit in enumerate(bits))
        expected *= numbers[:, first + step * (values + np.zeros(1 << size, np.intp))]
    vector = PairVector(members, size)
    np.testing.assert_allclose(vector.of(numbers), expected, rtol=0, atol=1e-13)
    for row in range(ROWS):
        assert vector.of(numbers[row]).tobytes() == vector.of(numbers)[row].tobytes()
