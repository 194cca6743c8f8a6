"""Sort the operations of a small state into blocks in one pass, since planning must be quick where runs are.

An operation goes into the last block on its qubits, if that has room, or begins a new one. Gates on one qubit wait
for a block that takes them, and diagonals until something mixes one of their qubits: if they fit, they go into its
block, and if not, all that wait become one step. A rotation about a Pauli string is a step of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simulator.plan.blocks import DenseBlock, DiagonalBlock, RotationBlock
from simulator.plan.operations import Operation, qubits_in

#: How many of the last blocks may take in a gate on a qubit that they do not have.
_BACK = 4


class _OpenBlock:
    """A block in the making; one of diagonals, or of a rotation, has no qubits."""

    __slots__ = ("members", "qubits", "rotation")

    def __init__(self, qubits: int, members: list[int], *, rotation: bool = False) -> None:
        self.qubits = qubits
        self.members = members
        self.rotation = rotation


def fuse(operations: Sequence[Operation], widest: int) -> Iterator[DenseBlock | DiagonalBlock | RotationBlock]:
    """Yield blocks of up to ``widest`` local qubits whose product is that of the operations.

    An operation on more qubits makes a block of its own width.
    """
    fusion = _Fusion(operations, widest)
    for index, operation in enumerate(operations):
        if operation.rotation:
            fusion.add_rotation(index, operation)
        elif len(operation.qubits) == 1:
            fusion.add_single(index, operation)
        elif operation.mixed:
            fusion.add_dense(index, operation)
        else:
            fusion.add_diagonal(index, operation)
    fusion.finish()
    for step in fusion.steps:
        members = tuple(step.members)
        if step.rotation:
            yield RotationBlock(members)
        else:
            yield DenseBlock(members, step.qubits, 0) if step.qubits else DiagonalBlock(members)


class _Fusion:
    def __init__(self, operations: Sequence[Operation], widest: int) -> None:
        self.steps: list[_OpenBlock] = []
        self._operations = operations
        self._widest = widest
        #: Qubit -> the number of the last step that does anything to it.
        self._touched: dict[int, int] = {}
        #: Qubit -> the number of the last step that mixes it.
        self._mixed: dict[int, int] = {}
        #: Qubit -> the gates on it alone that wait; they come before the waiting diagonals.
        self._singles: dict[int, list[int]] = {}
        #: The diagonals that wait.
        self._diagonals: list[int] = []
        #: The qubits of the diagonals that wait, as a set.
        self._waiting = 0

    def add_single(self, index: int, operation: Operation) -> None:
        """Add an operation on one qubit."""
        (qubit,) = operation.qubits
        if operation.mixed & self._waiting:
            self.add_dense(index, operation)
        elif qubit in self._singles:
            self._singles[qubit].append(index)
        else:
            last = (self._touched if operation.mixed else self._mixed).get(qubit)
            if last is not None and self.steps[last].qubits:
                self.steps[last].members.append(index)
                if operation.mixed:
                    self._mixed[qubit] = last
            elif operation.mixed:
                self._singles[qubit] = [index]
            else:
                self._wait(index, operation)

    def add_diagonal(self, index: int, operation: Operation) -> None:
        """Add a diagonal."""
        last = max([self._mixed.get(qubit, -1) for qubit in operation.qubits], default=-1)
        if (
            last >= 0
            and not operation.fixed & ~self.steps[last].qubits
            and self._singles.keys().isdisjoint(operation.qubits)
        ):
            self.steps[last].members.append(index)
        else:
            self._wait(index, operation)

    def add_dense(self, index: int, operation: Operation) -> None:
        """Add what mixes, after the diagonals that wait on the qubits that it mixes."""
        need = own = operation.mixed | operation.fixed
        before: list[int] = []
        if self._waiting & operation.mixed:
            before = [each for each in self._diagonals if self._operations[each].fixed & operation.mixed]
            for each in before:
                need |= self._operations[each].fixed
            if need.bit_count() > max(self._widest, own.bit_count()):
                self._flush()
                before, need = [], own
        earliest = self._earliest(operation)
        for each in before:
            earliest = max(earliest, self._earliest(self._operations[each]))
        number = self._step_for(need, earliest)
        step = self.steps[number]
        step.qubits |= need
        mixed = operation.mixed | (self._take_singles(number, need) if self._singles else 0)
        if before:
            step.members += before
            self._diagonals = [each for each in self._diagonals if each not in before]
            self._waiting = 0
            for each in self._diagonals:
                self._waiting |= self._operations[each].fixed
        step.members.append(index)
        self._note(number, need, mixed)

    def add_rotation(self, index: int, operation: Operation) -> None:
        """Add a rotation, after all that waits on its qubits."""
        if self._waiting & operation.mixed:
            self._flush()
        for qubit in operation.qubits:
            if qubit in self._singles:
                self._place_single(qubit)
        self.steps.append(_OpenBlock(0, [index], rotation=True))
        self._note(len(self.steps) - 1, operation.mixed | operation.fixed, operation.mixed)

    def finish(self) -> None:
        """Add all that waits."""
        for qubit in list(self._singles):
            self._place_single(qubit)
        if self._diagonals:
            self._flush()

    def _wait(self, index: int, operation: Operation) -> None:
        self._diagonals.append(index)
        self._waiting |= operation.fixed

    def _earliest(self, operation: Operation) -> int:
        """Return the number of the last step that must run before the operation; -1 if there is none."""
        earliest = -1
        for qubit in operation.qubits:
            mixes = operation.mixed >> qubit & 1 or qubit in self._singles
            last = (self._touched if mixes else self._mixed).get(qubit)
            if last is not None and last > earliest:
                earliest = last
        return earliest

    def _step_for(self, need: int, earliest: int) -> int:
        """Return the number of a step, not before ``earliest``, that has room for these qubits; it may be new."""
        last = len(self.steps) - 1
        if earliest >= 0 and self._has_room(earliest, need):
            return earliest
        # Two pairs in one block cost as much as two blocks, and leave no room for what joins them.
        if not need & need - 1:
            for number in range(last, max(earliest, last - _BACK), -1):
                if self._has_room(number, need):
                    return number
        self.steps.append(_OpenBlock(need, []))
        return last + 1

    def _has_room(self, number: int, need: int) -> bool:
        """Return whether a step is a block that can have these qubits too."""
        qubits = self.steps[number].qubits
        return qubits != 0 and ((qubits | need).bit_count() <= self._widest or not need & ~qubits)

    def _take_singles(self, number: int, qubits: int) -> int:
        """Put the gates that wait on some qubits into a step; return the qubits that had any."""
        taken = 0
        for qubit in qubits_in(qubits):
            if waiting := self._singles.pop(qubit, None):
                self.steps[number].members += waiting
                taken |= 1 << qubit
        return taken

    def _place_single(self, qubit: int) -> None:
        members = 1 << qubit
        number = self._step_for(members, self._touched.get(qubit, -1))
        self.steps[number].qubits |= members
        self._take_singles(number, members)
        self._note(number, members, members)

    def _flush(self) -> None:
        """Make a step of the diagonals that wait."""
        for qubit in list(self._singles):
            if self._waiting >> qubit & 1:
                self._place_single(qubit)
        self.steps.append(_OpenBlock(0, self._diagonals))
        self._note(len(self.steps) - 1, self._waiting, 0)
        self._diagonals, self._waiting = [], 0

    def _note(self, number: int, qubits: int, mixed: int) -> None:
        """Record which qubits a step touches, and which of them it mixes."""
        for qubit in qubits_in(qubits):
            if self._touched.get(qubit, -1) < number:
                self._touched[qubit] = number
            if mixed >> qubit & 1:
                self._mixed[qubit] = number
