"""The numbers of a plan: the matrix of each operation, and of each block for each value of its outer controls.

A circuit has hundreds of matrices and each is tiny, so everything is done for many at once. A `Recipe` says
once what is to be multiplied with what, whatever the angles. The matrix of an operation on j qubits has shape
(2^j, 2^j) over (targets, controls), the first the least significant bit of its rows.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from simulator.gates import GATES
from simulator.instructions import Diagonal, Gate, Unitary
from simulator.operations import WIDEST, Evolving, Operation
from simulator.planner import Multiply, Plan, Stage, Step

Matrices: TypeAlias = NDArray[np.complex128]
#: What instructions have in common whose matrices are made together: kind, targets, controls and their values.
_Kind: TypeAlias = tuple[str, int, int, int | None]


@dataclass(frozen=True, slots=True)
class _Round:
    """Multiply some matrices of blocks from the left by an operation's, each spread over its block's qubits."""

    #: Whether they are the first of those blocks: there is nothing to multiply yet.
    first: bool
    width: int
    #: Places in the stack of blocks' matrices.
    items: NDArray[np.intp]
    #: Where in the operations' numbers each spread matrix finds its entries, shape (items, 4^k).
    entries: NDArray[np.intp]


class Recipe:
    """How the matrices of a plan come from the instructions, whatever their angles."""

    def __init__(self, instructions: Sequence[Evolving], operations: Sequence[Operation], plan: Plan) -> None:
        self._sources: dict[_Kind, list[int]] = defaultdict(list)
        for operation in operations:
            if _has_matrix(operation):
                for source in operation.sources:
                    self._sources[_kind(instructions[source])].append(source)
        #: Source -> its row among the matrices of its width, which stand in the order of kinds.
        rows: dict[int, int] = {}
        counts: dict[int, int] = defaultdict(int)
        for (_, targets, controls, _), sources in self._sources.items():
            width = targets + controls
            rows |= {source: counts[width] + place for place, source in enumerate(sources)}
            counts[width] += len(sources)
        self._runs = _runs(operations, rows)
        #: Operation -> its row among the matrices of its width; the products of runs come last.
        self._rows: dict[int, int] = {}
        for place, operation in enumerate(operations):
            if _has_matrix(operation):
                if len(operation.sources) > 1:
                    self._rows[place] = counts[1]
                    counts[1] += 1
                else:
                    self._rows[place] = rows[operation.sources[0]]
        self._widths = [len(operation.qubits) for operation in operations]
        self._blocks: dict[int, list[_Round]] = {}
        #: Step, by its place among all steps that multiply -> (qubits, first matrix, past the last).
        self.places: list[tuple[int, int, int]] = []
        self._plan_blocks(operations, [step for step in steps_of(plan) if isinstance(step, Multiply)])

    def _plan_blocks(self, operations: Sequence[Operation], steps: Sequence[Multiply]) -> None:
        items: dict[int, int] = defaultdict(int)
        rounds: dict[tuple[int, int, int], tuple[list[int], list[int], list[NDArray[np.intp]]]] = {}
        for step in steps:
            size = len(step.targets)
            first = items[size]
            for values in product((0, 1), repeat=len(step.controls)):
                spots: dict[int, int] = {qubit: bit for bit, qubit in enumerate(step.targets)}
                # The first control is the least significant bit of the variant's number.
                spots |= {qubit: ~value for qubit, value in zip(reversed(step.controls), values, strict=True)}
                for number, member in enumerate(step.members):
                    width = self._widths[member]
                    spread = spread_entries(size, tuple([spots[qubit] for qubit in operations[member].qubits]))
                    lists = rounds.setdefault((size, number, width), ([], [], []))
                    lists[0].append(items[size])
                    lists[1].append(self._rows[member] * ((1 << 2 * width) + 1))
                    lists[2].append(spread)
                items[size] += 1
            self.places.append((size, first, items[size]))
        for (size, number, width), (numbers, starts, spreads) in sorted(rounds.items(), key=lambda each: each[0]):
            entries = np.array(spreads) + np.array(starts)[:, None]
            self._blocks.setdefault(size, []).append(_Round(number == 0, width, np.array(numbers), entries))
        self._counts = dict(items)

    def operation_matrices(self, instructions: Sequence[Evolving]) -> dict[int, Matrices]:
        """Return, by width j, the flat matrices of all operations, shape (operations, 4^j + 1): a 0 comes last."""
        parts: dict[int, list[Matrices]] = defaultdict(list)
        for kind, sources in self._sources.items():
            stack = _matrices(kind, [instructions[source] for source in sources])
            parts[kind[1] + kind[2]].append(stack.reshape(len(sources), -1))
        flat: dict[int, Matrices] = {}
        for width, stacks in parts.items():
            count = sum(map(len, stacks))
            runs = len(self._runs) if width == 1 else 0
            flat[width] = np.zeros((count + runs, (1 << 2 * width) + 1), np.complex128)
            np.concatenate(stacks, out=flat[width][:count, :-1])
            if runs:
                singles = flat[1][:count, :-1].reshape(-1, 2, 2)
                flat[1][count:, :-1] = _products(singles, self._runs).reshape(runs, -1)
        return flat

    def diagonal(self, flat: dict[int, Matrices], operation: int) -> Matrices:
        """Return the diagonal of one operation's matrix, shape (2^j,)."""
        width = self._widths[operation]
        return flat[width][self._rows[operation], : -1 : (1 << width) + 1]

    def block_matrices(self, flat: dict[int, Matrices]) -> dict[int, Matrices]:
        """Return, by number of qubits k, the matrices of all blocks, shape (matrices, 2^k, 2^k)."""
        stacks: dict[int, Matrices] = {}
        for size, rounds in self._blocks.items():
            side = 1 << size
            stack = np.empty((self._counts[size], side, side), np.complex128)
            for each in rounds:
                spread = flat[each.width].reshape(-1).take(each.entries).reshape(-1, side, side)
                stack[each.items] = spread if each.first else np.matmul(spread, stack[each.items])
            stacks[size] = stack
        return stacks


