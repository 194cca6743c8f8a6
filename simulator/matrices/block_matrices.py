"""Matrices of blocks: for each block of a plan, the product of its operations' matrices.

A block has a matrix for each value of its outer controls. A circuit has hundreds of matrices and each is tiny, so
everything is done for many at once. A `MatrixPlan` says once what is multiplied with what, whatever the angles.
The matrix of an operation on j qubits has shape (2^j, 2^j) over (targets, controls), the first the least
significant bit of its rows. Where angles are swept, an axis of rows leads all others, and a row's numbers are, bit
for bit, what they would be without it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from simulator.matrices.folding import PAIR, Factor, folded
from simulator.matrices.gate_matrices import Kind, Swept, kind_of, matrices_of, moves_of
from simulator.matrices.products import Round, Rounds, multiply
from simulator.matrices.units import Entrywise, Products, Shape, fill
from simulator.plan.operations import WIDEST, Evolving, Operation, is_diagonal
from simulator.plan.plan import Multiply, Plan, Step, steps_of
from simulator.typing import Matrices


class StackSlice(NamedTuple):
    """Where the matrices of a block are in the stack of all matrices over ``size`` qubits."""

    size: int
    first: int
    end: int


class MatrixPlan:
    """How the matrices of a plan are computed from the instructions, whatever their angles."""

    def __init__(self, instructions: Sequence[Evolving], operations: Sequence[Operation], plan: Plan) -> None:
        kinds = {
            source: kind_of(instructions[source])
            for operation in operations
            if _has_matrix(operation)
            for source in operation.sources
        }
        sources_of: dict[Kind, list[int]] = defaultdict(list)
        for source, kind in kinds.items():
            sources_of[kind].append(source)
        self._sources = dict(sources_of)
        #: Index of an instruction -> its row among the matrices of its width, which are in the order of kinds.
        rows: dict[int, int] = {}
        counts: dict[int, int] = defaultdict(int)
        for (_, targets, controls, _), sources in self._sources.items():
            width = targets + controls
            rows |= {source: counts[width] + index for index, source in enumerate(sources)}
            counts[width] += len(sources)
        #: Index of an operation -> its row among the matrices of its width; products of runs come last.
        self._rows: dict[int, int] = {}
        #: Index of an operation -> what is known of its matrix, as in `Shape`.
        self._known: dict[int, tuple[bool, bytes]] = {}
        runs = Products()
        for index, operation in enumerate(operations):
            if not _has_matrix(operation):
                continue
            first, *others = operation.sources
            row, moves = rows[first], moves_of(kinds[first])
            if others:
                row, moves = counts[1], b""
                counts[1] += 1
                members = operation.sources
                shapes = [Shape((0,), is_diagonal(instructions[each]), moves_of(kinds[each])) for each in members]
                runs.add(1, row, tuple(shapes), [rows[each] for each in members])
            self._rows[index], self._known[index] = row, (not operation.mixed, moves)
        self._sizes = dict(counts)
        self._widths = [len(operation.qubits) for operation in operations]
        #: Number of qubits -> how the products of runs of gates are computed.
        self._runs = runs.by_size()
        #: Number of qubits -> how products over at most two qubits are computed.
        self._units: dict[int, list[Entrywise]] = {}
        #: Number of qubits -> how the products over more qubits are computed from these.
        self._blocks: dict[int, list[Round]] = {}
        #: Number of qubits -> how many products there are.
        self._counts: dict[int, int] = defaultdict(int)
        #: For each step of the plan, where its matrices are; None for steps that do not multiply.
        self.slices: list[StackSlice | None] = []
        self._plan_blocks(operations, list(steps_of(plan)))

    def _plan_blocks(self, operations: Sequence[Operation], steps: Sequence[Step]) -> None:
        units, blocks = Products(), Rounds()
        for step in steps:
            if not isinstance(step, Multiply):
                self.slices.append(None)
                continue
            size = len(step.targets)
            first = self._counts[size]
            # The first control is the least significant bit of the variant's number.
            across = step.controls[::-1]
            for values in product((0, 1), repeat=len(across)):
                spot: Callable[[int], int] = step.targets.index
                if values:
                    spots = {qubit: bit for bit, qubit in enumerate(step.targets)}
                    spots.update({qubit: ~value for qubit, value in zip(across, values, strict=True)})
                    spot = spots.__getitem__
                factors = [(member, tuple(map(spot, operations[member].qubits))) for member in step.members]
                if size <= PAIR:
                    self._plan_unit(size, factors, units)
                else:
                    self._plan_block(size, factors, units, blocks)
            self.slices.append(StackSlice(size, first, self._counts[size]))
        self._units, self._blocks = units.by_size(), blocks.by_size()

    def _plan_unit(self, size: int, factors: Sequence[Factor], units: Products) -> int:
        """Plan the product of factors on bits below ``size``; return its index in the stack."""
        item = self._counts[size]
        self._counts[size] += 1
        shapes = tuple([Shape(spots, *self._known[operation]) for operation, spots in factors])
        units.add(size, item, shapes, [self._rows[operation] for operation, _ in factors])
        return item

    def _plan_block(self, size: int, factors: Sequence[Factor], units: Products, blocks: Rounds) -> None:
        item = self._counts[size]
        self._counts[size] += 1
        for number, unit in enumerate(folded(factors)):
            if len(unit.bits) > PAIR:
                ((operation, inside),) = unit.factors
                spots = tuple([unit.bits[bit] if bit >= 0 else bit for bit in inside])
                blocks.spread(size, number, item, self._rows[operation], spots, units=False)
                continue
            index = self._plan_unit(len(unit.bits), unit.factors, units)
            if number:
                blocks.mix(size, number, item, index, unit.bits)
            else:
                blocks.spread(size, number, item, index, unit.bits, units=True)

    def operation_matrices(
        self, instructions: Sequence[Evolving], swept: Swept | None = None
    ) -> dict[int, Matrices]:
        """Return, by width j, flat matrices of operations, shape (..., operations, 4^j + 1): a 0 comes last."""
        lead = () if swept is None else (len(swept.values),)
        flat: dict[int, Matrices] = {
            width: np.zeros((*lead, count, (1 << 2 * width) + 1), np.complex128)
            for width, count in self._sizes.items()
        }
        filled = dict.fromkeys(flat, 0)
        for kind, sources in self._sources.items():
            width = kind[1] + kind[2]
            first, filled[width] = filled[width], filled[width] + len(sources)
            goal = flat[width][..., first : filled[width], :-1]
            found = matrices_of(kind, [instructions[source] for source in sources], sources, swept)
            goal[...] = found.reshape(*found.shape[:-2], -1)
        for width, steps in self._runs.items():
            fill(flat[width], steps, flat)
        return flat

    def diagonal(self, flat: Mapping[int, Matrices], operation: int) -> Matrices:
        """Return the diagonal of one operation's matrix, shape (..., 2^j)."""
        width = self._widths[operation]
        return flat[width][..., self._rows[operation], : -1 : (1 << width) + 1]

    def pair_entries(self, operation: int) -> tuple[int, int]:
        """Return where in `pairs` the diagonal of an operation is: its first entry, and the step between them."""
        width = self._widths[operation]
        before = sum(self._sizes.get(less, 0) * ((1 << 2 * less) + 1) for less in range(width))
        return before + self._rows[operation] * ((1 << 2 * width) + 1), (1 << width) + 1

    def pairs(self, flat: Mapping[int, Matrices]) -> Matrices:
        """Return the matrices of all operations on at most two qubits, one behind the other: (..., entries)."""
        found = [flat[width].reshape(*flat[width].shape[:-2], -1) for width in range(PAIR + 1) if width in flat]
        return np.concatenate(found, axis=-1)

    def block_matrices(self, flat: Mapping[int, Matrices]) -> dict[int, Matrices]:
        """Return, by number of qubits k, the matrices of all blocks, shape (..., matrices, 2^k, 2^k)."""
        lead = next((each.shape[:-2] for each in flat.values()), ())
        units: dict[int, Matrices] = {}
        stacks: dict[int, Matrices] = {}
        for size, steps in self._units.items():
            # A 0 comes last, as in ``flat``.
            units[size] = np.zeros((*lead, self._counts[size], (1 << 2 * size) + 1), np.complex128)
            fill(units[size], steps, flat)
            stacks[size] = units[size][..., :-1].reshape(*lead, -1, 1 << size, 1 << size)
        for size, rounds in self._blocks.items():
            stacks[size] = np.empty((*lead, self._counts[size], 1 << size, 1 << size), np.complex128)
            multiply(stacks[size], rounds, flat, units)
        return stacks


def _has_matrix(operation: Operation) -> bool:
    return len(operation.qubits) <= WIDEST and not operation.whole and not operation.rotation
