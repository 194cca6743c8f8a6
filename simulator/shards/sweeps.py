"""Find sweeps in a list of circuits: those in a row that differ only in the numbers of their gates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.circuit.array import Array
from simulator.circuit.instructions import Gate
from simulator.circuit.pauli_sum import PauliSum
from simulator.circuit.program import Program
from simulator.shards.shard import GLOBAL_PHASE, Experiment, Sweep

#: Rows of one sweep that are held at once, so that a list of any length can be a stream.
MOST_ROWS = 4096


@dataclass(frozen=True, slots=True)
class Copy:
    """One row of a sweep: the preceding circuit with these parameter values."""

    #: The parameters of all gates outside of control flow, and the global phase.
    numbers: NDArray[np.float64]
    name: str
    #: As in `program.Header`.
    metadata: str | None


def with_sweeps(
    items: Iterable[Experiment | Copy | Sweep], seed: int, *, most_rows: int = MOST_ROWS
) -> Iterator[Experiment | Sweep]:
    """Yield the items of a job, in order, with sweeps in place of experiments that are one circuit.

    ``seed`` is the job's: theirs come from it. No sweep that is made here has more than ``most_rows`` rows.
    """
    alike: _Alike | None = None
    for item in items:
        if alike is not None:
            if alike.num_rows < most_rows and alike.takes(item):
                continue
            yield alike.item(seed)
        if isinstance(item, Experiment):
            alike = _Alike(item.program, item.index, item.observables, item)
        elif isinstance(item, Sweep):
            alike = None
            yield item
        elif alike is not None:
            alike = alike.continued()
            alike.takes(item)
        else:
            raise ValueError("a copy of nothing: no experiment comes before it")
    if alike is not None:
        yield alike.item(seed)


class _Alike:
    """Circuits in a row that differ from a template in their numbers only."""

    def __init__(
        self,
        template: Program,
        index: int,
        observables: tuple[PauliSum, ...],
        first: Experiment | None = None,
    ) -> None:
        self._template, self._index, self._observables, self._first = template, index, observables, first
        self._rows: list[Copy] = []
        if first is not None:
            self._add(first.program)

    @property
    def num_rows(self) -> int:
        """How many circuits there are so far."""
        return len(self._rows)

    def continued(self) -> _Alike:
        """Return what begins where this ends."""
        return _Alike(self._template, self._index + len(self._rows), self._observables)

    def takes(self, item: Experiment | Copy | Sweep) -> bool:
        """Add what is alike."""
        if isinstance(item, Sweep):
            return False
        if isinstance(item, Copy):
            self._rows.append(item)
            return True
        # All rows of a sweep have as many shots as the options say.
        if item.shots is not None or (self._first is not None and self._first.shots is not None):
            return False
        if item.observables != self._observables or not _are_alike(self._template, item.program):
            return False
        self._add(item.program)
        return True

    def item(self, seed: int) -> Experiment | Sweep:
        """Return what they are: one experiment, or a sweep."""
        if self._first is not None and len(self._rows) == 1:
            return self._first
        template, rows = self._template, self._rows
        param_indices = [
            (index, number)
            for index, each in enumerate(template.instructions)
            if isinstance(each, Gate)
            for number in range(len(each.params))
        ]
        param_indices.append(GLOBAL_PHASE)
        values = np.array([row.numbers for row in rows])
        differs = values.view(np.int64) != _numbers(template).view(np.int64)
        # Where nothing differs, the last column stands for all of them: a sweep has one at least.
        varying = np.flatnonzero(np.any(differs, axis=0)).tolist() or [len(param_indices) - 1]
        name, metadata = template.header.name, template.header.metadata
        return Sweep(
            self._index,
            seed,
            template,
            tuple([param_indices[column] for column in varying]),
            Array.of(values[:, varying]),
            tuple([row.name for row in rows]) if any(row.name != name for row in rows) else (),
            tuple([row.metadata for row in rows]) if any(row.metadata != metadata for row in rows) else (),
            self._observables,
        )

    def _add(self, program: Program) -> None:
        self._rows.append(Copy(_numbers(program), program.header.name, program.header.metadata))


def _are_alike(one: Program, other: Program) -> bool:
    """Whether two programs differ at most in the numbers of gates outside of control flow, name and metadata."""
    if len(one.instructions) != len(other.instructions) or one.num_qubits != other.num_qubits:
        return False
    for mine, others in zip(one.instructions, other.instructions, strict=True):
        if mine is others:
            continue
        if isinstance(mine, Gate) and isinstance(others, Gate):
            if (
                mine.name != others.name
                or mine.targets != others.targets
                or mine.controls != others.controls
                or mine.control_state != others.control_state
            ):
                return False
        elif mine != others:
            return False
    return (
        one.num_clbits == other.num_clbits
        and one.variables == other.variables
        and one.channels == other.channels
        and one.header.qregs == other.header.qregs
        and one.header.cregs == other.header.cregs
    )


def _numbers(program: Program) -> NDArray[np.float64]:
    """Return the parameters of all gates outside of control flow, and the global phase."""
    numbers = [number for each in program.instructions if isinstance(each, Gate) for number in each.params]
    numbers.append(program.global_phase)
    return np.array(numbers, np.float64)
