"""Channels and readout errors of a Program -> instructions that can be submitted again."""

from __future__ import annotations

from jobs.noise import ChannelInstruction, ReadoutInstruction
from jobs.rebuilding.circuit_builder import CircuitBuilder
from simulator.circuit.instructions import Noise, Readout


def rebuild_noise(noise: Noise, builder: CircuitBuilder) -> None:
    """Add a channel to a circuit."""
    builder.append_operation(ChannelInstruction(builder.channels[noise.channel]), noise.qubits)


def rebuild_readout(readout: Readout, builder: CircuitBuilder) -> None:
    """Add a readout error to a circuit."""
    builder.append_operation(ReadoutInstruction(readout.table), (), readout.clbits)
