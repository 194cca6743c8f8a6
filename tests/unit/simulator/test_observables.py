"""Expectation values of Pauli sums, against `qiskit.quantum_info`."""

from __future__ import annotations

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from qiskit import quantum_info
from qiskit.quantum_info import SparsePauliOp
from support.examples import examples
from support.programs import program

from simulator.circuit.instructions import Gate
from simulator.circuit.pauli_sum import PauliSum, mask_of
from simulator.errors import InvalidProgramError, StoppedError
from simulator.evolve import Statevector
from simulator.execution import run_shard
from simulator.observables import expectation_values, expectation_values_of_rows
from simulator.options import Method, Options
from simulator.shards.shard import Experiment, Shard

DTYPES = [np.complex128, np.complex64, np.float64, np.float32]
SEEDS = st.integers(0, 2**32 - 1)


def tolerance(state: NDArray[Any], strings: int = 1) -> float:
    """What rounding may do to a normalised state's value: coefficients are about 1."""
    return 20 * strings * float(np.finfo(state.dtype).eps)


def random_sum(rng: np.random.Generator, num_qubits: int, strings: int, letters: str = "IXYZ") -> SparsePauliOp:
    labels = ["".join(rng.choice(list(letters), num_qubits)) for _ in range(strings)]
    return SparsePauliOp(labels, rng.normal(size=strings))


def pauli_sum(operator: SparsePauliOp) -> PauliSum:
    worth = 1 << np.arange(operator.num_qubits)
    return PauliSum(
        tuple((operator.paulis.x @ worth).tolist()),
        tuple((operator.paulis.z @ worth).tolist()),
        tuple(operator.coeffs.real.tolist()),
    )


def random_states(rng: np.random.Generator, rows: int, num_qubits: int, dtype: type[Any]) -> NDArray[Any]:
    states = rng.normal(size=(rows, 1 << num_qubits)).astype(dtype)
    if np.iscomplexobj(states):
        states += 1j * rng.normal(size=states.shape).astype(states.real.dtype)
    return states / np.linalg.norm(states, axis=1, keepdims=True).astype(states.real.dtype)


def laid_out(rows: NDArray[Any], bit_of: dict[int, int]) -> NDArray[Any]:
    """The states with qubit q at bit ``bit_of[q]``."""
    index = np.zeros(rows.shape[1], np.intp)
    for qubit, slot in bit_of.items():
        index |= (np.arange(rows.shape[1]) >> qubit & 1) << slot
    moved = np.empty_like(rows)
    moved[:, index] = rows
    return moved


def expected(state: NDArray[Any], operator: SparsePauliOp) -> float:
    return float(quantum_info.Statevector(state.astype(np.complex128)).expectation_value(operator).real)


@examples(120)
@given(st.integers(1, 10), SEEDS, st.sampled_from(DTYPES), st.sampled_from(["IXYZ", "IZ", "XY", "IY", "IX", "I"]))
def test_a_sum(num_qubits: int, seed: int, dtype: type[Any], letters: str) -> None:
    """The value is that of Qiskit's SparsePauliOp, whatever the strings, the order of qubits and the type."""
    rng = np.random.default_rng(seed)
    operator = random_sum(rng, num_qubits, int(rng.integers(1, 40)), letters)
    rows = random_states(rng, 1, num_qubits, dtype)
    bit_of = dict(enumerate(rng.permutation(num_qubits).tolist()))
    state = Statevector(laid_out(rows, bit_of)[0], bit_of)
    kept = state.amplitudes.copy()
    (value,) = expectation_values(state, [pauli_sum(operator)])
    assert abs(value - expected(rows[0], operator)) < tolerance(rows, len(operator))
    np.testing.assert_array_equal(state.amplitudes, kept)


