"""`NoiseSpec`: a noise model made of rates, by hand or by what a backend says of itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, TypeAlias

import numpy as np
from qiskit.circuit.library import get_standard_gate_name_mapping
from qiskit.transpiler import Target

from jobs.arguments import count, shown
from jobs.errors import BasicAerError
from jobs.noise import device
from jobs.noise.errors import Depolarizing, Error, Relaxation
from jobs.noise.model import IN_ANY_BASIS, USUAL_BASIS, Placed, listed
from simulator.circuit.array import Array
from simulator.circuit.channel import check_table
from simulator.errors import InvalidProgramError

#: Of one name: the qubits -> its errors there, in order. None: on all that are not named.
#: The qubits of Qiskit's gates; of a gate by another name, nobody knows them.
_WIDTHS = MappingProxyType({name: gate.num_qubits for name, gate in get_standard_gate_name_mapping().items()})
_ByQubits: TypeAlias = Mapping[tuple[int, ...] | None, tuple[Error, ...]]


@dataclass(frozen=True, repr=False)
class NoiseSpec:
    """A noise model for ``backend.run(circuit, noise_model=...)``, made of rates.

    Each method returns a new model with one more error. As in Aer, errors come after their operation, two of one
    name on the same qubits one after the other, and where qubits are named, those of all qubits do not apply.
    A gate with a label has the errors of the label. Times are in seconds.
    """

    gates: Mapping[str, _ByQubits] = field(default_factory=dict)
    #: Qubit -> ``table[true][read]``, shape (2, 2); None: of all that are not named.
    readouts: Mapping[int | None, Array] = field(default_factory=dict)
    #: The gates of the circuits that it is for, those without errors too.
    basis_gates: AbstractSet[str] = USUAL_BASIS

    @classmethod
    def from_backend(cls, backend: Any, *, temperature: float = 0.0) -> NoiseSpec:
        """Return the noise of a `BackendV2`, as its Target says it; what `NoiseModel.from_backend` of Aer gives.

        ``temperature``, in kelvin, gives qubits of a known frequency a population of |1>.
        """
        target = getattr(backend, "target", None)
        if not isinstance(target, Target):
            raise BasicAerError(
                f"a BackendV2 is needed, which has a Target, not {shown(backend)}: from_target() takes one"
            )
        return cls._of_device(backend, target, temperature)

    @classmethod
    def from_target(cls, target: Target, *, temperature: float = 0.0) -> NoiseSpec:
        """Return the noise of a Target: its error rates, durations, T1, T2 and readout errors, delays included."""
        if not isinstance(target, Target):
            raise BasicAerError(f"a Target is needed, not {shown(target)}: from_backend() takes a backend")
        return cls._of_device(target, target, temperature)

    @classmethod
    def _of_device(cls, said_by: Any, target: Target, temperature: float) -> NoiseSpec:
        warmth, dt = _rate("temperature", temperature, math.inf), _sample("the Target's dt", target.dt)
        gates: dict[str, dict[tuple[int, ...] | None, tuple[Error, ...]]] = {}
        for name, qubits, errors in device.gate_errors(target, temperature=warmth, dt=dt):
            gates.setdefault(name, {})[qubits] = errors
        readouts: dict[int | None, Array] = {
            rates.qubit: _table(
                [[1 - rates.one_for_zero, rates.one_for_zero], [rates.zero_for_one, 1 - rates.zero_for_one]]
            )
            for rates in device.readout_rates(target)
        }
        if not gates and not readouts:
            raise BasicAerError(
                f"{shown(said_by)} says neither error rates nor T1 and T2 of its qubits: give a noise_model"
            )
        return cls(gates, readouts, frozenset(target.operation_names))

    def depolarizing(
        self, probability: float, gates: str | Iterable[str], qubits: Sequence[int] | None = None
    ) -> NoiseSpec:
        """Return one where the qubits of these gates become 1/2^n with this probability, 4^n / (4^n - 1) at most.

        ``qubits`` are one operation's, in order; None: wherever it is.
        """
        widths = [_WIDTHS.get(name, 1) if qubits is None else len(_place(qubits)) for name in _names(gates)]
        most = min(4**width / (4**width - 1) for width in widths)
        return self._with(Depolarizing(_rate("probability", probability, most)), gates, qubits)

    def thermal_relaxation(
        self,
        t1: float,
        t2: float,
        time: float | None,
        gates: str | Iterable[str],
        qubits: Sequence[int] | None = None,
        *,
        excited: float = 0.0,
        dt: float | None = None,
    ) -> NoiseSpec:
        """Return one where each qubit of these gates relaxes for a time; T2 is at most 2 T1, and `math.inf` never.

        ``time`` None is for "delay": as long as each says, of which ``dt`` seconds are one in the unit "dt".
        ``excited`` is the population of |1> in equilibrium.
        """
        t1, t2 = _time("t1", t1), _time("t2", t2)
        if t2 > 2 * t1:
            raise BasicAerError(f"t2={t2} is more than twice t1={t1}: no qubit keeps its phase that long")
        names = _names(gates)
        if time is None and names != ("delay",):
            raise BasicAerError(
                f'time=None is for "delay", which has a duration of its own, not for {shown(gates)}'
            )
        lasts = None if time is None else _rate("time", time, math.inf)
        error = Relaxation(t1, t2, lasts, None, _rate("excited", excited, 1.0), _sample("dt", dt))
        return self._with(error, names, qubits)

    def readout(self, table: Any, qubit: int | None = None) -> NoiseSpec:
        """Return one where a measurement reads ``table[true][read]``, shape (2, 2); of all qubits, or one."""
        place = None if qubit is None else count("qubit", qubit)
        return replace(self, readouts={**self.readouts, place: _table(table)})

    def _with(self, error: Error, gates: str | Iterable[str], qubits: Sequence[int] | None) -> NoiseSpec:
        place = None if qubits is None else _place(qubits)
        all_gates = dict(self.gates)
        for name in _names(gates):
            if place is not None and len(place) != _WIDTHS.get(name, len(place)):
                raise BasicAerError(
                    f'qubits={shown(qubits)} must be {_WIDTHS[name]} for "{name}": its error is of its own qubits'
                )
            known = all_gates.get(name, {})
            all_gates[name] = {**known, place: (*known.get(place, ()), error)}
        own = {name for name in _names(gates) if name in _WIDTHS and name not in IN_ANY_BASIS}
        return replace(self, gates=all_gates, basis_gates=self.basis_gates | own)

    def __repr__(self) -> str:
        return f"<NoiseSpec of {listed(self.names) or 'nothing'}>"

    @property
    def names(self) -> AbstractSet[str]:
        """The names and labels that have errors."""
        return self.gates.keys() | ({"measure"} if self.readouts else set())

    def errors(self, name: str, qubits: tuple[int, ...], operation: Any) -> Sequence[Placed]:
        """Return what happens on an operation's qubits, as `NoiseModel` says."""
        by_qubits = self.gates.get(name)
        if not by_qubits:
            return ()
        found = by_qubits.get(qubits) or by_qubits.get(None, ())
        return [placed for error in found for placed in error.placed(operation, len(qubits))]

    def readout_table(self, qubit: int) -> Array | None:
        """Return what a measurement of a qubit reads, as `NoiseModel` says."""
        return self.readouts.get(qubit) or self.readouts.get(None)


