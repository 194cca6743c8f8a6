"""Make the plan of some operations: stages, their chunks, and the steps on a chunk, with the bit of every qubit.

A plan is a function of the operations, of where the qubits lie, and of whether numbers are real: never of the
machine, of threads, or of free memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simulator.plan.blocks import Block, DenseBlock, RotationBlock, grow_blocks
from simulator.plan.fusion import fuse
from simulator.plan.operations import Operation, qubit_set, qubits_in
from simulator.plan.plan import Multiply, Plan, Rotate, Scale, Stage, Step, Whole
from simulator.plan.stages import next_stage
from simulator.tuning import TUNING, Tuning

#: Bits of a state from which it is wide.
_WIDE = 19
#: Most bits of a state that is planned in one pass: planning takes longer than what a better plan saves.
_FUSED = 13
#: Most qubits of a block where a state is planned in one pass.
_FUSED_BLOCK = 4


def make_plan(
    operations: Sequence[Operation], qubit_at: Sequence[int], *, real: bool, tuning: Tuning = TUNING
) -> Plan:
    """Plan operations on a state with the qubit ``qubit_at[bit]`` at each bit."""
    order = list(qubit_at)
    size = chunk_bits(len(order), real=real, tuning=tuning)
    left = list(enumerate(operations))
    parts: list[Stage | Whole] = []
    while left:
        resident = qubit_set(order if size == len(order) else order[: tuning.local_bits])
        chosen, taken, rest = next_stage(left, resident, size - resident.bit_count(), len(order))
        if taken:
            parts.append(_stage(taken, chosen, order, size, real=real))
            left = rest
        else:
            index, first = left.pop(0)
            parts.append(Whole(index, tuple(map(order.index, first.qubits)), first.mixed))
    return Plan(tuple(parts), tuple(order))


def chunk_bits(num_bits: int, *, real: bool, tuning: Tuning = TUNING) -> int:
    """Return log2 of the amplitudes of a chunk."""
    return min(num_bits, (tuning.chunk_bits if num_bits < _WIDE else tuning.wide_chunk_bits) + real)


def _stage(
    taken: Sequence[tuple[int, Operation]], chosen: int, order: list[int], size: int, *, real: bool
) -> Stage:
    """Lay out one stage, and update ``order``, the qubit at each bit, as the stage moves them."""
    inside = [bit for bit, qubit in enumerate(order) if chosen >> qubit & 1]
    # Whatever room is left goes to the lowest bits, since long rows are quick to copy.
    inside += [bit for bit, qubit in enumerate(order) if not chosen >> qubit & 1][: size - len(inside)]
    local = tuple(sorted(inside))
    outer = tuple(bit for bit in range(len(order)) if bit not in set(local))
    indices, operations = zip(*taken, strict=True)
    everything = indices[-1] == len(indices) - 1
    chunk = _Chunk([order[bit] for bit in local], [order[bit] for bit in outer], transposing=real)
    for block in _blocks(operations, chunk.order, len(order), real=real):
        members = block.members if everything else tuple([indices[member] for member in block.members])
        if isinstance(block, DenseBlock):
            chunk.multiply(members, block)
        elif isinstance(block, RotationBlock):
            chunk.rotate(members[0], operations[block.members[0]].qubits)
        else:
            chunk.scale(members, [operations[member].qubits for member in block.members])
    sources = None
    if not outer and chunk.order != order:
        # A loop comes back with its qubits where they were, and finds the plan that is kept.
        sources = tuple(map(chunk.order.index, order))
        chunk.order[:] = order
    outer_qubits = tuple([order[bit] for bit in outer])
    for bit, qubit in zip(local, chunk.order, strict=True):
        order[bit] = qubit
    mixed = 0
    for operation in operations:
        mixed |= operation.mixed
    return Stage(local, outer, outer_qubits, tuple(chunk.steps), sources, mixed)


def _blocks(
    operations: Sequence[Operation], order: Sequence[int], num_bits: int, *, real: bool
) -> Iterator[Block]:
    # Where only gates on one qubit mix, no plan is better than that of one pass.
    if len(order) == num_bits and (
        num_bits <= _FUSED or not any(each.mixed and len(each.qubits) > 1 for each in operations)
    ):
        return fuse(operations, _FUSED_BLOCK)
    return grow_blocks(operations, order, real=real)


class _Chunk:
    """Which qubit lies where in the chunks of a stage, and the steps up to there."""

    def __init__(self, order: list[int], outer: Sequence[int], *, transposing: bool) -> None:
        #: The qubit at each bit.
        self.order = order
        self.steps: list[Step] = []
        self._numbers = {qubit: index for index, qubit in enumerate(outer)}
        self._transposing = transposing

    def multiply(self, members: tuple[int, ...], block: DenseBlock) -> None:
        """Append a block: its qubits come to the lowest bits, and its product may put them highest."""
        self._untranspose(block.qubits)
        order = self.order
        low = sorted(map(order.index, qubits_in(block.qubits)))
        high, rest, targets = list(range(len(order))), order.copy(), [order[bit] for bit in low]
        for bit in reversed(low):
            del high[bit], rest[bit]
        sources = None if low[-1] < len(low) else tuple(low + high)
        controls = tuple([qubit for qubit in self._numbers if block.outer >> qubit & 1]) if block.outer else ()
        bits = tuple([self._numbers[qubit] for qubit in controls])
        self.steps.append(Multiply(members, tuple(targets), controls, bits, sources, self._transposing))
        order[:] = rest + targets if self._transposing else targets + rest

    def _untranspose(self, following: int) -> None:
        """Leave the last block's qubits lowest if the following block has some of them, and others too."""
        last = self.steps[-1] if self.steps else None
        if isinstance(last, Multiply) and last.transposed and following & qubit_set(last.targets):
            size = len(last.targets)
            if qubit_set(self.order[: following.bit_count()]) != following:
                self.steps[-1] = last._replace(transposed=False)
                self.order[:] = self.order[-size:] + self.order[:-size]

    def scale(self, members: tuple[int, ...], qubits: Sequence[tuple[int, ...]]) -> None:
        """Append diagonals on these qubits."""
        bits = self._bits()
        self.steps.append(Scale(members, tuple([tuple([bits[qubit] for qubit in each]) for each in qubits])))

    def rotate(self, member: int, qubits: tuple[int, ...]) -> None:
        """Append a rotation on these qubits."""
        self.steps.append(Rotate(member, tuple(map(self._bits().__getitem__, qubits))))

    def _bits(self) -> dict[int, int]:
        """Return each qubit's bit in the chunk, or ``~bit`` in the chunk's number."""
        bits = {qubit: bit for bit, qubit in enumerate(self.order)}
        return bits | {qubit: ~index for qubit, index in self._numbers.items()}
