"""How a circuit was run, as its result says it."""

from __future__ import annotations

from typing import TypeVar

import msgspec


class TruncationMetadata(msgspec.Struct, frozen=True, array_like=True):
    """How good a matrix product state is."""

    #: Most singular values that a bond had.
    largest_bond: int
    #: The product of the shares that were kept at each cut: an estimate, too good where errors add up.
    estimated_fidelity: float
    #: The distance of the state from the exact one is at most this; 2 says nothing.
    distance_bound: float

    def __add__(self, other: TruncationMetadata) -> TruncationMetadata:
        """Return the worst of both: some shots had one state, some the other."""
        return TruncationMetadata(
            max(self.largest_bond, other.largest_bond),
            min(self.estimated_fidelity, other.estimated_fidelity),
            max(self.distance_bound, other.distance_bound),
        )


class SharingMetadata(msgspec.Struct, frozen=True, array_like=True):
    """How much the shots of noisy trajectories had in common. What parts of a job say adds up."""

    #: Shots in which an error happened; the same however a job is cut.
    shots_with_errors: int
    #: Those of them whose errors do not all pass the circuit, so that their states are not the one without noise;
    #: the same however a job is cut.
    shots_in_patterns: int
    #: Different sets of such errors, of which each was computed once; each shard counts its own.
    patterns: int

    def __add__(self, other: SharingMetadata) -> SharingMetadata:
        return SharingMetadata(
            self.shots_with_errors + other.shots_with_errors,
            self.shots_in_patterns + other.shots_in_patterns,
            self.patterns + other.patterns,
        )


class RunMetadata(msgspec.Struct, frozen=True, array_like=True):
    """How a circuit was run."""

    #: As Aer names it.
    method: str
    #: How many qubits its states had, at most.
    num_qubits: int
    #: Whether all shots were drawn from one state.
    measure_sampling: bool
    #: Of a matrix product state only.
    truncation: TruncationMetadata | None = None
    #: Of trajectories only.
    sharing: SharingMetadata | None = None

    def __add__(self, other: RunMetadata) -> RunMetadata:
        """Return how two runs by one method were: what adds up is added, of all else the worst is said."""
        return RunMetadata(
            self.method,
            max(self.num_qubits, other.num_qubits),
            self.measure_sampling and other.measure_sampling,
            _sum(self.truncation, other.truncation),
            _sum(self.sharing, other.sharing),
        )


_Addend = TypeVar("_Addend", TruncationMetadata, SharingMetadata)


def _sum(one: _Addend | None, other: _Addend | None) -> _Addend | None:
    if one is None or other is None:
        return one or other
    return one + other