@pytest.mark.parametrize("num_qubits", [13, 14, 15, 17])
@pytest.mark.parametrize("dtype", DTYPES)
def test_wide_states(num_qubits: int, dtype: type[Any]) -> None:
    """A state of many blocks gives the same as in one piece, for strings inside a block and over several."""
    rng = np.random.default_rng(num_qubits)
    rows = random_states(rng, 1, num_qubits, dtype)
    bit_of = dict(enumerate(rng.permutation(num_qubits).tolist()))
    operators = [random_sum(rng, num_qubits, 12), random_sum(rng, num_qubits, 40, "IZ")]
    singles = ["I" * index + letter + "I" * (num_qubits - index - 1) for index in (0, 5, 12) for letter in "XYZ"]
    operators += map(SparsePauliOp, singles)
    values = expectation_values(Statevector(laid_out(rows, bit_of)[0], bit_of), list(map(pauli_sum, operators)))
    for value, operator in zip(values, operators, strict=True):
        assert abs(value - expected(rows[0], operator)) < tolerance(rows, len(operator))


@examples(60)
@given(st.integers(1, 9), st.integers(0, 40), SEEDS, st.sampled_from(DTYPES))
def test_many_states(num_qubits: int, count: int, seed: int, dtype: type[Any]) -> None:
    """Each row of a batch gives Qiskit's value, and to the last bit what it gives alone."""
    rng = np.random.default_rng(seed)
    rows = random_states(rng, count, num_qubits, dtype)
    bit_of = dict(enumerate(rng.permutation(num_qubits).tolist()))
    operators = [random_sum(rng, num_qubits, strings) for strings in (1, 7)]
    sums = list(map(pauli_sum, operators))
    moved = laid_out(rows, bit_of)
    values = expectation_values_of_rows(moved, bit_of, sums)
    assert values.shape == (count, 2)
    for row, value, state in zip(rows, values, moved, strict=True):
        alone = expectation_values(Statevector(state, bit_of), sums)
        np.testing.assert_array_equal(value, alone)
        for got, operator in zip(value, operators, strict=True):
            assert abs(got - expected(row, operator)) < tolerance(rows, len(operator))


@pytest.mark.parametrize(("num_qubits", "count"), [(4, 1100), (7, 129), (8, 67), (12, 5), (15, 2)])
@pytest.mark.parametrize("dtype", [np.complex128, np.float32])
def test_a_row_does_not_see_the_others(num_qubits: int, count: int, dtype: type[Any]) -> None:
    """Values of many batches are the same, to the last bit, however the rows are cut."""
    rng = np.random.default_rng(count)
    rows = random_states(rng, count, num_qubits, dtype)
    bit_of = {qubit: qubit for qubit in range(num_qubits)}
    sums = [pauli_sum(random_sum(rng, num_qubits, 9))]
    cut = [expectation_values_of_rows(rows[start : start + 37], bit_of, sums) for start in range(0, count, 37)]
    np.testing.assert_array_equal(expectation_values_of_rows(rows, bit_of, sums), np.concatenate(cut))


def test_edges() -> None:
    """No sums, a sum of nothing, no qubits, the same string twice: what arithmetic says."""
    two = Statevector(np.array([0.6, 0, 0, 0.8j]), {0: 0, 1: 1})
    assert expectation_values(two, []).shape == (0,)
    sums = [PauliSum((), (), ()), PauliSum((0,), (0,), (3.0,)), PauliSum((0, 0), (1, 1), (1.0, 0.5))]
    np.testing.assert_allclose(expectation_values(two, sums), [0, 3, 1.5 * (0.36 - 0.64)], rtol=0, atol=1e-15)
    nothing = Statevector(np.array([1j]), {})
    assert expectation_values(nothing, [PauliSum((0,), (0,), (2.0,))]).tolist() == [2]
    assert expectation_values_of_rows(np.empty((0, 4)), {0: 0, 1: 1}, sums).shape == (0, 3)


def test_nothing_is_divided_by_the_norm() -> None:
    """The value of a state of norm 2 is 4 times as large."""
    state = Statevector(np.array([2.0, 0]), {0: 0})
    assert expectation_values(state, [PauliSum((0,), (1,), (1.0,))]).tolist() == [4]