def steps_of(plan: Plan) -> Iterator[Step]:
    """Yield the steps of all stages."""
    for part in plan.parts:
        if isinstance(part, Stage):
            yield from part.steps


@lru_cache(maxsize=4096)
def spread_entries(size: int, spots: tuple[int, ...]) -> NDArray[np.intp]:
    """Return where a block's matrix over ``size`` bits has its entries from, shape (4^size,).

    The small matrix, flat, is over the bits ``spots``; ``~value`` is a bit that has this value. One past its end
    stands for 0.
    """
    numbers = np.arange(1 << size)
    inside = np.zeros_like(numbers)
    fixed = 0
    others = (1 << size) - 1
    for place, spot in enumerate(spots):
        if spot >= 0:
            inside |= (numbers >> spot & 1) << place
            others &= ~(1 << spot)
        else:
            fixed |= ~spot << place
    rows = inside | fixed
    entries = rows[:, None] << len(spots) | rows[None, :]
    same = (numbers[:, None] ^ numbers[None, :]) & others == 0
    return np.where(same, entries, 1 << 2 * len(spots)).reshape(-1)


def _has_matrix(operation: Operation) -> bool:
    return len(operation.qubits) <= WIDEST and not operation.whole


def _kind(instruction: Evolving) -> _Kind:
    if isinstance(instruction, Diagonal):
        return "", len(instruction.targets), 0, None
    if isinstance(instruction, (Gate, Unitary)):
        name = instruction.name if isinstance(instruction, Gate) else "unitary"
        return name, len(instruction.targets), len(instruction.controls), instruction.control_state
    raise TypeError(f"no matrix of its own: {instruction}")


def _matrices(kind: _Kind, instructions: Sequence[Any]) -> Matrices:
    """Return the matrices of instructions of one kind, shape (instructions, 2^j, 2^j)."""
    name, targets, controls, control_state = kind
    if not name:
        diagonals = np.array([each.diagonal.ndarray() for each in instructions], np.complex128)
        return diagonals[:, :, None] * np.eye(1 << targets)
    if name == "unitary":
        stack = np.array([each.matrix.ndarray() for each in instructions], np.complex128)
    else:
        params = np.array([each.params for each in instructions]).T
        stack = GATES[name].matrix(*params)
        stack = np.broadcast_to(stack, (len(instructions), *stack.shape[-2:]))
    if not controls:
        return stack
    full = np.tile(np.eye(1 << targets + controls, dtype=np.complex128), (len(instructions), 1, 1))
    state = (1 << controls) - 1 if control_state is None else control_state
    held = slice(state << targets, (state + 1) << targets)
    full[:, held, held] = stack
    return full


def _runs(operations: Sequence[Operation], rows: dict[int, int]) -> list[list[int]]:
    """Return the rows of each run's gates, for the operations that are runs of more than one gate."""
    return [[rows[source] for source in each.sources] for each in operations if len(each.sources) > 1]


def _products(singles: Matrices, runs: Sequence[Sequence[int]]) -> Matrices:
    """Multiply runs of matrices on one qubit, the first of each run acting first; shape (runs, 2, 2)."""
    result = singles[[run[0] for run in runs]]
    for number in range(1, max(map(len, runs))):
        places = [place for place, run in enumerate(runs) if len(run) > number]
        result[places] = np.matmul(singles[[runs[place][number] for place in places]], result[places])
    return result
