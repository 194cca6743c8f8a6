"""Sort the operations of one stage into blocks: each a dense matrix on a few local qubits, or a diagonal.

A block is grown from the first operation that is left, by the qubits that let it take in the most work for its
cost, and takes everything that may run before what stays behind. Controls outside of the chunk are no qubits of
the block: it gets one matrix for each of their values.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from simulator.circuit.program import MAX_QUBITS
from simulator.plan.operations import WIDEST, Operation, qubit_set
from simulator.plan.pairing import OperationGroup, paired

#: Number of qubits of a dense block -> nanoseconds per complex amplitude, measured: a gather and a real product.
COST = MappingProxyType({1: 1.5, 2: 1.6, 3: 2.1, 4: 3.1, 5: 5.2, 6: 10.0})
#: Number of qubits of a dense block -> nanoseconds per real amplitude, measured.
REAL_COST = MappingProxyType({1: 0.9, 2: 0.95, 3: 1.0, 4: 1.25, 5: 1.75, 6: 2.7})
#: Most outer controls of a block, which has a matrix for each of their values.
_MOST_OUTER = 3
#: How many operations are considered for one block.
_HORIZON = 64
#: How many larger qubit sets are compared when a block grows.
_CANDIDATES = 10
#: How many of these may add an operation that shares no qubit with the block.
_FRONTS = 2
#: Worth of an operation that mixes its only qubit.
_SINGLE = 0.3
#: Worth of an operation that mixes, on two or more qubits.
_SEVERAL = 1.0
#: Worth of an operation that is diagonal.
_DIAGONAL = 0.12


class DenseBlock(NamedTuple):
    """Operations that are one matrix over ``qubits``, for each value of the ``outer`` controls."""

    #: Indices of the stage's operations, the first acting first.
    members: tuple[int, ...]
    #: The qubits of the matrix, as a set.
    qubits: int
    #: Controls outside of the chunk, as a set.
    outer: int


class DiagonalBlock(NamedTuple):
    """Operations that are diagonal, and so commute."""

    #: Indices of the stage's operations.
    members: tuple[int, ...]


class RotationBlock(NamedTuple):
    """A rotation about a Pauli string."""

    #: The index of the one operation.
    members: tuple[int, ...]


#: A step of a stage, before it is known where its qubits lie.
Block: TypeAlias = DenseBlock | DiagonalBlock | RotationBlock

#: A qubit that no block has: with it, an operation fits into none.
_NEVER = 1 << MAX_QUBITS

#: What growing a block considers: (index of a group of operations, mixed, fixed, its local qubits, worth).
_Candidate: TypeAlias = tuple[int, int, int, int, float]


def grow_blocks(operations: Sequence[Operation], order: Sequence[int], *, real: bool) -> Iterator[Block]:
    """Yield blocks whose product, the first acting first, is that of a stage's operations.

    ``order`` has the qubit at each bit of the chunk. The caller may change it between two blocks: in real
    arithmetic, of several equally good blocks the next one is that whose qubits lie lowest by then.
    """
    local = qubit_set(order)
    together = paired(operations, local)
    rows: list[_Candidate] = [
        (number, each.mixed, each.fixed, _touched(each, operations), _worth(each, operations))
        for number, each in enumerate(together)
    ]
    cost, widest = (REAL_COST, 5) if real else (COST, 4)
    rotations = {number for number, each in enumerate(together) if operations[each.members[0]].rotation}
    while rows:
        if rows[0][0] in rotations:
            yield RotationBlock(tuple(together[rows.pop(0)[0]].members))
            continue
        # Where a product can be written transposed, it matters which qubits lie low.
        bit_of = {1 << qubit: bit for bit, qubit in enumerate(order)} if real else {}
        start = _start(rows, widest, bit_of)
        if start:
            near = rows[:_HORIZON]
            block = _Growth(near, local, cost, bit_of).grown(start, max(widest, start.bit_count()))
            taken = set(block.members)
            rows[: len(near)] = [row for row in near if row[0] not in taken]
            members = tuple([index for number in block.members for index in together[number].members])
            yield DenseBlock(members, block.qubits, block.outer)
        else:
            diagonals = _diagonals_in_front(rows, rotations)
            rows = [row for row in rows if row[0] not in set(diagonals)]
            yield DiagonalBlock(tuple([index for number in diagonals for index in together[number].members]))


def _touched(row: OperationGroup, operations: Sequence[Operation]) -> int:
    own = [operations[index] for index in row.members]
    fits = max([len(each.qubits) for each in own]) <= WIDEST and not own[0].rotation
    return row.touched if fits else row.touched | _NEVER


def _worth(row: OperationGroup, operations: Sequence[Operation]) -> float:
    if not row.mixed:
        return _DIAGONAL
    return _SINGLE if all(len(operations[index].qubits) == 1 for index in row.members) else _SEVERAL


def _start(rows: Sequence[_Candidate], widest: int, bit_of: Mapping[int, int]) -> int:
    """Return the local qubits of a mixing operation that may run now: the first, or that which lies lowest.

    If diagonals hold all of these up, return the qubits of the first together with those of its diagonals, if one
    block can take them all; else 0.
    """
    mixed = fixed = joint = 0
    before: list[int] = []
    free: list[int] = []
    for _, mixes, fixes, touched, _ in rows[:_HORIZON]:
        if mixes and not (mixes & (mixed | fixed) or fixes & mixed or touched & _NEVER):
            if not bit_of:
                return touched
            free.append(touched)
        if not mixes:
            before.append(touched)
        elif not mixed:
            joint = touched
            for diagonal in before:
                if diagonal & mixes:
                    joint |= diagonal
        mixed |= mixes
        fixed |= fixes
    if free:
        return min(free, key=lambda qubits: _lowest_bit(qubits, bit_of))
    return joint if joint.bit_count() <= widest and not joint & _NEVER else 0


def _lowest_bit(qubits: int, bit_of: Mapping[int, int]) -> int:
    return min(bit_of[qubit] for qubit in _members(qubits))


def _diagonals_in_front(rows: Sequence[_Candidate], rotations: Container[int]) -> tuple[int, ...]:
    mixed = 0
    found = []
    for index, mixes, fixes, _, _ in rows:
        if not mixes and not fixes & mixed and index not in rotations:
            found.append(index)
        mixed |= mixes
    return tuple(found)


class _Contents(NamedTuple):
    """What a block on some qubits would take in."""

    qubits: int
    members: list[int]
    outer: int
    worth: float
    #: The local qubits of each operation that it has to leave behind, in order.
    refused: list[int]


class _Growth:
    """Growing one block from the rows that are near."""

    def __init__(
        self, rows: Sequence[_Candidate], local: int, cost: Mapping[int, float], bit_of: Mapping[int, int]
    ) -> None:
        self._rows = rows
        self._outside = ~local
        self._cost = cost
        #: Qubit, as a set -> the local qubits of the first operation on it.
        self._first: dict[int, int] = {}
        #: The local qubits of the operations that are first on all of theirs.
        self._fronts: list[int] = []
        seen = 0
        for _, mixes, _, touched, _ in rows:
            unseen = touched & ~seen
            if unseen:
                if mixes and unseen == touched and not touched & _NEVER:
                    self._fronts.append(touched)
                seen |= unseen
                self._first.update(dict.fromkeys(_members(unseen), touched))
        if bit_of:
            self._fronts.sort(key=lambda qubits: _lowest_bit(qubits, bit_of))

    def grown(self, start: int, widest: int) -> DenseBlock:
        """Return the block that takes in the most for its cost, of those grown from the qubits ``start``."""
        tried = {start}
        best = last = self._contents_of(start)
        while larger := self._larger(last, widest) - tried:
            tried |= larger
            last = max(map(self._contents_of, sorted(larger)), key=self._score)
            if self._score(last) >= self._score(best):
                best = last
        return DenseBlock(tuple(best.members), best.qubits, best.outer)

    def _score(self, found: _Contents) -> float:
        return found.worth / self._cost[found.qubits.bit_count()]

    def _larger(self, last: _Contents, widest: int) -> set[int]:
        """Return candidate qubit sets, one step larger.

        Each adds the qubits of a refused operation, perhaps with those of its predecessors, or of a front
        operation.
        """
        larger: set[int] = set()
        own = last.qubits
        if own.bit_count() >= widest:
            return larger
        for touched in last.refused:
            if len(larger) >= _CANDIDATES:
                return larger
            more = own | touched
            if not _fits(more, widest):
                continue
            larger.add(more)
            for qubit in _members(touched & ~own):
                most = more | self._first.get(qubit, 0)
                if _fits(most, widest):
                    larger.add(most)
        # Of what shares nothing with the block, one is about as good as another.
        others = [own | touched for touched in self._fronts if touched & ~own][:_FRONTS]
        larger.update([more for more in others[: _CANDIDATES - len(larger)] if _fits(more, widest)])
        return larger

    def _contents_of(self, qubits: int) -> _Contents:
        members: list[int] = []
        refused: list[int] = []
        mixed = fixed = outer = 0
        worth = 0.0
        for index, mixes, fixes, touched, value in self._rows:
            if not touched & qubits:
                continue
            if touched & ~qubits or mixes & (mixed | fixed) or fixes & mixed:
                refused.append(touched)
            else:
                controls = outer | fixes & self._outside
                # One operation's own controls are always taken, so that the first operation is never left behind.
                if not outer or controls.bit_count() <= _MOST_OUTER:
                    outer = controls
                    members.append(index)
                    worth += value
                    continue
            mixed |= mixes
            fixed |= fixes
            if mixed & qubits == qubits:
                break
        return _Contents(qubits, members, outer, worth, refused)


def _fits(qubits: int, widest: int) -> bool:
    return qubits.bit_count() <= widest and not qubits & _NEVER


def _members(qubits: int) -> Iterator[int]:
    """Yield each qubit of a set, as a set of its own."""
    while qubits:
        qubit = qubits & -qubits
        yield qubit
        qubits ^= qubit
