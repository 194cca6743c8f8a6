"""Evolutions against the product of their instructions' matrices, however a state is cut into chunks."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from threading import get_ident

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from numpy.typing import NDArray
from support.examples import examples
from support.programs import (
    dense,
    embedded,
    h,
    random_unitary,
    random_vector,
    ry,
    unitary_instructions,
    unitary_of,
    x,
)

from simulator.caches import clear_caches
from simulator.circuit.array import Array
from simulator.circuit.instructions import Diagonal, Gate, Initialize, Permutation, Unitary
from simulator.circuit.traversal import qubits_of
from simulator.errors import StoppedError
from simulator.evolve import Evolution, statevector
from simulator.evolve.plan_cache import PlanKey, plan_of
from simulator.kernels import threads
from simulator.monitor import Monitor
from simulator.plan import Evolving
from simulator.tuning import Tuning

# Rounding of a dozen products of matrices of at most 2^6 rows.
TOLERANCE = {"rtol": 0, "atol": 1e-12}
#: log2 of a chunk, how many of the lowest bits are always in it, threads.
CUTS = [(14, 3, 1), (5, 0, 1), *(pytest.param(each, marks=pytest.mark.slow) for each in ((5, 1, 2), (6, 2, 4)))]


def cut(chunk: int, low: int) -> Tuning:
    """Chunks of this size, however wide the state is."""
    return Tuning(chunk_bits=chunk, wide_chunk_bits=chunk, local_bits=low)


@pytest.fixture(params=CUTS, ids=str, scope="module")
def tuning(request: pytest.FixtureRequest) -> Iterator[Tuning]:
    """States in chunks of several sizes, by several threads."""
    chunk, low, count = request.param
    threads.use_threads(count)
    yield cut(chunk, low)
    threads.use_threads(None)


@pytest.mark.rule(29)
@examples(60)
@given(data=st.data(), num_qubits=st.integers(1, 8))
def test_an_evolution_is_its_instructions(data: st.DataObject, num_qubits: int, tuning: Tuning) -> None:
    """Whatever the stages, blocks and chunks, a state goes where its instructions' matrices send it."""
    instructions = data.draw(unitary_instructions(num_qubits))
    psi = random_vector(5, num_qubits)
    expected = unitary_of(instructions, num_qubits) @ psi
    register = statevector.vector(psi, tuning)
    Evolution(instructions).run(register)
    np.testing.assert_allclose(register.ordered(), expected, **TOLERANCE)


@examples(40)
@given(data=st.data(), num_qubits=st.integers(1, 8))
def test_from_the_ground_state(data: st.DataObject, num_qubits: int, tuning: Tuning) -> None:
    """What is left out because a qubit is still in |0> is zero; so it is after a first evolution."""
    first = data.draw(unitary_instructions(num_qubits))
    second = data.draw(unitary_instructions(num_qubits))
    expected = unitary_of(first + second, num_qubits)[:, 0]
    register = statevector.ground(num_qubits, tuning=tuning)
    Evolution(first).run(register)
    Evolution(second).run(register)
    np.testing.assert_allclose(register.ordered(), expected, **TOLERANCE)


@examples(40)
@given(data=st.data(), num_qubits=st.integers(1, 4))
def test_matrices_too(data: st.DataObject, num_qubits: int, tuning: Tuning) -> None:
    """The rows of a matrix are qubits: the same plan multiplies a matrix."""
    instructions = data.draw(unitary_instructions(num_qubits))
    before = random_unitary(7, num_qubits)
    expected = unitary_of(instructions, num_qubits) @ before
    register = statevector.matrix(before.copy(), tuning)
    Evolution(instructions).run(register)
    np.testing.assert_allclose(register.ordered().reshape(before.shape), expected, **TOLERANCE)


