"""The operations of a narrow state -> blocks, in one pass: where the state is small, planning must not take long.

An operation goes into the last block on its qubits, if that has room, or begins a new one. Gates on one qubit wait
for a block that takes them, and diagonals until something mixes one of their qubits: if they fit, they go into its
block, and if not, all that wait become one step. A rotation about a Pauli string is a step of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simulator.plan.blocks import Block, Phases, Turn
from simulator.plan.operations import Operation, members_of

#: Blocks, of the last ones, that take in a gate on a qubit which they do not have.
_BACK = 4


class _Step:
    """A block in the making; diagonals and rotations have no qubits."""

    __slots__ = ("members", "qubits", "turns")

    def __init__(self, qubits: int, members: list[int], *, turns: bool = False) -> None:
        self.qubits = qubits
        self.members = members
        self.turns = turns


def fused(operations: Sequence[Operation], widest: int) -> Iterator[Block | Phases | Turn]:
    """Sort operations on local qubits into blocks of ``widest`` qubits, in an order that means the same.

    Only one operation that has more qubits makes a larger block.
    """
    fusion = _Fusion(operations, widest)
    for place, operation in enumerate(operations):
        if operation.turns:
            fusion.add_turn(place, operation)
        elif len(operation.qubits) == 1:
            fusion.add_single(place, operation)
        elif operation.mixed:
            fusion.add_dense(place, operation)
        else:
            fusion.add_phase(place, operation)
    fusion.finish()
    for step in fusion.steps:
        members = tuple(step.members)
        if step.turns:
            yield Turn(members)
        else:
            yield Block(members, step.qubits, 0) if step.qubits else Phases(members)


class _Fusion:
    def __init__(self, operations: Sequence[Operation], widest: int) -> None:
        self.steps: list[_Step] = []
        self._operations = operations
        self._widest = widest
        #: Qubit -> the number of the last step that does anything to it; that mixes it.
        self._touched: dict[int, int] = {}
        self._mixed: dict[int, int] = {}
        #: Qubit -> the gates on it alone that wait: they come before the diagonals that do.
        self._singles: dict[int, list[int]] = {}
        #: The diagonals that wait, and their qubits.
        self._phases: list[int] = []
        self._waiting = 0

    def add_single(self, place: int, operation: Operation) -> None:
        """Add an operation on one qubit."""
        (qubit,) = operation.qubits
        if operation.mixed & self._waiting:
            self.add_dense(place, operation)
        elif qubit in self._singles:
            self._singles[qubit].append(place)
        else:
            last = (self._touched if operation.mixed else self._mixed).get(qubit)
            if last is not None and self.steps[last].qubits:
                self.steps[last].members.append(place)
                if operation.mixed:
                    self._mixed[qubit] = last
            elif operation.mixed:
                self._singles[qubit] = [place]
            else:
                self._wait(place, operation)

    def add_phase(self, place: int, operation: Operation) -> None:
        """Add a diagonal."""
        last = max([self._mixed.get(qubit, -1) for qubit in operation.qubits], default=-1)
        if (
            last >= 0
            and not operation.fixed & ~self.steps[last].qubits
            and self._singles.keys().isdisjoint(operation.qubits)
        ):
            self.steps[last].members.append(place)
        else:
            self._wait(place, operation)

    def add_dense(self, place: int, operation: Operation) -> None:
        """Add what mixes, after the diagonals that wait on the qubits that it mixes."""
        need = own = operation.mixed | operation.fixed
        before: list[int] = []
        if self._waiting & operation.mixed:
            before = [each for each in self._phases if self._operations[each].fixed & operation.mixed]
            for each in before:
                need |= self._operations[each].fixed
            if need.bit_count() > max(self._widest, own.bit_count()):
                self._flush()
                before, need = [], own
        bound = self._bound(operation)
        for each in before:
            bound = max(bound, self._bound(self._operations[each]))
        number = self._home(need, bound)
        step = self.steps[number]
        step.qubits |= need
        mixed = operation.mixed | (self._take_singles(number, need) if self._singles else 0)
        if before:
            step.members += before
            self._phases = [each for each in self._phases if each not in before]
            self._waiting = 0
            for each in self._phases:
                self._waiting |= self._operations[each].fixed
        step.members.append(place)
        self._note(number, need, mixed)

    def add_turn(self, place: int, operation: Operation) -> None:
        """Add a rotation, after all that waits on its qubits."""
        if self._waiting & operation.mixed:
            self._flush()
        for qubit in operation.qubits:
            if qubit in self._singles:
                self._place_single(qubit)
        self.steps.append(_Step(0, [place], turns=True))
        self._note(len(self.steps) - 1, operation.mixed | operation.fixed, operation.mixed)

    def finish(self) -> None:
        """Add all that waits."""
        for qubit in list(self._singles):
            self._place_single(qubit)
        if self._phases:
            self._flush()

    def _wait(self, place: int, operation: Operation) -> None:
        self._phases.append(place)
        self._waiting |= operation.fixed

    def _bound(self, operation: Operation) -> int:
        """Return the number of the last step that must not come after the operation; -1 if there is none."""
        bound = -1
        for qubit in operation.qubits:
            mixes = operation.mixed >> qubit & 1 or qubit in self._singles
            last = (self._touched if mixes else self._mixed).get(qubit)
            if last is not None and last > bound:
                bound = last
        return bound

    def _home(self, need: int, bound: int) -> int:
        """Return the number of the step, not before ``bound``, that takes in something on these qubits."""
        last = len(self.steps) - 1
        if bound >= 0 and self._has_room(bound, need):
            return bound
        # Two pairs in one block cost as much as two blocks, and leave no room for what joins them.
        if not need & need - 1:
            for number in range(last, max(bound, last - _BACK), -1):
                if self._has_room(number, need):
                    return number
        self.steps.append(_Step(need, []))
        return last + 1

    def _has_room(self, number: int, need: int) -> bool:
        """Return whether a step is a block that can have these qubits too."""
        qubits = self.steps[number].qubits
        return qubits != 0 and ((qubits | need).bit_count() <= self._widest or not need & ~qubits)

    def _take_singles(self, number: int, qubits: int) -> int:
        """Put the gates that wait on some qubits into a step; return the qubits that there were some on."""
        taken = 0
        for qubit in members_of(qubits):
            if waiting := self._singles.pop(qubit, None):
                self.steps[number].members += waiting
                taken |= 1 << qubit
        return taken

    def _place_single(self, qubit: int) -> None:
        members = 1 << qubit
        number = self._home(members, self._touched.get(qubit, -1))
        self.steps[number].qubits |= members
        self._take_singles(number, members)
        self._note(number, members, members)

    def _flush(self) -> None:
        """Make a step of the diagonals that wait."""
        for qubit in list(self._singles):
            if self._waiting >> qubit & 1:
                self._place_single(qubit)
        self.steps.append(_Step(0, self._phases))
        self._note(len(self.steps) - 1, self._waiting, 0)
        self._phases, self._waiting = [], 0

    def _note(self, number: int, qubits: int, mixed: int) -> None:
        """Note that a step touches some qubits, and mixes some of them."""
        for qubit in members_of(qubits):
            if self._touched.get(qubit, -1) < number:
                self._touched[qubit] = number
            if mixed >> qubit & 1:
                self._mixed[qubit] = number
