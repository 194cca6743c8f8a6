"""Instructions -> a Plan: stages, their chunks, and the steps on a chunk, down to which bit lies where.

A plan is a function of the instructions, of where the qubits lie, and of whether numbers are real: never of the
machine, of threads, or of free memory. It holds no angle: `binding` fills in the matrices.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from simulator.plan.blocks import Block, Phases, Turn, blocks_of
from simulator.plan.fusion import fused
from simulator.plan.operations import Operation, as_set, members_of
from simulator.plan.stages import next_stage

#: log2 of the amplitudes of a chunk: two of these buffers stay in a core's cache. In wide states, larger chunks
#: pay: fewer stages, and fewer calls for which two threads wait for each other.
CHUNK, WIDE_CHUNK = 14, 15
_WIDE = 19
#: This many of the lowest bits are local in every stage.
LOW = 3
#: States of so many bits are narrow: small matrices, planning and Python take about as long as the run.
NARROW = 14
#: Up to so many bits, planning takes longer than what a better plan saves.
_FUSED = 13
#: The widest blocks of what is planned in one pass, by the bits of the state up to which they are no wider: the
#: smaller it is, the less a step costs beside the matrix that it needs.
_WIDEST = {9: 2, 12: 3, CHUNK + 1: 4}
#: Up to so many bits, a gather takes less than to turn a product.
_GATHERED = 10


class Multiply(NamedTuple):
    """Bring a block's qubits to the lowest bits of the chunk, and multiply by its matrix."""

    #: Places of the plan's operations.
    members: tuple[int, ...]
    #: The block's qubits, the least significant first.
    targets: tuple[int, ...]
    #: Its outer controls, as qubits, and as bits of the chunk's number.
    controls: tuple[int, ...]
    control_bits: tuple[int, ...]
    #: New bit i of the chunk was bit ``sources[i]``; None: they lie right.
    sources: tuple[int, ...] | None
    #: Whether the product is written with the block's qubits as the highest bits, which costs nothing: the next
    #: block's may be the lowest then. Only for real numbers; the two parts of a complex one would be torn apart.
    turned: bool = False


class Scale(NamedTuple):
    """Multiply the chunk by diagonals."""

    members: tuple[int, ...]
    #: Of each member and each of its qubits: its bit in the chunk, or ``~bit`` in the chunk's number.
    bits: tuple[tuple[int, ...], ...]


class Rotate(NamedTuple):
    """Turn the chunk about a Pauli string."""

    member: int
    #: Of each letter: its bit in the chunk, or ``~bit`` in the chunk's number; of an X or Y it is in the chunk.
    bits: tuple[int, ...]


Step: TypeAlias = Multiply | Scale | Rotate


@dataclass(frozen=True, slots=True)
class Stage:
    """Steps that are done chunk by chunk."""

    #: The bits of the state that a chunk holds, ascending; bit i of a chunk is ``local[i]``.
    local: tuple[int, ...]
    #: The others, ascending, and the qubits that lie there; bit i of a chunk's number is ``outer[i]``.
    outer: tuple[int, ...]
    outer_qubits: tuple[int, ...]
    steps: tuple[Step, ...]
    #: How the bits of the chunk move after the steps, as in `Multiply.sources`; where the chunk is the state, they
    #: go back to where they were.
    sources: tuple[int, ...] | None
    #: The qubits that something is done to but phases, as a set.
    mixed: int


