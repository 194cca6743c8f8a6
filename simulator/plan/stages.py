"""Operations -> stages: each runs all of its operations chunk by chunk, while the chunk stays in a core's cache.

A chunk holds the amplitudes that differ in the stage's local bits. What an operation mixes must be local; what it
fixes may be outside, where a chunk has one value. The lowest bits are local in every stage: so rows of memory are
read and written whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from simulator.plan.operations import Operation

#: An operation, and its index among all of them.
Pending: TypeAlias = tuple[int, Operation]


def next_stage(
    operations: Sequence[Pending], local: int, room: int, num_bits: int
) -> tuple[int, list[Pending], list[Pending]]:
    """Take each operation that may run before all that are left, and that fits or makes itself fit.

    Return the stage's local qubits, its operations, and those left.

    Args:
        operations: what is left to run.
        local: the qubits that are local in any case, as a set.
        room: how many more may become local.
        num_bits: of the state.

    No operation is taken only if the first one runs on the whole state, or mixes more qubits than there is room
    for.

    """
    if local.bit_count() == num_bits and not any(operation.whole for _, operation in operations):
        return local, list(operations), []
    taken: list[Pending] = []
    left: list[Pending] = []
    mixed = fixed = 0
    for pending in operations:
        operation = pending[1]
        mixes, fixes = operation.mixed, operation.fixed
        if not (mixes & (mixed | fixed) or fixes & mixed or operation.whole):
            more = mixes & ~local
            count = more.bit_count()
            if count <= room:
                local |= more
                room -= count
                taken.append(pending)
                continue
        left.append(pending)
        mixed |= mixes
        fixed |= fixes
    return local, taken, left
