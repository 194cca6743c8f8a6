"""The operations of a stage, put together where they act on the same two qubits: fewer to plan with.

What a block takes in of these it takes in anyway: gates on one qubit go with the gate on two that comes before or
after them, and gates on the same two qubits with each other. Diagonals stay by themselves, since they commute.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from simulator.plan.operations import Operation, qubits_in


@dataclass(slots=True)
class OperationGroup:
    """Operations that run one after the other."""

    #: Their places in the stage, the first acting first.
    members: list[int]
    #: Sets.
    mixed: int
    fixed: int
    #: The local ones of these.
    touched: int
    #: Whether others on the same qubits may join.
    open: bool


def paired(operations: Iterable[Operation], local: int) -> list[OperationGroup]:
    """Return rows in an order that means the same as that of the operations; ``local`` is a set."""
    pairing = _Pairing()
    for place, operation in enumerate(operations):
        touched = (operation.mixed | operation.fixed) & local
        if not touched & touched - 1 and not operation.fixed & ~local:
            pairing.add_single(place, operation, touched)
        else:
            pairing.add(place, operation, touched)
    return pairing.finished()


class _Pairing:
    def __init__(self) -> None:
        self._rows: list[OperationGroup] = []
        #: Qubit -> the last row on it.
        self._last: dict[int, OperationGroup] = {}
        #: Qubit -> places of gates on it alone that wait for one on two qubits; the first of them mixes.
        self._waiting: dict[int, list[int]] = {}

    def add_single(self, place: int, operation: Operation, touched: int) -> None:
        """Add an operation on one qubit, or on none."""
        if not touched:
            self._rows.append(OperationGroup([place], 0, operation.fixed, 0, False))
            return
        qubit = touched.bit_length() - 1
        last = self._last.get(qubit)
        if qubit in self._waiting:
            self._waiting[qubit].append(place)
        elif last is not None and last.open:
            _join(last, place, operation)
        elif operation.mixed:
            self._waiting[qubit] = [place]
        else:
            self._append(OperationGroup([place], 0, operation.fixed, touched, False))

    def add(self, place: int, operation: Operation, touched: int) -> None:
        """Add an operation that others share qubits with, some of which may be outside."""
        qubits = qubits_in(touched)
        last = self._last.get(qubits[0]) if qubits else None
        together = last is not None and last.open and all(self._last.get(qubit) is last for qubit in qubits)
        inside = touched == operation.mixed | operation.fixed and not operation.rotation
        if last is not None and together and inside and self._waiting.keys().isdisjoint(qubits):
            _join(last, place, operation)
            return
        row = OperationGroup(
            [], operation.mixed, operation.fixed, touched, operation.mixed != 0 and not operation.rotation
        )
        for qubit in qubits if self._waiting else ():
            if row.open and qubit in self._waiting:
                row.members += self._waiting.pop(qubit)
                row.mixed |= 1 << qubit
                row.fixed &= ~(1 << qubit)
            elif qubit in self._waiting:
                self._place_single(qubit)
        row.members.append(place)
        self._append(row)

    def finished(self) -> list[OperationGroup]:
        """Return all that was added."""
        for qubit in list(self._waiting):
            self._place_single(qubit)
        return self._rows

    def _place_single(self, qubit: int) -> None:
        self._append(OperationGroup(self._waiting.pop(qubit), 1 << qubit, 0, 1 << qubit, True))

    def _append(self, row: OperationGroup) -> None:
        self._rows.append(row)
        for qubit in qubits_in(row.touched):
            self._last[qubit] = row


def _join(row: OperationGroup, place: int, operation: Operation) -> None:
    row.members.append(place)
    row.mixed |= operation.mixed
    row.fixed = (row.fixed | operation.fixed) & ~row.mixed