REAL = st.one_of(
    st.builds(lambda qubit, theta: ry(theta, qubit), st.integers(0, 6), st.floats(-7, 7)),
    st.builds(h, st.integers(0, 6)),
    st.permutations(range(7)).flatmap(lambda p: st.integers(1, 7).map(lambda k: x(p[0], *p[1:k]))),
    st.permutations(range(7)).flatmap(
        lambda p: st.integers(1, 7).map(
            lambda k: Gate("z", (p[0],), controls=tuple(p[1:k]), control_state=k % 2 ** (k - 1))
        )
    ),
    st.permutations(range(7)).map(lambda p: Gate("swap", (p[0], p[1]), controls=(p[2],))),
)


@pytest.mark.slow
@examples(40)
@given(instructions=st.lists(REAL, max_size=16))
def test_real_arithmetic(instructions: list[Evolving], tuning: Tuning) -> None:
    """A circuit of real gates runs on real numbers, to the same state."""
    real = Evolution(instructions)
    assert real.real
    register = statevector.ground(7, np.float64, tuning)
    real.run(register)
    assert register.amplitudes.dtype == np.float64
    np.testing.assert_allclose(register.ordered(), unitary_of(instructions, 7)[:, 0], **TOLERANCE)


@pytest.mark.parametrize("instruction", [Gate("rx", (0,), (0.3,)), Gate("y", (0,)), Gate("s", (0,))])
def test_what_is_not_real(instruction: Gate) -> None:
    """Circuits with imaginary entries are not taken for real ones."""
    assert not Evolution([h(0), instruction]).real


@pytest.mark.parametrize("dtype", [np.complex64, np.float32])
def test_single_precision(dtype: type[np.generic], tuning: Tuning) -> None:
    """A state of single precision stays one."""
    instructions = [
        *(h(qubit) for qubit in range(7)),
        x(3, 1),
        ry(0.4, 6),
        x(0, 6, 5, 4, 3, 2),
        Gate("z", (2,), controls=(5,)),
    ]
    register = statevector.ground(7, dtype, tuning)
    Evolution(instructions).run(register)
    assert register.amplitudes.dtype == dtype
    np.testing.assert_allclose(register.ordered(), unitary_of(instructions, 7)[:, 0], rtol=0, atol=1e-6)


def test_wide_matrices_and_preparations(tuning: Tuning) -> None:
    """What no block can take runs on the whole state, between stages."""
    prepared, wide = random_vector(1, 3), random_unitary(2, 7)
    diagonal = np.exp(1j * np.arange(128))
    instructions = [
        Initialize(Array.of(prepared), (1, 4, 7), is_preparation=True),
        h(0),
        Unitary(Array.of(wide), (0, 2, 3, 4, 5, 6, 7)),
        Diagonal(Array.of(diagonal), (7, 1, 2, 6, 4, 5, 3)),
        Unitary(Array.of(random_unitary(3, 2)), (1, 0), (2, 3, 4, 5, 6)),
        Permutation((0, 1, 7), (7, 0, 1)),
        ry(0.3, 7),
    ]
    register = statevector.ground(8, tuning=tuning)
    Evolution(instructions).run(register)
    start = np.zeros(256, np.complex128)
    start[[sum((i >> place & 1) << qubit for place, qubit in enumerate((1, 4, 7))) for i in range(8)]] = prepared
    np.testing.assert_allclose(register.ordered(), unitary_of(instructions[1:], 8) @ start, **TOLERANCE)


@pytest.mark.rule(32)
def test_the_same_bits_on_any_number_of_threads() -> None:
    """Threads change no bit of the state."""
    rng = np.random.default_rng(0)
    instructions: list[Evolving] = []
    for _ in range(4):
        instructions += [Gate("u", (qubit,), tuple(rng.uniform(0, 6, 3).tolist())) for qubit in range(10)]
        order = rng.permutation(10).tolist()
        instructions += [x(a, b) for a, b in zip(order[::2], order[1::2], strict=True)]
    found = []
    for count in (1, 2, 4):
        threads.use_threads(count)
        register = statevector.ground(10, tuning=cut(6, 2))
        Evolution(instructions).run(register)
        found.append(register.ordered().tobytes())
    threads.use_threads(None)
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("narrow_bits", [12, -1])
def test_other_angles_share_a_plan(narrow_bits: int) -> None:
    """A structure is planned once; the angles of another circuit are its own."""

    def circuit(theta: float) -> list[Evolving]:
        return [ry(theta, 0), x(1, 0), ry(theta / 2, 1), Gate("rz", (0,), (theta,))]

    clear_caches()
    plans, tuning = [], Tuning(narrow_bits=narrow_bits)
    for theta in (0.3, 1.1):
        register = statevector.ground(2, tuning=tuning)
        Evolution(circuit(theta)).run(register)
        np.testing.assert_allclose(register.ordered(), unitary_of(circuit(theta), 2)[:, 0], **TOLERANCE)
        plans.append(plan_of(PlanKey.of(circuit(theta), (0, 1), tuning, real=False)))
    assert plans[0] is plans[1]


