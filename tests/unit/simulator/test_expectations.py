"""Expectation values that a run gives, beside counts and states: of circuits, of sweeps, and of shards."""

from __future__ import annotations

import tracemalloc

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from qiskit import quantum_info
from qiskit.quantum_info import SparsePauliOp
from support.examples import examples
from support.programs import h, program, unitary_instructions, unitary_of, x

from simulator import Shard, run, run_shard
from simulator.circuit.array import Array
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import Gate, IfElse, Measure, Reset
from simulator.circuit.pauli_sum import PauliSum
from simulator.cost import observing_bytes
from simulator.errors import InvalidProgramError, WireError
from simulator.observables import expectation_values_of_rows
from simulator.options import Options
from simulator.rng import experiment_seed
from simulator.shards import wire
from simulator.shards.part import merge
from simulator.shards.result import Outcome, SweepOutcome
from simulator.shards.shard import Experiment, Sweep
from simulator.shards.sweeps import with_sweeps
from simulator.split import split

Z0 = PauliSum((0,), (1,), (1.0,))
X0 = PauliSum((1,), (0,), (1.0,))


def random_sums(rng: np.random.Generator, num_qubits: int) -> tuple[PauliSum, ...]:
    masks = [tuple(rng.integers(0, 1 << num_qubits, 6).tolist()) for _ in range(6)]
    return tuple(PauliSum(masks[2 * i], masks[2 * i + 1], tuple(rng.normal(size=6).tolist())) for i in range(3))


def operator(each: PauliSum, num_qubits: int) -> SparsePauliOp:
    labels = [
        "".join("IXZY"[(x >> q & 1) + 2 * (z >> q & 1)] for q in reversed(range(num_qubits)))
        for x, z in zip(each.x, each.z, strict=True)
    ]
    return SparsePauliOp(labels, each.coefficients)


@examples(80)
@given(st.data(), st.integers(1, 6), st.integers(0, 2**32 - 1))
def test_a_circuit(data: st.DataObject, num_qubits: int, seed: int) -> None:
    """The values are Qiskit's, whatever else is asked for, final measurements or none; idle qubits are in |0>."""
    rng = np.random.default_rng(seed)
    busy = data.draw(st.integers(1, num_qubits))
    instructions = data.draw(unitary_instructions(busy))
    sums = random_sums(rng, num_qubits)
    state = quantum_info.Statevector(
        np.kron(np.eye(1, 1 << num_qubits - busy)[0], unitary_of(instructions, busy)[:, 0])
    )
    expected = [state.expectation_value(operator(each, num_qubits)).real for each in sums]
    measures = [Measure(qubit, qubit) for qubit in range(num_qubits)]
    plain = program(num_qubits, 0, *instructions)
    measured = program(num_qubits, num_qubits, *instructions, *measures)
    found = [
        run(plain, seed=1, shots=0, observables=sums),
        run(measured, seed=1, shots=100, observables=sums),
        run(measured, seed=1, shots=100, observables=sums, counts=False),
        run(measured, seed=1, output="statevector", observables=sums),
    ]
    for each in found:
        assert each.expectations is not None
        np.testing.assert_allclose(each.expectations, expected, rtol=0, atol=1e-12)
    assert found[1].counts == run(measured, seed=1, shots=100).counts
    assert found[2].counts == {}
    assert run(measured, seed=1, shots=100).expectations is None


def test_a_circuit_that_measures_on_its_way() -> None:
    """The value is the mean over all shots: here, of states that the counts tell. No qubit of it is freed."""
    coin = program(2, 1, h(0), Measure(0, 0), IfElse(Clbit(0), (h(1),), ()))
    z1, x1 = PauliSum((0,), (2,), (1.0,)), PauliSum((2,), (0,), (1.0,))
    result = run(coin, seed=5, shots=1000, observables=(Z0, X0, z1, x1))
    assert result.counts is not None
    assert result.expectations is not None
    ones = result.counts["0x1"] / 1000
    assert 0.4 < ones < 0.6
    np.testing.assert_allclose(result.expectations, [1 - 2 * ones, 0, 1 - ones, ones], rtol=0, atol=1e-12)
    uncounted = run(coin, seed=5, shots=1000, observables=(Z0, X0, z1, x1), counts=False)
    assert (uncounted.counts, uncounted.expectations.tolist()) == ({}, result.expectations.tolist())


