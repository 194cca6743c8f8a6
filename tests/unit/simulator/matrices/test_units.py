"""Products of small matrices, entry by entry, beside products of whole matrices."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from support.programs import Draw

from simulator.circuit.gates import GATES
from simulator.circuit.instructions import Gate
from simulator.matrices import units
from simulator.matrices.gate_matrices import matrices_of, moves_of
from simulator.matrices.units import Products, Shape, fill

Matrix = NDArray[np.complex128]
_ROWS = 3


def dense(size: int, spots: tuple[int, ...], matrix: Matrix) -> Matrix:
    """Return a factor over all bits of its product, by the definition."""
    side = 1 << size
    full = np.zeros((side, side), np.complex128)
    free = [spot for spot in spots if spot >= 0]
    mask = sum(1 << spot for spot in free)
    for row in range(side):
        for column in range(side):
            if (row ^ column) & ~mask == 0:
                inside = [
                    sum((number >> spot & 1 if spot >= 0 else ~spot) << place for place, spot in enumerate(spots))
                    for number in (row, column)
                ]
                full[row, column] = matrix[inside[0], inside[1]]
    return full


@pytest.mark.parametrize("name", GATES)
@pytest.mark.parametrize("controls", [0, 1, 2])
def test_what_only_moves_basis_states(name: str, controls: int) -> None:
    """Of a constant gate under any controls: where its rows' only entries are, if these are 1."""
    spec = GATES[name]
    if spec.num_params:
        assert moves_of((name, spec.num_qubits, controls, None)) == b""
        return
    for control_state in (None, *range(1 << controls)):
        moves = moves_of((name, spec.num_qubits, controls, control_state))
        gate = Gate(name, tuple(range(spec.num_qubits)), (), tuple(range(5, 5 + controls)), control_state)
        (matrix,) = matrices_of((name, spec.num_qubits, controls, control_state), [gate], [0], None)
        only_moves = np.all((matrix == 0) | (matrix == 1)) and np.all(np.count_nonzero(matrix, axis=1) == 1)
        assert bool(moves) == only_moves
        if moves:
            assert np.array_equal(np.eye(len(matrix))[list(moves)], matrix)


@st.composite
def factors(draw: Draw, size: int) -> tuple[Shape, list[Matrix]]:
    """A factor on bits of the product, some of which may have a value, and its matrix in each row."""
    free = draw(st.permutations(range(size)).map(lambda bits: bits[: draw(st.integers(1, size))]))
    fixed = [~draw(st.integers(0, 1))] if draw(st.booleans()) else []
    spots = tuple(draw(st.permutations([*free, *fixed])))
    side = 1 << len(spots)
    rng = np.random.default_rng(draw(st.integers(0, 1 << 20)))
    kind = draw(st.sampled_from(["dense", "diagonal", "moves"]))
    if kind == "moves":
        # As a controlled x does, it leaves the bits that have a value as they are.
        held = [place for place, spot in enumerate(spots) if spot < 0]
        kept = (
            [
                each
                for each in permutations(range(side))
                if all((each[row] ^ row) >> place & 1 == 0 for row in range(side) for place in held)
            ]
            if side <= 4
            else [tuple(range(side))]
        )
        moves = draw(st.sampled_from(kept))
        return Shape(spots, moves == tuple(range(side)), bytes(moves)), [
            np.eye(side, dtype=complex)[list(moves)]
        ] * _ROWS
    matrices = rng.normal(size=(_ROWS, side, side)) + 1j * rng.normal(size=(_ROWS, side, side))
    if kind == "diagonal":
        matrices = matrices * np.eye(side)
    return Shape(spots, kind == "diagonal", b""), list(matrices)


@given(
    st.integers(1, 2).flatmap(
        lambda size: st.tuples(
            st.just(size), st.lists(st.lists(factors(size), min_size=1, max_size=6), min_size=1, max_size=3)
        )
    )
)
def test_products_are_those_of_whole_matrices(drawn: tuple[int, list[list[tuple[Shape, list[Matrix]]]]]) -> None:
    """Several products at once, in several rows, whatever their factors are."""
    size, several = drawn
    stacks: dict[int, list[list[Matrix]]] = {}
    products = Products()
    for item, each in enumerate(several):
        placed = []
        for shape, matrices in each:
            others = stacks.setdefault(len(shape.spots), [])
            placed.append(len(others))
            others.append(matrices)
        products.add(size, item, tuple([shape for shape, _ in each]), placed)
    flat = {}
    for width, others in stacks.items():
        flat[width] = np.zeros((_ROWS, len(others), (1 << 2 * width) + 1), np.complex128)
        flat[width][..., :-1] = np.array(others).swapaxes(0, 1).reshape(_ROWS, len(others), -1)
    found = np.zeros((_ROWS, len(several), (1 << 2 * size) + 1), np.complex128)
    fill(found, products.by_size()[size], flat)
    for item, each in enumerate(several):
        for row in range(_ROWS):
            expected = np.eye(1 << size, dtype=complex)
            for shape, matrices in each:
                expected = dense(size, shape.spots, matrices[row]) @ expected
            got = found[row, item, :-1].reshape(expected.shape)
            np.testing.assert_allclose(got, expected, rtol=0, atol=1e-12 * max(1.0, np.abs(expected).max()))
    alone = np.zeros(found.shape[1:], np.complex128)
    fill(alone, products.by_size()[size], {width: each[1] for width, each in flat.items()})
    # A row has, bit for bit, the numbers that it has by itself.
    assert alone.tobytes() == found[1].tobytes()


def test_the_steps_of_long_products_are_not_kept() -> None:
    """Each long circuit has its own: kept, they would fill a worker's memory."""
    shape = Shape((0,), False, b"")
    Products().add(1, 0, (shape,) * 2, [0, 1])
    before = units._kept_steps.cache_info().currsize
    Products().add(1, 0, (shape,) * 300, list(range(300)))
    assert units._kept_steps.cache_info().currsize == before
