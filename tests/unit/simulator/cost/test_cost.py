"""Estimates of bytes and seconds, and packing."""

from __future__ import annotations

import tracemalloc

import msgspec
import numpy as np
import pytest
from support.programs import bytes_of, everywhere, h, measures, program, ry, x

from simulator import cost, run, run_shard
from simulator.circuit.array import Array
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import Diagonal, For, Gate, Measure, Range, Reset, While
from simulator.circuit.program import Program
from simulator.cost import part_weight, weight, work
from simulator.dynamic.timeline import Timeline
from simulator.kernels.threads import use_threads
from simulator.monitor import no_checkpoint
from simulator.options import Options, Output, Precision
from simulator.shards.part import Part
from simulator.shards.readout import PackedReadout
from simulator.shards.result import Outcome, PackedMemories, SweepOutcome
from simulator.shards.shard import Experiment, Shard, Sweep
from simulator.shards.wire import encode

LAYERS = [
    gate
    for layer in range(4)
    for qubit in range(12)
    for gate in (ry(0.1 * layer, qubit), x(qubit, (qubit + 1) % 12))
]
STATIC = program(12, 12, *LAYERS, *measures(12))
#: More than a short circuit takes beside its states.
WORKSPACE = 17 << 20
SPLITTING = program(12, 12, *(part for i in range(12) for part in (h(0), x(5, 0), Measure(0, i))), h(0))


@pytest.mark.rule(25)
@pytest.mark.parametrize(
    ("output", "num_qubits", "last", "expected"),
    [
        ("counts", 26, Gate("t", (0,)), 16 << 26),
        ("counts", 26, h(0), 8 << 26),
        ("statevector", 26, Gate("t", (0,)), 32 << 26),
        ("statevector", 26, h(0), 32 << 26),
        ("unitary", 13, h(0), 32 << 26),
    ],
)
def test_states_of_a_circuit_without_branches(output: Output, num_qubits: int, last: Gate, expected: int) -> None:
    """16 bytes an amplitude, 8 if real; a state that is sent, twice; half of it in single precision."""
    circuit = program(
        num_qubits, 1, *everywhere(num_qubits), last, *([] if output == "unitary" else [Measure(0, 0)])
    )
    double, single = (bytes_of(circuit, output, precision=each) for each in ("double", "single"))
    assert double - single == expected // 2
    assert expected < double < expected + WORKSPACE


@pytest.mark.rule(25)
def test_an_initial_state_is_complex() -> None:
    """From an initial state on, amplitudes are complex whatever the gates."""
    circuit = program(26, 1, h(0), Measure(0, 0))
    assert bytes_of(circuit, "counts", from_ground=False) > bytes_of(circuit, "counts") + (7 << 26)


@pytest.mark.rule(25)
def test_a_long_circuit_takes_more() -> None:
    """A plan takes memory, too, for each of its instructions."""
    short, long = (program(4, 0, *[h(0), Gate("t", (1,))] * count) for count in (1, 5000))
    assert bytes_of(long, "statevector") - bytes_of(short, "statevector") > 5000 << 13


@pytest.mark.rule(25)
@pytest.mark.parametrize("shots", [1, 10, 200])
def test_bytes_bound_what_branches_take(shots: int) -> None:
    """A dynamic circuit takes no more bytes than it is said to, beside its bookkeeping."""
    # What NumPy imports at its first use is no bookkeeping of a run.
    run(program(1, 1, h(0), Measure(0, 0), h(0), Measure(0, 0)), seed=1, shots=10)
    tracemalloc.start()
    run(SPLITTING, seed=1, shots=shots)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    bookkeeping = 1 << 21
    assert most < bytes_of(SPLITTING, "counts", shots) + bookkeeping


@pytest.mark.rule(25)
@pytest.mark.parametrize(
    ("circuit", "states"),
    [
        (program(20, 1, *everywhere(20), Measure(0, 0), h(0)), 3),
        (program(20, 1, *everywhere(20), Measure(0, 0), h(0), Reset(0)), 5),
        (program(20, 1, *everywhere(20), Measure(0, 0), Reset(0)), 3),
        (program(26, 1, *everywhere(26), For(Range(0, 3), ((h(0), Measure(0, 0)),))), 9),
        (program(26, 1, *everywhere(26), While(Clbit(0), (h(0), Measure(0, 0)))), 13),
    ],
)
def test_states_of_a_dynamic_circuit(circuit: Program, states: int) -> None:
    """Each place where shots part may double the states, up to log2(shots) of them for wide circuits."""
    expected = states * 16 << circuit.num_qubits
    assert expected < bytes_of(circuit, "counts", 1024) < expected + WORKSPACE


@pytest.mark.rule(25)
def test_a_wide_diagonal_takes_more() -> None:
    """A run copies a diagonal."""
    ones = Array.of(np.ones(1 << 20, np.complex128))
    circuit = program(20, 0, Diagonal(ones, tuple(range(20))))
    assert bytes_of(circuit, "statevector") - bytes_of(program(20, 0), "statevector") > 16 << 20


