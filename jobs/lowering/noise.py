"""Channels and readout errors that were put into a circuit."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from jobs.lowering.scope import Rule, Scope
from jobs.noise import ChannelInstruction, ReadoutInstruction
from simulator.circuit.instructions import Noise, Readout


def _channel(operation: ChannelInstruction, qubits: tuple[int, ...], _: tuple[int, ...], scope: Scope) -> None:
    if scope.controls:
        raise scope.refusal(operation.name, "it is inside a controlled gate, which must be unitary")
    scope.out.append(Noise(scope.builder.channel_index(operation.channel), qubits))


def _readout(operation: ReadoutInstruction, _: tuple[int, ...], clbits: tuple[int, ...], scope: Scope) -> None:
    scope.out.append(Readout(clbits, operation.table))


NOISE_RULES: Mapping[type, Rule] = MappingProxyType({ChannelInstruction: _channel, ReadoutInstruction: _readout})
