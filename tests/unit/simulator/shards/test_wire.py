"""Bytes that are a Shard or a Part, and all others."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples
from support.programs import h, measures, program, unitary_instructions, x

from simulator import run_shard
from simulator.circuit import expression as ex
from simulator.circuit.array import Array
from simulator.circuit.channel import Channel, Kraus, Pauli
from simulator.circuit.instructions import (
    Barrier,
    Box,
    Break,
    Case,
    Continue,
    Delay,
    Diagonal,
    For,
    Gate,
    IfElse,
    Initialize,
    Instruction,
    Measure,
    Noise,
    Permutation,
    Range,
    Readout,
    Reset,
    Save,
    Store,
    Switch,
    Unitary,
    While,
)
from simulator.circuit.pauli_sum import PauliSum
from simulator.circuit.program import Header, Program, Register, Variable
from simulator.errors import WireError
from simulator.options import Options
from simulator.shards import wire
from simulator.shards.part import Part
from simulator.shards.shard import Experiment, Shard, Sweep
from simulator.sizes import size

ONE = ex.Constant(ex.Uint(3), "0x1")
EXPRESSION = ex.Binary(
    "logic_and",
    ex.Bool(),
    ex.Unary("logic_not", ex.Bool(), ex.Index(ex.Bits((0, 1)), ONE)),
    ex.Cast(ex.Bool(), ex.Binary("add", ex.Uint(3), ex.Var(0), ONE)),
)
EVERYTHING: tuple[Instruction, ...] = (
    Gate("u", (0,), (0.1, 0.2, 0.3), (2, 1), 2),
    Gate("global_phase", (), (0.5,), (1,)),
    Unitary(Array.of(np.array([[0, 1j], [1, 0]])), (1,), (0,), label="mine"),
    Diagonal(Array.of(np.array([1, -1j], np.complex64)), (0,)),
    Permutation((0, 1, 2), (2, 0, 1)),
    Initialize(Array.of(np.array([0.6, 0.8])), (1,)),
    Measure(0, 1),
    Reset(1),
    Noise(1, (2, 0)),
    Readout((1, 0), Array.of(np.full((4, 4), 0.25))),
    Barrier((0, 1, 2)),
    Delay(0, None, "dt"),
    Delay(1, 1.5, "ns"),
    Save("probability_distribution", "p", (2, 0), clbits=((1, 0), ())),
    Save("expectation_value_variance", "v", (0,), (PauliSum((1,), (0,), (0.5,)), PauliSum((0,), (0,), (0.25,)))),
    Store(ex.Var(0), ONE),
    Store(ex.Index(ex.Var(0), ONE), ex.Constant(ex.Bool(), True)),
    IfElse(EXPRESSION, (x(0),), (Box((h(1),)),)),
    While(ex.Clbit(0), (Break(), Continue())),
    For(Range(0, 6, 2), ((h(0),),), 0),
    For((3, -1), ((h(0),), (h(1),))),
    Switch(ex.Bits((0, 1)), (Case(("0x0", "0x2"), (x(0),)), Case((), ()))),
    Store(ex.Var(1), ex.Binary("mul", ex.Duration(), ex.Var(1), ex.Constant(ex.Float(), 0.5))),
    Store(ex.Var(1), ex.Constant(ex.Duration(), 2.0, "dt")),
)
HEADER = Header("all", (Register("q", (0, 1, 2)),), (Register("c", (1, 0)),), '{"key": 1}')
VARIABLES = (Variable("count", ex.Uint(3)), Variable("length", ex.Duration()))
FLIP = Kraus((1,), Array.of(np.array([[[0, 1j], [1, 0]]])))
CHANNELS = (Channel(1, (1.0,), ((),)), Channel(2, (0.25, 0.75), ((Pauli(3, 1), FLIP), ())))
PROGRAM = Program(3, 2, EVERYTHING, HEADER, 0.25, VARIABLES, CHANNELS)
SHARD = Shard(
    Options("statevector", 7, memory=True, initial_state=Array.of(np.array([1.0, 0])), precision="single"),
    (
        Experiment(0, 2**63 - 1, PROGRAM),
        Experiment(4, 0, program(0, 0), 128, 64),
        Sweep(5, 1, PROGRAM, ((0, 2), (-1, 0)), Array.of(np.ones((2, 2))), ("a", "b"), ("{}", None)),
    ),
)
PART = run_shard(
    Shard(
        Options("statevector", 1, memory=True),
        (
            Experiment(0, 1, program(2, 2, h(0), Save("density_matrix", "d", (0,)), *measures(2))),
            Experiment(3, 1, program(99, 1)),
        ),
    )
)


@pytest.mark.rule(36)
def test_a_shard_goes_round() -> None:
    """Every instruction, expression and option decodes to what was encoded."""
    assert wire.decode_shard(wire.encode(SHARD)) == SHARD
    assert wire.decode_shard(memoryview(bytes(wire.encode(SHARD)))) == SHARD


def test_an_option_that_is_not_known_is_refused() -> None:
    """A worker runs no job without an option that it was asked for, and names the option."""
    shard = msgspec.msgpack.encode([{"output": "counts", "shots": 1, "precision": "single", "noise": 1}, []])
    with pytest.raises(WireError, match="unknown field `noise`"):
        wire.decode_shard(b"BAC" + bytes([wire.WIRE_VERSION]) + shard)


def test_options_at_their_defaults_do_not_travel() -> None:
    """A worker that lacks an option still reads the jobs that do not use it."""
    (options, _) = msgspec.msgpack.decode(wire.encode(Shard(Options("counts", 5), ()))[4:])
    assert options == {"output": "counts", "shots": 5}


@pytest.mark.rule(36)
def test_a_part_goes_round() -> None:
    """Counts, memory, states and failures decode to what was encoded."""
    assert PART.bad
    assert wire.decode_part(bytes(wire.encode(PART))) == PART
    assert wire.decode_part(wire.encode(Part())) == Part()


@pytest.mark.rule(36)
@examples(30)
@given(unitary_instructions(4))
def test_any_program_goes_round(instructions: tuple[Instruction, ...]) -> None:
    """Floats and matrices come back to the last bit."""
    shard = Shard(Options("counts", 1), (Experiment(0, 1, program(4, 0, *instructions)),))
    assert wire.decode_shard(wire.encode(shard)) == shard


@pytest.mark.rule(36)
def test_another_version_is_refused() -> None:
    """The two versions, and what to do, are named."""
    data = wire.encode(SHARD)
    data[3] = wire.WIRE_VERSION + 1
    with pytest.raises(
        WireError,
        match=f"wire version {wire.WIRE_VERSION + 1}; this side reads {wire.WIRE_VERSION}",
    ):
        wire.decode_shard(data)


@pytest.mark.rule(36)
def test_a_message_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """The length is bounded before decoding begins."""
    data = wire.encode(SHARD)
    monkeypatch.setattr(wire, "MAX_BYTES", len(data) - 1)
    with pytest.raises(
        WireError, match=f"{size(len(data), up=True)} are more than the {size(len(data) - 1)} that"
    ):
        wire.decode_shard(data)


@pytest.mark.rule(36)
@pytest.mark.parametrize("data", [b"", b"B", b"BAC", b"PK\x03\x04....", b"BAC\x01", b"\x80\x04cos\nsystem\n"])
def test_what_is_no_message_is_refused(data: bytes) -> None:
    """Nothing but a message of ours is decoded, a pickle least of all."""
    for decode in (wire.decode_shard, wire.decode_part):
        with pytest.raises(WireError):
            decode(data)


@pytest.mark.rule(36)
def test_a_part_is_no_shard() -> None:
    """What decodes is what was asked for."""
    with pytest.raises(WireError):
        wire.decode_shard(wire.encode(PART))
    with pytest.raises(WireError):
        wire.decode_part(wire.encode(SHARD))


@pytest.mark.rule(36)
@pytest.mark.parametrize("message", [SHARD, PART], ids=["shard", "part"])
def test_every_truncation_is_refused(message: Shard | Part) -> None:
    """A message that lacks its last bytes is refused, wherever it was cut."""
    decode = wire.decode_shard if isinstance(message, Shard) else wire.decode_part
    data = bytes(wire.encode(message))
    for length in range(len(data)):
        with pytest.raises(WireError):
            decode(data[:length])
    with pytest.raises(WireError):
        decode(data + b"\xc0")


@pytest.mark.rule(36)
@examples(400)
@given(st.data())
def test_damaged_messages_are_refused_or_valid(data: st.DataObject) -> None:
    """Whatever the bytes, decoding gives a checked value or a WireError, nothing else."""
    message, decode = data.draw(st.sampled_from([(SHARD, wire.decode_shard), (PART, wire.decode_part)]))
    damaged = bytearray(wire.encode(message))
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(4, len(damaged) - 1))
        damaged[start : start + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=6))
    try:
        value = decode(damaged)
    except WireError:
        return
    assert decode(wire.encode(value)) == value


@pytest.mark.rule(36)
@examples(100)
@given(st.binary(max_size=200))
def test_garbage_is_refused(body: bytes) -> None:
    """Random bytes behind a good header are a WireError."""
    for decode in (wire.decode_shard, wire.decode_part):
        with pytest.raises(WireError):
            decode(b"BAC" + bytes([wire.WIRE_VERSION]) + body + b"\xc1")


def hostile(instructions: list[object], num_qubits: int = 2, num_clbits: int = 1, variables: object = ()) -> bytes:
    """A shard with whatever instructions, built without the checks of ours."""
    body = [num_qubits, num_clbits, instructions, ["name", [], [], None], 0.0, variables]
    shard = [{"output": "counts", "shots": 1}, [["circuit", 0, 0, body]]]
    return b"BAC" + bytes([wire.WIRE_VERSION]) + msgspec.msgpack.encode(shard)


HOSTILE = {
    "unknown instruction": [["exec", "import os"]],
    "unknown gate": [["gate", "rm", [0], [], [], None]],
    "too few targets": [["gate", "swap", [0], [], [], None]],
    "a qubit twice": [["gate", "x", [0], [], [0], None]],
    "no such qubit": [["gate", "x", [2], [], [], None]],
    "a negative qubit": [["gate", "x", [-1], [], [], None]],
    "no such qubit in a body": [["box", [["box", [["reset", 5]]]]]],
    "no such clbit": [["measure", 0, 1]],
    "no such clbit read": [["if", ["clbit", 7], [], []]],
    "no such variable": [["store", ["var", 0], ["clbit", 0]]],
    "no such loop variable": [["for", [1, 2], [[]], 3]],
    "infinite angle": [["gate", "rx", [0], [float("inf")], [], None]],
    "undefined angle": [["gate", "rx", [0], [float("nan")], [], None]],
    "a control state too large": [["gate", "x", [0], [], [1], 2]],
    "an array shorter than its shape": [["unitary", ["c16", [2, 2], b"\0" * 16], [0]]],
    "an array of a shape that overflows": [["diagonal", ["c16", [2**62, 4], b""], [0]]],
    "an array of objects": [["diagonal", ["O", [2], b"\0" * 16], [0]]],
    "a matrix of another width": [["unitary", ["c16", [2, 2], b"\0" * 64], [0, 1]]],
    "amplitudes of norm 0": [["initialize", ["c16", [2], b"\0" * 32], [0]]],
    "a matrix that is not finite": [["diagonal", ["f8", [2], np.array([1, np.inf]).tobytes()], [0]]],
    "not a permutation": [["permutation", [0, 1], [0, 0]]],
    "a range without an end": [["for", {"start": 0, "stop": 5, "step": 0}, [[]], None]],
    "a range beyond counting": [["for", {"start": -(2**63), "stop": 2**64 - 1}, [[]], None]],
    "bodies that do not match": [["for", [1, 2, 3], [[], []], None]],
    "an integer of 2^40 bits": [["store", ["clbit", 0], ["literal", ["uint", 2**40], "0x0"]]],
    "an integer that is no hex": [["switch", ["clbit", 0], [[["os"], []]]]],
    "a duration without a unit": [["store", ["clbit", 0], ["literal", ["duration"], 1.0, None]]],
}


@pytest.mark.rule(36)
@pytest.mark.parametrize("instructions", HOSTILE.values(), ids=HOSTILE)
def test_hostile_programs_are_refused(instructions: list[object]) -> None:
    """A well-formed message of a Program that cannot be is a WireError, before anything runs."""
    with pytest.raises(WireError):
        wire.decode_shard(hostile(instructions))


GOOD = [["gate", "x", [0], [], [1], None], ["measure", 0, 0], ["barrier", [0, 1]], ["reset", 1]]
#: What follows good instructions on the same bits, and how its error begins and where it says that it lies.
SAID = {
    "unknown gate": (["gate", "rm", [0], [], [], None], "unknown gate 'rm' - at"),
    "targets": (
        ["gate", "rx", [0, 1], [], [], None],
        "gate 'rx' takes 1 qubits and 1 parameters, not 2 and 0 - at",
    ),
    "an angle": (
        ["gate", "u", [0], [1e308, 1e308, np.inf], [], None],
        "gate 'u' has a parameter that is not finite",
    ),
    "a control state": (["gate", "x", [0], [], [1], 2], "control state 2 of 1 controls - at"),
    "no control": (["gate", "x", [0], [], [], 1], "control state 1 of 0 controls - at"),
    "a matrix": (
        ["diagonal", ["f8", [2], np.array([1, np.nan]).tobytes()], [0]],
        "diagonal has entries that are not",
    ),
    "a qubit twice": (["gate", "x", [1], [], [1], None], "an instruction names a qubit twice: (1, 1) - at"),
    "a barrier's qubits": (["barrier", [0, 1, 0]], "an instruction names a qubit twice: (0, 1, 0) - at"),
    "a qubit": (["gate", "x", [0], [], [2], None], "qubits (0, 2) of an instruction; the circuit has 2 - at"),
    "a negative qubit": (["reset", -1], "qubits (-1,) of an instruction; the circuit has 2 - at"),
    "a clbit": (["measure", 0, 1], "clbit 1; the circuit has 1 - at"),
    "a negative clbit": (["measure", 0, -1], "clbit -1; the circuit has 1 - at"),
    "a loop variable": (["for", [1, 2], [[]], 0], "variable 0; the circuit has 0 - at"),
    "a body's qubit": (["box", [*GOOD, ["reset", 2]]], "qubits (2,) of an instruction; the circuit has 2 - at"),
}


@pytest.mark.rule(36)
@pytest.mark.parametrize(("instruction", "text"), SAID.values(), ids=SAID)
def test_each_instruction_is_checked(instruction: list[object], text: str) -> None:
    """What is wrong is said of the first instruction that is, whatever good ones came before it."""
    for instructions in (
        [*GOOD, instruction],
        [*GOOD, instruction, ["reset", 9], *GOOD],
        [*GOOD, ["box", [instruction]], ["reset", 9]],
    ):
        with pytest.raises(WireError) as refused:
            wire.decode_shard(hostile(instructions))
        assert str(refused.value).startswith(f"malformed message: {text}")
    assert wire.decode_shard(hostile([*GOOD, *GOOD]))


@pytest.mark.rule(36)
def test_angles_whose_sum_is_no_number_are_angles() -> None:
    """Each angle is looked at alone."""
    assert wire.decode_shard(hostile([["gate", "u", [0], [1e308, 1e308, 1e308], [], None]]))


@pytest.mark.rule(36)
@pytest.mark.parametrize(("num_qubits", "num_clbits"), [(-1, 0), (2**40, 0), (0, -1), (0, 2**40)])
def test_hostile_sizes_are_refused(num_qubits: int, num_clbits: int) -> None:
    """Sizes are bounded when a Program is built."""
    with pytest.raises(WireError):
        wire.decode_shard(hostile([], num_qubits, num_clbits))


@pytest.mark.rule(36)
def test_bottomless_nesting_is_refused() -> None:
    """Bodies in bodies without end stop the decoder, not the process."""
    reset = msgspec.msgpack.encode(["reset", 0])
    box = b"\x92" + msgspec.msgpack.encode("box") + b"\x91"
    shallow = hostile([["reset", 0]])
    assert shallow.count(reset) == 1
    assert wire.decode_shard(shallow.replace(reset, box * 50 + reset))
    with pytest.raises(WireError):
        wire.decode_shard(shallow.replace(reset, box * 100_000 + reset))