def test_resets_and_measurements_after_them() -> None:
    """A reset qubit is in |0>; a measurement that nothing depends on is of the state whose value is told."""
    again = program(1, 1, h(0), Reset(0), h(0), Measure(0, 0))
    result = run(again, seed=3, shots=50, observables=(Z0, X0))
    np.testing.assert_allclose(result.expectations, [0, 1], rtol=0, atol=1e-12)
    assert sum(result.counts.values()) == 50


def test_refusals() -> None:
    """What has no value is refused, and says why."""
    with pytest.raises(InvalidProgramError, match="need a shot at least"):
        run(program(1, 1, h(0), Measure(0, 0), h(0)), seed=1, shots=0, observables=(Z0,))
    with pytest.raises(InvalidProgramError, match="acts on qubit 1; there are 1 qubits"):
        Experiment(0, 1, program(1, 0, h(0)), observables=(PauliSum((2,), (0,), (1.0,)),))
    with pytest.raises(InvalidProgramError, match="ask for no expectation values"):
        Shard(Options("counts", 1), (Experiment(0, 1, program(1, 0), observables=(Z0,)),))
    with pytest.raises(InvalidProgramError, match="a unitary has no expectation values"):
        Options("unitary", 1, expectations=True)


def test_an_older_worker_refuses() -> None:
    """A worker that knows no observables says which option it lacks: it does not leave them out."""

    class Older(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
        output: str
        shots: int

    with pytest.raises(msgspec.ValidationError, match="expectations"):
        msgspec.convert(msgspec.to_builtins(Options("counts", 1, expectations=True)), Older)
    assert msgspec.to_builtins(Options("counts", 1)) == {"output": "counts", "shots": 1}


def angles_sweep(rows: int, observables: tuple[PauliSum, ...], num_qubits: int = 3) -> Sweep:
    gates = [Gate("ry", (qubit,), (0.0,)) for qubit in range(num_qubits)]
    links = [Gate("x", (qubit + 1,), (), (qubit,)) for qubit in range(num_qubits - 1)]
    measures = [Measure(qubit, qubit) for qubit in range(num_qubits)]
    template = program(num_qubits, num_qubits, *gates, *links, *gates, *measures)
    places = tuple((index, 0) for index, each in enumerate(template.instructions) if each.__class__ is Gate)
    places = tuple((index, 0) for index, _ in places if template.instructions[index].params)
    values = np.random.default_rng(rows).normal(size=(rows, len(places)))
    return Sweep(0, 7, template, places, Array.of(values), observables=observables)


@pytest.mark.parametrize("counts", [True, False])
@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.rule(32)
def test_a_sweep(precision: str, *, counts: bool) -> None:
    """Rows that are run together give, bit for bit, what each gives alone, however they are cut."""
    sums = random_sums(np.random.default_rng(3), 3)
    options = Options("counts", 64, precision=precision, expectations=True, counts=counts)
    sweep = angles_sweep(300, sums)
    (whole,) = run_shard(Shard(options, (sweep,))).outcomes
    assert isinstance(whole, SweepOutcome)
    values = whole.expectations.ndarray()
    assert values.shape == (300, 3)
    cut = [run_shard(Shard(options, (sweep.rows(start, start + 100),))) for start in (0, 100, 200)]
    parts = [each.expectations.ndarray() for each in merge(cut).outcomes]
    np.testing.assert_array_equal(np.concatenate(parts), values)
    alone = run_shard(Shard(options, tuple(sweep.experiments()))).outcomes
    np.testing.assert_array_equal([each.expectations.ndarray() for each in alone], values)
    if counts:
        assert [each.counts for each in alone] == list(whole.counts_of_rows())
    else:
        assert {each.counts for each in alone} == {None}


def test_on_the_wire() -> None:
    """Observables and their values cross as data; what acts on no qubit of the circuit does not come in."""
    options = Options("counts", 0, expectations=True, counts=False)
    shard = Shard(options, (angles_sweep(4, (Z0, X0)), Experiment(4, 1, program(1, 0, x(0)), observables=(Z0,))))
    assert wire.decode_shard(wire.encode(shard)) == shard
    part = run_shard(shard)
    again = wire.decode_part(wire.encode(part))
    assert again == part
    assert again.outcomes[1].expectations.ndarray().tolist() == [-1.0]
    wrong = msgspec.to_builtins(shard, builtin_types=(bytes,))
    wrong[1][1][-1] = [[[4], [0], [1.0]]]
    with pytest.raises(WireError, match="acts on qubit 2"):
        wire.decode_shard(b"BAC\x01" + msgspec.msgpack.encode(wrong))


def test_how_a_job_is_split() -> None:
    """Copies of a circuit are one sweep if their observables are alike; a mean over shots is of one shard."""
    circuits = [program(1, 1, Gate("ry", (0,), (angle,)), Measure(0, 0)) for angle in (0.1, 0.2, 0.3)]
    items = [
        Experiment(index, experiment_seed(1, index), each, observables=(Z0,) if index < 2 else (X0,))
        for index, each in enumerate(circuits)
    ]
    together, other = with_sweeps(items, 1)
    assert isinstance(together, Sweep)
    assert (together.num_rows, together.observables, other) == (2, (Z0,), items[2])
    loop = [each for qubit in range(12) for each in (h(qubit), Measure(qubit, qubit), h(qubit))]
    dynamic = program(12, 12, *loop * 4)
    counted = Experiment(0, 1, dynamic)
    assert len(list(split(Options("counts", 20_000, method="statevector"), [counted]))) > 1
    observed = msgspec.structs.replace(counted, observables=(Z0,))
    assert len(list(split(Options("counts", 20_000, expectations=True), [observed]))) == 1


def test_a_failure_is_one_experiments_own() -> None:
    """One that cannot be run has its failure, and the others their values."""
    bad = program(1, 1, Measure(0, 0), h(0), Measure(0, 0), h(0))
    good = program(1, 1, x(0))
    options = Options("counts", 0, expectations=True)
    items = (Experiment(0, 1, bad, observables=(Z0,)), Experiment(1, 1, good, observables=(Z0,)))
    first, second = run_shard(Shard(options, items)).outcomes
    assert isinstance(first, Outcome)
    assert "need a shot" in first.failure.text
    assert second.expectations.ndarray().tolist() == [-1.0]


@pytest.mark.rule(25, 36)
def test_what_is_admitted() -> None:
    """A run asks for the memory of its observables, together and alone, before it takes any."""
    sums = tuple(PauliSum(tuple(range(8)), (0,) * 8, (1.0,) * 8) for _ in range(1000))
    options = Options("counts", 1, expectations=True, counts=False)

    def asked(observables: tuple[PauliSum, ...], rows: int) -> int:
        admitted: list[int] = []
        run_shard(Shard(options, (angles_sweep(rows, observables),)), admit=admitted.append)
        return max(admitted)

    strings = 4096 * 8 * 1000
    assert asked(sums, 200) - asked((), 200) > strings + 200 * 1000 * 8
    assert asked(sums, 1) - asked((), 1) > strings


@pytest.mark.parametrize("num_qubits", [4, 8, 15])
def test_the_memory_of_strings(num_qubits: int) -> None:
    """How strings are read takes no more bytes than they are said to."""
    rng = np.random.default_rng(num_qubits)
    masks = [tuple(rng.integers(0, 1 << num_qubits, 3000).tolist()) for _ in range(2)]
    each = PauliSum(masks[0], masks[1], (1.0,) * 3000)
    rows = np.zeros((4, 1 << num_qubits), np.complex128)
    bit_of = {qubit: qubit for qubit in range(num_qubits)}
    expectation_values_of_rows(rows, bit_of, (X0,))
    tracemalloc.start()
    expectation_values_of_rows(rows, bit_of, (each,))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # The blocks that are read take no more than the workspace that every run is given.
    assert peak < observing_bytes((each,), 4, 4) + (2 << 20)
