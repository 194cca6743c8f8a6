"""How many states of a run are alive at once: their memory is bounded, however many histories the shots part into.

While they take few bytes together, cohorts wait for each other, to be evolved together and to meet. Beyond that a
cohort has few states, and the one with the fewest shots runs: then splits add at most log2(shots) such cohorts
before they begin to end.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.dynamic.cohort import Cohort

#: States wait for each other while they take fewer bytes than this,
_WAITING_BYTES = 1 << 26
#: and while they are fewer than this.
_WAITING = 1 << 12
#: States of more than this part of those bytes are never put together in one array, but only merged.
_WIDE = 64


def next_of(live: Sequence[Cohort]) -> int:
    """Return the place of the cohort to run: the last in the code, so that others wait for it where they may meet.

    Where there is no room for all, the one with the fewest shots.
    """
    if _taken(live) <= 1:
        return min(range(len(live)), key=lambda place: live[place].address)
    return min(range(len(live)), key=lambda place: live[place].num_shots)


def room_for(row_bytes: int, others: Sequence[Cohort]) -> int:
    """Return how many states of so many bytes a cohort may have beside others."""
    most = _most(row_bytes)
    if most < _WIDE:
        return 1
    return max(most // _WIDE, round(_breadth(row_bytes) * (1 - _taken(others))))


def most_alive(row_bytes: int, shots: int, histories: int) -> int:
    """Return how many states a run holds at once, at most, whose shots part into so many histories."""
    most = _most(row_bytes)
    # Narrow ones are copied together, when a cohort is cut or joined.
    copies = 2 if most >= _WIDE and histories > 1 else 1
    return min(copies * histories, most + shots.bit_length())


def _most(row_bytes: int) -> int:
    """Return how many states may take memory for waiting."""
    return max(1, min(_WAITING, _WAITING_BYTES // row_bytes))


def _breadth(row_bytes: int) -> int:
    """Return up to how many states cohorts wait."""
    most = _most(row_bytes)
    # A quarter, since a measurement doubles them, and a cohort is copied when it is cut or joined.
    return most // 4 if most >= _WIDE else most


def _taken(cohorts: Sequence[Cohort]) -> float:
    """Return which share of what may wait some cohorts are."""
    return sum(cohort.num_rows / _breadth(cohort.row_bytes) for cohort in cohorts)
