"""The operations of one stage -> blocks: each a dense matrix on a few local qubits, or a diagonal.

A block is grown from the first operation that is left, by the qubits that let it take in the most work for its
cost, and takes everything that may run before what stays behind. Controls that lie outside of the chunk are no
qubits of the block: the block gets one matrix for each value that they have.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from simulator.circuit.program import MAX_QUBITS
from simulator.plan.operations import WIDEST, Operation, as_set
from simulator.plan.pairing import Row, paired

#: Nanoseconds per amplitude, measured, by the number of qubits of a dense block: a gather and a real product.
COST = MappingProxyType({1: 1.5, 2: 1.6, 3: 2.1, 4: 3.1, 5: 5.2, 6: 10.0})
#: The same for states of real numbers.
REAL_COST = MappingProxyType({1: 0.9, 2: 0.95, 3: 1.0, 4: 1.25, 5: 1.75, 6: 2.7})
#: Outer controls of a block: it has two to this power of matrices, at most.
_VARIANTS = 3
#: Operations that are looked at for one block.
_HORIZON = 64
#: Ways to grow that are compared, and those among them that share no qubit with the block.
_WAYS = 10
_FRONTS = 2
#: What an operation is worth that mixes one qubit; that mixes, of two or more; that is diagonal.
_SINGLE, _SEVERAL, _PHASE = 0.3, 1.0, 0.12


class Block(NamedTuple):
    """Operations that are one matrix over ``qubits``, for each value of the ``outer`` controls."""

    #: Places of the stage's operations, in order.
    members: tuple[int, ...]
    #: Sets.
    qubits: int
    outer: int


class Phases(NamedTuple):
    """Operations that are diagonal: they commute."""

    members: tuple[int, ...]


class Turn(NamedTuple):
    """A rotation about a Pauli string."""

    #: One.
    members: tuple[int, ...]


#: A qubit that no block has.
_NEVER = 1 << MAX_QUBITS

#: What growing a block looks at: (place, mixed, fixed, its local qubits, worth).
_Row: TypeAlias = tuple[int, int, int, int, float]


def blocks_of(
    operations: Sequence[Operation], order: Sequence[int], *, real: bool
) -> Iterator[Block | Phases | Turn]:
    """Sort the operations of a stage into blocks, in an order that means the same.

    ``order`` has the qubit at each bit of the chunk, and may be changed between two blocks: in real arithmetic,
    the next block is made of qubits that lie low by then, where others would be as good.
    """
    local = as_set(order)
    together = paired(operations, local)
    rows: list[_Row] = [
        (number, each.mixed, each.fixed, _territory(each, operations), _worth(each, operations))
        for number, each in enumerate(together)
    ]
    cost, widest = (REAL_COST, 5) if real else (COST, 4)
    turns = {number for number, each in enumerate(together) if operations[each.members[0]].turns}
    while rows:
        if rows[0][0] in turns:
            yield Turn(tuple(together[rows.pop(0)[0]].members))
            continue
        # Where a product can be turned, it matters what lies low.
        heights = {1 << qubit: bit for bit, qubit in enumerate(order)} if real else {}
        seed = _seed(rows, widest, heights)
        if seed:
            near = rows[:_HORIZON]
            block = _Growth(near, local, cost, heights).grown(seed, max(widest, seed.bit_count()))
            taken = set(block.members)
            rows[: len(near)] = [row for row in near if row[0] not in taken]
            members = tuple([place for number in block.members for place in together[number].members])
            yield Block(members, block.qubits, block.outer)
        else:
            phases = _diagonals_in_front(rows, turns)
            rows = [row for row in rows if row[0] not in set(phases)]
            yield Phases(tuple([place for number in phases for place in together[number].members]))


def _territory(row: Row, operations: Sequence[Operation]) -> int:
    own = [operations[place] for place in row.members]
    fits = max([len(each.qubits) for each in own]) <= WIDEST and not own[0].turns
    return row.touched if fits else row.touched | _NEVER


def _worth(row: Row, operations: Sequence[Operation]) -> float:
    if not row.mixed:
        return _PHASE
    return _SINGLE if all(len(operations[place].qubits) == 1 for place in row.members) else _SEVERAL


def _seed(rows: Sequence[_Row], widest: int, heights: Mapping[int, int]) -> int:
    """Return the local qubits of an operation that mixes and that may run now: the first, or the lowest of all.

    Where there is none, those of the first and of the diagonals before it, if one block can take them; else 0.
    """
    mixed = fixed = joint = 0
    before: list[int] = []
    free: list[int] = []
    for _, mixes, fixes, touched, _ in rows[:_HORIZON]:
        if mixes and not (mixes & (mixed | fixed) or fixes & mixed or touched & _NEVER):
            if not heights:
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
        return min(free, key=lambda qubits: _height(qubits, heights))
    return joint if joint.bit_count() <= widest and not joint & _NEVER else 0


def _height(qubits: int, heights: Mapping[int, int]) -> int:
    return min(heights[qubit] for qubit in _members(qubits))


def _diagonals_in_front(rows: Sequence[_Row], turns: Container[int]) -> tuple[int, ...]:
    mixed = 0
    places = []
    for place, mixes, fixes, _, _ in rows:
        if not mixes and not fixes & mixed and place not in turns:
            places.append(place)
        mixed |= mixes
    return tuple(places)


class _Yield(NamedTuple):
    """What a block on some qubits would take in."""

    qubits: int
    members: list[int]
    outer: int
    worth: float
    #: The local qubits of what it had to leave behind, in order.
    refused: list[int]


class _Growth:
    """Growing one block from the rows that are near."""

    def __init__(
        self, rows: Sequence[_Row], local: int, cost: Mapping[int, float], heights: Mapping[int, int]
    ) -> None:
        self._rows = rows
        self._outside = ~local
        self._cost = cost
        #: The local qubits of the first row on each qubit, and of rows that are first on all of theirs.
        self._first: dict[int, int] = {}
        self._fronts: list[int] = []
        seen = 0
        for _, mixes, _, touched, _ in rows:
            fresh = touched & ~seen
            if fresh:
                if mixes and fresh == touched and not touched & _NEVER:
                    self._fronts.append(touched)
                seen |= fresh
                self._first.update(dict.fromkeys(_members(fresh), touched))
        if heights:
            self._fronts.sort(key=lambda qubits: _height(qubits, heights))

    def grown(self, seed: int, widest: int) -> Block:
        """Return the block, from the qubits ``seed`` on, that takes in the most for its cost."""
        tried = {seed}
        best = last = self._yield_of(seed)
        while ways := self._ways(last, widest) - tried:
            tried |= ways
            last = max(map(self._yield_of, sorted(ways)), key=self._score)
            if self._score(last) >= self._score(best):
                best = last
        return Block(tuple(best.members), best.qubits, best.outer)

    def _score(self, found: _Yield) -> float:
        return found.worth / self._cost[found.qubits.bit_count()]

    def _ways(self, last: _Yield, widest: int) -> set[int]:
        """Return larger sets of qubits: with those of what was left behind, of what holds that up, of others."""
        ways: set[int] = set()
        own = last.qubits
        if own.bit_count() >= widest:
            return ways
        for touched in last.refused:
            if len(ways) >= _WAYS:
                return ways
            more = own | touched
            if not _fits(more, widest):
                continue
            ways.add(more)
            for qubit in _members(touched & ~own):
                most = more | self._first.get(qubit, 0)
                if _fits(most, widest):
                    ways.add(most)
        # Of what shares nothing with the block, one is about as good as another.
        others = [own | touched for touched in self._fronts if touched & ~own][:_FRONTS]
        ways.update([more for more in others[: _WAYS - len(ways)] if _fits(more, widest)])
        return ways

    def _yield_of(self, qubits: int) -> _Yield:
        members: list[int] = []
        refused: list[int] = []
        mixed = fixed = outer = 0
        worth = 0.0
        for place, mixes, fixes, touched, value in self._rows:
            if not touched & qubits:
                continue
            if touched & ~qubits or mixes & (mixed | fixed) or fixes & mixed:
                refused.append(touched)
            else:
                controls = outer | fixes & self._outside
                # One operation's own controls are always taken: so the first one in the way never stays.
                if not outer or controls.bit_count() <= _VARIANTS:
                    outer = controls
                    members.append(place)
                    worth += value
                    continue
            mixed |= mixes
            fixed |= fixes
            if mixed & qubits == qubits:
                break
        return _Yield(qubits, members, outer, worth, refused)


def _fits(qubits: int, widest: int) -> bool:
    return qubits.bit_count() <= widest and not qubits & _NEVER


def _members(qubits: int) -> Iterator[int]:
    """Yield each qubit of a set as a set."""
    while qubits:
        qubit = qubits & -qubits
        yield qubit
        qubits ^= qubit
