"""A noise model of Qiskit Aer, or the dictionary of one: only the errors that circuits have become channels.

Aer itself is not imported: whatever has what its `NoiseModel` has is one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, NamedTuple

import numpy as np
from qiskit import QuantumCircuit
from qiskit.circuit import Delay
from qiskit.exceptions import QiskitError

from jobs.arguments import shown
from jobs.errors import BasicAerError
from jobs.noise.aer_errors import channels_of
from jobs.noise.kept import kept
from jobs.noise.model import USUAL_BASIS, Placed
from simulator.circuit.array import Array
from simulator.circuit.channel import check_table
from simulator.errors import InvalidProgramError

#: What a dictionary that is none of Aer's, or an error in it, may raise.
_MALFORMED = (
    ArithmeticError,
    AttributeError,
    InvalidProgramError,
    LookupError,
    QiskitError,
    RecursionError,
    TypeError,
    ValueError,
)
#: Where a NoiseModel has its errors. They are read there, as to write all of them takes Aer long.
_TABLES = ("_default_quantum_errors", "_local_quantum_errors", "_local_readout_errors")


class QuantumError(NamedTuple):
    """An error on some qubits, or on all that no other error of its name is on."""

    name: str
    #: None: on all.
    qubits: tuple[int, ...] | None
    #: What its channels are kept under.
    key: Callable[[], str]
    #: Its dictionary.
    written: Callable[[], Mapping[str, Any]]


class ReadoutError(NamedTuple):
    """What measurements of some qubits read; None: of all that no other one is of."""

    qubits: tuple[int, ...] | None
    probabilities: Any


class AerModel:
    """The errors of a model, by name and qubits.

    Args:
        model: a `NoiseModel`, or what its `to_dict` gives, written as JSON or not.
    """

    def __init__(self, model: Any) -> None:
        self._errors: dict[tuple[str, tuple[int, ...] | None], list[QuantumError]] = {}
        self._readouts: dict[tuple[int, ...] | None, Array] = {}
        try:
            for each in _entries(model):
                if isinstance(each, QuantumError):
                    self._errors.setdefault((each.name, each.qubits), []).append(each)
                else:
                    self._readouts[each.qubits] = _table(each)
            known = getattr(model, "basis_gates", ())
            self.basis_gates: AbstractSet[str] = frozenset(known) or USUAL_BASIS
            make = getattr(model, "_pass_manager", None)
            self._passes: Any = None if make is None else make()
        except _MALFORMED as error:
            raise BasicAerError(f"noise_model={shown(model)} cannot be read: {_text(error)}") from error
        self._names = {name for name, _ in self._errors} | ({"measure"} if self._readouts else set())
        self._waits: dict[tuple[str, int], tuple[Placed, ...]] = {}

    @property
    def names(self) -> AbstractSet[str]:
        """The names and labels that have errors."""
        return self._names

    def errors(self, name: str, qubits: tuple[int, ...], operation: Any) -> Sequence[Placed]:
        """Return what happens on an operation's qubits, as `NoiseModel` says."""
        found = self._errors.get((name, qubits)) or self._errors.get((name, None)) or []
        placed = [each for error in found for each in _channels(error)]
        if self._passes is not None and isinstance(operation, Delay):
            placed += self._during(operation, qubits[0])
        return placed

    def readout_table(self, qubit: int) -> Array | None:
        """Return what a measurement of a qubit reads, as `NoiseModel` says."""
        return self._readouts.get((qubit,)) or self._readouts.get(None)

    @property
    def wide_readouts(self) -> list[tuple[int, ...]]:
        """The qubits that readout errors are of together: they apply nowhere, as in Aer."""
        return [qubits for qubits in self._readouts if qubits is not None and len(qubits) > 1]

    def _during(self, delay: Delay, qubit: int) -> tuple[Placed, ...]:
        """Return what the model's passes, which Aer runs over circuits with delays, put behind one."""
        key = f"{delay.duration} {delay.unit}", qubit
        if key not in self._waits:
            alone = QuantumCircuit(qubit + 1)
            alone.append(delay, [qubit])
            try:
                added = [each.operation for each in self._passes.run(alone).data]
                errors = [each._quantum_error for each in added if not isinstance(each, Delay)]  # noqa: SLF001
                self._waits[key] = tuple([placed for each in errors for placed in channels_of(each.to_dict())])
            except Exception as error:  # the model's own code may raise anything
                raise BasicAerError(
                    f"the noise model has no noise for a delay of {delay.duration} {delay.unit} on qubit {qubit}: "
                    f"{type(error).__name__}: {_text(error)}"
                ) from error
        return self._waits[key]


