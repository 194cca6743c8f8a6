"""Channels and readout errors are checked when they are built."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.examples import examples
from support.noise import RESET, applied, channel, channels, damping, depolarizing, kraus, random_kraus
from support.programs import h, program

from simulator.circuit.array import Array
from simulator.circuit.channel import MAX_ALTERNATIVES, Channel, Kraus, Pauli
from simulator.circuit.expression import Clbit
from simulator.circuit.instructions import IfElse, Noise, Readout
from simulator.circuit.program import Program
from simulator.errors import InvalidProgramError

FLIP = Pauli(1, 0)
HALF = np.full((2, 2), 0.5)


@pytest.mark.rule(36)
@pytest.mark.parametrize(
    ("operators", "text"),
    [
        (np.eye(2)[None] * 0.9, "do not preserve the trace: the sum of K.dagger K is 0.19 from the identity"),
        (np.array([np.eye(2), np.eye(2)]), "do not preserve the trace"),
        (np.array([np.eye(2), np.eye(2) * np.nan]), "not finite"),
        (np.array([np.eye(2) * 1e200]), "is inf from the identity"),
        (np.zeros((0, 2, 2)), "0 Kraus operators on 1 qubits; there may be 1 to 4"),
        (np.array([np.eye(2)] * 5) / np.sqrt(5), "5 Kraus operators on 1 qubits"),
        (np.eye(4)[None], r"has shape \(1, 4, 4\); its qubits ask for \(1, 2, 2\)"),
        (np.eye(2), r"has shape \(2, 2\)"),
        (np.eye(2, dtype=np.complex64)[None], "of type 'c8', which must be 'c16' or 'f8'"),
    ],
)
def test_kraus_operators_that_are_no_channel_are_refused(operators, text):
    """The distance, the count, the shape or the type is named."""
    with pytest.raises(InvalidProgramError, match=text):
        Kraus((0,), Array.of(operators))


@pytest.mark.rule(36)
def test_kraus_operators_act_on_four_qubits_at_most():
    """Five are refused, and how else to give the channel is said."""
    assert kraus(np.eye(16)[None])
    with pytest.raises(InvalidProgramError, match="on 5 qubits; they may act on 1 to 4: give a wider channel as"):
        kraus(np.eye(32)[None])
    with pytest.raises(InvalidProgramError, match="on 0 qubits"):
        Kraus((), Array.of(np.ones((1, 1, 1))))


@pytest.mark.rule(36)
@pytest.mark.parametrize(
    ("of_channel", "text"),
    [
        ((1, (0.5,), ((),)), "add up to 0.5, and must to 1"),
        ((1, (1.5, -0.5), ((), (FLIP,))), "negative or not a number: -0.5"),
        ((1, (float("nan"),), ((),)), "negative or not a number: nan"),
        ((1, (1.0,), ()), "0 alternatives and 1 probabilities"),
        ((1, (0.5, 0.5), ((),)), "1 alternatives and 2 probabilities"),
        ((1, (1.0, *[0.0] * MAX_ALTERNATIVES), ((),) * (MAX_ALTERNATIVES + 1)), "there may be 1 to 16384"),
        ((0, (1.0,), ((),)), "a channel on 0 qubits"),
        ((63, (1.0,), ((),)), "a channel on 63 qubits"),
        ((1, (1.0,), ((FLIP,) * 300,)), "more than 256 steps"),
        ((1, (1.0,), ((Pauli(2, 0),),)), "masks 2 and 0 in a channel on 1 qubits"),
        ((1, (1.0,), ((Pauli(-1, 0),),)), "masks -1 and 0"),
        ((2, (1.0,), ((kraus(RESET, 2),),)), r"at places \(2,\) of a channel on 2"),
        ((2, (1.0,), ((kraus(np.eye(4)[None], 1, 1),),)), r"at places \(1, 1\)"),
    ],
)
def test_channels_that_are_none_are_refused(of_channel, text):
    """The value and the limit are named."""
    with pytest.raises(InvalidProgramError, match=text):
        Channel(*of_channel)


@pytest.mark.rule(36)
@pytest.mark.parametrize(
    ("clbits", "table", "text"),
    [
        ((0,), np.eye(2) * 0.9, "add up to 0.9, and must to 1"),
        ((0,), np.array([[2, -1], [0, 1]]), "negative or not a number: -1"),
        ((0,), np.eye(2) * np.nan, "not finite"),
        ((0, 1), HALF, r"has shape \(2, 2\); its qubits ask for \(4, 4\)"),
        ((), np.ones((1, 1)), "of 0 clbits; it may have 1 to 8"),
        (tuple(range(9)), np.eye(512), "of 9 clbits"),
        ((0, 0), np.eye(4), r"names a clbit twice: \(0, 0\)"),
        ((0,), HALF.astype(complex), "of type 'c16', which must be 'f8'"),
    ],
)
def test_readout_errors_that_are_none_are_refused(clbits, table, text):
    """The value and the limit are named."""
    with pytest.raises(InvalidProgramError, match=text):
        Readout(clbits, Array.of(table))


@pytest.mark.rule(36)
@pytest.mark.parametrize("inside", [False, True])
@pytest.mark.parametrize(
    ("instruction", "text"),
    [
        (Noise(1, (0,)), "channel 1; the circuit has 1"),
        (Noise(-1, (0,)), "channel -1"),
        (Noise(0, (0, 1)), "a channel on 1 qubits, applied to 2"),
        (Noise(0, (2,)), "the circuit has 2"),
        (Readout((1,), Array.of(HALF)), "clbit 1; the circuit has 1"),
    ],
)
def test_programs_have_the_channels_that_they_apply(instruction, text, inside):
    """As many as they say, on as many qubits, also in a body."""
    instructions = (IfElse(Clbit(0), (instruction,)),) if inside else (instruction,)
    with pytest.raises(InvalidProgramError, match=text):
        Program(2, 1, instructions, program(0, 0).header, channels=(depolarizing(0.1),))


def test_an_outline_has_no_channels():
    """A result repeats neither instructions nor channels."""
    whole = Program(1, 0, (h(0), Noise(0, (0,))), program(0, 0).header, channels=(depolarizing(0.1),))
    assert (whole.outline.instructions, whole.outline.channels) == ((), ())


@pytest.mark.parametrize(
    ("operators", "expected"),
    [(RESET, True), (RESET[::-1], True), (RESET * 1j, True), (damping(1.0), True), (damping(0.9), False)],
)
def test_a_reset_is_recognised(operators, expected):
    """Whatever its operators are."""
    assert kraus(operators).is_reset == expected


@examples(40)
@given(st.data())
def test_what_the_tests_compare_with_keeps_the_trace(data):
    """Random channels are channels."""
    rho = np.diag([0.1, 0.2, 0.3, 0.4]).astype(complex)
    after = applied(data.draw(channels(2)), (1, 0), rho)
    assert np.trace(after) == pytest.approx(1)
    assert random_kraus(1, 1, 3).shape == (3, 2, 2)
    assert channel(1, (1.0, (FLIP,)))
