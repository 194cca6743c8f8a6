"""Single precision: complex64 from the first amplitude to the result."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.exact import assert_likely, distribution
from support.examples import examples
from support.programs import (
    bytes_of,
    h,
    measures,
    program,
    random_unitary,
    random_vector,
    ry,
    unitary_instructions,
    unitary_of,
    x,
)

from simulator import Program, Shard, run, run_shard
from simulator.circuit.array import Array
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import Gate, IfElse, Initialize, Measure, Reset, Unitary
from simulator.options import Options
from simulator.shards import wire
from simulator.shards.shard import Experiment

# Rounding to 24 bits, of a dozen products of matrices of at most 2^5 rows.
TOLERANCE = {"rtol": 0, "atol": 1e-5}
TELEPORTATION = program(
    3,
    3,
    *(Gate("u", (0,), (1.1, 0.2, 0.3)), h(1), x(2, 1), x(1, 0), h(0), Measure(0, 0), Measure(1, 1)),
    *(IfElse(Clbit(1), (x(2),)), IfElse(Clbit(0), (Gate("z", (2,)),)), Measure(2, 2)),
)
RESETS = program(2, 2, ry(1.0, 0), x(1, 0), Reset(0), ry(2.0, 0), x(1, 0), *measures(2))
STATIC = program(3, 3, ry(0.9, 0), x(1, 0), ry(1.9, 2), x(2, 1), *measures(3))


@pytest.mark.rule(27)
@examples(60)
@given(st.data(), st.integers(0, 6), st.floats(-7, 7))
def test_statevector(data: st.DataObject, num_qubits: int, phase: float) -> None:
    """Whatever the instructions and the initial state, the state is complex64 and right to 1e-5."""
    instructions = data.draw(unitary_instructions(num_qubits))
    circuit = program(num_qubits, 0, *instructions, global_phase=phase)
    unitary = np.exp(1j * phase) * unitary_of(instructions, num_qubits)
    initial = random_vector(2, num_qubits)
    for start, expected in ((None, unitary[:, 0]), (initial, unitary @ initial)):
        result = run(circuit, output="statevector", seed=1, precision="single", initial_state=start)
        assert result.state.dtype == np.complex64
        np.testing.assert_allclose(result.state, expected, **TOLERANCE)


@pytest.mark.rule(27)
@examples(30)
@given(st.data(), st.integers(0, 4))
def test_unitary(data: st.DataObject, num_qubits: int) -> None:
    """The unitary is complex64 and right to 1e-5, from the identity and from an initial one."""
    instructions = data.draw(unitary_instructions(num_qubits))
    circuit = program(num_qubits, 0, *instructions)
    initial = random_unitary(2, num_qubits)
    for start, expected in ((None, np.eye(1 << num_qubits)), (initial, initial)):
        result = run(circuit, output="unitary", seed=1, precision="single", initial_state=start)
        assert result.state.dtype == np.complex64
        np.testing.assert_allclose(result.state, unitary_of(instructions, num_qubits) @ expected, **TOLERANCE)


@pytest.mark.parametrize("num_qubits", [13, 16])
def test_wide_states(num_qubits: int) -> None:
    """Wide states, which are computed in blocks, are those of double precision to 1e-5."""
    rng = np.random.default_rng(num_qubits)
    pairs = [rng.permutation(num_qubits)[:2].tolist() for _ in range(40)]
    gates = [Unitary(Array.of(random_unitary(seed, 2)), tuple(pair)) for seed, pair in enumerate(pairs)]
    pieces = [Gate("t", (3,)), Gate("z", (0,), (), (9,)), Gate("rx", (12,), (0.3,)), Gate("swap", (1, 11))]
    circuit = program(num_qubits, 0, Initialize(Array.of(random_vector(1, 2)), (2, 12)), *gates, *pieces)
    single, double = (
        run(circuit, output="statevector", seed=1, precision=precision).state for precision in ("single", "double")
    )
    assert (single.dtype, double.dtype) == (np.complex64, np.complex128)
    np.testing.assert_allclose(single, double, **TOLERANCE)


@pytest.mark.rule(28, 32)
@pytest.mark.parametrize("circuit", [STATIC, TELEPORTATION, RESETS], ids=["static", "teleportation", "resets"])
@pytest.mark.parametrize("sampling", [True, False])
def test_counts(circuit: Program, *, sampling: bool) -> None:
    """Counts follow the exact distribution, and the same seed gives the same."""
    options = {"shots": 3000, "memory": True, "sample_measuring": sampling, "precision": "single"}
    result = run(circuit, seed=3, **options)
    assert result == run(circuit, seed=3, **options)
    assert sum(result.counts.values()) == len(result.memory) == 3000
    assert_likely(result.counts, distribution(circuit))


@pytest.mark.rule(31)
def test_a_collapsed_state() -> None:
    """The statevector collapses on measure in single precision, too, and has norm 1."""
    result = run(TELEPORTATION, output="statevector", seed=4, precision="single")
    assert result.state.dtype == np.complex64
    assert abs(np.linalg.norm(result.state) - 1) < 1e-5
    assert np.count_nonzero(result.state) == 1


@pytest.mark.rule(27)
def test_a_shard_in_single_precision() -> None:
    """The precision goes with the shard, and its states come back as complex64."""
    options = Options("statevector", 1, precision="single")
    shard = wire.decode_shard(wire.encode(Shard(options, (Experiment(0, 1, STATIC),))))
    (outcome,) = wire.decode_part(wire.encode(run_shard(shard))).outcomes
    assert outcome.failure is None
    assert outcome.state.ndarray().dtype == np.complex64


@pytest.mark.rule(25)
def test_the_worker_is_asked_for_half_the_bytes() -> None:
    """Admission is asked for 8 bytes an amplitude, and a run takes no more."""
    circuit = program(18, 0, *(ry(0.1 * layer, qubit) for layer in range(3) for qubit in range(18)))
    asked: list[int] = []
    shard = Shard(Options("statevector", 1, precision="single"), (Experiment(0, 1, circuit),))
    run_shard(shard)
    tracemalloc.start()
    run_shard(shard, admit=asked.append)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert asked == [bytes_of(circuit, "statevector", precision="single")]
    assert bytes_of(circuit, "statevector") - asked[0] == 2 * 8 << 18
    assert most < asked[0]
