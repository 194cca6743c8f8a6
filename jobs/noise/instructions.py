"""Channels and readout errors as instructions of a Qiskit circuit."""

from __future__ import annotations

from qiskit import QuantumCircuit
from qiskit.circuit import Instruction
from qiskit.quantum_info import Kraus

from simulator.circuit.array import Array
from simulator.circuit.channel import Channel
from simulator.matrices.channels import operators_of


class ChannelInstruction(Instruction):
    """A channel on qubits, by the name that Aer's instruction has."""

    def __init__(self, channel: Channel) -> None:
        super().__init__("quantum_channel", channel.num_qubits, 0, [])
        self.channel = channel

    def _define(self) -> None:
        """Give Qiskit the channel as Kraus operators, where it acts on few enough qubits for that."""
        if (operators := operators_of(self.channel)) is not None:
            circuit = QuantumCircuit(self.num_qubits)
            circuit.append(Kraus(list(operators.matrices)).to_instruction(), range(self.num_qubits))
            self.definition = circuit


class ReadoutInstruction(Instruction):
    """What measurements that wrote clbits read in place of the truth, by the name that Aer's instruction has."""

    def __init__(self, table: Array) -> None:
        super().__init__("roerror", 0, table.shape[0].bit_length() - 1, [])
        self.table = table
