"""Matrices of blocks: for each block of a plan, the product of its operations' matrices.

A block has a matrix for each value of its outer controls. A circuit has hundreds of matrices and each is tiny, so
everything is done for many at once, and in two steps: what acts on the same two bits of a block is multiplied
first. A `MatrixPlan` says once what is multiplied with what, whatever the angles. The matrix of an operation on j
qubits has shape (2^j, 2^j) over (targets, controls), the first the least significant bit of its rows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from simulator.matrices.folding import PAIR, Factor, folded
from simulator.matrices.gate_matrices import kind_of
from simulator.matrices.numbers import GateNumbers, num_entries
from simulator.matrices.products import Products, entries_of
from simulator.plan.operations import WIDEST, Evolving, Operation
from simulator.plan.plan import Multiply, Plan, steps_of
from simulator.typing import Matrices


class StackSlice(NamedTuple):
    """Where the matrices of a block are among all matrices over ``size`` qubits."""

    size: int
    first: int
    end: int


class _Listed:
    """Products over ``size`` bits that are being listed."""

    def __init__(self, size: int) -> None:
        self.count = 0
        self._size = size
        #: Of each factor the index of its product, where its numbers begin, and its bits in the product.
        self._product_of: list[int] = []
        self._begins: list[int] = []
        self._spots: list[tuple[int, ...]] = []

    def add(self, factors: Sequence[Factor]) -> int:
        """Add the product of factors, the first acting first; return its index."""
        for begin, spots in factors:
            self._product_of.append(self.count)
            self._begins.append(begin)
            self._spots.append(spots)
        self.count += 1
        return self.count - 1

    def products(self) -> Products:
        """Return what was listed."""
        entries = entries_of(self._size, self._begins, self._spots)
        return Products(self._size, np.array(self._product_of), entries)


class MatrixPlan:
    """How the matrices of a plan are computed from the instructions, whatever their angles."""

    def __init__(self, instructions: Sequence[Evolving], operations: Sequence[Operation], plan: Plan) -> None:
        self._operations = operations
        self._gates = GateNumbers(
            {
                source: kind_of(instructions[source])
                for operation in operations
                if len(operation.qubits) <= WIDEST and not operation.whole and not operation.rotation
                for source in operation.sources
            }
        )
        #: For each step of the plan, where its matrices are; None for steps that do not multiply.
        self.slices: list[StackSlice | None] = []
        listed: dict[int, _Listed] = {PAIR: _Listed(PAIR)}
        for step in steps_of(plan):
            if not isinstance(step, Multiply):
                self.slices.append(None)
                continue
            size = len(step.targets)
            products = listed.setdefault(size, _Listed(size))
            first = products.count
            for factors in self._factors(step):
                products.add(factors if size <= PAIR else self._in_pairs(factors, listed[PAIR]))
            self.slices.append(StackSlice(size, first, products.count))
        #: Number of bits -> products; those over two bits come first, since they are factors of larger ones.
        self._products = {
            size: listed[size].products() for size in sorted(listed, key=PAIR.__ne__) if listed[size].count
        }

    def _factors(self, step: Multiply) -> Iterator[list[Factor]]:
        """Yield the gates of a block, for each value of its outer controls."""
        # The first control is the least significant bit of the variant's number.
        across = step.controls[::-1]
        spots = {qubit: bit for bit, qubit in enumerate(step.targets)}
        for values in product((0, 1), repeat=len(across)):
            spots.update({qubit: ~value for qubit, value in zip(across, values, strict=True)})
            yield [
                (self._gates.begin_of[source], tuple([spots[qubit] for qubit in self._operations[member].qubits]))
                for member in step.members
                for source in self._operations[member].sources
            ]

    def _in_pairs(self, factors: Sequence[Factor], pairs: _Listed) -> list[Factor]:
        """Return factors of the same product, those of several gates being products over two bits."""
        found: list[Factor] = []
        for unit in folded(factors):
            if len(unit.factors) == 1:
                ((begin, inside),) = unit.factors
                found.append((begin, tuple([unit.bits[spot] if spot >= 0 else spot for spot in inside])))
            else:
                begin = self._gates.size + pairs.add(unit.factors) * num_entries(PAIR)
                # One bit has another beside it, on which nothing acts.
                found.append((begin, unit.bits if len(unit.bits) == PAIR else (*unit.bits, int(not unit.bits[0]))))
        return found

    def numbers(self, instructions: Sequence[Evolving]) -> Matrices:
        """Return the entries of all gates' matrices, as `GateNumbers` has them."""
        return self._gates.of(instructions)

    def diagonals(self, member: int) -> list[slice]:
        """Return where in the numbers the diagonals are whose product is that of an operation."""
        operation = self._operations[member]
        side = 1 << len(operation.qubits)
        begins = [self._gates.begin_of[source] for source in operation.sources]
        return [slice(begin, begin + side**2, side + 1) for begin in begins]

    def block_matrices(self, numbers: Matrices) -> dict[int, Matrices]:
        """Return, by number of qubits k, the matrices of all blocks, shape (matrices, 2^k, 2^k)."""
        found: dict[int, Matrices] = {}
        for size, products in self._products.items():
            found[size] = products.of(numbers)
            if size == PAIR:
                pairs = np.zeros((len(found[size]), num_entries(PAIR)), np.complex128)
                pairs[:, :-1] = found[size].reshape(len(pairs), -1)
                numbers = np.concatenate([numbers, pairs.reshape(-1)])
        return found
