"""The option ``parameter_binds``: circuits with unbound parameters, and the values to run them with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from qiskit import QuantumCircuit
from qiskit.circuit import Parameter, ParameterExpression, ParameterVector
from qiskit.circuit.exceptions import CircuitError

from jobs.errors import BasicAerError
from jobs.submit.checks import Circuit
from simulator.circuit.pauli_sum import PauliSum

Column = NDArray[np.float64]

#: What Qiskit and NumPy raise where values do not fit a circuit, or an expression has no value at them.
_MISFITS = (ArithmeticError, CircuitError, TypeError, ValueError)


@dataclass(frozen=True)
class ParameterGrid:
    """A circuit, and the values of its parameters at several points."""

    circuit: QuantumCircuit
    num_points: int
    #: Each of shape (points,).
    columns: Mapping[Parameter, Column]
    #: What to take the expectation values of, at each point.
    observables: tuple[PauliSum, ...] = ()
    #: How many shots each point has; None: as many as the job's options say.
    shots: int | None = None

    @classmethod
    def of(cls, circuit: QuantumCircuit, values: NDArray[np.float64], **more: Any) -> ParameterGrid:
        """Make one of values of shape (points, parameters), in the order of the circuit's parameters."""
        parameters = list(circuit.parameters)
        for parameter, column in zip(parameters, values.T, strict=True):
            if not np.isfinite(column).all():
                raise _misfit(circuit, f"{parameter.name} has a value that is not finite")
        return cls(circuit, len(values), dict(zip(parameters, values.T, strict=True)), **more)

    def bound(self) -> Iterator[QuantumCircuit]:
        """Yield the circuit at each point."""
        for point in range(self.num_points):
            values = {parameter: float(column[point]) for parameter, column in self.columns.items()}
            try:
                yield self.circuit.assign_parameters(values)
            except _MISFITS as error:
                raise _misfit(self.circuit, error) from error

    def values_of(self, expression: ParameterExpression) -> Column:
        """Return what an expression of the circuit's parameters is at each point."""
        if isinstance(expression, Parameter):
            return self.columns[expression]
        try:
            values = self._evaluated(expression)
        except _MISFITS as error:
            raise _misfit(self.circuit, f"{expression}: {error}") from error
        wrong = np.flatnonzero(~np.isfinite(values))
        if wrong.size:
            raise _misfit(self.circuit, f"{expression} is {values[wrong[0]]} at point {wrong[0]}")
        return values

    def _evaluated(self, expression: ParameterExpression) -> Column:
        parameters = list(expression.parameters)
        slopes = [expression.gradient(parameter) for parameter in parameters]
        if all(isinstance(slope, (int, float)) for slope in slopes):
            values = np.full(self.num_points, float(expression.bind(dict.fromkeys(parameters, 0.0))))
            with np.errstate(over="ignore", invalid="ignore"):
                for slope, parameter in zip(slopes, parameters, strict=True):
                    values += slope * self.columns[parameter]
            return values
        rows = zip(*[self.columns[parameter].tolist() for parameter in parameters], strict=True)
        return np.array([float(expression.bind(dict(zip(parameters, row, strict=True)))) for row in rows])


def with_parameters(circuits: Iterable[Circuit], binds: Any) -> Iterable[Circuit | ParameterGrid]:
    """Return what is to be run: circuits as they are, or, where there are ``binds``, each with its values.

    ``binds`` is a list of dicts from a parameter (or its name, or a ParameterVector) to a value. As in BasicAer
    0.24, every circuit runs with every dict: circuit 0 with all of them, then circuit 1. As in Aer, a dict may
    instead map to lists or arrays of values, one dict a circuit, and the circuit runs once for each index in them.
    """
    if binds is None or (isinstance(binds, Sequence) and not binds):
        return circuits
    return _grids(circuits, binds)


def _grids(circuits: Iterable[Circuit], binds: Any) -> Iterator[ParameterGrid]:
    if isinstance(binds, Mapping):
        binds = [binds]
    if not isinstance(binds, Sequence) or not all(isinstance(each, Mapping) for each in binds):
        raise BasicAerError(f"parameter_binds must be a list of dicts, not {binds!r:.200}")
    if not any(_is_list(key, value) for each in binds for key, value in each.items()):
        for circuit in circuits:
            yield from _at_dicts(circuit, binds)
        return
    circuits = list(circuits)
    if len(binds) != len(circuits):
        raise BasicAerError(
            f"parameter_binds has {len(binds)} dicts of lists for {len(circuits)} circuits: give one a circuit"
        )
    for circuit, each in zip(circuits, binds, strict=True):
        yield _at_lists(circuit, each)


def _at_dicts(circuit: QuantumCircuit, binds: Sequence[Mapping[Any, Any]]) -> Iterator[ParameterGrid]:
    """Yield the points of dicts of single values: all in one if they name the same parameters."""
    if any(each.keys() != binds[0].keys() for each in binds):
        for each in binds:
            yield _at_lists(circuit, each)
        return
    yield _grid(circuit, {key: [each[key] for each in binds] for key in binds[0]}, len(binds))


def _at_lists(circuit: QuantumCircuit, values: Mapping[Any, Any]) -> ParameterGrid:
    """Return the points of a dict of lists; a single value holds at all of them."""
    lengths = {len(value) for key, value in values.items() if _is_list(key, value)}
    if len(lengths) > 1:
        raise BasicAerError(
            f'parameter_binds of circuit "{circuit.name}" has lists of different lengths: {sorted(lengths)}'
        )
    count = lengths.pop() if lengths else 1
    lists = {key: value if _is_list(key, value) else [value] * count for key, value in values.items()}
    return _grid(circuit, lists, count)


def _grid(circuit: QuantumCircuit, lists: Mapping[Any, Any], count: int) -> ParameterGrid:
    columns: dict[Parameter, Column] = {}
    for key, several in lists.items():
        elements = list(key) if isinstance(key, ParameterVector) else [key]
        try:
            values = np.asarray(several, np.float64).reshape(count, len(elements))
            parameters = [_parameter(circuit, element) for element in elements]
        except (AttributeError, KeyError, *_MISFITS) as error:
            raise _misfit(circuit, f"{key}: {error}") from error
        columns |= zip(parameters, values.T, strict=True)
    for parameter, column in columns.items():
        if not np.isfinite(column).all():
            raise _misfit(circuit, f"{parameter.name} has a value that is not finite")
    return ParameterGrid(circuit, count, columns)


def _parameter(circuit: QuantumCircuit, key: Any) -> Parameter:
    """Return the parameter of a circuit that a key names, or is."""
    parameter = circuit.get_parameter(key if isinstance(key, str) else key.name)
    if not isinstance(key, str) and parameter != key:
        raise KeyError(f"another parameter has the name {key.name}")
    return parameter


def _misfit(circuit: QuantumCircuit, why: object) -> BasicAerError:
    return BasicAerError(f'parameter_binds do not fit circuit "{circuit.name}": {why}')


def _is_list(key: Any, value: Any) -> bool:
    """Whether a value is one for each point."""
    if isinstance(key, ParameterVector):
        return _is_list(None, value) and len(value) > 0 and _is_list(None, value[0])
    return isinstance(value, (list, tuple)) or (isinstance(value, np.ndarray) and value.ndim > 0)
