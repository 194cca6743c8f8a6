"""Channels as bytecode: a choice among operators and what it does, or, on many qubits, one among alternatives."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from simulator.circuit.array import Array
from simulator.circuit.channel import Channel, Kraus
from simulator.circuit.instructions import Gate, Unitary
from simulator.dynamic.bytecode import ApplyChosen, Choose, Jump, JumpUnlessChosen, Label, Operation
from simulator.matrices.channels import ChannelOperators, operators_of, step_operators
from simulator.plan import Evolving


class Writer(Protocol):
    """What bytecode is written with."""

    def emit(self, operation: Operation) -> None:
        """Append an operation."""

    def evolve(self, instruction: Evolving) -> None:
        """Append what has no randomness."""

    def label(self) -> Label:
        """Return a label that is not placed yet."""

    def place(self, label: Label) -> None:
        """Give a label the address of what comes next."""


def add_channel(writer: Writer, channel: Channel, qubits: tuple[int, ...]) -> None:
    """Write a channel."""
    if (operators := operators_of(channel)) is not None:
        _add_outcomes(writer, operators, qubits)
    else:
        _add_alternatives(writer, channel, qubits)


def _add_outcomes(writer: Writer, operators: ChannelOperators, qubits: tuple[int, ...]) -> None:
    """Write the choice among operators, and what it does."""
    matrices = operators.matrices
    if len(matrices) == 1:
        writer.evolve(Unitary(Array.of(matrices[0]), qubits))
        return
    writer.emit(Choose(qubits, matrices.conj().transpose(0, 2, 1) @ matrices, operators.probabilities))
    writer.emit(ApplyChosen(qubits, matrices))


def _add_alternatives(writer: Writer, channel: Channel, qubits: tuple[int, ...]) -> None:
    """Write alternative after alternative, the likeliest first."""
    end = writer.label()
    writer.emit(Choose((), np.zeros((0, 1, 1)), np.array(channel.probabilities)))
    for index in sorted(range(len(channel.probabilities)), key=lambda each: -channel.probabilities[each]):
        otherwise = writer.label()
        writer.emit(JumpUnlessChosen(index, otherwise))
        for step in channel.alternatives[index]:
            if isinstance(step, Kraus):
                _add_outcomes(writer, step_operators(step), tuple([qubits[place] for place in step.places]))
                continue
            for place, qubit in enumerate(qubits):
                if code := (step.x >> place & 1) | (step.z >> place & 1) << 1:
                    writer.evolve(Gate(" xzy"[code], (qubit,)))
        writer.emit(Jump(end))
        writer.place(otherwise)
    writer.place(end)
