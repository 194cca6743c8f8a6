"""What one task carries: experiments, some of their shots, or rows of sweeps. It gives a `result.Part` back."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from simulator.circuit.array import Array
from simulator.circuit.instructions import Gate
from simulator.circuit.pauli_sum import PauliSum, check_qubits
from simulator.circuit.program import Header, Program
from simulator.errors import InvalidProgramError
from simulator.options import Options
from simulator.rng import experiment_seed


class Experiment(msgspec.Struct, frozen=True, array_like=True, tag="circuit"):
    """One circuit of a job, for all its shots or for some."""

    #: Its index in the job.
    index: int
    #: 0 <= seed < 2^63; with the program it fixes the counts.
    seed: int
    program: Program
    #: The number of its first shot here.
    first: int = 0
    #: How many shots there are; None: as many as the options say.
    shots: int | None = None
    #: What to take the expectation values of, before the final measurements; the options say that there are some.
    observables: tuple[PauliSum, ...] = ()

    def __post_init__(self) -> None:
        check_qubits(self.observables, self.program.num_qubits)
        if self.index < 0 or not 0 <= self.seed < 1 << 63:
            raise InvalidProgramError(f"experiment {self.index} with seed {self.seed}; from 0, and below 2^63")
        if self.first < 0 or (self.shots is None and self.first) or (self.shots or 0) < 0:
            raise InvalidProgramError(f"{self.shots} shots from shot {self.first} on: both are 0 or more")

    @property
    def last(self) -> int:
        """Its index in the job, where a sweep has several."""
        return self.index

    def experiments(self) -> Iterator[Experiment]:
        """Yield itself."""
        yield self


class Sweep(msgspec.Struct, frozen=True, array_like=True, tag="sweep"):
    """Experiments that follow each other in a job, and are one circuit with other numbers.

    Row r is experiment ``index + r``; its seed comes from the job's. Only numbers of gates outside of all
    control flow, and the global phase, can differ.
    """

    #: The first row's index in the job.
    index: int
    #: The job's seed, from which each row's own is derived.
    seed: int
    #: The circuit, with any numbers where rows differ.
    template: Program
    #: For each column of ``values``, the index of its gate, and of the number in the gate; (-1, 0): global phase.
    param_indices: tuple[tuple[int, int], ...]
    #: float64, shape (rows, columns), at least one of each.
    values: Array
    #: The rows' names, and metadata as JSON, where they are not the template's.
    names: tuple[str, ...] = ()
    metadata: tuple[str | None, ...] = ()
    #: What to take the expectation values of, in each row, as of an `Experiment`.
    observables: tuple[PauliSum, ...] = ()

    def __post_init__(self) -> None:
        shape, instructions = self.values.shape, self.template.instructions
        check_qubits(self.observables, self.template.num_qubits)
        if self.index < 0 or not 0 <= self.seed < 1 << 63:
            raise InvalidProgramError(
                f"a sweep from {self.index} on with seed {self.seed}; from 0, and below 2^63"
            )
        columns = len(self.param_indices)
        if self.values.dtype != "f8" or len(shape) != 2 or not all(shape) or shape[1] != columns:  # noqa: PLR2004 (a matrix)
            raise InvalidProgramError(f"a sweep over {columns} numbers with values of shape {shape}")
        if len(set(self.param_indices)) != columns:
            raise InvalidProgramError("a sweep names a number twice")
        for gate, number in self.param_indices:
            if gate < 0:
                known = (gate, number) == GLOBAL_PHASE
            else:
                instruction = instructions[gate] if gate < len(instructions) else None
                known = isinstance(instruction, Gate) and 0 <= number < len(instruction.params)
            if not known:
                raise InvalidProgramError(f"a sweep over number {number} of instruction {gate}, which has none")
        if not np.isfinite(self.values.ndarray()).all():
            raise InvalidProgramError("a sweep has values that are not finite")
        if len(self.names) not in {0, shape[0]} or len(self.metadata) not in {0, shape[0]}:
            raise InvalidProgramError(
                f"a sweep of {shape[0]} rows with {len(self.names)} names and {len(self.metadata)} metadata"
            )

    @property
    def num_rows(self) -> int:
        """How many experiments it is."""
        return self.values.shape[0]

    @property
    def last(self) -> int:
        """The last row's index in the job."""
        return self.index + self.num_rows - 1

    def seeds(self) -> list[int]:
        """Return each row's seed."""
        return [experiment_seed(self.seed, index) for index in range(self.index, self.last + 1)]

    def rows(self, start: int, stop: int) -> Sweep:
        """Return a part of it as a sweep of its own."""
        return msgspec.structs.replace(
            self,
            index=self.index + start,
            values=Array.of(self.values.ndarray()[start:stop]),
            names=self.names[start:stop],
            metadata=self.metadata[start:stop],
        )

    def phases(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the global phase of each of some rows of values, in radians."""
        if GLOBAL_PHASE in self.param_indices:
            return values[:, self.param_indices.index(GLOBAL_PHASE)]
        return np.full(len(values), self.template.global_phase)

    def own_phases(self) -> Array | None:
        """Return the global phase of each row, where it is not the template's."""
        return (
            Array.of(self.phases(np.asarray(self.values.ndarray(), np.float64)))
            if GLOBAL_PHASE in self.param_indices
            else None
        )

    def with_own_gates(self) -> tuple[Program, dict[int, list[tuple[int, int]]]]:
        """Return the template with a gate of its own, an object, at each index that is swept.

        And the `id` of each of these, with pairs (parameter, column): which of its parameters are which columns.
        """
        instructions = list(self.template.instructions)
        numbers: dict[int, list[tuple[int, int]]] = defaultdict(list)
        for column, (index, number) in enumerate(self.param_indices):
            if (index, number) != GLOBAL_PHASE:
                numbers[index].append((number, column))
        columns = {}
        for index, of_gate in numbers.items():
            gate = instructions[index]
            if isinstance(gate, Gate):
                instructions[index] = own = msgspec.structs.replace(gate)
                columns[id(own)] = of_gate
        return msgspec.structs.replace(self.template, instructions=tuple(instructions)), columns

    def outline(self, row: int) -> Program:
        """Return the program of a row without its instructions."""
        return outline_of(self.template, self.names, self.metadata, row)

    def experiments(self) -> Iterator[Experiment]:
        """Yield the rows as experiments."""
        for row, (seed, values) in enumerate(zip(self.seeds(), self.values.ndarray().tolist(), strict=True)):
            program = with_numbers(self.template, self.param_indices, values, self.outline(row).header)
            yield Experiment(self.index + row, seed, program, observables=self.observables)


#: What a column of a sweep is that no gate has.
GLOBAL_PHASE = (-1, 0)


class Shard(msgspec.Struct, frozen=True, array_like=True):
    """What one task runs."""

    options: Options
    #: Ordered by index.
    items: tuple[Experiment | Sweep, ...]

    def __post_init__(self) -> None:
        if any(after.index <= before.last for before, after in pairwise(self.items)):
            indices = [(item.index, item.last) for item in self.items]
            raise ValueError(f"a shard's items are not in order, or one is there twice: {indices}")
        if not self.options.expectations and any(item.observables for item in self.items):
            raise InvalidProgramError("a shard has observables, and options that ask for no expectation values")

    def experiments(self) -> Iterator[Experiment]:
        """Yield all its experiments, those of sweeps among them."""
        for item in self.items:
            yield from item.experiments()


def with_numbers(
    template: Program,
    param_indices: Sequence[tuple[int, int]],
    values: Sequence[float],
    header: Header | None = None,
) -> Program:
    """Return a template with other numbers, named as in a `Sweep`, and with another header if one is given."""
    instructions, phase = list(template.instructions), template.global_phase
    for (gate, number), value in zip(param_indices, values, strict=True):
        if gate < 0:
            phase = value
            continue
        changed = instructions[gate]
        if not isinstance(changed, Gate):
            raise TypeError(changed)
        params = (*changed.params[:number], value, *changed.params[number + 1 :])
        instructions[gate] = msgspec.structs.replace(changed, params=params)
    return msgspec.structs.replace(
        template, instructions=tuple(instructions), global_phase=phase, header=header or template.header
    )


def outline_of(template: Program, names: Sequence[str], metadata: Sequence[str | None], row: int) -> Program:
    """Return a template without its instructions, with the name and metadata of a row where there are any."""
    header = template.header
    if names:
        header = msgspec.structs.replace(header, name=names[row])
    if metadata:
        header = msgspec.structs.replace(header, metadata=metadata[row])
    return msgspec.structs.replace(template.outline, header=header)