@pytest.mark.parametrize("seed", range(40))
def test_wide_phases_of_which_a_chunk_has_few_qubits(seed: int) -> None:
    """What lies outside of a chunk makes no block larger, and what is too wide for one is in none."""
    rng = np.random.default_rng(seed)
    num_qubits = 12
    instructions: list[Evolving] = []
    for kind in rng.choice(3, 60, p=[0.4, 0.3, 0.3]).tolist():
        first, *others = rng.choice(num_qubits, (1, 2, 7 + rng.integers(3))[kind], replace=False).tolist()
        angles = tuple(rng.uniform(0, 6, 3).tolist())
        instructions.append(
            (Gate("u", (first,), angles), x(first, *others), Gate("p", (first,), angles[:1], tuple(others)))[kind]
        )
    whole = statevector.ground(num_qubits)
    Evolution(instructions).run(whole)
    chunks = statevector.ground(num_qubits, tuning=cut(6, 3))
    Evolution(instructions).run(chunks)
    np.testing.assert_allclose(chunks.ordered(), whole.ordered(), **TOLERANCE)


def test_a_long_circuit_is_planned_in_pieces() -> None:
    """Pieces, with other qubits renamed in each, are the whole circuit, and no long one is kept."""
    rng = np.random.default_rng(3)
    instructions: list[Evolving] = []
    for _ in range(900):
        a, b = rng.choice(4, 2, replace=False).tolist()
        instructions += [ry(float(rng.uniform(0, 6)), a), Gate("swap", (a, b)), x(b, a)]
    register = statevector.ground(4)
    Evolution(instructions).run(register)
    np.testing.assert_allclose(register.ordered(), unitary_of(instructions, 4)[:, 0], rtol=0, atol=1e-11)


def test_twenty_thousand_gates_keep_the_norm() -> None:
    """Rounding does not add up beyond what 20,000 gates must cost."""
    rng = np.random.default_rng(1)
    instructions: list[Evolving] = []
    for _ in range(10_000):
        a, b = rng.choice(6, 2, replace=False).tolist()
        instructions += [Gate("u", (a,), tuple(rng.uniform(0, 6, 3).tolist())), x(a, b)]
    register = statevector.ground(6)
    Evolution(instructions).run(register)
    assert abs(np.linalg.norm(register.amplitudes) - 1) < 1e-11


@pytest.mark.parametrize("count", [1, 2])
def test_a_checkpoint_ends_the_run(count: int) -> None:
    """What the checkpoint raises comes out, also while other threads work; it is called in this thread only."""
    calls: list[int] = []

    def checkpoint() -> None:
        calls.append(get_ident())
        if len(calls) == 5:
            raise StoppedError

    threads.use_threads(count)
    # Of so many chunks, this thread gets five, however late it is.
    register = statevector.ground(16, tuning=cut(5, 1))
    with pytest.raises(StoppedError):
        Evolution([h(qubit) for qubit in range(16)]).run(register, Monitor(checkpoint))
    threads.use_threads(None)
    assert calls == [get_ident()] * 5