@pytest.mark.parametrize("width", [100, 1000])
@pytest.mark.parametrize("method", ["statevector", "density_matrix"])
def test_few_qubits_of_many(method: Method, width: int) -> None:
    """In a wide circuit of which three qubits are in use, strings on these, and Z on the others, have values."""
    used = (3, width // 2, width - 1)
    ran = program(width, 0, *(Gate("ry", (qubit,), (0.1 * qubit,)) for qubit in used))
    cosines, sines = np.cos(0.1 * np.array(used)), np.sin(0.1 * np.array(used))
    masks = {
        (0, sum(1 << qubit for qubit in used)): cosines.prod(),
        (1 << used[2], 1 << used[0]): cosines[0] * sines[2],
        (0, 1 << used[1] | 1 << (width - 2)): cosines[1],
        (0, 1 << 4): 1,
    }
    if method == "statevector":
        masks[1 << (width - 2), 0] = 0  # a density matrix has all qubits that strings act on, so not many
    else:
        del masks[0, 1 << used[1] | 1 << (width - 2)]
    strings = list(masks)
    whole = PauliSum(
        tuple(mask_of(x) for x, _ in strings), tuple(mask_of(z) for _, z in strings), (1.0,) * len(masks)
    )
    sums = [PauliSum((mask_of(x),), (mask_of(z),), (1.0,)) for x, z in strings]
    options = Options("counts", 0, expectations=True, method=method)
    experiment = Experiment(0, 1, ran, observables=(*sums, whole))
    (outcome,) = run_shard(Shard(options, (experiment,))).outcomes
    assert outcome.failure is None
    values = list(masks.values())
    np.testing.assert_allclose(outcome.expectations.ndarray(), [*values, sum(values)], rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("masks", "message"),
    [
        (((1,), (0,), ()), "1 X masks, 1 Z masks, 0 coefficients"),
        (((-1,), (0,), (1.0,)), "negative"),
        (((0,), (1 << 62,), (1.0,)), "more than 62 bits"),
        (((0,), (0,), (float("nan"),)), "not finite"),
    ],
)
def test_what_is_no_sum_is_refused(masks: Any, message: str) -> None:
    """A sum is checked when it is built."""
    with pytest.raises(InvalidProgramError, match=message):
        PauliSum(*masks)


def test_a_qubit_that_is_not_there_is_refused() -> None:
    """The qubit and the state's width are named."""
    state = Statevector(np.array([1.0, 0, 0, 0]), {0: 0, 1: 1})
    with pytest.raises(InvalidProgramError, match="acts on qubit 5; there are 2 qubits"):
        expectation_values(state, [PauliSum((0,), (1 << 5,), (1.0,))])


def test_a_checkpoint_ends_it() -> None:
    """The checkpoint is called while it reads, and what it raises comes out."""

    def stop() -> None:
        raise StoppedError("stop")

    state = Statevector(np.ones(1 << 17) / 2**8.5, {qubit: qubit for qubit in range(17)})
    with pytest.raises(StoppedError):
        expectation_values(state, [PauliSum((0,), (1,), (1.0,))], stop)


def test_scratch_is_a_few_blocks() -> None:
    """However wide the state and however many the strings, memory is a few blocks of 2^14 amplitudes."""
    rng = np.random.default_rng(1)
    operator = random_sum(rng, 19, 300)
    state = Statevector(random_states(rng, 1, 19, np.complex128)[0], {qubit: qubit for qubit in range(19)})
    sums = [pauli_sum(operator)]
    expectation_values(Statevector(state.amplitudes[: 1 << 15], {qubit: qubit for qubit in range(15)}), [])
    tracemalloc.start()
    expectation_values(state, sums)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    plan = 300 * 6000
    assert most < 6 * (16 << 14) + plan < state.amplitudes.nbytes