@pytest.mark.rule(25)
def test_many_threads_take_more() -> None:
    """Each thread has buffers of its own."""
    circuit = program(26, 0, h(0))
    few = bytes_of(circuit, "statevector")
    use_threads(64)
    many = bytes_of(circuit, "statevector")
    use_threads(None)
    assert many - few > 50 << 20


@pytest.mark.rule(25)
@pytest.mark.parametrize("memory", [0, 31, 32, 63, 64, 2**30, 2**30 - 1])
@pytest.mark.parametrize("output", ["counts", "unitary"])
@pytest.mark.parametrize("precision", ["double", "single"])
def test_max_qubits_is_the_widest_that_fits(memory: int, output: Output, precision: Precision) -> None:
    """The maximum width follows the memory: that many qubits fit, one more does not."""

    def required(width: int) -> int:
        return bytes_of(program(width, 0), output, precision=precision, from_ground=False)

    width = cost.max_qubits(memory, output, precision)
    assert width == 0 or required(width) <= memory
    assert required(width + 1) > memory


@pytest.mark.rule(36)
def test_result_bytes() -> None:
    """The bytes of a state are those of its array; counts take at most what is said."""
    assert cost.result_bytes(STATIC, "statevector") == 16 * 2**12
    assert cost.result_bytes(STATIC, "unitary") == 16 * 4**12
    assert cost.result_bytes(STATIC, "unitary", "single") == 8 * 4**12
    assert cost.result_bytes(STATIC, "counts") == 0


@pytest.mark.rule(36)
@pytest.mark.parametrize("clbits", [1, 8, 13, 70])
@pytest.mark.parametrize("memory", [True, False])
def test_readout_bytes_bound_what_travels(clbits: int, *, memory: bool) -> None:
    """Counts, memory and header take no more bytes on the wire than they are said to."""
    circuit = program(1, clbits)
    keys = [hex(key % (1 << clbits)) for key in np.random.default_rng(1).integers(0, 2**62, 500).tolist()]
    counts = {key: keys.count(key) for key in keys}
    outline = msgspec.structs.replace(circuit, instructions=())
    full = Outcome(0, 2**62, 500, outline, counts=counts, memory=keys if memory else None, time_taken=0.1)
    if clbits > 63:
        packed = PackedReadout.of_keys(
            dict(sorted(counts.items(), key=lambda pair: int(pair[0], 16))), full.memory, no_checkpoint
        )
        full = msgspec.structs.replace(full, counts=None, memory=None, packed=PackedMemories.of(packed))
    assert len(encode(Part((full,)))) <= cost.readout_bytes(circuit, 500, memory=memory) + cost.caption_bytes(
        circuit.header.name, circuit.header.metadata
    )


@pytest.mark.rule(23, 36)
@pytest.mark.parametrize("precision", ["double", "single"])
@pytest.mark.parametrize("output", ["counts", "statevector", "unitary"])
@pytest.mark.parametrize("memory", [True, False])
@pytest.mark.parametrize("sweep", [True, False])
def test_what_a_result_weighs_is_sure_before_the_run(
    output: Output, precision: Precision, *, memory: bool, sweep: bool
) -> None:
    """A result's limit is about what the client can tell, but for the number of outcomes."""
    shots, rows = 40 if output == "counts" else 1, 3
    circuit = program(4, 5, *everywhere(4), ry(0.3, 0), *([] if output == "unitary" else measures(4)))
    options = Options(output=output, shots=shots, memory=memory and output != "unitary", precision=precision)
    varied = ((len(everywhere(4)), 0),)
    item = Sweep(0, 5, circuit, varied, Array.of(np.ones((rows, 1)))) if sweep else Experiment(0, 5, circuit)
    part = run_shard(Shard(options, (item,)))
    outcomes = sum(
        len(each.counts.ndarray()) if isinstance(each, SweepOutcome) else len(each.counts or ())
        for each in part.outcomes
    )
    copies = rows if sweep else 1
    sure = copies * weight(
        5, state=cost.result_bytes(circuit, output, precision), remembered=shots if options.memory else 0
    )
    counted = weight(5, outcomes=outcomes) if output == "counts" else 0
    assert part_weight(part) == sure + counted


def test_seconds_grow_with_the_work() -> None:
    """More qubits, gates, rounds, shots and branches are more seconds."""

    def seconds(circuit: Program, shots: int = 1000) -> float:
        return work(Timeline.of(circuit), shots).seconds

    assert seconds(program(20, 1, *map(h, range(20)))) > 10 * seconds(program(10, 1, *map(h, range(10))))
    assert seconds(program(1, 1, For(Range(0, 1000), ((h(0),),)))) > 50 * seconds(program(1, 1, h(0), h(0)))
    assert seconds(STATIC, 10**6) > seconds(STATIC, 10)
    splitting = program(12, 12, *everywhere(12), *SPLITTING.instructions)
    assert seconds(splitting) > 20 * seconds(STATIC)
    unitary, state = (work(Timeline.of(STATIC, each), 1).seconds for each in ("unitary", "statevector"))
    assert unitary > 100 * state
