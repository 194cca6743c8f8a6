"""Outcomes: what became of one circuit, or of the rows of a sweep."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from typing import Any, TypeAlias, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulator.circuit.array import Array
from simulator.circuit.program import Program
from simulator.circuit.saved import Saved
from simulator.errors import InvalidProgramError
from simulator.monitor import Checkpoint, no_checkpoint
from simulator.shards.metadata import RunMetadata
from simulator.shards.readout import PackedReadout
from simulator.shards.shard import outline_of

#: Memories below this have keys that are made once, if there are many.
_FEW_KEYS, _MANY = 1 << 12, 1 << 10


def hex_keys(memories: NDArray[Any]) -> list[str]:
    """Return the hex key of each memory."""
    if memories.size >= _MANY and memories.max() < _FEW_KEYS:
        return cast("list[str]", _few_keys().take(memories).tolist())
    return list(map(hex, memories.tolist()))


@cache
def _few_keys() -> NDArray[np.object_]:
    return np.array([hex(memory) for memory in range(_FEW_KEYS)], object)


def _integers(array: Array) -> NDArray[np.integer]:
    return cast("NDArray[np.integer]", array.ndarray())


class PackedMemories(msgspec.Struct, frozen=True, array_like=True):
    """A `PackedReadout` as it travels."""

    memories: Array
    counts: Array
    of_shots: Array | None = None

    def __post_init__(self) -> None:
        shape, indices = self.memories.shape, self.of_shots
        if len(shape) != 2 or self.memories.dtype != "u1":  # noqa: PLR2004 (rows of bytes)
            raise InvalidProgramError(f"memories packed as {self.memories.dtype} of shape {shape}")
        if self.counts.shape != shape[:1] or not self.counts.dtype.startswith("u"):
            raise InvalidProgramError(f"{shape[0]} memories with counts of shape {self.counts.shape}")
        if indices is None:
            return
        if len(indices.shape) != 1 or not indices.dtype.startswith("u"):
            raise InvalidProgramError(f"memories of shots as {indices.dtype} of shape {indices.shape}")
        if math.prod(indices.shape) and indices.ndarray().max() >= shape[0]:
            raise InvalidProgramError(f"a shot has a memory beyond the {shape[0]} memories that there are")

    @classmethod
    def of(cls, readout: PackedReadout, checkpoint: Checkpoint = no_checkpoint) -> PackedMemories:
        """Copy a readout."""
        of_shots = None if readout.of_shots is None else Array.counting(readout.of_shots, checkpoint)
        return cls(
            Array.counting(readout.memories, checkpoint), Array.counting(readout.counts, checkpoint), of_shots
        )

    @property
    def readout(self) -> PackedReadout:
        """The readout, a view of the bytes."""
        of_shots = None if self.of_shots is None else _integers(self.of_shots)
        return PackedReadout(cast("NDArray[np.uint8]", self.memories.ndarray()), _integers(self.counts), of_shots)


class Failure(msgspec.Struct, frozen=True, array_like=True):
    """An error as it crosses the wire."""

    #: The exception's class name.
    type: str
    text: str
    #: The remote traceback; empty where there is none.
    traceback: str = ""


class SavedValue(msgspec.Struct, frozen=True, array_like=True):
    """What an instruction saved."""

    key: str
    what: Saved
    #: Float64 or complex, with the shape that `Saved` says; in a sweep's outcome with one axis more, of rows.
    value: Array
    #: As in the instruction.
    clbits: tuple[tuple[int, ...], ...] = ()

    def __post_init__(self) -> None:
        shape, is_complex = self.value.shape, self.what in {"statevector", "density_matrix"}
        last = shape[-self._axes :] or (0,)
        expected = {"expectation_value": 1, "expectation_value_variance": 2}.get(self.what)
        is_power = last[0] > 0 and last[0] & (last[0] - 1) == 0
        fits = last[0] == expected if expected else is_power and last[0] == last[-1]
        if (
            not fits
            or len(shape) not in {self._axes, self._axes + 1}
            or self.value.dtype not in ({"c16", "c8"} if is_complex else {"f8"})
            or len(self.clbits) not in {0, last[0].bit_length() - 1}
        ):
            raise InvalidProgramError(f"a {self.what} was saved as {self.value.dtype} of shape {shape}")

    @property
    def _axes(self) -> int:
        return 2 if self.what == "density_matrix" else 1

    @property
    def num_rows(self) -> int | None:
        """How many rows of a sweep it is of; None: it is of one circuit."""
        return self.value.shape[0] if len(self.value.shape) > self._axes else None


class Outcome(msgspec.Struct, frozen=True, tag="circuit"):
    """What became of one experiment, or of some of its shots."""

    index: int
    seed: int
    #: How many shots there were.
    shots: int
    #: The program without its instructions: what a Result's header repeats.
    outline: Program
    #: The number of the first shot.
    first: int = 0
    #: Seconds of simulation.
    time_taken: float = 0.0
    #: Hex keys, lower case and unpadded, ascending; clbit 0 is the least significant bit.
    counts: dict[str, int] | None = None
    #: One hex key a shot, in the order of shots.
    memory: list[str] | None = None
    #: The statevector, shape (2^n,), or the unitary, shape (2^n, 2^n).
    state: Array | None = None
    failure: Failure | None = None
    #: The mean over all shots of each observable's expectation value, before the final measurements; float64.
    expectations: Array | None = None
    saved: tuple[SavedValue, ...] = ()
    run: RunMetadata | None = None
    #: In place of ``counts`` and ``memory``, of more than 63 clbits.
    packed: PackedMemories | None = None
    #: The standard error of each of ``expectations``, float64; None where they are exact, and no means over shots.
    standard_errors: Array | None = None

    @property
    def keyed(self) -> tuple[dict[str, int] | None, list[str] | None]:
        """Counts and memory by hex keys, which are made now if they are packed."""
        return (self.counts, self.memory) if self.packed is None else self.packed.readout.keyed

    def __post_init__(self) -> None:
        if any(saved.num_rows is not None for saved in self.saved):
            raise InvalidProgramError("a circuit saved what is of several rows")

    def indices(self) -> range:
        """Return the experiment's index in the job."""
        return range(self.index, self.index + 1)

    @property
    def end(self) -> int:
        """The number of the shot behind its last."""
        return self.first + self.shots