def test_names_move_without_amplitudes() -> None:
    """Swaps and permutations move no amplitude; a qubit known to be 0 stays known under its new name."""
    register = statevector.ground(3)
    Evolution([x(0), Gate("swap", (0, 2)), Permutation((0, 1), (1, 0))]).run(register)
    before = register.amplitudes.copy()
    Evolution([Gate("swap", (0, 1))]).run(register)
    assert np.array_equal(register.amplitudes, before)
    np.testing.assert_array_equal(register.ordered(), np.eye(8)[4])
    assert register.maybe_excited == 0b100


def test_more_bits_than_qubits() -> None:
    """Bits above those of the qubits are so many states, one behind the other, and each evolves by itself."""
    rows = np.array([random_vector(seed, 3) for seed in range(4)])
    gates = [h(0), x(2, 0), ry(0.2, 1)]
    register = statevector.Statevector(rows.reshape(-1).copy(), {0: 1, 1: 0, 2: 2})
    Evolution(gates).run(register)
    assert set(register.bit_of) == {0, 1, 2}
    swapped = embedded(np.eye(4)[[0, 2, 1, 3]], (0, 1), 3)
    expected = (unitary_of(gates, 3) @ swapped @ rows.T).T
    for row, psi in zip(register.amplitudes.reshape(4, -1), expected, strict=True):
        np.testing.assert_allclose(statevector.Statevector(row, register.bit_of).ordered(), psi, **TOLERANCE)


def applied(instructions: Sequence[Evolving], psi: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """The state after instructions, each by one product over the qubits that it names."""
    count = psi.size.bit_length() - 1
    for instruction in instructions:
        qubits = qubits_of(instruction)
        place = {qubit: number for number, qubit in enumerate(qubits)}
        near = replace(
            instruction,
            **{
                name: tuple(place[qubit] for qubit in getattr(instruction, name))
                for name in ("targets", "controls")
                if hasattr(instruction, name)
            },
        )
        axes = [count - 1 - qubit for qubit in reversed(qubits)]
        moved = np.moveaxis(psi.reshape((2,) * count), axes, range(len(axes)))
        product = dense(near, len(qubits)) @ moved.reshape(1 << len(qubits), -1)
        psi = np.moveaxis(product.reshape((2,) * count), range(len(axes)), axes).reshape(-1)
    return psi


@pytest.mark.rule(29)
@pytest.mark.slow
@pytest.mark.parametrize("real", [False, True])
@pytest.mark.parametrize("num_qubits", [9, 11, 13, 14, 15])
def test_each_tier(num_qubits: int, real: bool) -> None:
    """Whatever the planner does at a width, diagonals of any width and dense gates give their product."""
    rng = np.random.default_rng(num_qubits)
    instructions: list[Evolving] = []
    for layer in range(3):
        for qubit in range(num_qubits):
            angle = float(rng.uniform(0, 6))
            instructions.append(ry(angle, qubit) if real or layer == 2 else Gate("rx", (qubit,), (angle,)))
        order = rng.permutation(num_qubits).tolist()
        instructions.append(Gate("z", (order[0],), (), tuple(order[1:3])))
        instructions.append(Gate("z", (order[3],), (), tuple(order[4:9]), 0b10110))
        instructions.append(Gate("z", (order[0],), (), tuple(order[1:9])))
        signs = rng.choice([-1.0, 1.0], 16) if real else np.exp(1j * rng.uniform(0, 6, 16))
        instructions.append(Diagonal(Array.of(signs), tuple(order[:4])))
        for a, b in zip(order[::2], order[1::2], strict=False):
            instructions.append(Gate("z", (a,), (), (b,)) if real else Gate("rzz", (a, b), (angle,)))
        if layer:
            # Before, only gates on one qubit mix.
            instructions += [x(a, b) for a, b in itertools.pairwise(order)]
            instructions.append(x(order[0], order[2], order[5]))
    for end in (num_qubits + 4 + num_qubits // 2, len(instructions)):
        register = statevector.ground(num_qubits, np.float64 if real else np.complex128)
        some = Evolution(instructions[:end])
        assert some.real == real
        some.run(register)
        expected = applied(instructions[:end], np.eye(1, 1 << num_qubits, dtype=np.complex128)[0])
        np.testing.assert_allclose(register.ordered(), expected, **TOLERANCE)