@dataclass(frozen=True, slots=True)
class Whole:
    """One operation on the whole state."""

    member: int
    #: The bits of its qubits.
    bits: tuple[int, ...]
    mixed: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What runs, and where the qubits lie then."""

    parts: tuple[Stage | Whole, ...]
    #: The qubit at each bit, at the end.
    layout: tuple[int, ...]


def make_plan(operations: Sequence[Operation], layout: Sequence[int], *, real: bool) -> Plan:
    """Plan operations on a state with the qubit ``layout[bit]`` at each bit."""
    lying = list(layout)
    size = chunk_bits(len(lying), real=real)
    left = list(enumerate(operations))
    parts: list[Stage | Whole] = []
    while left:
        resident = as_set(lying if size == len(lying) else lying[:LOW])
        chosen, taken, rest = next_stage(left, resident, size - resident.bit_count(), len(lying))
        if taken:
            parts.append(_stage(taken, chosen, lying, size, real=real))
            left = rest
        else:
            place, first = left.pop(0)
            parts.append(Whole(place, tuple(map(lying.index, first.qubits)), first.mixed))
    return Plan(tuple(parts), tuple(lying))


def chunk_bits(num_bits: int, *, real: bool) -> int:
    """Return log2 of the amplitudes of a chunk."""
    return min(num_bits, (CHUNK if num_bits < _WIDE else WIDE_CHUNK) + real)


def _stage(
    taken: Sequence[tuple[int, Operation]], chosen: int, lying: list[int], size: int, *, real: bool
) -> Stage:
    """Lay out one stage, and move the qubits in ``lying`` as it does."""
    inside = [bit for bit, qubit in enumerate(lying) if chosen >> qubit & 1]
    # Whatever room is left goes to the lowest bits: long rows are quick to copy.
    inside += [bit for bit, qubit in enumerate(lying) if not chosen >> qubit & 1][: size - len(inside)]
    local = tuple(sorted(inside))
    outer = tuple(bit for bit in range(len(lying)) if bit not in set(local))
    places, operations = zip(*taken, strict=True)
    everything = places[-1] == len(places) - 1
    turning = real and len(lying) > _GATHERED
    chunk = _Chunk([lying[bit] for bit in local], [lying[bit] for bit in outer], turning=turning)
    for block in _blocks(operations, chunk.order, len(lying), real=real):
        members = block.members if everything else tuple([places[member] for member in block.members])
        if isinstance(block, Block):
            chunk.multiply(members, block)
        elif isinstance(block, Turn):
            chunk.rotate(members[0], operations[block.members[0]].qubits)
        else:
            chunk.scale(members, [operations[member].qubits for member in block.members])
    sources = None
    if not outer and chunk.order != lying:
        # So that the next time around a loop finds the plan that is there.
        sources = tuple(map(chunk.order.index, lying))
        chunk.order[:] = lying
    outer_qubits = tuple([lying[bit] for bit in outer])
    for bit, qubit in zip(local, chunk.order, strict=True):
        lying[bit] = qubit
    mixed = 0
    for operation in operations:
        mixed |= operation.mixed
    return Stage(local, outer, outer_qubits, tuple(chunk.steps), sources, mixed)


def _blocks(
    operations: Sequence[Operation], order: Sequence[int], num_bits: int, *, real: bool
) -> Iterator[Block | Phases | Turn]:
    # Where only gates on one qubit mix, there is nothing that a better plan could find.
    if len(order) == num_bits and (
        num_bits <= _FUSED or not any(each.mixed and len(each.qubits) > 1 for each in operations)
    ):
        return fused(operations, next(widest for most, widest in _WIDEST.items() if num_bits <= most))
    return blocks_of(operations, order, real=real)


class _Chunk:
    """Which qubit lies where in the chunks of a stage, and the steps up to there."""

    def __init__(self, order: list[int], outer: Sequence[int], *, turning: bool) -> None:
        #: The qubit at each bit.
        self.order = order
        self.steps: list[Step] = []
        self._numbers = {qubit: place for place, qubit in enumerate(outer)}
        self._turning = turning

    def multiply(self, members: tuple[int, ...], block: Block) -> None:
        """Append a block: its qubits come to the lowest bits, and go to the highest where that may help."""
        self._turn_back(block.qubits)
        order = self.order
        low = sorted(map(order.index, members_of(block.qubits)))
        high, rest, targets = list(range(len(order))), order.copy(), [order[bit] for bit in low]
        for bit in reversed(low):
            del high[bit], rest[bit]
        sources = None if low[-1] < len(low) else tuple(low + high)
        controls = tuple([qubit for qubit in self._numbers if block.outer >> qubit & 1]) if block.outer else ()
        bits = tuple([self._numbers[qubit] for qubit in controls])
        self.steps.append(Multiply(members, tuple(targets), controls, bits, sources, self._turning))
        order[:] = rest + targets if self._turning else targets + rest

    def _turn_back(self, following: int) -> None:
        """Leave the last block's qubits at the lowest bits, if the following are some of them, and others."""
        last = self.steps[-1] if self.steps else None
        if isinstance(last, Multiply) and last.turned and following & as_set(last.targets):
            size = len(last.targets)
            if as_set(self.order[: following.bit_count()]) != following:
                self.steps[-1] = last._replace(turned=False)
                self.order[:] = self.order[-size:] + self.order[:-size]

    def scale(self, members: tuple[int, ...], qubits: Sequence[tuple[int, ...]]) -> None:
        """Append diagonals on these qubits."""
        spots = self._spots()
        self.steps.append(Scale(members, tuple([tuple([spots[qubit] for qubit in each]) for each in qubits])))

    def rotate(self, member: int, qubits: tuple[int, ...]) -> None:
        """Append a rotation on these qubits."""
        self.steps.append(Rotate(member, tuple(map(self._spots().__getitem__, qubits))))

    def _spots(self) -> dict[int, int]:
        """Return each qubit's bit in the chunk, or ``~bit`` in the chunk's number."""
        spots = {qubit: bit for bit, qubit in enumerate(self.order)}
        return spots | {qubit: ~place for qubit, place in self._numbers.items()}
