"""Estimates of bytes and seconds, and packing."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from programs import h, measures, program, ry, x

from simulator import cost, run
from simulator.expression import Clbit
from simulator.instructions import For, Measure, Range, Reset, While
from simulator.program import Program
from simulator.shards import Method, Outcome, Part, Precision
from simulator.wire import encode

LAYERS = [
    gate
    for layer in range(4)
    for qubit in range(12)
    for gate in (ry(0.1 * layer, qubit), x(qubit, (qubit + 1) % 12))
]
STATIC = program(12, 12, *LAYERS, *measures(12))
SPLITTING = program(12, 12, *(part for i in range(12) for part in (h(0), x(5, 0), Measure(0, i))), h(0))


@pytest.mark.parametrize(
    ("method", "expected"),
    [("qasm", 2 * 16 * 2**12), ("statevector", 2 * 16 * 2**12), ("unitary", 2 * 16 * 4**12)],
)
def test_bytes_of_a_circuit_without_branches(method: Method, expected: int) -> None:
    """Rule 25: 16 bytes an amplitude, of the state and of a working copy; 8 in single precision."""
    assert cost.bytes_required(STATIC, method) == expected
    assert cost.bytes_required(STATIC, method, precision="single") == expected // 2


@pytest.mark.parametrize("shots", [1, 10, 200])
def test_bytes_bound_what_branches_take(shots: int) -> None:
    """Rule 25: a dynamic circuit takes no more bytes than it is said to, beside its bookkeeping."""
    run(STATIC, seed=1, shots=10)
    tracemalloc.start()
    run(SPLITTING, seed=1, shots=shots)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    bookkeeping = 1 << 21
    assert most < cost.bytes_required(SPLITTING, "qasm", shots) + bookkeeping


@pytest.mark.parametrize(
    ("circuit", "states"),
    [
        (program(20, 1, h(0), Measure(0, 0), h(0)), 3),
        (program(20, 1, h(0), Measure(0, 0), Reset(0)), 5),
        (program(20, 1, Reset(0), h(0), Measure(0, 0)), 2),
        (program(26, 1, For(Range(0, 3), ((h(0), Measure(0, 0)),))), 9),
        (program(26, 1, While(Clbit(0), (h(0), Measure(0, 0)))), 13),
    ],
)
def test_states_of_a_dynamic_circuit(circuit: Program, states: int) -> None:
    """Rule 25: each place where shots part may double the states, up to log2(shots) of them for wide circuits."""
    assert cost.bytes_required(circuit, "qasm", 1024) == states * 16 * 2**circuit.num_qubits


@pytest.mark.parametrize("memory", [0, 31, 32, 63, 64, 2**30, 2**30 - 1])
@pytest.mark.parametrize("method", ["qasm", "unitary"])
@pytest.mark.parametrize("precision", ["double", "single"])
def test_max_qubits_is_the_widest_that_fits(memory: int, method: Method, precision: Precision) -> None:
    """Rule 25: the maximum width follows the memory: that many qubits fit, one more does not."""
    width = cost.max_qubits(memory, method, precision)
    assert width == 0 or cost.bytes_required(program(width, 0), method, precision=precision) <= memory
    assert cost.bytes_required(program(width + 1, 0), method, precision=precision) > memory


def test_result_bytes() -> None:
    """Rule 36: the bytes of a state are those of its array; counts take at most what is said."""
    assert cost.result_bytes(STATIC, "statevector") == 16 * 2**12
    assert cost.result_bytes(STATIC, "unitary") == 16 * 4**12
    assert cost.result_bytes(STATIC, "unitary", "single") == 8 * 4**12
    assert cost.result_bytes(STATIC, "qasm") == 0


@pytest.mark.parametrize("clbits", [1, 8, 13, 70])
@pytest.mark.parametrize("memory", [True, False])
def test_readout_bytes_bound_what_travels(clbits: int, *, memory: bool) -> None:
    """Rule 36: counts and memory take no more bytes on the wire than they are said to."""
    circuit = program(1, clbits)
    keys = [hex(key % (1 << clbits)) for key in np.random.default_rng(1).integers(0, 2**62, 500).tolist()]
    empty = Outcome(0, 1, 500, program(1, clbits))
    counts = {key: keys.count(key) for key in keys}
    full = Outcome(0, 1, 500, program(1, clbits), counts=counts, memory=keys if memory else None)
    taken = len(encode(Part((full,)))) - len(encode(Part((empty,))))
    assert taken <= cost.readout_bytes(circuit, 500, memory=memory) + 9


def test_seconds_grow_with_the_work() -> None:
    """More qubits, gates, rounds, shots and branches are more seconds."""

    def seconds(circuit: Program, shots: int = 1000) -> float:
        return cost.seconds(circuit, "qasm", shots)

    assert seconds(program(20, 1, *map(h, range(20)))) > 10 * seconds(program(10, 1, *map(h, range(10))))
    assert seconds(program(1, 1, For(Range(0, 1000), ((h(0),),)))) > 50 * seconds(program(1, 1, h(0), h(0)))
    assert seconds(STATIC, 10**6) > seconds(STATIC, 10)
    assert seconds(SPLITTING) > 100 * seconds(STATIC)
    assert cost.seconds(STATIC, "unitary", 1) > 100 * cost.seconds(STATIC, "statevector", 1)


@given(st.lists(st.floats(0, 0.2), max_size=30))
def test_pack(costs: list[float]) -> None:
    """Packing cuts a list into consecutive ranges of at least the target, and no longer than that takes."""
    ranges = cost.pack(costs, 0.05)
    assert [place for span in ranges for place in span] == list(range(len(costs)))
    for span in ranges[:-1]:
        assert sum(costs[span.start : span.stop]) >= 0.05
    for span in ranges:
        assert sum(costs[span.start : span.stop - 1]) < 0.05
        assert len(span) > 0