def _entries(model: Any) -> Iterator[QuantumError | ReadoutError]:
    """Yield the errors of a model."""
    tables = [getattr(model, name, None) for name in _TABLES]
    if all(isinstance(table, dict) for table in tables):
        yield from _read(model, *tables)
    else:
        written = model if isinstance(model, Mapping) else model.to_dict()
        for error in written["errors"]:
            yield from _of_dictionary(error)


def _read(model: Any, of_all: Any, local: Any, readouts: Any) -> Iterator[QuantumError | ReadoutError]:
    for name, error in of_all.items():
        yield _read_error(name, None, error)
    for name, by_qubits in local.items():
        for qubits, error in by_qubits.items():
            yield _read_error(name, tuple(qubits), error)
    everywhere = model._default_readout_error  # noqa: SLF001
    if everywhere is not None:
        yield ReadoutError(None, everywhere.probabilities)
    for qubits, error in readouts.items():
        yield ReadoutError(tuple(qubits), error.probabilities)


def _read_error(name: str, qubits: tuple[int, ...] | None, error: Any) -> QuantumError:
    # An error of Aer's has an id of its own, and does not change.
    return QuantumError(name, qubits, lambda: error.id, error.to_dict)


def _of_dictionary(error: Mapping[str, Any]) -> Iterator[QuantumError | ReadoutError]:
    kind = error["type"]
    if kind not in {"qerror", "plerror", "roerror"}:
        raise ValueError(f"an error of type {kind!r}; the types are qerror, plerror and roerror")
    everywhere: list[tuple[int, ...] | None] = [None]
    places = [tuple(map(int, qubits)) for qubits in error.get("gate_qubits", ())] or everywhere
    for qubits in places:
        if kind == "roerror":
            yield ReadoutError(qubits, error["probabilities"])
            continue
        for name in error["operations"]:
            if not isinstance(name, str):
                raise TypeError(f"an error of the operation {shown(name)}, which must be a name")
            yield QuantumError(name, qubits, lambda: _hash(error), lambda: error)


def _hash(error: Mapping[str, Any]) -> str:
    """Return the hash of an error that is written: under its id another may have been, as anyone may change it."""
    parts = [error["type"], error["instructions"], error.get("probabilities", error.get("rates"))]
    return hashlib.sha256(json.dumps(parts, default=_plain).encode()).hexdigest()


def _plain(value: Any) -> Any:
    """Return what JSON has no word for: arrays, NumPy's numbers, complex ones."""
    if isinstance(value, complex):
        return [value.real, value.imag]
    return value.tolist() if isinstance(value, (np.ndarray, np.generic)) else repr(value)


def _channels(error: QuantumError) -> tuple[Placed, ...]:
    try:
        return kept(error.key(), lambda: channels_of(error.written()))
    except _MALFORMED as wrong:
        on = "" if error.qubits is None else f" on qubits {error.qubits}"
        raise BasicAerError(
            f'the error of "{error.name}"{on} in the noise model cannot be used: {_text(wrong)}'
        ) from wrong


def _table(error: ReadoutError) -> Array:
    table = Array.of(np.asarray(error.probabilities, np.float64))
    width = 1 if error.qubits is None else len(error.qubits)
    try:
        check_table(table, width)
    except InvalidProgramError as wrong:
        on = "all qubits" if error.qubits is None else f"qubits {error.qubits}"
        raise ValueError(f"its readout error of {on} cannot be used: {wrong}") from wrong
    return table


def _text(error: Exception) -> str:
    """Return what an error says, in one line."""
    # Qiskit's own text of an error is its repr.
    said = error.message if isinstance(error, QiskitError) else str(error)
    return " ".join((f"it has no {said}" if isinstance(error, KeyError) else said).split())
