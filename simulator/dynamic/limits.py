"""How many states of a run are alive at once: their memory is bounded, however many histories the shots part into.

While they take few bytes together, branches wait for each other, to be evolved together and merged. Beyond that a
branch has few states, and the one with the fewest shots runs: then splits add at most log2(shots) such branches
before they begin to end.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.dynamic.branches import Branch
from simulator.dynamic.states import S

#: Bytes that waiting states may take together; beyond them, no branch waits for another.
_WAITING_BYTES = 1 << 26
#: How many states may wait together, however small they are.
WAITING = 1 << 12
#: States are wide if fewer than so many fit into those bytes: they are not put together in one array, only merged.
_WIDE = 64


def next_branch(live: Sequence[Branch[S]]) -> int:
    """Return the index of the branch to run: the last in the bytecode, so that others can wait for it.

    Where there is no room for all, the one with the fewest shots.
    """
    if len(live) == 1:
        return 0
    if _taken(live) <= 1:
        return min(range(len(live)), key=lambda index: live[index].pc)
    return min(range(len(live)), key=lambda index: live[index].num_shots)


def max_states(state_bytes: int, others: Sequence[Branch[S]]) -> int:
    """Return how many states of so many bytes a branch may have beside others."""
    most = _most(state_bytes)
    if most < _WIDE:
        return 1
    return max(most // _WIDE, round(_waiting_states(state_bytes) * (1 - _taken(others))))


def peak_states(state_bytes: int, shots: int, histories: int) -> int:
    """Return how many states a run holds at once, at most, whose shots part into so many histories."""
    most = _most(state_bytes)
    # Narrow ones are copied together, when a branch is cut or joined.
    copies = 2 if most >= _WIDE and histories > 1 else 1
    return min(copies * histories, most + shots.bit_length())


def _most(state_bytes: int) -> int:
    """Return how many states may take memory for waiting."""
    return max(1, min(WAITING, _WAITING_BYTES // state_bytes))


def _waiting_states(state_bytes: int) -> int:
    """Return up to how many states branches wait."""
    most = _most(state_bytes)
    # A quarter, since a measurement doubles them, and a branch is copied when it is cut or joined.
    return most // 4 if most >= _WIDE else most


def _taken(branches: Sequence[Branch[S]]) -> float:
    """Return which share of what may wait some branches are."""
    return sum(branch.num_states / _waiting_states(branch.state_bytes) for branch in branches)
