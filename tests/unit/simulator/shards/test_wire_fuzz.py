"""Hostile bytes: whatever arrives, decoding ends soon, in bounded memory, with a checked value or a WireError."""

from __future__ import annotations

import subprocess
import sys
import textwrap
import time
import tracemalloc
from functools import reduce
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.examples import examples
from support.patience import deadline
from support.programs import h, measures, program, ry, x

from simulator import run_shard
from simulator.circuit import expression as ex
from simulator.circuit.array import Array
from simulator.circuit.channel import Channel, Kraus, Pauli
from simulator.circuit.instructions import (
    Case,
    For,
    IfElse,
    Initialize,
    Noise,
    Range,
    Readout,
    Save,
    Store,
    Switch,
    Unitary,
    While,
)
from simulator.circuit.pauli_sum import PauliSum
from simulator.circuit.program import MAX_NESTING, Program, Variable
from simulator.cost import work
from simulator.dynamic.timeline import Timeline
from simulator.errors import MemoryRefusedError, StoppedError, WireError
from simulator.monitor import Monitor
from simulator.options import Options
from simulator.shards import wire
from simulator.shards.part import Part
from simulator.shards.shard import Experiment, Shard, Sweep

MAGIC = b"BAC" + bytes([wire.WIRE_VERSION])
#: Bytes that decoding may take per byte of the message, and beside it: a Struct of ours per few bytes at the most.
PER_BYTE, BESIDE = 200, 1 << 20
#: Seconds of CPU that a message of these tests may take; each is a few kB.
SOON = 5.0
#: Kernel calls and bytes that a run of what decodes is given.
CALLS, ROOM = 300, 1 << 24

UINT = ex.Uint(8)
DAMPING = Kraus((1,), Array.of(np.array([[[1, 0], [0, 0.8]], [[0, 0.6], [0, 0]]])))
DYNAMIC = Program(
    3,
    2,
    (
        h(0),
        Unitary(Array.of(np.array([[0, 1], [1, 0]])), (1,), (0,)),
        Initialize(Array.of(np.array([0.6, 0.8])), (2,)),
        Save("statevector", "s", (0, 1, 2)),
        Noise(0, (1, 2)),
        *measures(2),
        Readout((1,), Array.of(np.array([[0.9, 0.1], [0.25, 0.75]]))),
        Save("density_matrix", "d", (2, 0)),
        Save("expectation_value", "e", (1, 2), (PauliSum((1, 3), (0, 2), (0.5, -1.0)),)),
        Store(ex.Var(0), ex.Binary("add", UINT, ex.Cast(UINT, ex.Bits((0, 1))), ex.Constant(UINT, "0x3"))),
        IfElse(ex.Binary("less", ex.Bool(), ex.Var(0), ex.Constant(UINT, "0x9")), (x(0),), (x(1),)),
        While(ex.Clbit(0), (h(0), *measures(1))),
        For(Range(0, 4), ((x(1),),), 0),
        Switch(ex.Bits((0, 1)), (Case(("0x1",), (x(0),)), Case((), (x(1),)))),
    ),
    program(3, 2).header,
    0.5,
    (Variable("v", UINT),),
    (Channel(2, (0.5, 0.25, 0.25), ((), (Pauli(1, 3),), (Pauli(2, 0), DAMPING))),),
)
SWEEP = Sweep(
    2,
    7,
    program(2, 2, ry(0.1, 0), x(1, 0), Save("probability_distribution", "p", (1,)), *measures(2)),
    ((0, 0), (-1, 0)),
    Array.of(np.eye(3, 2)),
    ("a", "b", "c"),
)
SHARD = Shard(
    Options("counts", 9, memory=True),
    (Experiment(0, 5, DYNAMIC), Experiment(1, 6, program(2, 1, h(0)), 3, 4), SWEEP),
)
PART = run_shard(SHARD)
TREES = {
    "shard": msgspec.msgpack.decode(bytes(wire.encode(SHARD)[4:])),
    "part": msgspec.msgpack.decode(bytes(wire.encode(PART)[4:])),
}
DECODE = {"shard": wire.decode_shard, "part": wire.decode_part}

leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-4, 9),
    st.sampled_from([-(2**63), -1, 2**31, 2**32, 2**60, 2**63 - 1, 2**64 - 1]),
    st.sampled_from([0.0, -0.0, 0.5, 1e308, float("nan"), float("inf"), -float("inf")]),
    st.sampled_from(
        ["", "x", "gate", "0x" + "f" * 300, "-0x1", "c16", "var", "uint", "for", "while", "\0", "a" * 2000]
    ),
    st.sampled_from([b"", b"\0", b"\xff" * 16, b"\0" * 64]),
)
trees = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=25,
)


def refused_or_checked(kind: str, data: bytes) -> Any:
    """Decode within the bounds; return the value, or None if it was refused."""
    begin = time.process_time()
    tracemalloc.start()
    try:
        return DECODE[kind](data)
    except WireError as error:
        assert len(str(error)) < 1000, "the error quotes the message at length"  # noqa: PT017 (or it decodes)
        return None
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak < BESIDE + PER_BYTE * len(data), f"{peak} bytes for a message of {len(data)}"
        assert time.process_time() - begin < SOON


def admit(required: int) -> None:
    """Stand for the worker's admission, on a small machine."""
    if required > ROOM:
        raise MemoryRefusedError(f"{required} bytes")


def ends(shard: Shard) -> None:
    """Run what was decoded: it gives a part, whatever is in it, or the checkpoint stops it."""
    calls = 0

    def checkpoint() -> None:
        nonlocal calls
        calls += 1
        if calls > CALLS:
            raise StoppedError("enough")

    try:
        part = run_shard(shard, Monitor(checkpoint), admit)
    except StoppedError:
        return
    assert wire.decode_part(wire.encode(part)) == part or _has_nan(part)


def _has_nan(part: Part) -> bool:
    """A value that is not a number equals nothing, itself neither."""
    return "nan" in repr(part).lower()


