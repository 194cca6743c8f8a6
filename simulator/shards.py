"""What one task carries and what it gives back. Parts of a job add up to its whole result.

Pure values: whatever the number of shards, workers, or tries, adding the parts in any order gives the same.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Literal, TypeAlias

import msgspec
import numpy as np

from simulator.errors import InvalidProgramError
from simulator.instructions import Array
from simulator.program import Program

Method: TypeAlias = Literal["qasm", "statevector", "unitary"]
#: "double": complex128, 16 bytes an amplitude; "single": complex64, 8 bytes.
Precision: TypeAlias = Literal["double", "single"]


class Options(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What holds for every experiment of a job; the names are those of `simulator.run`.

    Only what is not the default travels, and what a reader does not know is refused by name: so an option can be
    added without a new wire version, and no worker runs a job without an option that it was asked for.
    """

    method: Method
    shots: int
    memory: bool = False
    chop_threshold: float = 1e-15
    sample_measuring: bool = True
    #: Shape (2^n,), or (2^n, 2^n) for the unitary method; None: |0...0> or the identity.
    initial_state: Array | None = None
    precision: Precision = "double"

    def __post_init__(self) -> None:
        if self.shots < 0:
            raise InvalidProgramError(f"{self.shots} shots; there may be none, but not fewer")
        if self.initial_state is not None and not np.isfinite(self.initial_state.ndarray()).all():
            raise InvalidProgramError("the initial state has entries that are not finite")


class Experiment(msgspec.Struct, frozen=True, array_like=True):
    """One circuit of a job."""

    #: Its place in the job.
    index: int
    #: 0 <= seed < 2^63; with the program it fixes the counts.
    seed: int
    program: Program

    def __post_init__(self) -> None:
        if self.index < 0 or not 0 <= self.seed < 1 << 63:
            raise InvalidProgramError(f"experiment {self.index} with seed {self.seed}; from 0, and below 2^63")


class Shard(msgspec.Struct, frozen=True, array_like=True):
    """What one task runs."""

    options: Options
    #: Ordered by index.
    experiments: tuple[Experiment, ...]

    def __post_init__(self) -> None:
        _check_order("a shard's experiments", [each.index for each in self.experiments])


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """An error as it crosses the wire."""

    #: The exception's class name.
    type: str
    text: str
    #: The remote traceback; empty where there is none.
    traceback: str = ""


class Outcome(msgspec.Struct, frozen=True):
    """What became of one experiment."""

    index: int
    seed: int
    shots: int
    #: The program without its instructions: what a Result's header repeats.
    outline: Program
    #: Seconds of simulation.
    time_taken: float = 0.0
    #: Hex keys, lower case and unpadded; clbit 0 is the least significant bit.
    counts: dict[str, int] | None = None
    #: One hex key a shot, in the order of shots.
    memory: list[str] | None = None
    #: The statevector, shape (2^n,), or the unitary, shape (2^n, 2^n).
    state: Array | None = None
    failure: Failure | None = None


class Part(msgspec.Struct, frozen=True, array_like=True):
    """The outcomes of one or more shards, ordered by index. ``a + b`` joins two parts of one job."""

    outcomes: tuple[Outcome, ...] = ()

    def __post_init__(self) -> None:
        _check_order("a part's outcomes", [outcome.index for outcome in self.outcomes])

    def __add__(self, other: Part) -> Part:
        return merge((self, other))

    @property
    def bad(self) -> bool:
        """Whether any experiment failed."""
        return any(outcome.failure for outcome in self.outcomes)


def merge(parts: Iterable[Part]) -> Part:
    """Add up parts; ValueError if an experiment is there twice."""
    outcomes = (outcome for part in parts for outcome in part.outcomes)
    return Part(tuple(sorted(outcomes, key=lambda outcome: outcome.index)))


def _check_order(what: str, indices: list[int]) -> None:
    if any(b <= a for a, b in pairwise(indices)):
        raise ValueError(f"{what} are not in order, or one is there twice: {indices}")