class SweepOutcome(msgspec.Struct, frozen=True, tag="sweep"):
    """What became of the rows of a sweep: of one circuit, so in arrays."""

    #: The first row's index in the job.
    index: int
    #: The seed of each row.
    seeds: tuple[int, ...]
    #: How many shots each row had.
    shots: int
    outline: Program
    #: The classical memories that came, ascending in each row; all rows' in one array.
    memories: Array
    #: How often each of ``memories`` came.
    counts: Array
    #: Where each row ends in ``memories`` and ``counts``, shape (rows,).
    ends: Array
    #: The memory of each shot, shape (rows, shots).
    memory: Array | None = None
    #: The statevector of each row, shape (rows, 2^n).
    states: Array | None = None
    #: Names and metadata of the rows, as `Sweep` has them.
    names: tuple[str, ...] = ()
    metadata: tuple[str | None, ...] = ()
    #: The global phase of each row in radians, where it is not the outline's; shape (rows,).
    global_phases: Array | None = None
    #: Seconds of simulation, of all rows together.
    time_taken: float = 0.0
    #: The expectation values of each row, as those of an `Outcome`; shape (rows, observables).
    expectations: Array | None = None
    saved: tuple[SavedValue, ...] = ()
    run: RunMetadata | None = None

    def __post_init__(self) -> None:
        rows = len(self.seeds)
        if not rows or len(self.names) not in {0, rows} or len(self.metadata) not in {0, rows}:
            raise InvalidProgramError(f"a sweep's outcome of {rows} rows, {len(self.names)} names")
        arrays = (
            (self.ends, 1),
            (self.memory, 2),
            (self.states, 2),
            (self.global_phases, 1),
            (self.expectations, 2),
        )
        for array, axes in arrays:
            if array is not None and (len(array.shape) != axes or array.shape[0] != rows):
                raise InvalidProgramError(f"an array of shape {array.shape} for a sweep of {rows} rows")
        if any(saved.num_rows != rows for saved in self.saved):
            raise InvalidProgramError(f"something was saved of another number of rows than {rows}")
        whole = [self.memories, self.counts, self.ends, *([self.memory] if self.memory else [])]
        if not all(array.dtype.startswith("u") for array in whole):
            raise InvalidProgramError("a sweep's counts are not whole numbers")
        ends = self.ends.ndarray().astype(np.int64)
        if not self.memories.shape == self.counts.shape == (ends[-1],) or np.any(np.diff(ends, prepend=0) < 0):
            raise InvalidProgramError("a sweep's counts are not as many as it says")

    def indices(self) -> range:
        """Return the rows' indices in the job."""
        return range(self.index, self.index + len(self.seeds))

    def counts_of_rows(self) -> Iterator[dict[str, int]]:
        """Yield the counts of each row, as those of an `Outcome`."""
        keys, counts, start = hex_keys(self.memories.ndarray()), self.counts.ndarray().tolist(), 0
        for end in self.ends.ndarray().tolist():
            yield dict(zip(keys[start:end], counts[start:end], strict=True))
            start = end

    def memory_of_rows(self) -> Iterator[list[str]]:
        """Yield the memory of each row; nothing where it was not asked for."""
        if self.memory is not None:
            yield from map(hex_keys, self.memory.ndarray())

    def outlines(self) -> Iterator[Program]:
        """Yield each row's program without its instructions."""
        if not self.names and not self.metadata and self.global_phases is None:
            yield from [self.outline] * len(self.seeds)
            return
        phases = None if self.global_phases is None else self.global_phases.ndarray().tolist()
        for row in range(len(self.seeds)):
            outline = outline_of(self.outline, self.names, self.metadata, row)
            yield outline if phases is None else msgspec.structs.replace(outline, global_phase=phases[row])


Item: TypeAlias = Outcome | SweepOutcome
