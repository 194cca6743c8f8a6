"""The figures that the engine is to reach, as cases: what runs, against whom, and how many times faster.

A figure is a ratio of times, the peer's over ours, on the same number of threads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from types import MappingProxyType

from qiskit import QuantumCircuit

from benchmarks.common import families
from benchmarks.common.families import FAMILIES
from benchmarks.common.rounds import Contender
from benchmarks.engine import ours, peers
from simulator.options import Precision

_SMALL_WIDTHS = (4, 6, 8, 10, 12)
_MEDIUM_WIDTHS = (14, 16, 18)
_MEDIUM = 4.0
_WIDE = MappingProxyType({"qv": 5.0, "random": 6.0, "vqe": 12.0, "qft": 12.0, "ghz": 10.0, "grover": 10.0})
_WIDE_WIDTHS = (20, 22, 24)
_WIDEST = 26
_QULACS = 3.0
_QULACS_FROM = 20
#: Single precision, in units of the double-precision figure.
_SINGLE_WIDTH = 24
_SINGLE = 1.5
_FULL_FAMILY = "random"
_FULL_WIDTHS = (12, 16, 20, 22, 24)
_EVOLVED_WIDTHS = (6, 10, 14, 18, 22)
_DYNAMIC = MappingProxyType({1_000: 20.0, 100_000: 1000.0})
_COUNTED_SHOTS = 1024
_SAMPLES = 1_000_000
_SAMPLED_WIDTH = 20
_SAMPLED = 20.0


@dataclass(frozen=True, slots=True)
class Case:
    """One line of the table."""

    section: str
    family: str
    width: int
    circuit: Callable[[], QuantumCircuit]
    #: Peer -> how many times faster than it ours is to be, at least.
    wanted: Mapping[str, float]
    precision: Precision = "double"
    shots: int = 0
    #: The same figure without a kept plan, where it is another.
    wanted_cold: float | None = None

    @property
    def name(self) -> str:
        """Return the family, and what is not as usual."""
        return f"{self.family}, {self.shots:,} shots" if self.shots else self.family

    def contenders(self, circuit: QuantumCircuit, threads: int) -> list[Contender]:
        """Return who runs the circuit, in the order of a round: cold before ours, which so finds its plan kept."""
        if self.shots:
            cold = [ours.cold_counts(circuit, self.shots)] if self.wanted_cold else []
            return [peers.aer_counts(circuit, threads, self.shots), *cold, ours.counts(circuit, self.shots)]
        if self.section == "full":
            return [peers.aer_full(circuit, threads, self.precision), ours.full(circuit, self.precision)]
        contenders = [peers.aer_state(circuit, threads, self.precision)]
        if "qulacs" in self.wanted:
            contenders.append(peers.qulacs_state(circuit))
        return [*contenders, ours.cold_state(circuit, self.precision), ours.state(circuit, self.precision)]


def _small(family: str, width: int) -> tuple[float, float]:
    """Return the figures of a narrow circuit: with its plan kept, and without."""
    kept = 3.8 if family == "qv" and width >= 8 else 4.5  # noqa: PLR2004
    return kept, 1.8 if (family, width) == ("grover", 4) else 2.6


def _states(wide: bool) -> Iterator[Case]:
    for width in _SMALL_WIDTHS:
        for family in FAMILIES:
            kept, cold = _small(family, width)
            yield Case("states", family, width, partial(FAMILIES[family], width), {"Aer": kept}, wanted_cold=cold)
    for width in _MEDIUM_WIDTHS:
        for family in FAMILIES:
            yield Case("states", family, width, partial(FAMILIES[family], width), {"Aer": _MEDIUM})
    for width in (*_WIDE_WIDTHS, *([_WIDEST] if wide else [])):
        for family in FAMILIES:
            wanted = {"Aer": _WIDE[family], **({"qulacs": _QULACS} if width >= _QULACS_FROM else {})}
            yield Case("states", family, width, partial(FAMILIES[family], width), wanted)


def _counts(_: bool) -> Iterator[Case]:
    for width in _SMALL_WIDTHS:
        for family in FAMILIES:
            kept, cold = _small(family, width)
            circuit = partial(_measured, FAMILIES[family], width)
            yield Case("counts", family, width, circuit, {"Aer": kept}, shots=_COUNTED_SHOTS, wanted_cold=cold)


def _single(_: bool) -> Iterator[Case]:
    for family in FAMILIES:
        wanted = {"Aer": _SINGLE * _WIDE[family]}
        yield Case(
            "single", family, _SINGLE_WIDTH, partial(FAMILIES[family], _SINGLE_WIDTH), wanted, precision="single"
        )


def _full(_: bool) -> Iterator[Case]:
    for width in _FULL_WIDTHS:
        yield Case("full", _FULL_FAMILY, width, partial(FAMILIES[_FULL_FAMILY], width), {"Aer": 1.0})


def _evolutions(_: bool) -> Iterator[Case]:
    for width in _EVOLVED_WIDTHS:
        yield Case("evolutions", "evolution", width, partial(families.evolution, width), {"Aer": 1.0})


def _dynamic(_: bool) -> Iterator[Case]:
    for family, circuit in (("teleportation", families.teleportation), ("feedback", families.feedback)):
        for shots, figure in _DYNAMIC.items():
            yield Case("dynamic", family, circuit().num_qubits, circuit, {"Aer": figure}, shots=shots)


def _samples(_: bool) -> Iterator[Case]:
    for family, circuit in (("uniform", families.uniform), ("random", families.random)):
        yield Case(
            "samples",
            family,
            _SAMPLED_WIDTH,
            partial(_measured, circuit, _SAMPLED_WIDTH),
            {"Aer": _SAMPLED},
            shots=_SAMPLES,
        )


def _measured(circuit: Callable[[int], QuantumCircuit], width: int) -> QuantumCircuit:
    return circuit(width).measure_all(inplace=False)


#: Section -> its cases; the argument says whether 26 qubits are among them.
SECTIONS: Mapping[str, Callable[[bool], Iterator[Case]]] = MappingProxyType(
    {
        "states": _states,
        "counts": _counts,
        "single": _single,
        "full": _full,
        "evolutions": _evolutions,
        "dynamic": _dynamic,
        "samples": _samples,
    }
)
#: Section -> what it says of itself.
TITLES: Mapping[str, str] = MappingProxyType(
    {
        "states": "from circuit to state, left inside on both sides",
        "counts": "from circuit to the dict of counts",
        "single": "states in single precision, on both sides (wanted: 1.5 times the figure of double)",
        "full": "from circuit to the full state, returned by both (wanted: not slower)",
        "evolutions": "a step of a product formula: rotations about Pauli strings (wanted: not slower)",
        "dynamic": "dynamic circuits, from circuit to counts",
        "samples": "samples, from circuit to the dict of counts",
    }
)