def _names(gates: str | Iterable[str]) -> tuple[str, ...]:
    names = (gates,) if isinstance(gates, str) else tuple(gates) if isinstance(gates, Iterable) else ()
    if not names or not all(isinstance(name, str) for name in names):
        raise BasicAerError(f"gates={shown(gates)} must be the name or label of a gate, or several")
    return names


def _place(qubits: Any) -> tuple[int, ...]:
    """Check the qubits of one operation."""
    given = tuple(qubits) if isinstance(qubits, Sequence) and not isinstance(qubits, (str, bytes)) else ()
    whole = all(isinstance(each, (int, np.integer)) and not isinstance(each, bool) and each >= 0 for each in given)
    if not given or not whole or len(set(given)) < len(given):
        raise BasicAerError(
            f"qubits={shown(qubits)} must be the qubits of one operation, in order: different whole numbers of at "
            "least 0; or None"
        )
    return tuple(map(int, given))


def _sample(name: str, dt: Any) -> float | None:
    """Check how many seconds one "dt" takes; None: not known."""
    if dt is None:
        return None
    number = _float(name, dt)
    if not 0 < number < math.inf:
        raise BasicAerError(f"{name}={shown(dt)} must be a number of seconds above 0, or None")
    return number


def _rate(name: str, value: Any, most: float) -> float:
    number = _float(name, value)
    if not 0 <= number <= most or number == math.inf:
        raise BasicAerError(f"{name}={shown(value)} must be from 0 to {most:.6g}")
    return number


def _time(name: str, value: Any) -> float:
    number = _float(name, value)
    if not number > 0:
        raise BasicAerError(
            f"{name}={shown(value)} must be a number of seconds above 0; math.inf: it never decays"
        )
    return number


def _float(name: str, value: Any) -> float:
    try:
        return float(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise BasicAerError(f"{name}={shown(value)} must be a number") from error


def _table(table: Any) -> Array:
    try:
        found = Array.of(np.asarray(table, np.float64))
        check_table(found, 1)
    except (InvalidProgramError, TypeError, ValueError) as error:
        raise BasicAerError(
            f"a readout error of {shown(table)} cannot be: {error}; give [[1 - p, p], [q, 1 - q]], where p is how "
            "often 0 is read as 1, and q how often 1 as 0"
        ) from error
    return found
