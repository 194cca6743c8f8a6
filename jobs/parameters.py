"""``parameter_binds``: circuits with open parameters and the values to run them with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit.exceptions import CircuitError

from jobs.errors import BasicAerError


def bind(circuits: list[QuantumCircuit], binds: Any) -> list[QuantumCircuit]:
    """Return the circuits to run, all of whose parameters named in ``binds`` are bound.

    ``binds`` is a list of dicts from a parameter (or its name) to a value. As in BasicAer 0.24, every circuit
    runs with every dict: circuit 0 with all of them, then circuit 1. As in Aer, a dict may instead map to lists
    of values, one dict a circuit, and the circuit runs once per place in the lists.
    """
    if binds is None or (isinstance(binds, Sequence) and not binds):
        return circuits
    if isinstance(binds, Mapping):
        binds = [binds]
    if isinstance(binds, str) or not all(isinstance(each, Mapping) for each in binds):
        raise BasicAerError(f"parameter_binds must be a list of dicts, not {binds!r}")
    if any(_is_list(value) for each in binds for value in each.values()):
        return _bind_lists(circuits, binds)
    return [_assign(circuit, each) for circuit in circuits for each in binds]


def _bind_lists(circuits: list[QuantumCircuit], binds: Sequence[Mapping[Any, Any]]) -> list[QuantumCircuit]:
    if len(binds) != len(circuits):
        raise BasicAerError(
            f"parameter_binds has {len(binds)} dicts of lists for {len(circuits)} circuits: give one a circuit"
        )
    bound = []
    for circuit, each in zip(circuits, binds, strict=True):
        lengths = {len(value) if _is_list(value) else 1 for value in each.values()} or {1}
        if len(lengths) > 1:
            raise BasicAerError(
                f'parameter_binds of circuit "{circuit.name}" has lists of different lengths: {sorted(lengths)}'
            )
        bound += [
            _assign(circuit, {key: value[i] if _is_list(value) else value for key, value in each.items()})
            for i in range(lengths.pop())
        ]
    return bound


def _assign(circuit: QuantumCircuit, values: Mapping[Any, Any]) -> QuantumCircuit:
    try:
        return circuit.assign_parameters(values)
    except (CircuitError, TypeError, ValueError) as error:
        raise BasicAerError(f'parameter_binds do not fit circuit "{circuit.name}": {error}') from error


def _is_list(value: Any) -> bool:
    return isinstance(value, (list, tuple, np.ndarray))
