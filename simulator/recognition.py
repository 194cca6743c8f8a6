"""Find sweeps in a list of circuits: those in a row that differ only in the numbers of their gates."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from simulator.instructions import Array, Gate
from simulator.program import Program
from simulator.shards import GLOBAL_PHASE, Experiment, Sweep

#: Rows of one sweep that are held at once, so that a list of any length can be a stream.
_MOST_ROWS = 4096


def with_sweeps(items: Iterable[Experiment | Sweep], seed: int) -> Iterator[Experiment | Sweep]:
    """Yield the items of a job, in order, with sweeps in place of experiments that are one circuit.

    ``seed`` is the job's: theirs come from it.
    """
    alike: list[Experiment] = []
    numbers: list[list[float]] = []
    for item in items:
        if alike and not (
            isinstance(item, Experiment) and len(alike) < _MOST_ROWS and _are_alike(alike[0].program, item.program)
        ):
            yield _sweep(alike, numbers, seed)
            alike, numbers = [], []
        if isinstance(item, Experiment):
            alike.append(item)
            numbers.append(_numbers(item.program))
        else:
            yield item
    if alike:
        yield _sweep(alike, numbers, seed)


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
        and one.header.qregs == other.header.qregs
        and one.header.cregs == other.header.cregs
    )


def _numbers(program: Program) -> list[float]:
    """Return the parameters of all gates outside of control flow, and the global phase."""
    numbers = [number for each in program.instructions if isinstance(each, Gate) for number in each.params]
    numbers.append(program.global_phase)
    return numbers


def _sweep(alike: list[Experiment], numbers: list[list[float]], seed: int) -> Experiment | Sweep:
    first = alike[0]
    if len(alike) == 1:
        return first
    template = first.program
    places = [
        (place, number)
        for place, each in enumerate(template.instructions)
        if isinstance(each, Gate)
        for number in range(len(each.params))
    ]
    places.append(GLOBAL_PHASE)
    values = np.array(numbers)
    bits = values.view(np.int64)
    # Where nothing differs, the last column stands for all of them: a sweep has one at least.
    varying = np.flatnonzero(np.any(bits != bits[0], axis=0)).tolist() or [len(places) - 1]
    headers = [experiment.program.header for experiment in alike]
    names = tuple([header.name for header in headers])
    metadata = tuple([header.metadata for header in headers])
    return Sweep(
        first.index,
        seed,
        template,
        tuple([places[column] for column in varying]),
        Array.of(values[:, varying]),
        names if any(name != names[0] for name in names) else (),
        metadata if any(each != metadata[0] for each in metadata) else (),
    )
