"""The errors of a device, by what its Target says: error rates, durations, T1, T2 and readout.

As Aer's `NoiseModel.from_backend` has it: a gate relaxes its qubits for its duration, and what of its error rate
relaxation does not explain is depolarizing, which comes first. The error rate is 1 less the average gate fidelity.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

from qiskit.circuit import Delay, Gate, Measure
from qiskit.transpiler import Target

from jobs.arguments import shown
from jobs.errors import BasicAerError
from jobs.noise.channels import relaxed_fidelity
from jobs.noise.errors import Depolarizing, Error, Relaxation

#: Planck's constant over Boltzmann's, in kelvin for each hertz.
_KELVIN_PER_HERTZ = 6.62607015e-34 / 1.380649e-23


class GateError(NamedTuple):
    """What happens on some qubits after an operation of this name."""

    name: str
    qubits: tuple[int, ...]
    errors: tuple[Error, ...]


class Rates(NamedTuple):
    """How often a measurement of a qubit reads 1 for 0, and 0 for 1."""

    qubit: int
    one_for_zero: float
    zero_for_one: float


class _Decay(NamedTuple):
    """A qubit's times in seconds, and the population of |1> in equilibrium."""

    t1: float
    t2: float
    excited: float


def gate_errors(target: Target, *, temperature: float, dt: float | None) -> Iterator[GateError]:
    """Yield the errors of a Target's gates, resets and delays; ``temperature`` is in kelvin, ``dt`` in seconds."""
    decays = [_decay(target, qubit, temperature) for qubit in range(target.num_qubits or 0)]
    for name in target.operation_names:
        operation = target.operation_from_name(name)
        if isinstance(operation, (Measure, Delay)):
            continue
        for qubits, properties in target[name].items():
            if qubits is None or properties is None:
                continue
            errors = _errors_of(operation, properties, [decays[qubit] for qubit in qubits])
            if errors:
                yield GateError(name, qubits, errors)
    if "delay" in target.operation_names:
        for qubit, decay in enumerate(decays):
            if min(decay.t1, decay.t2) < math.inf:
                yield GateError("delay", (qubit,), (Relaxation(*decay[:2], None, 0, decay.excited, dt),))


def readout_rates(target: Target) -> Iterator[Rates]:
    """Yield the readout errors of a Target's qubits."""
    for qubits, properties in (target["measure"] if "measure" in target.operation_names else {}).items():
        if qubits is None or properties is None:
            continue
        # A fake device of qiskit-ibm-runtime may tell the two ways apart.
        error = _number(getattr(properties, "error", None))
        ways = getattr(properties, "prob_meas1_prep0", None), getattr(properties, "prob_meas0_prep1", None)
        one, zero = (error if way is None else _number(way) for way in ways)
        for rate in (one, zero):
            if not 0 <= rate <= 1:
                raise BasicAerError(
                    f"the Target's readout error of qubit {qubits[0]} is {rate}, and must be from 0 to 1"
                )
        if one or zero:
            yield Rates(qubits[0], one, zero)


def _errors_of(operation: Any, properties: Any, decays: list[_Decay]) -> tuple[Error, ...]:
    time = _time(f'duration of "{operation.name}"', properties.duration)
    relaxing = [
        Relaxation(decay.t1, decay.t2, time, place, decay.excited)
        for place, decay in enumerate(decays)
        if time and min(decay.t1, decay.t2) < math.inf
    ]
    left = 0.0
    if isinstance(operation, Gate):
        left = _depolarizing_left(_number(properties.error), relaxing, len(decays))
    return (Depolarizing(left), *relaxing) if left > 0 else tuple(relaxing)


def _depolarizing_left(error: float, relaxing: list[Relaxation], num_qubits: int) -> float:
    """Return what depolarizing makes an operation as bad as ``error`` says, together with its relaxation."""
    dim = 1 << num_qubits
    fidelities = [relaxed_fidelity(each.t1, each.t2, each.time or 0.0) for each in relaxing]
    fidelity = (dim * math.prod(fidelities) + 1) / (dim + 1)
    # No fidelity is below 1 / (dim + 1).
    error = min(error, dim / (dim + 1))
    if error <= 1 - fidelity:
        return 0.0
    left = dim * (error - (1 - fidelity)) / (dim * fidelity - 1)
    return min(left, dim**2 / (dim**2 - 1))


def _decay(target: Target, qubit: int, temperature: float) -> _Decay:
    known = target.qubit_properties or ()
    properties = known[qubit] if qubit < len(known) else None
    t1 = _time(f"T1 of qubit {qubit}", getattr(properties, "t1", None)) or math.inf
    t2 = _time(f"T2 of qubit {qubit}", getattr(properties, "t2", None)) or math.inf
    frequency = _number(getattr(properties, "frequency", None))
    return _Decay(t1, min(t2, 2 * t1), _excited(frequency, temperature))


def _excited(frequency: float, temperature: float) -> float:
    """Return the population of |1> in equilibrium, of a qubit of this frequency in Hz."""
    if not frequency or not temperature:
        return 0.0
    # Of the negative exponent, as a cold qubit's positive one is more than a float holds.
    weight = math.exp(-_KELVIN_PER_HERTZ * abs(frequency) / temperature)
    return weight / (1 + weight)


def _time(name: str, value: Any) -> float:
    """Return a time in seconds; 0 where it is not known."""
    number = _number(value)
    if number < 0:
        raise BasicAerError(f"the Target's {name} is {shown(value)} seconds, and cannot be below 0")
    return number


def _number(value: Any) -> float:
    """Return a rate or a time; 0 where it is not known."""
    number = 0.0 if value is None else float(value)
    return 0.0 if math.isnan(number) else number
