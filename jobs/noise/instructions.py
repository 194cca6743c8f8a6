"""Channels and readout errors as instructions of a Qiskit circuit."""

from __future__ import annotations

from qiskit.circuit import Instruction

from simulator.circuit.array import Array
from simulator.circuit.channel import Channel


class ChannelInstruction(Instruction):
    """A channel on qubits, by the name that Aer's instruction has."""

    def __init__(self, channel: Channel) -> None:
        super().__init__("quantum_channel", channel.num_qubits, 0, [])
        self.channel = channel


class ReadoutInstruction(Instruction):
    """What measurements that wrote clbits read in place of the truth, by the name that Aer's instruction has."""

    def __init__(self, table: Array) -> None:
        super().__init__("roerror", 0, table.shape[0].bit_length() - 1, [])
        self.table = table
