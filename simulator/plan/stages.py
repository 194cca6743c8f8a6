"""Operations -> stages: each runs all of its operations chunk by chunk, while the chunk stays in a core's cache.

A chunk holds the amplitudes that differ in the stage's local bits. What an operation mixes must be local; what it
fixes may be outside, where a chunk has one value. The lowest bits are local in every stage: so rows of memory are
read and written whole.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeAlias

from simulator.plan.operations import Operation

#: An operation, and its place in the list of all.
Pending: TypeAlias = tuple[int, Operation]

#: Greedy choices of a stage's qubits that are compared; all but the first pass over some operations. Where a
#: stage takes long, it is worth more of them.
_TRIES, _MANY_TRIES = 1, 16
_LONG = 20
_PASSED_OVER = 0.35
_LIGHT = 0.1


def next_stage(
    operations: Sequence[Pending], local: int, room: int, num_bits: int
) -> tuple[int, list[Pending], list[Pending]]:
    """Choose the stage that does the most: return its local qubits, its operations, and those left.

    ``local`` are qubits that are local anyway; ``room`` is how many more there may be, of ``num_bits``. Nothing is
    chosen only where the first operation is whole, or mixes more qubits than there is room for.
    """
    if local.bit_count() == num_bits and not any(operation.whole for _, operation in operations):
        return local, list(operations), []
    # A choice that is the same everywhere: a plan is a function of the circuit.
    chance = random.Random(7)  # noqa: S311 (not a secret)
    most = -1.0
    best: tuple[int, list[Pending], list[Pending]] = (local, [], list(operations))
    for attempt in range(_TRIES if num_bits < _LONG else _MANY_TRIES):
        chosen, taken, left, work = _greedy(operations, local, room, chance if attempt else None)
        if work > most:
            most, best = work, (chosen, taken, left)
        if not left:
            break
    return best


def _greedy(
    operations: Sequence[Pending], local: int, room: int, chance: random.Random | None
) -> tuple[int, list[Pending], list[Pending], float]:
    """Take each operation that may run before all that are left, and that fits or makes itself fit."""
    taken: list[Pending] = []
    left: list[Pending] = []
    mixed = fixed = 0
    work = 0.0
    for pending in operations:
        operation = pending[1]
        mixes, fixes = operation.mixed, operation.fixed
        if not (mixes & (mixed | fixed) or fixes & mixed or operation.whole):
            more = mixes & ~local
            count = more.bit_count()
            if not count or (count <= room and not (chance and chance.random() < _PASSED_OVER)):
                local |= more
                room -= count
                taken.append(pending)
                work += _LIGHT if len(operation.qubits) == 1 or not mixes else 1.0
                continue
        left.append(pending)
        mixed |= mixes
        fixed |= fixes
    return local, taken, left, work
