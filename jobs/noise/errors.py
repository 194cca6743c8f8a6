"""The errors that a `NoiseSpec` has: numbers, which become channels when an operation has them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, TypeAlias

from qiskit.circuit import Delay
from qiskit.utils.units import apply_prefix

from jobs.arguments import shown
from jobs.errors import BasicAerError
from jobs.noise import channels
from jobs.noise.model import Placed
from simulator.circuit.channel import MAX_ALTERNATIVES

#: As many qubits as a depolarizing channel has alternatives for.
MAX_DEPOLARIZED = (MAX_ALTERNATIVES.bit_length() - 1) // 2


@dataclass(frozen=True)
class Depolarizing:
    """All qubits of an operation become 1/2^n with this probability; up to 4^n / (4^n - 1)."""

    probability: float

    def placed(self, operation: Any, width: int) -> tuple[Placed, ...]:
        """Return the channel of an operation on so many qubits."""
        if width > MAX_DEPOLARIZED:
            raise BasicAerError(
                f'"{operation.name}" on {width} qubits cannot be depolarized: {MAX_DEPOLARIZED} are the most; '
                "give the error to the gates that it is made of"
            )
        most = 4**width / (4**width - 1)
        if self.probability > most:
            raise BasicAerError(
                f'"{operation.name}" on {width} qubits cannot be depolarized by {self.probability}: the most is '
                f"4^n / (4^n - 1) = {most:.6g}"
            )
        return (Placed(channels.depolarizing(self.probability, width), tuple(range(width))),)


@dataclass(frozen=True)
class Relaxation:
    """A qubit loses its energy and its phase; T1, T2 and times are in seconds."""

    t1: float
    #: At most 2 T1.
    t2: float
    #: None: as long as the operation, a delay, says itself.
    time: float | None
    #: Which of the operation's qubits; None: each of them.
    place: int | None = None
    #: The population of |1> in equilibrium.
    excited: float = 0.0
    #: Of a sample of the device, as delays in "dt" count them; None: not known.
    dt: float | None = None

    def placed(self, operation: Any, width: int) -> tuple[Placed, ...]:
        """Return the channels of an operation; none where it takes no time."""
        time = _seconds(operation, self.dt) if self.time is None else self.time
        if not time:
            return ()
        channel = channels.thermal_relaxation(self.t1, self.t2, time, self.excited)
        places = range(width) if self.place is None else (self.place,)
        return tuple([Placed(channel, (place,)) for place in places])


Error: TypeAlias = Depolarizing | Relaxation


def _seconds(delay: Any, dt: float | None) -> float:
    """Return how long a delay takes; `BasicAerError` where it does not say so, or is none."""
    if not isinstance(delay, Delay):
        raise BasicAerError(
            f'"{delay.name}" has the error of "delay", which lasts as long as a Delay says, and is none: give it '
            "another name or label"
        )
    duration, unit = delay.duration, delay.unit
    try:
        number = float(duration)
    except (TypeError, ValueError, OverflowError):
        raise BasicAerError(
            f"a delay of {shown(duration)} has no noise: its duration must be a number; bind it first"
        ) from None
    if unit == "dt" and dt is None:
        raise BasicAerError(
            f"a delay of {duration} dt has no noise, as the noise model does not know how long dt is: "
            "give it in seconds, or the model dt=..."
        )
    seconds = number * dt if unit == "dt" and dt is not None else float(apply_prefix(number, unit))
    if not 0 <= seconds < math.inf:
        raise BasicAerError(
            f"a delay of {shown(duration)} {unit} has no noise: it must be finite and not negative"
        )
    return seconds