def paths(tree: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every node."""
    children = enumerate(tree) if isinstance(tree, list) else tree.items() if isinstance(tree, dict) else ()
    return [path, *(deeper for name, child in children for deeper in paths(child, (*path, name)))]


def replaced(tree: Any, path: tuple[Any, ...], value: Any) -> Any:
    """Return a copy with another value at the path."""
    if not path:
        return value
    copy = tree.copy()
    copy[path[0]] = replaced(tree[path[0]], path[1:], value)
    return copy


PATHS = {kind: paths(tree) for kind, tree in TREES.items()}
slow = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.mark.rule(36)
@examples(300, slow)
@given(st.sampled_from(sorted(DECODE)), st.binary(max_size=400))
def test_random_bytes(kind, body):
    """Random bytes behind a good header."""
    refused_or_checked(kind, MAGIC + body)


@pytest.mark.rule(36)
@examples(300, slow)
@given(st.sampled_from(sorted(DECODE)), trees)
def test_random_trees(kind, tree):
    """Well-formed msgpack of any shape."""
    refused_or_checked(kind, MAGIC + msgspec.msgpack.encode(tree))


@pytest.mark.rule(36)
@examples(200, slow)
@given(st.data())
def test_mutated_trees(data):
    """A good message with some nodes replaced is refused, or decodes to what runs or is stopped."""
    kind = data.draw(st.sampled_from(sorted(DECODE)))
    tree = TREES[kind]
    for path in data.draw(st.lists(st.sampled_from(PATHS[kind]), min_size=1, max_size=3)):
        if path in paths(tree):
            tree = replaced(tree, path, data.draw(leaves | trees))
    value = refused_or_checked(kind, MAGIC + msgspec.msgpack.encode(tree))
    if isinstance(value, Shard):
        ends(value)


@pytest.mark.rule(36)
@examples(200, slow)
@given(st.data())
def test_moved_nodes(data):
    """So is a good message whose nodes have changed paths."""
    kind = data.draw(st.sampled_from(sorted(DECODE)))
    tree = TREES[kind]
    source, target = (data.draw(st.sampled_from(PATHS[kind])) for _ in range(2))
    node = tree
    for name in source:
        node = node[name]
    value = refused_or_checked(kind, MAGIC + msgspec.msgpack.encode(replaced(tree, target, node)))
    if isinstance(value, Shard):
        ends(value)


#: msgpack headers that claim more than there is.
CLAIMS = {
    "array of 2^32": b"\xdd\xff\xff\xff\xff",
    "map of 2^32": b"\xdf\xff\xff\xff\xff",
    "text of 2^32": b"\xdb\xff\xff\xff\xff",
    "bytes of 2^32": b"\xc6\xff\xff\xff\xff",
    "extension of 2^32": b"\xc9\xff\xff\xff\xff\x01",
    "shard, then an array of 2^32": b"\x92\x82\xa6output\xa6counts\xa5shots\x01\xdd\xff\xff\xff\xff",
    "part of 2^32 outcomes": b"\x91\xdd\xff\xff\xff\xff",
    "arrays in arrays": b"\xdd\xff\xff\xff\xff" * 500,
}


@pytest.mark.rule(36)
def test_claimed_sizes():
    """A claimed size allocates nothing: it is refused in a process that could not give it."""
    code = textwrap.dedent(
        """
        import ast, resource, sys
        from simulator.shards import wire
        from simulator.errors import WireError
        size = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (size + (64 << 20),) * 2)
        for claim in ast.literal_eval(sys.stdin.read()):
            for decode in (wire.decode_shard, wire.decode_part):
                try:
                    decode(wire._HEADER + claim)
                except WireError:
                    continue
                sys.exit(f"not refused: {claim!r}")
        """
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=repr(list(CLAIMS.values())),
        capture_output=True,
        text=True,
        timeout=deadline(30),
        check=False,
    )
    assert done.returncode == 0, done.stderr


def nested(kind: str, depth: int) -> bytes:
    """A shard of bodies in bodies, or of operands in operands, put together byte by byte."""
    mark = 77
    shard = Shard(Options("counts", 3), (Experiment(0, 1, program(1, 1, x(0), Store(ex.Clbit(0), ex.Clbit(0)))),))
    tree = msgspec.msgpack.decode(bytes(wire.encode(shard)[4:]))
    layer, core = {
        "if": ((b"\x94\xa2if\x92\xa5clbit\x00\x91", b"\x90"), ["reset", 0]),
        "box": ((b"\x92\xa3box\x91", b""), ["reset", 0]),
        "expression": ((b"\x94\xa5unary\xa9logic_not\x91\xa4bool", b""), ["clbit", 0]),
    }[kind]
    instructions = tree[1][0][3][2]
    instructions[0] = mark if kind != "expression" else ["store", ["clbit", 0], mark]
    data = msgspec.msgpack.encode(tree)
    assert data.count(bytes([mark])) == 1
    before, _, after = data.partition(bytes([mark]))
    return MAGIC + before + layer[0] * depth + msgspec.msgpack.encode(core) + layer[1] * depth + after


@pytest.mark.rule(36)
@pytest.mark.parametrize("kind", ["if", "box", "expression"])
@pytest.mark.parametrize("depth", [MAX_NESTING, 300, 450, 900, 980, 100_000])
def test_nesting_at_the_limit(kind, depth):
    """At any depth a message is refused, or decodes and runs, or fails as an experiment, and soon."""
    begin = time.process_time()
    try:
        shard = wire.decode_shard(nested(kind, depth))
    except WireError as error:
        assert "recursion" in str(error) or f"nested more than {MAX_NESTING} deep" in str(error)  # noqa: PT017 (or it decodes)
        assert depth > MAX_NESTING
    else:
        ends(shard)
        assert depth == MAX_NESTING or kind == "expression"
        experiment = shard.items[0].program
        assert work(Timeline.of(experiment), 3).seconds > 0
    assert time.process_time() - begin < SOON


def message(instructions: list[Any], *, variables: Any = (), **options: Any) -> bytes:
    """A shard of one small program, built without our checks."""
    body = [2, 1, [*instructions, ["measure", 0, 0]], ["name", [], [], None], 0.0, variables]
    return MAGIC + msgspec.msgpack.encode([{"output": "counts", "shots": 3} | options, [["circuit", 0, 0, body]]])


ROUNDS = {"start": 0, "stop": 10**18}
WIDE = ["uint", 1 << 20]
ONES = ["literal", WIDE, "0x" + "f" * (1 << 18)]
#: What decodes and would take for ever, or a machine's memory: it must begin at once, and stop when it is told.
ENDLESS = {
    "10^18 rounds": message([["for", ROUNDS, [[["reset", 0]]], None]]),
    "10^18 rounds of nothing": message([["for", ROUNDS, [[]], None]]),
    "rounds in rounds": message(
        [["for", ROUNDS, [[["for", ROUNDS, [[["gate", "h", [0], [], [], None]]], None]]], None]]
    ),
    "rounds backwards": message([["for", {"start": 10**18, "stop": -5, "step": -1}, [[["reset", 1]]], None]]),
    "rounds in rounds in rounds": message(
        reduce(lambda inner, _: [["for", ROUNDS, [inner], None]], range(80), [["gate", "h", [0], [], [], None]])
    ),
    "while true": message([["while", ["literal", ["bool"], True], []]]),
}
#: What decodes and fails as its experiment: the error's text says why.
FAILING = {
    "an integer without a width": (
        message(
            [
                ["store", ["var", 0], ["literal", ["uint", 64], "0xffffffffffffffff"]],
                [
                    "for",
                    ROUNDS,
                    [[["store", ["var", 0], ["binary", "mul", ["float"], ["var", 0], ["var", 0]]]]],
                    None,
                ],
            ],
            variables=[["v", ["float"]]],
        ),
        "InvalidProgramError: an integer where the program says",
    ),
    "a wide division by zero": (
        message(
            [["store", ["var", 0], ["binary", "div", WIDE, ONES, ["literal", WIDE, "0x0"]]]],
            variables=[["v", WIDE]],
        ),
        "ProgramRuntimeError: division by zero: an integer of 1048576 bits / 0",
    ),
    "a break outside of loops": (message([["break"]]), "InvalidProgramError: a break outside of every loop"),
    "2^62 shots": (message([], shots=2**62), "MemoryRefusedError: "),
    "an initial state of another shape": (
        message([], initial_state=["c16", [3], np.ones(3, complex).tobytes()]),
        "InvalidProgramError: the initial state has shape (3,)",
    ),
}
#: What does not decode, and what the error says.
REFUSED = {
    "negative shots": (message([], shots=-1), "-1 shots"),
    "an initial state that is not finite": (
        message([], initial_state=["c16", [4], np.full(4, np.nan, complex).tobytes()]),
        "initial state has entries that are not finite",
    ),
    "a control state beyond an int": (message([["gate", "x", [0], [], [1], 2**64 - 1]]), "control state"),
    "a name of 5 MB": (message([["gate", "x" * 5_000_000, [0], [], [], None]]), "unknown gate"),
    "a shape of 2^60": (message([["diagonal", ["c16", [2**60], b"\0" * 32], [0]]]), "does not have shape"),
    "a product that wraps to 0": (
        message([["diagonal", ["c16", [2**32, 2**32], b""], [0]]]),
        "does not have shape",
    ),
    "a qubit listed 10^6 times": (message([["barrier", [0] * 10**6]]), "names a qubit twice"),
    "an experiment twice": (
        MAGIC + msgspec.msgpack.encode([TREES["shard"][0], [TREES["shard"][1][0]] * 2]),
        "are not in order, or one is there twice",
    ),
    "a negative seed": (
        MAGIC + msgspec.msgpack.encode([TREES["shard"][0], [["circuit", 0, -1, TREES["shard"][1][0][3]]]]),
        "with seed -1",
    ),
}


@pytest.mark.rule(30)
@pytest.mark.parametrize("data", ENDLESS.values(), ids=ENDLESS)
def test_endless_programs_can_be_stopped(data):
    """A program of too many rounds allocates nothing for them, and ends when the checkpoint says so."""
    tracemalloc.start()
    shard = wire.decode_shard(data)
    assert work(Timeline.of(shard.items[0].program), 2**63).seconds > 0
    ends(shard)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 32 << 20


@pytest.mark.rule(36)
@pytest.mark.parametrize(("data", "text"), FAILING.values(), ids=FAILING)
def test_hostile_programs_fail(data, text):
    """What a value shows to be wrong only at run time is the experiment's failure, with a short text."""
    failure = run_shard(wire.decode_shard(data), admit=admit).outcomes[0].failure
    assert f"{failure.type}: {failure.text}".startswith(text)
    assert len(failure.text) < 500


@pytest.mark.rule(36)
@pytest.mark.parametrize(("data", "text"), REFUSED.values(), ids=REFUSED)
def test_hostile_messages_are_refused(data, text):
    """What is wrong with a message is said, and of the message itself only a short part."""
    with pytest.raises(WireError, match=text) as refused:
        wire.decode_shard(data)
    assert len(str(refused.value)) < 500
    assert refused.value.__suppress_context__, "a record's traceback would quote all of it"
