"""A circuit with slots as dense blocks on a few qubits, and what insertions make of a block's matrix.

A block's matrix M is a product of gates. Operators K that are inserted behind the first gates of it, whose product
is A, are moved to its start: there they are A^dagger K A, so that the block does M A^dagger K A. Norms of what
operators make of a state are the same at the start of the block, where a state chooses among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np

from simulator.circuit.program import MAX_QUBITS
from simulator.kernels.dense import real_form
from simulator.matrices.numbers import GateNumbers
from simulator.matrices.products import spread_entries
from simulator.monitor import Checkpoint
from simulator.narrow.alone import Change, change_of
from simulator.narrow.placement import Placement
from simulator.narrow.plan import Apply, spread_over_blocks
from simulator.piecewise import with_checkpoints
from simulator.plan import Evolving
from simulator.plan.operations import Signed, signature
from simulator.trajectories.frames import Frames, Insertion, Slot
from simulator.typing import Amplitudes, Indices, Matrices

#: Bits of blocks -> most qubits of a circuit: the more amplitudes, the less a matrix costs. Measured.
_BLOCK_BITS = MappingProxyType({2: 4, 3: 13, 4: MAX_QUBITS})


class BlockStep(NamedTuple):
    """One step of all rows: a gather that makes a block's bits the lowest, and a product; or else a change."""

    #: The bits of the order in which its states are, as in `narrow.orders`.
    order: int
    #: Index of the block's matrix; -1: it has none.
    block: int
    change: Change | None


class _Place(NamedTuple):
    """Where a slot is."""

    step: int
    #: Index of the product of the gates that are before it in its block.
    before: int
    #: The bits of its qubits.
    bits: tuple[int, ...]


