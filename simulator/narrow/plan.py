"""The plan of a narrow state: its steps, and which gates are multiplied into the matrix of which step."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, chain, permutations
from typing import Any

import numpy as np

from simulator.kernels.dense import real_form
from simulator.matrices.gate_matrices import Swept, is_constant
from simulator.matrices.numbers import GateNumbers
from simulator.matrices.products import Products, spread_entries
from simulator.narrow.placement import GateFacts, Placement
from simulator.plan.operations import Signed
from simulator.typing import Amplitudes, Indices


@dataclass(frozen=True, slots=True)
class Multiply:
    """Multiply by a block's matrix, whose bits are the lowest in the order of ``block``."""

    block: int
    #: Index of the matrix in the stack of `NarrowPlan.matrices`.
    index: int


@dataclass(frozen=True, slots=True)
class Apply:
    """Apply one instruction by itself, in the order of ``block``, which is that of the step before."""

    block: int
    #: Index of the instruction.
    source: int
    facts: GateFacts


class NarrowPlan:
    """What is done to a narrow state, whatever the angles; ``qubit_at`` has the qubit at each of its bits."""

    def __init__(self, signature: Sequence[Signed], qubit_at: Sequence[int], *, real: bool) -> None:
        """Take the signature of the instructions; ``real``: states are, and so all numbers are."""
        placement = Placement(signature, qubit_at, real=real)
        self.num_bits = len(qubit_at)
        #: How many bits every block has.
        self.width = placement.width
        #: Final relabelling by swaps: new qubit -> old qubit. Qubits not listed are unchanged.
        self.renamed_from = placement.renamed_from
        #: The qubits that an instruction mixes, as a set.
        self.mixed = 0
        for bit in chain.from_iterable(each.bits for each in placement.facts if not each.diagonal):
            self.mixed |= 1 << qubit_at[bit]
        self._numbers = GateNumbers(
            {source: kind for _, source, number in placement.placed if (kind := placement.facts[number].kind)},
            real=real,
        )
        self._real = real
        self._products = (
            _products(placement, self.num_bits, self._numbers.begin_of, real=real) if placement.placed else None
        )
        index = -1
        self.steps: list[Multiply | Apply] = []
        order = 0
        for step, block in enumerate(placement.blocks):
            if block:
                order, index = block, index + 1
                self.steps.append(Multiply(block, index))
            else:
                self.steps.append(Apply(order, *placement.alone[step]))
        #: Whether all circuits of this structure have the same numbers, so that these are kept with the plan.
        self.keeps_numbers = self._numbers.constant and all(
            each.kind is not None and is_constant(each.kind) for _, each in placement.alone.values()
        )

    def matrices(self, instructions: Sequence[Any], swept: Swept | None = None) -> Amplitudes:
        """Return the blocks' matrices as `real_form` has them: shape (..., blocks, side, side).

        A side is 2^width, or twice that where states are complex. Where angles are swept, an axis of rows may
        lead; a row's matrices are, bit for bit, what they would be without it.
        """
        if self._products is None:
            return np.empty((0, 1, 1))
        return real_form(self._products.of(self._numbers.of(instructions, swept)), real=self._real)


def _products(placement: Placement, num_bits: int, begin_of: dict[int, int], *, real: bool) -> Products:
    placed = np.fromiter(chain.from_iterable(placement.placed), np.intp).reshape(-1, 3)
    # In a block, gates act in the circuit's order, not in that in which they were placed.
    placed = placed[placed[:, 1].argsort()]
    steps, gates, facts = placed.T
    begins = np.array([begin_of[gate] for gate in gates.tolist()])
    entries = spread_over_blocks(placement, num_bits, steps, facts, begins)
    # The steps that are blocks, counted.
    product_of = np.array([*accumulate(map(bool, placement.blocks))]) - 1
    return Products(placement.width, product_of[steps], entries, real=real)


def spread_over_blocks(
    placement: Placement, num_bits: int, steps: Indices, facts: Indices, begins: Indices
) -> Indices:
    """Return where some gates that are in blocks have their entries, spread over the block: (gates, 4^width).

    Of each gate these are the block's step, the number of its facts, and where its numbers begin.
    """
    width = placement.width
    # The position of each bit in each block, from 1; 0 stands for a bit that a gate has not.
    positions = (np.array(placement.blocks)[:, None] >> np.arange(num_bits + 1) & 1).cumsum(1)
    positions[:, num_bits] = 0
    nothing = (num_bits,) * width
    bits = np.array([(each.bits + nothing)[:width] for each in placement.facts])
    ways = positions[steps[:, None], bits[facts]]
    table, rows = _ways(width)
    entries: Indices = table.take(rows.take(ways @ (width + 1) ** np.arange(width)), 0)
    entries += begins[:, None]
    return entries


@lru_cache(maxsize=8)
def _ways(width: int) -> tuple[Indices, Indices]:
    """Return the entries of every way that a gate can lie in a block, shape (ways, 4^width), and each way's row.

    The row is looked up by a code: its digits in base ``width + 1`` are the positions of the gate's bits in the
    block, from 1; 0 stands for no bit.
    """
    ways: Iterable[tuple[int, ...]] = chain.from_iterable(permutations(range(width), j) for j in range(width + 1))
    rows = np.zeros((width + 1) ** width, np.intp)
    table = []
    for row, way in enumerate(ways):
        rows[sum((spot + 1) * (width + 1) ** index for index, spot in enumerate(way))] = row
        table.append(spread_entries(width, way))
    return np.array(table), rows
