"""Channels and readout errors in a circuit: those of a noise model, and Qiskit's and Aer's own instructions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import numpy as np
from qiskit import quantum_info

from jobs.lowering.scope import Rule, Scope
from jobs.noise import ChannelInstruction, ReadoutInstruction, channels_of, kept
from simulator.circuit.array import Array
from simulator.circuit.channel import Channel, Kraus
from simulator.circuit.instructions import Noise, Readout
from simulator.errors import InvalidProgramError

Bits = tuple[int, ...]


def lower_channel(operation: Any, qubits: Bits, clbits: Bits, scope: Scope) -> bool:
    """Lower an instruction that Qiskit or Aer make of a channel or an error, by its name; False: it is none."""
    try:
        return _lower_channel(operation, qubits, clbits, scope)
    except InvalidProgramError as error:
        raise scope.refusal(operation.name, str(error)) from error


def _lower_channel(operation: Any, qubits: Bits, clbits: Bits, scope: Scope) -> bool:
    name, params = operation.name, getattr(operation, "params", ())  # a Clifford, say, is no Instruction
    error = getattr(operation, "_quantum_error", None)
    if error is not None:
        for channel, places in kept(error.id, lambda: channels_of(error.to_dict())):
            _add(name, channel, tuple([qubits[place] for place in places]), scope)
    elif name == "kraus" and qubits and operation.definition is None:
        _add(name, _channel_of(np.array(params), len(qubits)), qubits, scope)
    elif name == "roerror" and not qubits:
        scope.out.append(Readout(clbits, Array.of(np.array(params, np.float64))))
    else:
        return False
    return True


def _channel_of(operators: np.ndarray[Any, Any], num_qubits: int) -> Channel:
    if len(operators) > 1 << 2 * num_qubits:
        # As few operators as the channel can have.
        operators = np.array(quantum_info.Kraus(quantum_info.Choi(quantum_info.Kraus(list(operators)))).data)
    return Channel(num_qubits, (1.0,), ((Kraus(tuple(range(num_qubits)), Array.of(operators)),),))


def _add(name: str, channel: Channel, qubits: Bits, scope: Scope) -> None:
    if scope.controls:
        raise scope.refusal(name, "it is inside a controlled gate, which must be unitary")
    scope.out.append(Noise(scope.builder.channel_index(channel), qubits))


def _channel(operation: ChannelInstruction, qubits: Bits, _: Bits, scope: Scope) -> None:
    _add(operation.name, operation.channel, qubits, scope)


def _readout(operation: ReadoutInstruction, _: Bits, clbits: Bits, scope: Scope) -> None:
    scope.out.append(Readout(clbits, operation.table))


NOISE_RULES: Mapping[type, Rule] = MappingProxyType({ChannelInstruction: _channel, ReadoutInstruction: _readout})
