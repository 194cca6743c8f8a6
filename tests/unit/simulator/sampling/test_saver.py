"""What is saved of states, beside what Aer says of it: what crosses the wire, what it takes, and how it is cut."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from support.programs import h, measures, program, ry, x

from simulator import cost, run, run_shard
from simulator.circuit.array import Array
from simulator.circuit.instructions import MAX_KEY, Measure, Save
from simulator.circuit.pauli_sum import PauliSum
from simulator.dynamic.compiler import compile_program
from simulator.dynamic.timeline import Timeline
from simulator.errors import InvalidProgramError, MemoryRefusedError, WireError
from simulator.options import Options
from simulator.shards import wire
from simulator.shards.metadata import RunMetadata
from simulator.shards.result import Outcome, SavedValue, SweepOutcome
from simulator.shards.shard import Experiment, Shard
from simulator.split import split

STATE = Save("statevector", "state", (0, 1, 2))
Z = PauliSum((0,), (1,), (1.0,))


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ({"key": "k" * (MAX_KEY + 1)}, f"has {MAX_KEY + 1} characters, and may have {MAX_KEY}"),
        ({"sums": (Z,)}, "a save of 'statevector' with 1 observables"),
        ({"what": "expectation_value"}, "a save of 'expectation_value' with 0 observables"),
        ({"what": "expectation_value", "sums": (Z,), "qubits": ()}, "acts on qubit 0; there are 0 qubits"),
        ({"what": "probabilities", "clbits": ((0,),)}, "a save of 3 qubits, 1 of them measured"),
    ],
)
@pytest.mark.rule(36, 40)
def test_what_no_save_is(what, message):
    """It is refused when it is made, and so when it is decoded."""
    with pytest.raises(InvalidProgramError, match=message):
        msgspec.structs.replace(STATE, **what)


@pytest.mark.rule(36)
def test_a_save_of_something_unknown_is_refused():
    """By a worker of an older version, as by this one: it names what it does not know."""
    shard = wire.encode(Shard(Options("counts", 1), (Experiment(0, 1, program(3, 0, STATE)),)))
    with pytest.raises(WireError, match="statevectox"):
        wire.decode_shard(shard.replace(b"statevector", b"statevectox"))
    with pytest.raises(WireError, match="sav2"):
        wire.decode_shard(shard.replace(b"\xa4save", b"\xa4sav2"))


@pytest.mark.rule(36)
def test_what_no_saved_value_is():
    """Numbers of another type, other shapes, and rows where there are none; and the other way round."""
    real, whole = Array.of(np.ones((4, 4))), Array.counting(np.array([1]))
    for what, value in (
        ("probabilities", whole),
        ("density_matrix", real),
        ("probabilities", Array.of(np.ones((2, 4, 4)))),
        ("probabilities", Array.of(np.ones(3))),
        ("expectation_value", Array.of(np.ones(2))),
        ("expectation_value_variance", Array.of(np.ones(0))),
        ("statevector", Array.of(np.ones((), complex))),
        ("density_matrix", Array.of(np.ones((2, 4), complex))),
    ):
        with pytest.raises(InvalidProgramError, match=f"a {what} was saved as {value.dtype} of shape"):
            SavedValue("k", what, value)
    with pytest.raises(InvalidProgramError, match="a probabilities was saved"):
        SavedValue("k", "probabilities", Array.of(np.ones(4)), ((0,),))
    rows = SavedValue("k", "probabilities", real)
    outcome = Outcome(0, 0, 1, program(2, 0))
    with pytest.raises(InvalidProgramError, match="a circuit saved what is of several rows"):
        msgspec.structs.replace(outcome, saved=(rows,))
    none = Array.counting(np.zeros(0, int))
    ends = Array.counting(np.zeros(3, int))
    swept = SweepOutcome(0, (1, 2, 3), 1, program(2, 0), none, none, ends)
    for saved in (rows, SavedValue("k", "probabilities", Array.of(np.ones(4)))):
        with pytest.raises(InvalidProgramError, match="another number of rows than 3"):
            msgspec.structs.replace(swept, saved=(saved,))


@pytest.mark.rule(32)
def test_what_is_saved_changes_no_count():
    """Of a circuit that only evolves counts are the same with and without, as of one that measures on its way."""
    gates = [ry(0.3, 0), x(1, 0), h(2)]
    for middle in ([], [Measure(2, 2), h(2)]):
        plain = program(3, 3, *gates, *middle, *measures(3))
        saving = program(3, 3, *gates, *middle, Save("density_matrix", "d", (1, 2)), *measures(3))
        assert run(plain, seed=3).counts == run(saving, seed=3).counts


@pytest.mark.rule(40)
def test_final_measurements_stay_behind_what_is_saved():
    """However many qubits fewer a run would have with each measurement as early as can be."""
    width = 22
    chain = [gate for qubit in range(width - 1) for gate in (h(qubit), x(qubit + 1, qubit))]
    plain = program(width, width, *chain, *measures(width))
    save = Save("probabilities", "p", (0, 1))
    saving = program(width, width, *chain, save, *measures(width))
    assert not cost.timeline_of(plain, "counts", 100).final
    timeline = cost.timeline_of(saving, "counts", 100)
    assert (len(timeline.final), timeline.saves, timeline.evolves) == (width, (save,), True)
    # Without clbits, too, what is saved needs its gates.
    assert cost.timeline_of(program(2, 0, h(0), save), "counts", 100).instructions == [h(0), save]


@pytest.mark.rule(32)
@pytest.mark.parametrize("max_shards", [None, 7])
def test_circuits_that_save_are_not_cut_by_shots(max_shards):
    """A mean of means would differ in its last digits."""
    branching = [gate for qubit in range(10) for gate in (h(qubit), Measure(qubit, qubit), h(qubit))] * 4
    saving = program(10, 10, *branching, Save("expectation_value", "z", (0,), (Z,)))
    options = Options("counts", 100_000, method="statevector")
    shards = list(split(options, [Experiment(0, 1, saving)], max_shards))
    assert len(shards) == 1
    assert len(list(split(options, [Experiment(0, 1, program(10, 10, *branching))], max_shards))) > 1


@pytest.mark.rule(25)
@pytest.mark.parametrize("what", ["statevector", "density_matrix", "probabilities"])
def test_what_it_takes_is_counted(what):
    """In the memory that a worker admits a run by, and in what a result weighs, which is what comes."""
    qubits = tuple(range(12 if what == "statevector" else 10))
    save = Save(what, "k", qubits)
    plain, saving = (program(12, 0, *map(h, range(12)), *more) for more in ((), (save,)))
    expected = {"statevector": 16 << 12, "density_matrix": 16 << 20, "probabilities": 8 << 10}[what]
    assert cost.saved_bytes([save], "double") == expected
    needed = [cost.bytes_required(compile_program(Timeline.of(each)), 1, "double") for each in (plain, saving)]
    assert needed[1] - needed[0] >= 2 * expected
    shard = Shard(Options("counts", 1), (Experiment(0, 1, saving),))
    part = run_shard(shard)
    assert cost.part_weight(part) == expected
    assert len(wire.encode(part)) >= expected

    def refuse(asked: int) -> None:
        raise MemoryRefusedError(f"asked for {asked}")

    (failed,) = run_shard(shard, admit=refuse).outcomes
    assert failed.failure.type == "MemoryRefusedError"


@pytest.mark.rule(40)
def test_single_precision():
    """Complex64 where the states are, and about 6 digits."""
    saved = run(program(3, 0, h(0), x(1, 0), STATE), seed=1, precision="single").saved
    assert saved[0].value.dtype == "c8"
    np.testing.assert_allclose(saved[0].value.ndarray()[[0, 3]], 2**-0.5, atol=1e-6)


@pytest.mark.rule(40)
def test_shots_are_needed_on_the_way_only():
    """No shots are needed where all have the same state; where they have not, nothing was saved."""
    assert run(program(3, 3, h(0), STATE, *measures(3)), seed=1, shots=0).saved
    assert not run(program(3, 3, h(0), Measure(0, 0), STATE, *measures(3)), seed=1, shots=0).saved


@pytest.mark.rule(26)
@pytest.mark.parametrize(
    ("instructions", "width", "sampled"),
    [
        ([h(0), *measures(3)], 1, True),
        ([h(0), x(2, 0), *measures(3)], 2, True),
        ([h(0), Measure(0, 0), h(0), *measures(3)], 1, False),
    ],
)
def test_how_a_circuit_was_run(instructions, width, sampled):
    """The method, the qubits in use, and whether all shots were drawn from one state."""
    shard = Shard(Options("counts", 5, method="statevector"), (Experiment(0, 1, program(3, 3, *instructions)),))
    (outcome,) = run_shard(shard).outcomes
    assert isinstance(outcome, Outcome)
    assert outcome.run == RunMetadata("statevector", width, sampled)