class BlockPlan:
    """What is done to every row; made once for a circuit."""

    def __init__(
        self, frames: Frames, qubits: Sequence[int], dtype: np.dtype[Any], checkpoint: Checkpoint
    ) -> None:
        """Take the qubits of the states, the first at bit 0, and the type of the states."""
        sequence = frames.sequence
        checkpoint()
        placement, qubit_at = _placed(sequence, qubits)
        self.num_bits, self.width, self.dtype = len(qubit_at), placement.width, dtype
        bit_of = {qubit: bit for bit, qubit in enumerate(qubit_at)}
        #: Qubit -> its bit at the end, in the order of no block.
        self.bit_of = {qubit: bit_of[placement.renamed_from.get(qubit, qubit)] for qubit in qubit_at}
        places = self._multiply(placement, sequence, checkpoint)
        self.steps: list[BlockStep] = []
        order, blocks = 0, 0
        for step, block in enumerate(with_checkpoints(placement.blocks, checkpoint)):
            if block:
                order = block
                self.steps.append(BlockStep(order, blocks, None))
                blocks += 1
                continue
            source, facts = placement.alone[step]
            instruction = sequence[source]
            if isinstance(instruction, Slot):
                raise TypeError(instruction)
            change = change_of(Apply(order, source, facts), instruction, self.num_bits, dtype)
            self.steps.append(BlockStep(order, -1, change))
        self._insert(placement, frames.insertions, places, checkpoint)

    def form(self, matrices: Matrices) -> Amplitudes:
        """Return matrices as what rows of the plan's type are multiplied by."""
        return real_form(matrices, real=False).astype(np.empty(0, self.dtype).real.dtype, copy=False)

    def moved(self, insertions: Indices) -> Matrices:
        """Return insertions of one operator each, moved to the start of their blocks: (insertions, d, d)."""
        before = self._prefixes[self._prefix_of[insertions]]
        inserted = self._operators[self._operator_of[insertions]]
        found: Matrices = before.conj().swapaxes(-1, -2) @ (inserted @ before)
        return found

    def choices(self, insertion: int) -> Matrices:
        """Return all operators of an insertion, moved to the start of its block: (operators, d, d)."""
        before = self._prefixes[self._prefix_of[insertion]]
        first = self._operator_of[insertion]
        inserted = self._operators[first : first + self.num_operators[insertion]]
        found: Matrices = before.conj().T @ (inserted @ before)
        return found

    def _multiply(
        self, placement: Placement, sequence: Sequence[Evolving | Slot], checkpoint: Checkpoint
    ) -> dict[int, _Place]:
        """Multiply the gates of all blocks, keeping each product on the way; return where slots are, by number."""
        num_blocks, side = sum(map(bool, placement.blocks)), 1 << self.width
        placed = placement.placed
        steps, sources, numbers_of_facts = np.array(placed, np.intp).reshape(-1, 3).T
        facts = [placement.facts[number] for _, _, number in placed]
        items = [sequence[source] for _, source, _ in placed]
        numbers = GateNumbers(
            {
                source: each.kind
                for (_, source, _), each, item in zip(placed, facts, items, strict=True)
                if each.kind and not isinstance(item, Slot)
            }
        )
        checkpoint()
        # In a block, gates and slots are in the circuit's order.
        order = np.lexsort((sources, steps))
        is_gate = np.array([not isinstance(item, Slot) for item in items], np.bool_)[order]
        block_of_step = np.cumsum([bool(block) for block in placement.blocks], dtype=np.intp) - 1
        blocks = block_of_step[steps[order]]
        # How many gates are before each item, in all blocks; then before the first one of each block, and in all.
        before: Indices = np.cumsum(is_gate) - is_gate
        bounds = np.append(before, is_gate.sum())[np.searchsorted(blocks, np.arange(num_blocks + 1))]
        # The products of a block lie one behind the other, that of no gates first.
        begins, ends = bounds[:-1] + np.arange(num_blocks), bounds[1:] + np.arange(num_blocks)
        products = before + blocks
        self._prefixes: Matrices = np.empty((int(is_gate.sum()) + num_blocks, side, side), np.complex128)
        self._prefixes[begins] = np.eye(side)
        if is_gate.any():
            gates = order[is_gate]
            begin_of = np.array([numbers.begin_of[source] for source in sources[gates].tolist()], np.intp)
            entries = spread_over_blocks(placement, self.num_bits, steps[gates], numbers_of_facts[gates], begin_of)
            checkpoint()
            values = numbers.of(sequence)
            checkpoint()
            own = products[is_gate]
            rank = own - begins[blocks[is_gate]]
            for some in np.split(np.argsort(rank, kind="stable"), np.bincount(rank).cumsum()[:-1]):
                checkpoint()
                factors = values.take(entries[some]).reshape(-1, side, side)
                self._prefixes[own[some] + 1] = factors @ self._prefixes[own[some]]
        #: The matrices of all blocks, shape (blocks, 2^width, 2^width), and what rows are multiplied by.
        self.matrices: Matrices = self._prefixes[ends]
        self.forms = self.form(self.matrices)
        return {
            item.first: _Place(int(steps[index]), product, facts[index].bits)
            for index, product in zip(order.tolist(), products.tolist(), strict=True)
            if isinstance(item := items[index], Slot)
        }

    def _insert(
        self,
        placement: Placement,
        insertions: Sequence[Insertion],
        places: dict[int, _Place],
        checkpoint: Checkpoint,
    ) -> None:
        """Say of each insertion where it goes, and what it is there."""
        of_slot = [places[each.slot] for each in insertions]
        self._prefix_of = np.array([place.before for place in of_slot], np.intp)
        #: Of each insertion: the step that it goes into, and how many operators it has.
        self.step_of = np.array([place.step for place in of_slot], np.intp)
        self.num_operators = np.array([len(each.stack) for each in insertions], np.intp)
        #: Of each insertion its place among all, in the order of steps, then of the circuit; and the inverse.
        self.by_rank: Indices = np.lexsort((np.arange(self.step_of.size), self.step_of))
        self.rank = np.empty_like(self.by_rank)
        self.rank[self.by_rank] = np.arange(self.rank.size)
        operators: list[Matrices] = []
        first_of: dict[object, int] = {}
        found = []
        for each, place in with_checkpoints(list(zip(insertions, of_slot, strict=True)), checkpoint):
            block = placement.blocks[place.step]
            # The lower bits of the block are before a bit in it.
            spots = tuple([(block & (1 << place.bits[index]) - 1).bit_count() for index in each.places])
            key = spots, each.stack.tobytes()
            if key not in first_of:
                first_of[key] = len(operators)
                entries = spread_entries(self.width, spots).reshape(1 << self.width, -1)
                operators += [np.append(matrix.reshape(-1), 0).take(entries) for matrix in each.stack]
            found.append(first_of[key])
        self._operator_of = np.array(found, np.intp)
        self._operators: Matrices = np.array(operators, np.complex128).reshape(-1, *(1 << self.width,) * 2)


def _placed(sequence: Sequence[Evolving | Slot], qubits: Sequence[int]) -> tuple[Placement, tuple[int, ...]]:
    """Return which gate and slot goes into which block, and the qubit at each bit; some bits are no qubit's.

    A state has more bits than a block, so that its product with a matrix is one of two matrices.
    """
    signed = iter(signature([each for each in sequence if not isinstance(each, Slot)]))
    # A slot mixes its qubits, whatever is inserted: so nothing is moved past it.
    every: list[Signed] = [
        ("unitary", each.qubits, (), None) if isinstance(each, Slot) else next(signed) for each in sequence
    ]
    usual = next(width for width, most in _BLOCK_BITS.items() if len(qubits) <= most)
    while True:
        qubit_at = (*qubits, *range(-1, len(qubits) - usual - 2, -1))
        placement = Placement(every, qubit_at, real=False, usual=usual)
        if placement.width < len(qubit_at):
            return placement, qubit_at
        usual = placement.width
